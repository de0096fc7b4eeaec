//! `revledger preview`: what a command would do is what it does, and asking records nothing.

use std::fs;

use serde_json::{Value, json};

use crate::explain::ledger_of;
use crate::harness::Ledger;

/// 90.00 a month from 1 April 2025 on, in advance; April is billed (published, as the upgrade).
const UPGRADE: &str = r#"{"command":"OpenBook","effective":"2025-04-01","data":{"currency":"USD"}}
{"command":"RegisterCustomer","effective":"2025-04-01","data":{"customer":"C1","name":"C1"}}
{"command":"PlaceOrder","effective":"2025-04-01","data":{"order":"O1","customer":"C1","currency":"USD","start":"2025-04-01","lines":[{"line":"L1","quantity":"1","price":{"model":"flat","amount":"90.00","per":"month"},"recognition":{"method":"over_time"},"billing":{"every":"month","timing":"advance"}}]}}
{"id":"april","command":"RunBilling","effective":"2025-04-01","data":{"through":"2025-04-01"}}
"#;
const AMENDED: &str = r#"{"order":"O1","amendment":"A1","changes":[{"line":"L1","price":{"model":"flat","amount":"120.00","per":"month"}}]}"#;

fn upgraded() -> Ledger {
    let ledger = Ledger::new();
    ledger.expect(0, &["apply", "-"], UPGRADE);
    ledger
}

fn preview(ledger: &Ledger, arguments: &[&str]) -> Value {
    let mut all = vec!["preview", "--format", "json"];
    all.extend(arguments);
    ledger.expect(0, &all, "").json()
}

/// Before, after and change of the row with that key.
fn row(section: &Value, key: (&str, &str)) -> [String; 3] {
    let rows = section["rows"].as_array().unwrap();
    let found = rows.iter().find(|row| row[key.0] == key.1);
    let found = found.unwrap_or_else(|| panic!("{key:?} in {section}"));
    ["before", "after", "change"].map(|name| found[name].as_str().unwrap().to_owned())
}

/// Published: 60.00 for 20 days at 90.00 and 40.00 for 10 days at 120.00, then 120.00 a month; the
/// difference of 10.00 falls due on the day of the change. By hand: through 21 April 21 days at
/// 3.00 are 63.00 of 90.00 billed; with the change 60.00 and a day at 4.00.
#[test]
fn an_upgrade_shows_revenue_balance_and_billing() {
    let ledger = upgraded();
    let answer = preview(&ledger, &["AmendOrder", AMENDED, "--effective", "2025-04-21"]);
    assert_eq!(answer["outcome"], "accepted");
    assert_eq!(answer["sequence"], 5);
    assert_eq!(answer["events"][0]["type"], "OrderAmended");
    assert_eq!(answer["events"][0]["sequence"], 6);
    assert_eq!(answer["treatment"]["chosen"], "prospective");
    assert!(answer["treatment"]["reason"].as_str().unwrap().contains("distinct"), "{answer}");
    let revenue = &answer["revenue"];
    assert_eq!(row(revenue, ("month", "2025-04")), ["90.00", "100.00", "10.00"]);
    assert_eq!(row(revenue, ("month", "2025-05")), ["90.00", "120.00", "30.00"]);
    assert_eq!(row(revenue, ("month", "2026-04")), ["90.00", "120.00", "30.00"]);
    // April 2025 to April 2026.
    assert_eq!(revenue["rows"].as_array().unwrap().len(), 13);
    let contract = &answer["contracts"]["rows"][0];
    assert_eq!(answer["contracts"]["on"], "2025-04-21");
    let deferred = json!({"before": "27.00", "after": "26.00", "change": "-1.00"});
    assert_eq!((&contract["order"], &contract["deferred"]), (&json!("O1"), &deferred));
    let billing = &answer["billing"];
    assert_eq!(row(billing, ("date", "2025-04-21")), ["0.00", "10.00", "10.00"]);
    assert_eq!(row(billing, ("date", "2025-05-01")), ["90.00", "120.00", "30.00"]);
    assert_eq!(billing["through"], "2026-04-21");
    assert_eq!(billing["documents"]["after"][0]["order"], "O1");

    let asked = ["preview", "AmendOrder", AMENDED, "--effective", "2025-04-21"];
    let table = ledger.expect(0, &asked, "").out;
    for word in ["1 event; nothing is recorded", "Treatment: prospective", "2025-05", "30.00"] {
        assert!(table.contains(word), "{word} in\n{table}");
    }
    let lines = ledger.expect(0, &[&asked[..], &["--format", "ndjson"]].concat(), "").lines();
    assert!(lines.iter().all(|line| line["section"].is_string()));
    assert_eq!(lines.iter().filter(|line| line["section"] == "revenue").count(), 13);
}

/// Published: from 90.00 to 30.00 on 21 April, 10 of 30 days cheaper by 60.00, which is 20.00 back.
/// One run, once the change is recorded, issues what a run at each month's end was shown to.
#[test]
fn runs_issue_what_was_shown() {
    let ledger = upgraded();
    let data = AMENDED.replace("120.00", "30.00");
    let answer = preview(&ledger, &["AmendOrder", &data, "--effective", "2025-04-21"]);
    let billing = &answer["billing"];
    assert_eq!(row(billing, ("date", "2025-04-21")), ["0.00", "-20.00", "-20.00"]);
    let first = &billing["documents"]["after"][0];
    assert_eq!((&first["kind"], &first["net"]), (&json!("credit"), &json!("-20.00")));
    let commands = format!(
        r#"{{"command":"AmendOrder","effective":"2025-04-21","data":{data}}}
{{"command":"RunBilling","effective":"2026-04-21","data":{{"through":"2026-04-21"}}}}
"#
    );
    ledger.expect(0, &["apply", "-"], &commands);
    let report = ["report", "billing", "--from", "2025-04-21", "--to", "2026-04-21"];
    let report = ledger.expect(0, &[&report[..], &["--format", "json"]].concat(), "").json();
    let issued: Vec<(&Value, &Value)> = report["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (&row["date"], &row["total"]))
        .collect();
    let shown = billing["documents"]["after"].as_array().unwrap().iter();
    let shown = shown.filter(|one| one["kind"] == "invoice");
    let shown: Vec<(&Value, &Value)> = shown.map(|one| (&one["date"], &one["total"])).collect();
    assert_eq!(issued, shown);
    assert_eq!(shown.len(), 12);
    let credit = ledger.expect(0, &["audit", "CN-1"], "").out;
    assert!(credit.contains("2025-04-21  CreditIssued"), "{credit}");
}

/// The journal's bytes are what they were.
#[test]
fn asking_records_nothing() {
    let ledger = upgraded();
    let journal = ledger.path().join("main/journal");
    let bytes = || -> Vec<(String, Vec<u8>)> {
        let files = fs::read_dir(&journal).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> =
            files.map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect();
        files.sort();
        files
    };
    let before = bytes();
    preview(&ledger, &["AmendOrder", AMENDED, "--effective", "2025-04-21"]);
    preview(&ledger, &["RunBilling", r#"{"through":"2025-12-31"}"#]);
    assert_eq!(bytes(), before);
}

/// Every command of the examples worked by hand: the events and the contracts' stands that a
/// preview shows are those that the command makes.
#[test]
fn what_is_shown_is_what_happens() {
    let mut compared = 0;
    for name in ["cancelled-four-ways", "suspension-inside-a-billed-month", "credit-voided"] {
        let full = ledger_of(&format!("tests/worked/{name}.yaml"));
        let commands = crate::explain::commands_of(&format!("tests/worked/{name}.yaml"));
        let ledger = Ledger::new();
        for command in commands.lines() {
            let file = full.path().join("command.json");
            fs::write(&file, command).unwrap();
            let asked = ["preview", "--format", "json", "--file", file.to_str().unwrap()];
            let shown = ledger.run(&asked);
            let answer: Value = serde_json::from_str(&shown.out).unwrap_or(Value::Null);
            let reply = ledger.run_with(&["apply", "-"], format!("{command}\n")).lines().remove(0);
            assert_eq!(answer["outcome"], reply["outcome"], "{command}: {}", shown.err);
            assert_eq!(answer["error"], reply["error"], "{command}");
            let kinds = |events: &Value| -> Vec<(Value, Value)> {
                let events = events.as_array().cloned().unwrap_or_default();
                events.iter().map(|one| (one["type"].clone(), one["sequence"].clone())).collect()
            };
            assert_eq!(kinds(&answer["events"]), kinds(&reply["events"]), "{command}");
            compared += contracts_stand(&ledger, &answer["contracts"]);
        }
    }
    assert!(compared > 20, "{compared} contracts");
}

/// The contracts stand as shown, now that the command was applied.
fn contracts_stand(ledger: &Ledger, shown: &Value) -> usize {
    let Some(rows) = shown["rows"].as_array() else { return 0 };
    let on = shown["on"].as_str().unwrap();
    let report = ["report", "deferred-revenue", "--as-of", on, "--format", "json"];
    let report = ledger.expect(0, &report, "").json();
    for row in rows {
        let kind = if row["order"].is_string() { "order" } else { "invoice" };
        let reported = report["rows"].as_array().unwrap().iter();
        let Some(found) = reported.into_iter().find(|one| one[kind] == row[kind]) else {
            assert_eq!(row["billed"]["after"], "0.00", "{row}");
            continue;
        };
        for name in ["billed", "recognised", "deferred", "unbilled"] {
            assert_eq!(row[name]["after"], found[name], "{name} of {row}");
        }
    }
    rows.len()
}

#[test]
fn refusals_have_their_code_and_exit_one() {
    let ledger = upgraded();
    let rows: [(i32, &[&str], &str); 10] = [
        (1, &["CancelOrder", r#"{"order":"O2","unearned":"credit"}"#], "error[order.unknown]"),
        (1, &["CancelOrder", r#"{"ordre":"O1"}"#], "error[command.unknown_field]"),
        (1, &["CancelOder", "{}"], "error[command.unknown]"),
        (1, &["CancelOrder", r#"{"order":"O1","order":"O1"}"#], "stands twice"),
        (2, &["CancelOrder", "order: O1"], "error[data.malformed]"),
        (2, &["CancelOrder"], "--file"),
        (2, &[], "<COMMAND>"),
        (2, &["CancelOrder", "{}", "--file", "x.json"], "cannot be used with"),
        (2, &["--file", "no-such-file.json"], "no-such-file.json"),
        (2, &["CancelOrder", "{}", "--format", "csv"], "error[format.not_supported]"),
    ];
    for (code, arguments, message) in rows {
        let run = ledger.expect(code, &[&["preview"], arguments].concat(), "");
        assert!(run.err.contains(message), "{arguments:?}: {}", run.err);
        assert_eq!(run.out, "", "{arguments:?}");
    }
    let data = r#"{"order":"O2","unearned":"credit"}"#;
    let asked = ["preview", "CancelOrder", data, "--format", "json"];
    let answer = ledger.expect(1, &asked, "").json();
    assert_eq!(answer["outcome"], "rejected");
    assert_eq!(answer["error"]["code"], "order.unknown");
    assert_eq!(answer["error"]["field"], "data.order");
    assert!(ledger.expect(0, &["preview", "--help"], "").out.contains("Examples:"));
}

#[test]
fn envelopes_and_data_come_from_files_and_from_standard_input() {
    let ledger = upgraded();
    let envelope =
        format!(r#"{{"id":"a","command":"AmendOrder","effective":"2025-04-21","data":{AMENDED}}}"#);
    let input = |arguments: &[&str], text: &str| {
        let all = [&["preview", "--format", "json"], arguments].concat();
        let answer = ledger.expect(0, &all, text).json();
        row(&answer["revenue"], ("month", "2025-04"))
    };
    let published = ["90.00", "100.00", "10.00"];
    assert_eq!(input(&["--file", "-"], &envelope), published);
    assert_eq!(input(&["AmendOrder", "--file", "-"], &envelope), published);
    let asked = ["AmendOrder", "--file", "-", "--effective", "2025-04-21"];
    assert_eq!(input(&asked, AMENDED), published);
    // From 11 April on: 10 days at 3.00 and 20 at 4.00.
    let asked = ["--file", "-", "--effective", "2025-04-11"];
    assert_eq!(input(&asked, &envelope), ["90.00", "110.00", "20.00"]);
    let run = ledger.expect(2, &["preview", "CancelOrder", "--file", "-"], &envelope);
    assert!(run.err.contains("error[command.mismatch]"), "{}", run.err);
    // What was accepted before would write nothing; other content under its id is refused.
    let again = UPGRADE.lines().last().unwrap();
    let answer = ledger.expect(0, &["preview", "--format", "json", "--file", "-"], again).json();
    assert_eq!((&answer["outcome"], &answer["first_event"]), (&json!("repeated"), &json!(4)));
    let other = again.replace(r#""through":"2025-04-01""#, r#""through":"2025-05-01""#);
    let run = ledger.expect(1, &["preview", "--file", "-"], &other);
    assert!(run.err.contains("error[command.id_reused]"), "{}", run.err);
}

#[test]
fn a_book_may_be_opened_and_what_touches_no_contract_says_so() {
    let ledger = Ledger::new();
    let open = ["preview", "OpenBook", r#"{"currency":"USD"}"#];
    assert!(ledger.expect(0, &open, "").out.contains("BookOpened"));
    let zone = r#"{"currency":"USD","time_zone":"Mars"}"#;
    let run = ledger.expect(1, &["preview", "OpenBook", zone], "");
    assert!(run.err.contains("error[time_zone.unknown]"), "{}", run.err);
    let run = ledger.expect(3, &["preview", "RunBilling", r#"{"through":"2025-01-01"}"#], "");
    assert!(run.err.contains("error[store.missing]"), "{}", run.err);
    let ledger = upgraded();
    let customer = r#"{"customer":"C2","name":"C2"}"#;
    let out = ledger.expect(0, &["preview", "RegisterCustomer", customer], "").out;
    assert!(out.contains("It touches no contract"), "{out}");
}

/// April is billed, May is not: once both are closed, a book that takes nothing late refuses a run
/// for May.
#[test]
fn runs_that_would_be_refused_are_told() {
    let strict = r#"{"currency":"USD","policies":{"late":"reject"}}"#;
    let ledger = Ledger::new();
    ledger.expect(0, &["apply", "-"], &UPGRADE.replacen(r#"{"currency":"USD"}"#, strict, 1));
    let asked = ["ClosePeriod", r#"{"through":"2025-05-31"}"#, "--effective", "2025-06-01"];
    let answer = preview(&ledger, &asked);
    assert_eq!(answer["billing"]["refused"]["before"], json!([]));
    assert_eq!(answer["billing"]["refused"]["after"][0]["code"], "period.closed");
    assert_eq!(row(&answer["billing"], ("date", "2025-05-01")), ["90.00", "0.00", "-90.00"]);
    let table = ledger.expect(0, &[&["preview"], &asked[..]].concat(), "").out;
    assert!(table.contains("after: a run is refused, period.closed"), "{table}");
}

/// A credit on account of 10.00 belongs to no contract, and is contra revenue all the same.
#[test]
fn a_credit_without_an_invoice_lowers_revenue() {
    let ledger = upgraded();
    let credit = r#"{"credit":"CN","customer":"C1","currency":"USD","lines":[{"amount":"10.00"}],"apply":"account"}"#;
    let answer = preview(&ledger, &["IssueCredit", credit, "--effective", "2025-04-10"]);
    assert_eq!(row(&answer["revenue"], ("month", "2025-04")), ["0.00", "-10.00", "-10.00"]);
}
