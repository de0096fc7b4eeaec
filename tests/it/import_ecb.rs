//! The ECB's reference rates become exchange rates, once.

use std::fs;

use serde_json::Value;

use crate::harness::{Ledger, Run};

const BOOK: &str = r#"{"id":"b1","command":"OpenBook","effective":"2026-01-01","data":{"currency":"EUR"}}
{"id":"b2","command":"RegisterCustomer","effective":"2026-01-01","data":{"customer":"C-1","name":"Acme"}}
"#;

/// One euro is 1.25 dollars, then 1.60.
const TABLE: &str = "\
Date,USD,JPY,CYP,GBP,
2026-03-03,1.60,160,N/A,0.80,
2026-03-02,1.25,N/A,0.58,0.75,
";

fn book() -> Ledger {
    let ledger = Ledger::new();
    ledger.expect(0, &["apply", "-"], BOOK);
    ledger
}

fn import(ledger: &Ledger, code: i32, text: &str, more: &[&str]) -> Run {
    let file = ledger.path().join("rates.csv");
    fs::write(&file, text).unwrap();
    let mut arguments = vec!["import", "ecb-fx", file.to_str().unwrap(), "--format", "json"];
    arguments.extend(more);
    ledger.expect(code, &arguments, "")
}

/// Issues an invoice of 100.00 dollars.
fn invoice(ledger: &Ledger, id: &str, day: &str) {
    let command = format!(
        r#"{{"id":"{id}","command":"IssueInvoice","effective":"{day}","data":{{"invoice":"{id}","customer":"C-1","currency":"USD","lines":[{{"description":"one","amount":"100.00"}}]}}}}"#
    );
    ledger.expect(0, &["apply", "-"], &command);
}

fn receivable(ledger: &Ledger, more: &[&str]) -> String {
    let mut arguments = vec!["report", "trial-balance", "--format", "json"];
    arguments.extend(more);
    let report = ledger.expect(0, &arguments, "").json();
    let rows = report["rows"].as_array().unwrap();
    let row = rows.iter().find(|row| row["role"] == "accounts_receivable").unwrap();
    row["balance"].as_str().unwrap().to_owned()
}

fn sequence(ledger: &Ledger) -> u64 {
    let run = ledger.expect(0, &["report", "open-items", "--format", "json"], "");
    run.json()["sequence"].as_u64().unwrap()
}

#[test]
fn rates_go_in_once_and_documents_use_them() {
    let ledger = book();
    let run = import(&ledger, 0, TABLE, &[]);
    let answer = run.json();
    assert_eq!((&answer["rates"], &answer["accepted"]), (&5.into(), &5.into()), "{answer}");
    assert_eq!((&answer["unpublished"], &answer["skipped"]["CYP"]), (&1.into(), &1.into()));
    assert!(run.err.contains("CYP: 1 rates are skipped: ISO 4217 has no such"), "{}", run.err);
    let usd = answer["totals"].as_array().unwrap().iter().find(|row| row["currency"] == "USD");
    assert_eq!(usd.unwrap()["sum"], "2.85", "{answer}");

    // 100.00 / 1.25 and 100.00 / 1.60.
    invoice(&ledger, "I-1", "2026-03-02");
    invoice(&ledger, "I-2", "2026-03-05");
    assert_eq!(receivable(&ledger, &["--as-of", "2026-03-02"]), "80.00");
    assert_eq!(receivable(&ledger, &["--as-of", "2026-03-05"]), "142.50");

    let before = sequence(&ledger);
    let again = import(&ledger, 0, TABLE, &[]).json();
    let there = (&again["accepted"], &again["already_there"]);
    assert_eq!(there, (&0.into(), &5.into()), "{again}");
    let day = "Date, USD, JPY, GBP, \n3 March 2026, 1.6000, 160.00, 0.80000, \n";
    let other = import(&ledger, 0, day, &[]).json();
    assert_eq!(other["already_there"], 3, "the same rates of the other file: {other}");
    assert_eq!(sequence(&ledger), before);
    ledger.expect(0, &["verify"], "");
}

#[test]
fn a_corrected_rate_replaces_and_stays() {
    let ledger = book();
    import(&ledger, 0, TABLE, &["--currencies", "USD"]);
    let corrected = TABLE.replace("1.60", "2.00");
    let answer = import(&ledger, 0, &corrected, &["--currencies", "USD"]).json();
    let there = (&answer["accepted"], &answer["already_there"]);
    assert_eq!(there, (&1.into(), &1.into()), "{answer}");
    invoice(&ledger, "I-1", "2026-03-03");
    assert_eq!(receivable(&ledger, &["--as-of", "2026-03-03"]), "50.00", "at 2.00");

    let before = sequence(&ledger);
    let run = import(&ledger, 0, TABLE, &["--currencies", "USD"]);
    assert_eq!(run.json()["replaced_since"], 1, "{}", run.out);
    assert!(run.err.contains(":2: was imported before and has been replaced since"), "{}", run.err);
    assert_eq!(sequence(&ledger), before);
}

#[test]
fn closing_rates_value_the_end_of_their_day() {
    let ledger = book();
    import(&ledger, 0, TABLE, &["--from", "2026-03-03"]);
    let closing = TABLE.replace("1.60", "2.50");
    import(&ledger, 0, &closing, &["--from", "2026-03-03", "--type", "closing"]);
    invoice(&ledger, "I-1", "2026-03-03");
    let at = |more: &[&str]| receivable(&ledger, &[&["--as-of", "2026-03-03"], more].concat());
    assert_eq!((at(&[]), at(&["--revalue"])), ("62.50".to_owned(), "40.00".to_owned()));
}

#[test]
fn what_cannot_go_in_is_listed_and_the_rest_goes_in() {
    let ledger = book();
    let bad = format!(
        "{TABLE}2026-02-30,1,1,1,1,\n2026-03-01,0,1,N/A,-1,\n2026-03-02,1.26,150,0.58,0.75,\n"
    );
    let strict = import(&ledger, 1, &bad, &["--strict"]);
    assert_eq!(strict.json()["accepted"], 0);
    let run = import(&ledger, 1, &bad, &[]);
    let told = [
        ":4: date.invalid: \"2026-02-30\" is not a date",
        ":5: fx.rate_invalid: USD of 2026-03-01: a rate of 0 cannot be",
        ":5: fx.rate_invalid: GBP of 2026-03-01: a rate of -1 cannot be",
        ":6: ecb.rate_conflict: USD of 2026-03-02 is 1.26 here and 1.25 on line 3; neither goes in",
    ];
    for text in told {
        assert!(run.err.contains(text), "{text}\n{}", run.err);
    }
    let answer = run.json();
    assert_eq!((&answer["unreadable"], &answer["accepted"]), (&4.into(), &6.into()), "{answer}");
}

#[test]
fn wrong_use_has_codes() {
    let cases: [(&[&str], &str); 4] = [
        (&["--currencies", "CHF,VND"], "error[ecb.nothing_matches]"),
        (&["--from", "2027-01-01"], "JPY, USD from 2026-03-02 to 2026-03-03"),
        (&["--from", "2026-03-03", "--to", "2026-03-02"], "error[date.end_before_start]"),
        (&["--currencies", "USD,CYP"], "error[currency.unknown]"),
    ];
    let ledger = book();
    for (more, expected) in cases {
        let run = import(&ledger, 2, TABLE, more);
        assert!(run.err.contains(expected), "{more:?}: {}", run.err);
    }
    let other = import(&ledger, 1, "not a table\n", &[]);
    assert!(other.err.contains(":1: ecb.malformed: "), "{}", other.err);
    assert_eq!(other.json()["refused_files"], 1);

    let nowhere = Ledger::new();
    let dry = import(&nowhere, 0, TABLE, &["--dry-run"]).json();
    assert_eq!(
        (&dry["rates"], &dry["accepted"], &dry["dry_run"]),
        (&5.into(), &0.into(), &Value::Bool(true))
    );
    let run = import(&nowhere, 3, TABLE, &[]);
    assert!(run.err.contains("error[store.missing]"), "{}", run.err);
}
