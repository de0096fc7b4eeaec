//! Receipts of bank statements become payments, and Stripe's events commands.

use std::fs;

use crate::harness::{Ledger, Run};

/// C-1 owes 100.00 (INV-1), C-2 owes 40.00 (INV-2).
const BOOK: &str = r#"{"id":"b1","command":"OpenBook","effective":"2026-01-01","data":{"currency":"EUR"}}
{"id":"b2","command":"RegisterCustomer","effective":"2026-01-01","data":{"customer":"C-1","name":"Acme Ltd"}}
{"id":"b3","command":"RegisterCustomer","effective":"2026-01-01","data":{"customer":"C-2","name":"Bolt"}}
{"id":"b4","command":"IssueInvoice","effective":"2026-02-01","data":{"invoice":"INV-1","customer":"C-1","currency":"EUR","lines":[{"description":"one","amount":"100.00"}]}}
{"id":"b5","command":"IssueInvoice","effective":"2026-02-01","data":{"invoice":"INV-2","customer":"C-2","currency":"EUR","lines":[{"description":"two","amount":"40.00"}]}}
"#;

/// By reference, by amount and payer, of a customer, of nobody; and a fee that goes out.
const STATEMENT: &str = ":20:A
:25:ACC
:28C:1
:60F:C260301EUR0,00
:61:2603020302C60,00NTRFNONREF//B-1
:86:for INV-1
:61:2603020302C40,00NTRFNONREF//B-2
:86:/NAME/BOLT/REMI/thanks
:61:2603020302C7,00NTRFNONREF//B-3
:86:/NAME/ACME LTD/REMI/on account
:61:2603020302C5,00NTRFNONREF//B-4
:86:who knows
:61:2603020302D3,00NMSCNONREF
:86:fee
:62F:C260302EUR109,00
-
";

fn import(ledger: &Ledger, code: i32, format: &str, text: &str, more: &[&str]) -> Run {
    let file = ledger.path().join("import.txt");
    fs::write(&file, text).unwrap();
    let mut arguments = vec!["import", format, file.to_str().unwrap(), "--format", "json"];
    arguments.extend(more);
    ledger.expect(code, &arguments, "")
}

fn book() -> Ledger {
    let ledger = Ledger::new();
    ledger.expect(0, &["apply", "-"], BOOK);
    ledger
}

fn sequence(ledger: &Ledger) -> u64 {
    let run = ledger.expect(0, &["report", "open-items", "--format", "json"], "");
    run.json()["sequence"].as_u64().unwrap()
}

fn open_items(ledger: &Ledger) -> Vec<String> {
    let run = ledger.expect(0, &["report", "open-items", "--format", "json"], "").json();
    let rows = run["rows"].as_array().unwrap();
    let text = |row: &serde_json::Value| {
        format!("{} {}", row["invoice"].as_str().unwrap(), row["open"].as_str().unwrap())
    };
    rows.iter().map(text).collect()
}

#[test]
fn receipts_settle_what_is_sure_and_once() {
    let ledger = book();
    let dry = import(&ledger, 1, "mt940", STATEMENT, &["--dry-run"]);
    assert!(dry.err.contains(":11: receipt.payer_unknown: receipt of 5.00 EUR"), "{}", dry.err);
    assert_eq!(dry.json()["accepted"], 0);

    let suspense = ["--unknown-customer", "SUSPENSE"];
    let run = import(&ledger, 0, "mt940", STATEMENT, &suspense);
    assert!(run.err.contains("7.00 EUR from ACME LTD: stays unapplied on C-1"), "{}", run.err);
    let answer = run.json();
    assert_eq!(answer["by_type"]["PaymentReceived"], 4, "{answer}");
    assert_eq!(answer["by_type"]["CustomerRegistered"], 1, "{answer}");
    let totals = &answer["totals"][0];
    assert_eq!((&totals["credited"], &totals["debited"]), (&"112.00".into(), &"3.00".into()));
    let what: Vec<&str> = answer["receipts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["what"].as_str().unwrap())
        .collect();
    let expected = [
        "matched_by_reference",
        "matched_by_amount_and_payer",
        "unapplied",
        "suspense",
        "skipped_debits",
    ];
    assert_eq!(what, expected);
    assert_eq!(open_items(&ledger), ["INV-1 40.00"]);

    let before = sequence(&ledger);
    let again = import(&ledger, 0, "mt940", STATEMENT, &suspense).json();
    assert_eq!(again["accepted"], 0, "{again}");
    // The bank's own ids, in a statement of another number.
    let other = STATEMENT.replace(":28C:1", ":28C:2");
    import(&ledger, 0, "mt940", &other, &suspense);
    assert_eq!(sequence(&ledger), before, "the same receipts change nothing");
    ledger.expect(0, &["verify"], "");
}

#[test]
fn a_broken_statement_is_refused_and_the_other_goes_in() {
    let ledger = book();
    let broken = STATEMENT.replace("EUR109,00", "EUR110,00");
    let good = STATEMENT.replace("//B-", "//G-");
    let text = format!("{broken}{good}");
    let strict = import(&ledger, 1, "mt940", &text, &["--strict"]);
    assert_eq!(strict.json()["accepted"], 0);
    let run = import(&ledger, 1, "mt940", &text, &["--unknown-customer", "S"]);
    assert!(run.err.contains(":1: statement.checksum: "), "{}", run.err);
    let answer = run.json();
    assert_eq!((&answer["statements"], &answer["refused_statements"]), (&2.into(), &1.into()));
    assert_eq!(answer["by_type"]["PaymentReceived"], 4, "{answer}");
}

#[test]
fn another_currency_is_refused_by_the_book_and_listed() {
    let ledger = book();
    let dollars = STATEMENT.replace("EUR", "USD").replace("//B-", "//D-");
    let run = import(&ledger, 1, "mt940", &format!("{dollars}{STATEMENT}"), &[]);
    assert!(run.err.contains("fx.rate_missing"), "{}", run.err);
    assert!(run.json()["by_type"]["PaymentReceived"].as_u64().unwrap() >= 2, "{}", run.out);
}

#[test]
fn files_that_are_none_are_listed() {
    let ledger = book();
    for format in ["camt053", "mt940", "bai2"] {
        let run = import(&ledger, 1, format, "", &[]);
        assert!(run.err.contains("statement.malformed: the file is empty"), "{}", run.err);
        let answer = run.json();
        assert_eq!((&answer["refused_files"], &answer["accepted"]), (&1.into(), &0.into()));
    }
    let missing = Ledger::new();
    let file = missing.path().join("statement.sta");
    fs::write(&file, STATEMENT).unwrap();
    let run = missing.expect(3, &["import", "mt940", file.to_str().unwrap()], "");
    assert!(run.err.contains("store.missing"), "{}", run.err);
}

#[test]
fn stripe_events_become_commands_once() {
    let ledger = book();
    let events = r#"{"id":"evt_1","type":"customer.created","created":1772452800,"data":{"object":{"id":"cus_1","name":"Stripe Customer"}}}
{"id":"evt_2","type":"invoice.finalized","created":1772452800,"data":{"object":{"id":"in_1","customer":"cus_1","currency":"eur","total":1200,"lines":{"data":[{"amount":1200,"description":"a month"}]}}}}
{"id":"evt_3","type":"charge.succeeded","created":1772452800,"data":{"object":{"id":"ch_1","customer":"cus_1","currency":"eur","amount":1200,"captured":true,"invoice":"in_1"}}}
{"id":"evt_4","type":"payout.paid","created":1772452800,"data":{"object":{}}}
"#;
    let answer = import(&ledger, 0, "stripe", events, &[]).json();
    assert_eq!((&answer["events"], &answer["accepted"]), (&4.into(), &3.into()), "{answer}");
    assert_eq!(answer["skipped"]["payout.paid"], 1);
    let before = sequence(&ledger);
    import(&ledger, 0, "stripe", events, &[]);
    assert_eq!(sequence(&ledger), before, "the same events change nothing");
    let bad = import(&ledger, 1, "stripe", "nonsense\n", &["--strict"]);
    assert!(bad.err.contains(":1: stripe.malformed: no JSON"), "{}", bad.err);
}
