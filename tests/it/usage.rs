//! Help, exit codes, and messages that say what to do.

use crate::harness::{BOOK, Ledger};

const VERBS: [&str; 16] = [
    "demo",
    "serve",
    "apply",
    "import",
    "report",
    "preview",
    "explain",
    "audit",
    "replay",
    "verify",
    "backup",
    "restore",
    "migrate",
    "check",
    "completions",
    "man",
];

#[test]
fn every_verb_has_help() {
    let ledger = Ledger::new();
    let help = ledger.expect(0, &["--help"], "").out;
    for verb in VERBS {
        assert!(help.contains(verb), "{verb} in\n{help}");
        let help = ledger.expect(0, &[verb, "--help"], "").out;
        assert!(help.contains("Usage: revledger"), "{help}");
    }
    assert!(ledger.expect(0, &["--version"], "").out.starts_with("revledger "));
    assert!(ledger.expect(0, &["completions", "bash"], "").out.contains("revledger"));
    assert!(ledger.expect(0, &["man"], "").out.contains("revledger"));
}

#[test]
fn exit_codes_tell_a_refusal_from_wrong_use_and_from_no_store() {
    let ledger = Ledger::new();
    let rows: [(i32, &[&str], &str, &str); 9] = [
        (2, &["no-such-verb"], "", "unrecognized"),
        (3, &["report", "receivables"], "", "error[store."),
        (0, &["apply", "-"], BOOK, ""),
        (1, &["apply", "-"], "not json\n", ""),
        (2, &["report", "recievables"], "", "receivables"),
        (2, &["report", "receivables", "--as-of", "yesterday"], "", "YYYY-MM-DD"),
        (2, &["apply", "no-such-file.ndjson"], "", "no-such-file.ndjson"),
        (2, &["apply", "-", "--nats", "nats://127.0.0.1:1", "--actor", "me"], "", "--actor"),
        (3, &["apply", "-", "--nats", "nats://127.0.0.1:1"], BOOK, "127.0.0.1:1"),
    ];
    for (code, arguments, input, message) in rows {
        let run = ledger.expect(code, arguments, input);
        assert!(run.err.contains(message), "{arguments:?}: {}", run.err);
    }
    assert_eq!(ledger.run(&["audit", "NO-SUCH"]).code, 1);
}

#[test]
fn a_damaged_log_is_named_and_not_mended() {
    let ledger = Ledger::new();
    ledger.expect(0, &["apply", "-"], BOOK);
    let journal = ledger.path().join("main/journal");
    let mut segments: Vec<_> = std::fs::read_dir(&journal)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.metadata().unwrap().len() > 1_000)
        .collect();
    let segment = segments.pop().unwrap();
    let mut bytes = std::fs::read(&segment).unwrap();
    let middle = bytes.len() / 4;
    bytes[middle] ^= 1;
    std::fs::write(&segment, &bytes).unwrap();
    ledger.expect(1, &["verify"], "");
    let run = ledger.expect(20, &["report", "receivables"], "");
    assert!(run.err.contains("error[store.corrupt]"), "{}", run.err);
    assert_eq!(std::fs::read(&segment).unwrap(), bytes, "nothing was changed");
}

#[test]
fn the_demo_shows_three_reports_and_an_audit() {
    let out = Ledger::new().expect(0, &["demo"], "").out;
    for word in ["HARBOUR", "Receivables", "Deferred revenue", "Waterfall", "InvoiceIssued"] {
        assert!(out.contains(word), "{word} in\n{out}");
    }
}
