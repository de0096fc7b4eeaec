//! Every scenario file of `tests/scenarios` passes `revledger check`.

use std::path::{Path, PathBuf};

use crate::harness::Ledger;

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "json" || end == "yaml"));
    files.sort();
    files
}

fn all_pass(folder: &str, at_least: usize) {
    let files = files(folder);
    let mut arguments = vec!["check"];
    arguments.extend(files.iter().map(|path| path.to_str().unwrap()));
    let run = Ledger::new().expect(0, &arguments, "");
    let last = run.out.lines().last().unwrap();
    assert_eq!(last, format!("{} passed, 0 failed", files.len()));
    assert!(files.len() >= at_least, "{folder} has {} files", files.len());
}

#[test]
fn all_published_examples_pass() {
    all_pass("tests/scenarios", 119);
}

/// Worked by hand: each file says how in its first lines.
#[test]
fn all_worked_examples_pass() {
    all_pass("tests/worked", 9);
}

#[test]
fn a_wrong_number_a_wrong_refusal_and_an_unknown_key_fail() {
    let ledger = Ledger::new();
    let check = |name: &str, text: &str| {
        let path = ledger.path().join(name);
        std::fs::write(&path, text).unwrap();
        let run = ledger.expect(1, &["check", path.to_str().unwrap()], "");
        assert_eq!(run.out.lines().last().unwrap(), "0 passed, 1 failed");
        run.out
    };
    let book = r#""book": {"currency": "USD"}"#;
    let register = r#"{"command": "RegisterCustomer", "effective": "2026-01-01",
                       "data": {"customer": "C", "name": "C"}}"#;
    let pay = r#"{"command": "RecordPayment", "effective": "2026-01-02", "data":
                  {"payment": "P", "customer": "C", "amount": "5.00", "currency": "USD",
                   "allocate": "none"}}"#;
    let out = check(
        "number.json",
        &format!(
            r#"{{"title": "t", {book}, "commands": [{register}, {pay}], "expect": [
                {{"report": "trial-balance", "rows": [{{"role": "cash", "balance": "6.00"}}]}}]}}"#
        ),
    );
    assert!(out.contains("expected: balance=6.00  role=cash"), "{out}");
    assert!(out.contains("got: balance=5.00  role=cash"), "{out}");
    let out = check(
        "refused.yaml",
        "title: t\nbook: {currency: USD}\ncommands:\n  - command: RecordPayment\n    \
         effective: 2026-01-01\n    data: {payment: P, customer: C, amount: '5.00', \
         currency: USD}\n",
    );
    assert!(out.contains("customer.unknown"), "{out}");
    let out = check("key.json", &format!(r#"{{"title": "t", {book}, "expectations": []}}"#));
    assert!(out.contains("expectations"), "{out}");
}
