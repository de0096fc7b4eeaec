//! A table of invoices becomes a book.

use std::fs;

use crate::harness::{Ledger, Run};

const MAP: &str = r#"
currency = "USD"
date_format = "m/d/yyyy"
truthy = ["Yes"]

[columns]
invoice = "number"
customer = "who"
issued = "date"
due = "due"
amount = "total"
settled_on = "paid"
disputed = "disputed"
"#;

/// 100.50 paid, 20.25 open and disputed, 5.00 open.
const TABLE: &str = "\
number,who,date,due,total,paid,disputed
A-1,C-1,1/2/2026,2/1/2026,100.50,1/20/2026,No
A-2,C-2,1/3/2026,2/2/2026,20.25,,Yes
A-3,C-1,1/4/2026,2/3/2026,5.00,,No
";

fn import(ledger: &Ledger, code: i32, table: &str, more: &[&str]) -> Run {
    let (map, file) = (ledger.path().join("map.toml"), ledger.path().join("table.csv"));
    fs::write(&map, MAP).unwrap();
    fs::write(&file, table).unwrap();
    let mut arguments = vec!["import", "csv", file.to_str().unwrap()];
    arguments.extend(["--map", map.to_str().unwrap(), "--format", "json"]);
    arguments.extend(more);
    ledger.expect(code, &arguments, "")
}

fn open_total(ledger: &Ledger) -> String {
    let report = ["report", "receivables", "--as-of", "2026-02-10", "--format", "json"];
    let rows = ledger.expect(0, &report, "").json();
    let total = |row: &serde_json::Value| -> u64 {
        row["total"].as_str().unwrap().replace('.', "").parse().unwrap()
    };
    let cents: u64 = rows["rows"].as_array().unwrap().iter().map(total).sum();
    format!("{}.{:02}", cents / 100, cents % 100)
}

#[test]
fn a_table_is_imported_once() {
    let ledger = Ledger::new();
    let dry = import(&ledger, 0, TABLE, &["--dry-run"]).json();
    assert_eq!((&dry["records"], &dry["accepted"]), (&3.into(), &0.into()), "{dry}");
    assert_eq!(dry["totals"][0]["invoiced"], "125.75", "{dry}");
    assert_eq!(dry["totals"][0]["paid"], "100.50", "{dry}");
    assert!(!ledger.path().join("main/journal").exists(), "a dry run makes nothing");

    let first = import(&ledger, 0, TABLE, &[]).json();
    assert_eq!(first["by_type"]["InvoiceIssued"], 3, "{first}");
    assert_eq!(first["by_type"]["PaymentReceived"], 1, "{first}");
    assert_eq!(first["by_type"]["DisputeOpened"], 1, "{first}");
    assert_eq!(first["totals"], dry["totals"]);
    assert_eq!(open_total(&ledger), "25.25", "20.25 and 5.00 are open");
    let before = ledger.expect(0, &["replay", "--format", "csv"], "").out;
    assert_eq!(import(&ledger, 0, TABLE, &[]).json(), first, "the same replies");
    assert_eq!(ledger.expect(0, &["replay", "--format", "csv"], "").out, before, "and no event");

    // One more record goes in beside the ones that are there.
    let more = format!("{TABLE}A-4,C-3,2/1/2026,3/1/2026,1.00,,No\n");
    import(&ledger, 0, &more, &[]);
    assert_eq!(open_total(&ledger), "26.25");
    // A later file names customers that are there, and is of other days.
    let later = "number,who,date,due,total,paid,disputed\n\
                 A-5,C-1,3/1/2026,3/31/2026,2.00,,No\n";
    let later = import(&ledger, 0, later, &[]).json();
    assert_eq!((&later["accepted"], &later["rejected"]), (&1.into(), &0.into()), "{later}");
    // A record that changed is another command under the same id.
    let changed = import(&ledger, 1, &TABLE.replace("5.00", "6.00"), &[]);
    assert!(changed.err.contains(":4: command.id_reused"), "{}", changed.err);
    assert_eq!(open_total(&ledger), "26.25");
}

#[test]
fn records_that_cannot_be_read_are_told_with_their_line() {
    let bad = "A-5,C-1,2/30/2026,3/1/2026,1.00,,No\nA-6,C-1,2/1/2026,3/1/2026,one,,No\n";
    let table = format!("{TABLE}{bad}");
    let strict = Ledger::new();
    let run = import(&strict, 1, &table, &["--strict"]);
    assert!(run.err.contains(":5: ") && run.err.contains(":6: "), "{}", run.err);
    assert_eq!(run.json()["accepted"], 0);
    assert!(!strict.path().join("main/journal").exists(), "nothing is applied");

    let ledger = Ledger::new();
    let run = import(&ledger, 1, &table, &[]).json();
    assert_eq!((&run["records"], &run["unreadable"]), (&5.into(), &2.into()), "{run}");
    assert_eq!(open_total(&ledger), "25.25", "the others went in");
}

#[test]
fn a_map_that_does_not_fit_names_what_is_wrong() {
    let ledger = Ledger::new();
    let (map, file) = (ledger.path().join("map.toml"), ledger.path().join("table.csv"));
    fs::write(&file, TABLE).unwrap();
    let rows = [
        (MAP.replace("total", "amount"), "amount"),
        (MAP.replace("currency = \"USD\"", "currency = \"USDX\""), "USDX"),
        (MAP.replace("truthy", "thruthy"), "thruthy"),
        ("[columns\n".to_owned(), "map.toml"),
    ];
    for (text, named) in rows {
        fs::write(&map, text).unwrap();
        let arguments = ["import", "csv", file.to_str().unwrap(), "--map", map.to_str().unwrap()];
        let run = ledger.expect(2, &arguments, "");
        assert!(run.err.contains(named), "{named}: {}", run.err);
        assert!(!ledger.path().join("main/journal").exists());
    }
}

#[test]
fn lines_become_invoices_and_credits() {
    let ledger = Ledger::new();
    let (map, file) = (ledger.path().join("map.toml"), ledger.path().join("table.csv"));
    let text = "kind = \"lines\"\ncurrency = \"USD\"\ndate_format = \"yyyy-mm-dd hh:mi\"\n\
                terms_days = 30\n[columns]\ninvoice = \"no\"\ncustomer = \"who\"\n\
                issued = \"at\"\nquantity = \"units\"\nunit_price = \"price\"\n";
    // 3 x 1.115 = 3.345, to the even cent 3.34; and 2 x 0.50. Taken back: 1 x 1.115, to 1.12.
    let table = "no,who,at,units,price\n\
                 1,C-1,2026-01-02 10:00,3,1.115\n\
                 C2,C-1,2026-01-03 10:00,-1,1.115\n\
                 1,C-1,2026-01-02 10:00,2,0.50\n\
                 3,,2026-01-04 10:00,1,5.00\n\
                 4,C-1,2026-01-04 10:00,-2,5.00\n\
                 4,C-1,2026-01-04 10:00,1,5.00\n\
                 5,C-1,2026-01-05 10:00,1,5.00\n\
                 5,C-2,2026-01-05 10:00,1,5.00\n";
    fs::write(&map, text).unwrap();
    fs::write(&file, table).unwrap();
    let arguments = ["import", "csv", file.to_str().unwrap(), "--map", map.to_str().unwrap()];
    let with = |more: &[&'static str]| [&arguments[..], more].concat();
    let run = ledger.expect(1, &with(&["--format", "json"]), "");
    let answer = run.json();
    assert_eq!(answer["unreadable"], 3, "{answer}");
    for (line, named) in [(5, "unknown_customer"), (6, "split it"), (9, "C-2's")] {
        assert!(run.err.contains(&format!(":{line}: ")), "{}", run.err);
        assert!(run.err.contains(named), "{named}: {}", run.err);
    }
    assert_eq!(answer["totals"][0]["invoiced"], "4.34", "{answer}");
    assert_eq!(answer["totals"][0]["credited"], "1.12", "{answer}");
    let report = ["report", "receivables", "--as-of", "2026-02-10", "--format", "json"];
    let rows = ledger.expect(0, &report, "").json();
    // Due on 1 February.
    assert_eq!(rows["rows"][0]["1-30"], "4.34", "{rows}");
    assert_eq!(rows["rows"][0]["unapplied"], "1.12", "{rows}");

    fs::write(&map, format!("unknown_customer = \"walk-in\"\n{text}")).unwrap();
    let answer = ledger.expect(1, &with(&["--format", "json"]), "").json();
    assert_eq!(answer["totals"][0]["invoiced"], "9.34", "{answer}");
    fs::write(&map, text.replace("unit_price = \"price\"\n", "")).unwrap();
    let run = ledger.expect(2, &arguments, "");
    assert!(run.err.contains("unit price"), "{}", run.err);
}
