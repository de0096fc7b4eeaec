//! Commands in, replies out, and the numbers that follow.

use serde_json::Value;

use crate::harness::{BOOK, Ledger};

/// One cell of a report by the row's key.
fn cell(report: &Value, key: (&str, &str), column: &str) -> String {
    let rows = report["rows"].as_array().unwrap();
    let row = rows.iter().find(|row| row[key.0] == key.1);
    let row = row.unwrap_or_else(|| panic!("a row with {key:?} in {report}"));
    row[column].as_str().unwrap().to_owned()
}

#[test]
fn the_round_trip_ties_out() {
    let ledger = Ledger::new();
    let run = ledger.expect(0, &["apply", "-"], BOOK);
    let replies = run.lines();
    assert_eq!(replies.len(), 4);
    assert!(replies.iter().all(|reply| reply["outcome"] == "accepted"));
    assert_eq!(replies[3]["sequence"], 5, "{}", run.out);

    let report = |name: &str, more: &[&str]| {
        let mut arguments = vec!["report", name, "--format", "json"];
        arguments.extend(more);
        ledger.expect(0, &arguments, "").json()
    };
    let receivables = report("receivables", &["--as-of", "2026-03-01"]);
    assert_eq!(cell(&receivables, ("customer", "C-1"), "total"), "700.00");
    assert_eq!(cell(&receivables, ("customer", "C-1"), "1-30"), "700.00");
    assert_eq!(receivables["sequence"], 5);
    let before = report("receivables", &["--as-of", "2026-03-01", "--at-sequence", "3"]);
    assert_eq!(cell(&before, ("customer", "C-1"), "total"), "1200.00");
    assert_eq!(before["sequence"], 3);
    let balance = report("trial-balance", &["--as-of", "2026-01-31"]);
    assert_eq!(cell(&balance, ("role", "accounts_receivable"), "balance"), "1200.00");
    // 31 of 365 days of 1200.00.
    assert_eq!(cell(&balance, ("role", "revenue"), "balance"), "-101.92");
    assert_eq!(cell(&balance, ("role", "deferred_revenue"), "balance"), "-1098.08");

    let table = ledger.expect(0, &["report", "receivables", "--as-of", "2026-03-01"], "").out;
    assert_eq!(table.lines().last().unwrap(), "as of 2026-03-01, folded up to sequence 5");
    let csv = ledger.expect(0, &["report", "open-items", "--format", "csv"], "").out;
    assert!(csv.starts_with("invoice,customer,issued,due,currency,amount,open"), "{csv}");

    let audit = ledger.expect(0, &["audit", "INV-1"], "").out;
    for word in ["InvoiceIssued", "PaymentAllocated", "c3", "c4", "by wire", "accounts_receivable"]
    {
        assert!(audit.contains(word), "{word} in\n{audit}");
    }
    assert!(ledger.expect(0, &["verify"], "").out.contains("ok"));
    let replay = ledger.expect(0, &["replay", "--compare"], "").out;
    assert!(replay.contains("receivables"), "{replay}");
}

#[test]
fn applying_a_file_twice_gives_the_same_bytes() {
    let ledger = Ledger::new();
    let first = ledger.expect(0, &["apply", "-"], BOOK);
    let second = ledger.expect(0, &["apply", "-"], BOOK);
    assert_eq!(first.out, second.out);
    let changed = BOOK.replace("500.00", "500.01");
    let third = ledger.expect(1, &["apply", "-"], &changed).lines();
    assert_eq!(third[3]["error"]["code"], "command.id_reused");
    let report = ledger.expect(0, &["report", "audit-trail", "--format", "json"], "").json();
    assert_eq!(report["rows"].as_array().unwrap().len(), 5);
}

/// Lines that wait for their replies together were once handed to the writer out of order: a task
/// whose budget was used up let the 65th overtake the first, and customers were missing.
#[test]
fn many_lines_are_decided_in_their_order() {
    let ledger = Ledger::new();
    let mut input = BOOK.to_owned();
    for number in 0..5_000 {
        // Each needs the one before it.
        input.push_str(&format!(
            r#"{{"id":"d{number}","command":"{}","effective":"2026-03-01","data":{{"invoice":"INV-1",{}}}}}"#,
            if number % 2 == 0 { "OpenDispute" } else { "ResolveDispute" },
            if number % 2 == 0 { r#""reason":"r""# } else { r#""outcome":"rejected""# },
        ));
        input.push('\n');
    }
    let run = ledger.expect(0, &["apply", "-"], &input);
    assert_eq!(run.err, "5004 accepted, 0 rejected\n");
    let ids: Vec<String> =
        run.lines().iter().skip(4).map(|reply| reply["id"].as_str().unwrap().to_owned()).collect();
    assert!(ids.iter().enumerate().all(|(number, id)| *id == format!("d{number}")));
}
