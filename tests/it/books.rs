//! Several books, as of several legal entities: one daemon, and one trial balance.

use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::harness::Ledger;

/// The commands that open a book and bill 100.00 of its currency, of which 60.00 are paid.
fn lines(currency: &str) -> String {
    let data = |data: Value| data.to_string();
    let command = |id: &str, name: &str, data: &str| {
        format!(r#"{{"id":"{id}","command":"{name}","effective":"2026-01-10","data":{data}}}"#)
    };
    [
        command("1", "OpenBook", &data(json!({"currency": currency}))),
        command("2", "RegisterCustomer", &data(json!({"customer": "C", "name": "C"}))),
        command(
            "3",
            "IssueInvoice",
            &data(json!({"invoice": "I", "customer": "C", "currency": currency,
                         "lines": [{"amount": "100.00"}]})),
        ),
        command(
            "4",
            "RecordPayment",
            &data(json!({"payment": "P", "customer": "C", "currency": currency,
                         "amount": "60.00", "allocate": "auto"})),
        ),
    ]
    .join("\n")
}

fn rows(out: &str) -> Vec<Vec<String>> {
    let answer: Value = serde_json::from_str(out).unwrap();
    let text = |cell: &Value| cell.as_str().unwrap_or_default().to_owned();
    let columns = answer["columns"].as_array().unwrap().clone();
    let row = |row: &Value| columns.iter().map(|name| text(&row[text(name)])).collect();
    answer["rows"].as_array().unwrap().iter().map(row).collect()
}

#[test]
fn one_daemon_serves_several_books_each_with_its_own_commands_and_reports() {
    let ledger = Ledger::new();
    let daemon = Daemon::start_with(&ledger, &["--book", "de", "--also", "us", "--also", "uk"]);
    let send = |book: &str, body: &str| {
        let head = format!("POST /v1/books/{book}/commands");
        daemon.ask(&head, "application/x-ndjson", body.as_bytes())
    };
    for (book, currency) in [("de", "EUR"), ("us", "USD"), ("uk", "GBP")] {
        let answer = send(book, &lines(currency));
        assert!(answer.lines().iter().all(|reply| reply["outcome"] == "accepted"), "{answer:?}");
        // The ids are each book's own: the same one once more is the same answer.
        assert_eq!(send(book, &lines(currency)), answer);
        let report = daemon.get(&format!("/v1/books/{book}/reports/receivables?as_of=2026-02-01"));
        assert_eq!(report.json()["rows"][0]["currency"], currency);
        assert_eq!(report.json()["rows"][0]["total"], "40.00");
    }
    let other = daemon.get("/v1/books/fr/reports/receivables");
    assert_eq!((other.status, &other.json()["error"]["code"]), (422, &"book.mismatch".into()));
    assert!(other.body.contains("de, uk, us"), "{}", other.body);
    assert_eq!(daemon.terminate(), 0);
    let twice = ledger.expect(2, &["serve", "--book", "de", "--also", "de"], "");
    assert!(twice.err.contains("serve.book_twice"), "{}", twice.err);
}

/// By hand. In USD 60.00 cash, 40.00 receivable and 100.00 revenue; at 0.90 at the end, 0.80 on average:
/// 54.00, 36.00 and 80.00, so that 10.00 are left as translation difference.
#[test]
fn the_trial_balance_of_a_group_adds_up_in_one_currency() {
    let ledger = Ledger::new();
    for (book, currency) in [("de", "EUR"), ("us", "USD")] {
        ledger.expect(0, &["apply", "-", "--book", book, "--quiet"], &lines(currency));
    }
    let group = ["consolidate", "--book", "de", "--also", "us", "--as-of", "2026-01-31"];
    let missing = ledger.expect(1, &group, "");
    assert!(missing.err.contains("fx.rate_missing"), "{}", missing.err);
    let given = [&group[..], &["--format", "json", "--rate", "USD=0.9", "--average", "USD=0.8"]];
    let expected = [
        ["cash", "EUR", "114.00", "0.00", "114.00"],
        ["accounts_receivable", "EUR", "76.00", "0.00", "76.00"],
        ["revenue", "EUR", "0.00", "180.00", "-180.00"],
        ["translation_difference", "EUR", "0.00", "10.00", "-10.00"],
    ];
    assert_eq!(rows(&ledger.expect(0, &given.concat(), "").out), expected);
    // The first book's own rates, where none are given; without an average the closing rate.
    let rate = |kind: &str, rate: &str| {
        json!({"command": "RecordFxRate", "effective": "2026-01-31", "data": {"from": "USD",
               "to": "EUR", "rate": rate, "date": "2026-01-31", "type": kind}})
        .to_string()
    };
    ledger.expect(0, &["apply", "-", "--book", "de", "--quiet"], &rate("closing", "0.9"));
    let json = [&group[..], &["--format", "json"]].concat();
    let closing = rows(&ledger.expect(0, &json, "").out);
    assert_eq!(closing[2], ["revenue", "EUR", "0.00", "190.00", "-190.00"]);
    assert_eq!(closing.len(), 3);
    ledger.expect(0, &["apply", "-", "--book", "de", "--quiet"], &rate("average", "0.8"));
    assert_eq!(rows(&ledger.expect(0, &json, "").out), expected);
    let by_book = rows(&ledger.expect(0, &[&json[..], &["--by-book"]].concat(), "").out);
    let us = ["revenue", "us", "USD", "-100.00", "0.8", "EUR", "-80.00"];
    assert!(by_book.contains(&us.map(str::to_owned).to_vec()), "{by_book:?}");
    for (wrong, why) in [("USD", "CODE=RATE"), ("USD=0", "above zero"), ("XXY=1", "ISO 4217")] {
        let refused = ledger.expect(2, &[&group[..], &["--rate", wrong]].concat(), "");
        assert!(refused.err.contains(why), "{}", refused.err);
    }
}
