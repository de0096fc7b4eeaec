//! What becomes of receipts, once and again.

use super::*;
use crate::import::statement::matching::{OpenItem, Payer};
use crate::import::statement::{Format, read};

#[derive(Default)]
struct Payments(BTreeMap<String, Recorded>);

impl Book for Payments {
    fn payment(&self, id: &str) -> Option<Recorded> {
        self.0.get(id).copied()
    }

    fn has_customer(&self, _: &str) -> bool {
        false
    }
}

fn matcher() -> Matcher {
    let payer = Payer { customer: "C-1".into(), name: "Acme".into(), marks: Vec::new() };
    let item = OpenItem {
        invoice: "INV-1".into(),
        customer: "C-1".into(),
        currency: "EUR".into(),
        open: "25".parse().unwrap(),
    };
    Matcher::new([payer], [item])
}

/// 25.00 for INV-1, 10.00 of a customer, 5.00 of nobody, and 3.00 that goes out.
fn statement(number: &str, opening: &str) -> Vec<Statement> {
    let text = format!(
        ":20:{number}\n:25:ACC\n:28C:1\n:60F:C260301EUR{opening},00\n\
         :61:2603020302C25,00NTRFNONREF//B-1\n:86:INV-1\n\
         :61:2603020302C10,00NTRFNONREF//B-2\n:86:/NAME/Acme/REMI/thanks\n\
         :61:2603020302C5,00NTRFNONREF\n:86:who knows\n\
         :61:2603020302D3,00NTRFNONREF\n:86:fee\n\
         :62F:C260302EUR137,00\n"
    );
    read(Format::Mt940, text.as_bytes()).unwrap()
}

fn fates(plan: &Plan) -> Vec<String> {
    let one = |((fate, currency), sum): (&(Fate, String), &Sum)| {
        format!("{} {} {} {currency}", fate.as_str(), sum.count, sum.amount)
    };
    plan.sums.iter().map(one).collect()
}

#[test]
fn every_entry_is_accounted_for() {
    let book = Payments::default();
    let plan = Planner::new(matcher(), &book, None).plan(&statement("A", "100"));
    let expected = [
        "matched_by_reference 1 25.00 EUR",
        "unapplied 1 10.00 EUR",
        "not_imported 1 5.00 EUR",
        "skipped_debits 1 -3.00 EUR",
    ];
    assert_eq!(fates(&plan), expected);
    let data = &plan.commands[0].envelope["data"];
    assert_eq!(data["allocate"], json!([{"invoice": "INV-1", "amount": "25.00"}]));
    assert_eq!((&data["reference"], &data["method"]), (&json!("INV-1"), &json!("bank_transfer")));
    assert_eq!(plan.commands[1].envelope["data"]["allocate"], "none");
    assert_eq!(plan.refused[0].line, 9);
    assert!(plan.refused[0].text.starts_with("receipt.payer_unknown: receipt of 5.00 EUR"));
    assert!(plan.unsure[0].text.contains("10.00 EUR from Acme: stays unapplied on C-1"));
    assert_eq!(plan.days().into_iter().collect::<Vec<_>>(), ["2026-03-02"]);
}

#[test]
fn the_suspense_customer_is_registered_once() {
    let book = Payments::default();
    let mut planner = Planner::new(matcher(), &book, Some("SUSPENSE"));
    let plan = planner.plan(&statement("A", "100"));
    let names: Vec<&Value> = plan.commands.iter().map(|one| &one.envelope["command"]).collect();
    assert_eq!(names, ["RecordPayment", "RecordPayment", "RegisterCustomer", "RecordPayment"]);
    assert_eq!(plan.commands[3].envelope["data"]["customer"], "SUSPENSE");
    assert!(plan.refused.is_empty());
}

#[test]
fn what_comes_again_is_there_already() {
    let mut book = Payments::default();
    let first = Planner::new(matcher(), &book, Some("S")).plan(&statement("A", "100"));
    for one in &first.commands {
        let data = &one.envelope["data"];
        if let Some(id) = data["payment"].as_str() {
            let recorded = Recorded {
                amount: data["amount"].as_str().unwrap().parse().unwrap(),
                currency: Currency::parse("EUR").unwrap(),
                day: one.envelope["effective"].as_str().unwrap().parse().unwrap(),
            };
            book.0.insert(id.to_owned(), recorded);
        }
    }
    let mut planner = Planner::new(matcher(), &book, Some("S"));
    let again = planner.plan(&statement("A", "100"));
    assert_eq!(again.commands, [], "the same statement");
    assert_eq!(fates(&again)[0], "already_there 3 40.00 EUR");
    // Another file of the same account: the bank's own ids are known, the entry without one is new.
    let other = planner.plan(&statement("B", "100"));
    assert_eq!(fates(&other)[1], "already_there 2 35.00 EUR");
    assert_eq!(other.commands.len(), 2, "the entry without an id, and its customer");
    // Twice in one run.
    let twice = planner.plan(&statement("B", "100"));
    assert_eq!(twice.commands, []);
}

#[test]
fn an_id_of_the_bank_for_other_money_is_a_conflict() {
    let mut book = Payments::default();
    let first = Planner::new(matcher(), &book, None).plan(&statement("A", "100"));
    let id = first.commands[0].envelope["id"].as_str().unwrap();
    let recorded = Recorded {
        amount: "24.00".parse().unwrap(),
        currency: Currency::parse("EUR").unwrap(),
        day: "2026-03-02".parse().unwrap(),
    };
    book.0.insert(id.to_owned(), recorded);
    let plan = Planner::new(matcher(), &book, None).plan(&statement("A", "100"));
    assert!(plan.refused[0].text.starts_with("receipt.conflict"), "{}", plan.refused[0].text);
}

#[test]
fn a_broken_statement_makes_no_command() {
    let book = Payments::default();
    let plan = Planner::new(matcher(), &book, Some("S")).plan(&statement("A", "101"));
    assert_eq!(plan.commands, []);
    assert_eq!(fates(&plan), ["refused_statements 4 37.00 EUR"]);
    assert!(plan.refused[0].text.starts_with("statement.checksum: "), "{}", plan.refused[0].text);
}

#[test]
fn five_decimals_and_unknown_currencies_are_listed() {
    let book = Payments::default();
    let mut statements = statement("A", "100");
    statements[0].entries[0].parts[0].amount = "25.00001".parse().unwrap();
    statements[0].entries[1].currency = "DEM".into();
    statements[0].entries[1].booked = None;
    let plan = Planner::new(matcher(), &book, Some("S")).plan(&statements);
    let codes: Vec<&str> =
        plan.refused.iter().filter_map(|told| told.text.split(':').next()).collect();
    assert_eq!(codes, ["amount.precision", "currency.unknown"]);
    assert_eq!(plan.commands.len(), 2, "the rest goes in");
}
