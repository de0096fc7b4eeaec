//! `export ads`: the tables of the audit data standard, with control totals that tie.

use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::harness::{BOOK, Ledger};

/// A credit of 73.00 on the invoice, and an order that nobody has billed yet.
const MORE: &str = r#"{"id":"d1","command":"IssueCredit","effective":"2026-02-10","data":{"credit":"CN|1","customer":"C-1","invoice":"INV-1","currency":"USD","apply":"invoice","lines":[{"amount":"73.00"}]}}
{"id":"d2","command":"RecordPayment","effective":"2026-02-11","data":{"payment":"PAY-2","customer":"C-1","amount":"20.00","currency":"USD","allocate":"none"}}
{"id":"d3","command":"DefineProduct","effective":"2026-02-12","data":{"product":"P","name":"P","recognition":{"method":"over_time"}}}
{"id":"d4","command":"PlaceOrder","effective":"2026-02-12","data":{"order":"O-1","customer":"C-1","currency":"USD","start":"2026-03-01","end":"2026-03-31","lines":[{"line":"a","product":"P","quantity":"1","price":{"model":"flat","amount":"31.00","per":"term"}}]}}
"#;

/// The rows of a file by column name.
fn table(folder: &Path, name: &str) -> Vec<BTreeMap<String, String>> {
    let file = folder.join(format!("{name}.txt"));
    let mut reader = csv::ReaderBuilder::new().delimiter(b'|').from_path(&file).unwrap();
    reader.deserialize().map(|row| row.unwrap()).collect()
}

/// These columns of every row.
fn shown(folder: &Path, name: &str, columns: &[&str]) -> Vec<String> {
    let row = |row: &BTreeMap<String, String>| {
        columns.iter().map(|column| row[*column].as_str()).collect::<Vec<_>>().join(" ")
    };
    table(folder, name).iter().map(row).collect()
}

fn exported() -> (Ledger, std::path::PathBuf) {
    let ledger = Ledger::new();
    ledger.expect(0, &["apply", "-"], &format!("{BOOK}{MORE}"));
    let folder = ledger.path().join("audit");
    let range = ["--from", "2026-02-01", "--to", "2026-02-28", "--quiet"];
    let place = ["export", "ads", "--output", folder.to_str().unwrap()];
    ledger.expect(0, &[&place[..], &range].concat(), "");
    (ledger, folder)
}

#[test]
fn tables_hold_what_happened_in_the_range() {
    let (_ledger, folder) = exported();
    let period = "20260201_20260228";
    assert!(table(&folder, &format!("Invoices_Generated_{period}")).is_empty());
    let columns = ["Transaction_ID", "Invoice_ID", "Application_Date", "Application_Amount"];
    assert_eq!(
        shown(&folder, &format!("AR_Cash_Application_{period}"), &columns),
        ["PAY-1 INV-1 2026-02-01 500.00"]
    );
    assert_eq!(
        shown(&folder, &format!("AR_Adjustments_{period}"), &columns),
        ["CN|1 INV-1 2026-02-10 73.00"]
    );
    assert_eq!(
        shown(&folder, &format!("Cash_Received_{period}"), &["Transaction_ID", "Receipt_Amount"]),
        ["PAY-1 500.00", "PAY-2 20.00"]
    );
    // 1200.00 less 500.00 and 73.00.
    let columns = ["Transaction_ID", "Balance_Amount", "Amount_Credit_Debit_Indicator"];
    assert_eq!(
        shown(&folder, "Open_Accounts_Receivable_20260228", &columns),
        ["INV-1 627.00 D", "PAY-2 -20.00 C"]
    );
    let columns = ["Sales_Order_ID", "Sales_Order_Date", "Sales_Order_Amount_Local"];
    assert_eq!(
        shown(&folder, &format!("Sales_Orders_{period}"), &columns),
        ["O-1 2026-02-12 31.00"]
    );
    let columns = ["GL_Account_Number", "Amount_Beginning", "Amount_Ending"];
    let balances = shown(&folder, "Trial_Balance_20260228", &columns);
    assert!(balances.contains(&"cash 0.00 520.00".to_owned()), "{balances:?}");
    assert!(balances.contains(&"accounts_receivable 1200.00 627.00".to_owned()), "{balances:?}");
}

#[test]
fn control_totals_are_those_of_the_files() {
    let (_ledger, folder) = exported();
    let mut roll = Vec::new();
    for row in table(&folder, "Control_Totals_20260201_20260228") {
        if row["File"].is_empty() {
            roll.push(format!("{} {}", row["Total_Of"], row["Total_Amount"]));
            continue;
        }
        let bytes = std::fs::read(folder.join(&row["File"])).unwrap();
        let hash: String =
            Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(row["SHA256"], hash, "{}", row["File"]);
        let rows = table(&folder, row["File"].strip_suffix(".txt").unwrap());
        assert_eq!(row["Records"], rows.len().to_string(), "{}", row["File"]);
        let column = &row["Total_Of"];
        if !column.is_empty() {
            let amounts = rows.iter().map(|one| &one[column]).filter(|text| !text.is_empty());
            let sum: rust_decimal::Decimal =
                amounts.map(|text| text.parse::<rust_decimal::Decimal>().unwrap()).sum();
            assert_eq!(row["Total_Amount"].parse(), Ok(sum), "{} {column}", row["File"]);
        }
    }
    assert_eq!(
        roll,
        [
            "opening accounts_receivable 1200.00",
            "invoices generated 0.00",
            "cash applied -500.00",
            "adjustments -73.00",
            "closing accounts_receivable 627.00",
            "open items, debit 627.00",
            "open items, credit -20.00",
            "closing unapplied_cash and customer_credits -20.00",
        ]
    );
}

#[test]
fn a_folder_that_is_there_stays_what_it_is() {
    let (ledger, folder) = exported();
    let place = ["export", "ads", "--output", folder.to_str().unwrap()];
    let run = ledger.expect(2, &place, "");
    assert!(run.err.starts_with("error[export.exists]"), "{}", run.err);
    let other = ledger.path().join("other");
    let place = ["export", "ads", "--output", other.to_str().unwrap(), "--to", "2020-01-31"];
    let run = ledger.expect(1, &place, "");
    assert!(run.err.starts_with("error[export.empty]"), "{}", run.err);
    assert!(!other.exists());
}
