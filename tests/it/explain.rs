//! `revledger explain revenue`: the arithmetic behind a month, and that it sums to the report.

use std::path::Path;

use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::harness::Ledger;

/// A ledger with the commands of a scenario file; refusals are part of some.
pub(crate) fn ledger_of(file: &str) -> Ledger {
    let ledger = Ledger::new();
    ledger.run_with(&["apply", "-"], commands(&scenario(file)));
    ledger
}

/// The commands of a scenario file as NDJSON.
pub(crate) fn commands_of(file: &str) -> String {
    commands(&scenario(file))
}

fn scenario(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = std::fs::read_to_string(path).unwrap();
    // JSON is YAML, too.
    serde_yaml_ng::from_str(&text).unwrap()
}

/// The commands as NDJSON, the book opened on the first date.
fn commands(scenario: &Value) -> String {
    let list = scenario["commands"].as_array().unwrap();
    let first = list.iter().map(|one| one["effective"].as_str().unwrap()).min().unwrap();
    let open = json!({"id": "open", "command": "OpenBook", "effective": first,
                      "data": scenario["book"]});
    let mut text = format!("{open}\n");
    for (index, command) in list.iter().enumerate() {
        let mut command = command.clone();
        let object = command.as_object_mut().unwrap();
        object.remove("expect_error");
        object.entry("id").or_insert(json!(format!("c{index}")));
        text.push_str(&format!("{command}\n"));
    }
    text
}

fn explain(ledger: &Ledger, arguments: &[&str]) -> Value {
    let mut all = vec!["explain", "revenue", "--format", "json"];
    all.extend(arguments);
    ledger.expect(0, &all, "").json()
}

/// Step, amount and explanation of each row.
fn told(answer: &Value) -> Vec<(String, String, String)> {
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or("").to_owned();
    let rows = answer["rows"].as_array().unwrap().iter();
    rows.map(|row| (text(row, "step"), text(row, "amount"), text(row, "explanation"))).collect()
}

fn row<'a>(answer: &'a Value, step: &str) -> &'a Value {
    let rows = answer["rows"].as_array().unwrap();
    rows.iter().find(|row| row["step"] == step).unwrap_or_else(|| panic!("{step} in {answer}"))
}

/// The revenue report's amount of that month; nothing where it has none.
fn reported(ledger: &Ledger, order: &str, month: &str) -> String {
    let report = ["report", "revenue", "--by", "month", "--order", order, "--format", "json"];
    let report = ledger.expect(0, &report, "").json();
    let rows = report["rows"].as_array().unwrap();
    let found = rows.iter().find(|row| row["month"] == month);
    found.map_or("0.00".to_owned(), |row| row["amount"].as_str().unwrap().to_owned())
}

/// Published: 20 of 30 days of 90.00 are 60.00, and 10 of 30 days of 120.00 are 40.00.
#[test]
fn an_upgrade_in_mid_month_is_told_step_by_step() {
    let ledger = ledger_of("tests/scenarios/stripe-upgrade-mid-month.json");
    let april = explain(&ledger, &["--order", "O1", "--month", "2025-04"]);
    let expected = [
        ("through", "0.00", "through 2025-03-31: 0.00 (nothing began yet)"),
        (
            "version",
            "",
            "from 2025-04-01: 0.00 earned before, 90.00 to earn from 2025-04-01 to 2025-04-30 by \
             day, half_even, then 90.00 for each month from 2025-05-01 on, without an end",
        ),
        ("through", "60.00", "through 2025-04-20: round(90.00 x 20/30 days, half_even) = 60.00"),
        (
            "version",
            "",
            "from 2025-04-21: 60.00 earned before, 40.00 to earn from 2025-04-21 to 2025-04-30 by \
             day, half_even, then 120.00 for each month from 2025-05-01 on, without an end",
        ),
        ("through", "100.00", "through 2025-04-30: 60.00 + 40.00 = 100.00"),
        ("line", "100.00", "2025-04: 100.00 - 0.00 = 100.00"),
        ("total", "100.00", "2025-04: 100.00 earned by 1 line = 100.00"),
    ];
    let expected = expected.map(|(step, amount, text)| (step.into(), amount.into(), text.into()));
    assert_eq!(told(&april), expected);
    assert_eq!(reported(&ledger, "O1", "2025-04"), "100.00");
    let amended = &april["rows"][3];
    assert_eq!((&amended["type"], &amended["sequence"]), (&json!("OrderAmended"), &json!(6)));
    assert_eq!((&amended["effective"], &amended["document"]), (&json!("2025-04-21"), &json!("O1")));
    assert!(amended["policy"].as_str().unwrap().contains("change_day=new"), "{amended}");
    let exact = &april["details"]["arithmetic"][2];
    assert_eq!(
        exact["parts"],
        json!([{"kind": "passed", "of": "90.00", "numerator": "20", "denominator": "30",
                "amount": "60.00"}])
    );
    let may = explain(&ledger, &["--order", "O1", "--month", "2025-05"]);
    assert_eq!(row(&may, "total")["amount"], "120.00");
    let text = row(&may, "through")["explanation"].as_str().unwrap();
    assert_eq!(text, "through 2025-04-30: 60.00 + 40.00 = 100.00");
}

/// Before the amendment was known, and before the month was over. 15 of 30 days of 90.00.
#[test]
fn it_is_as_of_a_date_and_as_known_then() {
    let ledger = ledger_of("tests/scenarios/stripe-upgrade-mid-month.json");
    let asked = ["--order", "O1", "--month", "2025-04", "--as-of", "2025-04-15"];
    let half = explain(&ledger, &asked);
    assert_eq!(row(&half, "total")["amount"], "45.00");
    assert_eq!(
        row(&half, "line")["explanation"],
        "2025-04 through 2025-04-15: 45.00 - 0.00 = 45.00"
    );
    let known = explain(&ledger, &["--order", "O1", "--month", "2025-04", "--at-sequence", "5"]);
    assert_eq!(row(&known, "total")["amount"], "90.00");
    assert_eq!(known["sequence"], 5);
    // A month that has not begun is shown as it is scheduled.
    let asked = ["--order", "O1", "--month", "2025-06", "--as-of", "2025-04-15"];
    let later = explain(&ledger, &asked);
    assert_eq!(row(&later, "scheduled")["amount"], "120.00");
    assert_eq!(later["details"]["is_scheduled"], true);
    // A month before the order is as empty as in the report.
    let early = explain(&ledger, &["--order", "O1", "--month", "2025-03"]);
    assert_eq!(row(&early, "total")["amount"], "0.00");
}

/// Published: 300.00 of usage is topped up to the minimum of 500.00 on the period's last day.
#[test]
fn usage_shows_its_readings_and_its_top_up() {
    let ledger = ledger_of("tests/scenarios/lago-minimum-commitment-below.json");
    let january = explain(&ledger, &["--order", "O1", "--month", "2025-01"]);
    assert_eq!(row(&january, "reading")["explanation"], "a reading of 300 on 2025-01-15");
    assert_eq!(row(&january, "reading")["type"], "UsageRecorded");
    assert_eq!(row(&january, "total")["amount"], "500.00");
    let rows = told(&january);
    let through = rows.iter().rfind(|(step, ..)| step == "through").unwrap();
    assert_eq!(
        through.2,
        "through 2025-01-31: 300.00 for 2025-01-01 to 2025-01-31 (1 reading, 300 units) + 200.00 \
         top-up to 500.00 on 2025-01-31 = 500.00"
    );
}

/// Published: 75 percent of 20,000.00 in January, all of it in February.
#[test]
fn milestones_show_their_deliveries() {
    let ledger = ledger_of("tests/scenarios/milestone-invoice-clears-contract-asset.json");
    let february = explain(&ledger, &["--order", "O1", "--month", "2025-02"]);
    assert_eq!(row(&february, "delivery")["explanation"], "100 percent complete on 2025-02-15");
    assert_eq!(
        row(&february, "through")["explanation"],
        "through 2025-01-31: round(20000.00 x 75/100 delivered, half_even) = 15000.00"
    );
    assert_eq!(row(&february, "total")["amount"], "5000.00");
}

/// By hand, in the file: 16 closed days are 0.20 a day cheaper, 3.20; February's own 28 days are
/// 0.80 each, 22.40, so that the month is 19.20.
#[test]
fn what_was_late_for_closed_days_is_told_apart() {
    let ledger = ledger_of("tests/worked/late-in-a-closed-period.yaml");
    let february = explain(&ledger, &["--order", "O", "--month", "2025-02"]);
    let late = row(&february, "late");
    assert_eq!((&late["amount"], &late["date"]), (&json!("-3.20"), &json!("2025-02-01")));
    let text = late["explanation"].as_str().unwrap();
    assert!(text.contains("15.00 + round(280.00 x 16/350 days, half_even) = 27.80"), "{text}");
    assert_eq!(row(&february, "total")["amount"], "19.20");
    let january = explain(&ledger, &["--order", "O", "--month", "2025-01"]);
    assert_eq!(row(&january, "total")["amount"], "31.00");
    assert_eq!(row(&january, "closed")["type"], "PeriodClosed");
    // The late invoice of 31.00 for January is posted on 1 February.
    let invoice = explain(&ledger, &["--invoice", "I", "--month", "2025-02"]);
    assert_eq!(row(&invoice, "late")["amount"], "31.00");
    assert_eq!(row(&invoice, "total")["amount"], "31.00");
}

/// An invoice of 310.00 for January's 31 days. On 17 January 16 of them are earned, 160.00: of a
/// credit of 31.00 that is 16.00 contra revenue, and 15.00 less for the 15 days that are left.
#[test]
fn a_credit_shows_its_contra_revenue() {
    let ledger = Ledger::new();
    let commands = r#"{"command":"OpenBook","effective":"2026-01-01","data":{"currency":"USD"}}
{"command":"RegisterCustomer","effective":"2026-01-01","data":{"customer":"C","name":"C"}}
{"command":"IssueInvoice","effective":"2026-01-01","data":{"invoice":"I","customer":"C","currency":"USD","lines":[{"amount":"310.00","service_start":"2026-01-01","service_end":"2026-01-31"}]}}
{"id":"credit","command":"IssueCredit","effective":"2026-01-17","reason":"outage","data":{"credit":"CN","customer":"C","invoice":"I","currency":"USD","lines":[{"amount":"31.00"}],"apply":"account"}}
"#;
    ledger.expect(0, &["apply", "-"], commands);
    let answer = explain(&ledger, &["--invoice", "I", "--month", "2026-01"]);
    let contra = row(&answer, "contra_revenue");
    assert_eq!((&contra["amount"], &contra["reason"]), (&json!("-16.00"), &json!("outage")));
    assert_eq!((&contra["command_id"], &contra["document"]), (&json!("credit"), &json!("CN")));
    assert_eq!(row(&answer, "line")["amount"], "295.00");
    let total = row(&answer, "total");
    assert_eq!(total["amount"], "279.00");
    assert_eq!(
        total["explanation"],
        "2026-01: 295.00 earned by 1 line - 16.00 contra revenue = 279.00"
    );
}

#[test]
fn it_reads_as_a_table_as_csv_and_over_http() {
    let ledger = ledger_of("tests/scenarios/stripe-upgrade-mid-month.json");
    let asked = ["explain", "revenue", "--order", "O1", "--month", "2025-04"];
    let table = ledger.expect(0, &asked, "").out;
    for word in ["Revenue of order O1 in 2025-04", "60.00 + 40.00 = 100.00", "OrderAmended", "c3"] {
        assert!(table.contains(word), "{word} in\n{table}");
    }
    let csv = ledger.expect(0, &[&asked[..], &["--format", "csv"]].concat(), "").out;
    assert!(csv.starts_with("line,step,date,amount,explanation,sequence,type"), "{csv}");
    let lines = ledger.expect(0, &[&asked[..], &["--format", "ndjson"]].concat(), "").lines();
    assert_eq!(lines.last().unwrap()["amount"], "100.00");
    // The same as a report.
    let report = ["report", "explain", "--order", "O1", "--month", "2025-04", "--format", "json"];
    let report = ledger.expect(0, &report, "").out;
    assert_eq!(report, ledger.expect(0, &[&asked[..], &["--format", "json"]].concat(), "").out);
    let daemon = Daemon::start(&ledger);
    let answer = daemon.get("/v1/books/main/reports/explain?order=O1&month=2025-04");
    assert_eq!(format!("{}\n", answer.body), report);
}

#[test]
fn a_question_that_makes_no_sense_is_told_why() {
    let ledger = ledger_of("tests/scenarios/stripe-upgrade-mid-month.json");
    let rows: [(i32, &[&str], &str); 7] = [
        (2, &["--month", "2025-04"], "--order"),
        (2, &["--order", "O1"], "--month"),
        (2, &["--order", "O1", "--month", "April"], "YYYY-MM"),
        (1, &["--order", "O2", "--month", "2025-04"], "error[order.unknown]"),
        (1, &["--order", "O1", "--line", "L2", "--month", "2025-04"], "there are L1"),
        // What a billing run issued bills the order.
        (2, &["--invoice", "INV-1", "--month", "2025-04"], "ask for the order O1"),
        (2, &["--order", "O1", "--month", "2025-04", "--at-sequence", "2"], "nothing was known"),
    ];
    for (code, arguments, message) in rows {
        let run = ledger.expect(code, &[&["explain", "revenue"], arguments].concat(), "");
        assert!(run.err.contains(message), "{arguments:?}: {}", run.err);
    }
    assert!(ledger.expect(0, &["explain", "revenue", "--help"], "").out.contains("Examples:"));
}

/// Every order of every example, every month: the explanation sums to the report.
#[test]
fn every_month_of_every_example_sums_to_the_report() {
    let mut compared = 0;
    for folder in ["tests/scenarios", "tests/worked"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for entry in std::fs::read_dir(path).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            compared += sums(&format!("{folder}/{name}"));
        }
    }
    assert!(compared > 300, "{compared} months");
}

/// How many months of a file were compared: the report's rows become expectations of the report
/// `explain`, which one `check` compares.
fn sums(file: &str) -> usize {
    const AS_OF: &str = "2031-12-31";
    let mut scenario = scenario(file);
    let placed = scenario["commands"].as_array().unwrap().iter();
    let orders: Vec<String> = placed
        .filter(|one| one["command"] == "PlaceOrder" && one["expect_error"].is_null())
        .map(|one| one["data"]["order"].as_str().unwrap().to_owned())
        .collect();
    if orders.is_empty() {
        return 0;
    }
    let ledger = Ledger::new();
    ledger.run_with(&["apply", "-"], commands(&scenario));
    let mut expect = Vec::new();
    for order in orders {
        let report = ["report", "revenue", "--order", &order, "--as-of", AS_OF];
        let report = ledger.expect(0, &[&report[..], &["--format", "json"]].concat(), "").json();
        for row in report["rows"].as_array().unwrap().iter().take(40) {
            let total = json!({"step": "total", "amount": row["amount"]});
            expect.push(json!({"report": "explain", "order": order, "month": row["month"],
                               "as_of": AS_OF, "rows": [total]}));
        }
    }
    let compared = expect.len();
    scenario["expect"] = json!(expect);
    let path = ledger.path().join("explain.json");
    std::fs::write(&path, scenario.to_string()).unwrap();
    ledger.expect(0, &["check", path.to_str().unwrap()], "");
    compared
}
