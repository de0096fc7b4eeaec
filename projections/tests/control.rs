//! Reports of what customers owe tie to the control accounts, or are not shown: a figure that is
//! planted in the views, as a fault of the program would, is found by each of them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ledger_core::money::Amount;
use ledger_core::posting::{Role, Target};
use projections::reports::{Control, Filters, Table, run};
use projections::views::Views;
use serde_json::json;

#[path = "common/book.rs"]
mod common;

const TIED: [&str; 6] =
    ["receivables", "open-items", "statement", "trial-balance", "metrics", "worklist"];

/// C owes 70.00 of 100.00, D 60.00; C has 5.00 unapplied and a credit of 4.00.
fn views() -> Views {
    let mut book = common::Book::open(&json!({}));
    let mut send = |day: &str, name: &str, data| {
        assert!(book.send(name, day.parse().unwrap(), &data), "{name}");
    };
    let invoice = |id: &str, customer: &str, amount: &str| json!({"invoice": id, "customer": customer, "currency": "USD", "lines": [{"amount": amount}]});
    send("2026-01-01", "RegisterCustomer", json!({"customer": "D", "name": "D"}));
    send("2026-01-02", "IssueInvoice", invoice("A", "C", "100.00"));
    send("2026-01-03", "IssueInvoice", invoice("B", "D", "60.00"));
    send(
        "2026-01-20",
        "RecordPayment",
        json!({"payment": "P", "customer": "C", "currency": "USD", "amount": "35.00",
               "allocate": [{"invoice": "A", "amount": "30.00"}]}),
    );
    send(
        "2026-01-21",
        "IssueCredit",
        json!({"credit": "K", "customer": "C", "currency": "USD", "apply": "account",
               "lines": [{"amount": "4.00"}]}),
    );
    book.views
}

fn ask(views: &Views, report: &str, filters: &[(&str, &str)]) -> Result<Table, String> {
    let mut all = Filters::default();
    all.set("as_of", "2026-01-31");
    if report == "statement" {
        all.set("customer", "C");
    }
    for (name, value) in filters {
        all.set(name, *value);
    }
    run(report, &all, views, "2026-01-31".parse().unwrap()).map_err(|error| error.to_string())
}

/// Every report refuses, and says these words.
fn refused(views: &Views, words: &str) {
    for report in TIED {
        let error = ask(views, report, &[]).unwrap_err();
        assert!(error.starts_with("report.does_not_tie: "), "{report}: {error}");
        assert!(error.contains(words), "{report}: {error}");
    }
}

fn leg<'a>(views: &'a mut Views, document: &str, role: Role) -> &'a mut Amount {
    let entries = views.receivables.entries.iter_mut();
    let mut of_document = entries.filter(|entry| entry.document.as_str() == document);
    let legs = of_document
        .find_map(|entry| entry.legs.iter_mut().find(|leg| leg.target == Target::Role(role)));
    &mut legs.unwrap().amount
}

fn usd(text: &str) -> Amount {
    text.parse().unwrap()
}

fn control(customer: Option<&str>, receivable: &str, beside: &str) -> Control {
    Control {
        currency: "USD".to_owned(),
        as_of: "2026-01-31".parse().unwrap(),
        customer: customer.map(str::to_owned),
        ageing: usd(receivable),
        open_items: usd(receivable),
        accounts_receivable: usd(receivable),
        unapplied: usd(beside),
        unapplied_cash_and_credits: usd(beside),
    }
}

#[test]
fn what_ties_is_shown_with_what_it_ties_to() {
    let views = views();
    for report in TIED {
        let wanted = match report {
            "statement" => control(Some("C"), "70.00", "9.00"),
            _ => control(None, "130.00", "9.00"),
        };
        assert_eq!(ask(&views, report, &[]).unwrap().control, [wanted], "{report}");
    }
    let of_d = ask(&views, "receivables", &[("customer", "D"), ("buckets", "7,21")]).unwrap();
    assert_eq!(of_d.control, [control(Some("D"), "60.00", "0.00")]);
    assert!(of_d.to_json().contains(r#""accounts_receivable":"60.00""#), "{}", of_d.to_json());
    // As known after the second invoice: the payment and the credit are not there yet.
    let before = ask(&views, "open-items", &[("at_sequence", "5")]).unwrap();
    assert_eq!(before.control, [control(None, "160.00", "0.00")]);
    assert_eq!(ask(&views, "revenue", &[("by", "month")]).unwrap().control, []);
}

#[test]
fn a_wrong_posting_is_found() {
    let mut views = views();
    *leg(&mut views, "A", Role::AccountsReceivable) += usd("0.01");
    refused(
        &views,
        "of C in USD on 2026-01-31: ageing 70.00, open items 70.00, \
        accounts_receivable 70.01; unapplied 9.00",
    );
    // Before the invoice nothing is wrong yet.
    assert!(ask(&views, "receivables", &[("as_of", "2026-01-01")]).is_ok());
}

#[test]
fn a_wrong_settlement_is_found() {
    let mut views = views();
    let fact = views.receivables.invoices.get_mut(&"A".parse().unwrap()).unwrap();
    fact.settlements[0].amount = usd("30.01");
    refused(&views, "ageing 69.99, open items 69.99, accounts_receivable 70.00");
}

#[test]
fn a_wrong_use_of_money_is_found() {
    let mut views = views();
    let fact = views.receivables.payments.get_mut(&"P".parse().unwrap()).unwrap();
    fact.uses[0].amount = usd("29.00");
    refused(&views, "unapplied 10.00, unapplied_cash and customer_credits 9.00");
}

/// The sums of the whole book still tie: each customer's must.
#[test]
fn money_of_the_wrong_customer_is_found() {
    let mut views = views();
    let mut customers: Vec<_> = views
        .receivables
        .entries
        .iter_mut()
        .filter(|entry| ["A", "B"].contains(&entry.document.as_str()))
        .collect();
    let [of_a, of_b, ..] = customers.as_mut_slice() else { panic!("two entries") };
    std::mem::swap(&mut of_a.customer, &mut of_b.customer);
    refused(&views, "of C in USD");
}

#[test]
fn an_entry_that_does_not_balance_is_found_by_the_trial_balance() {
    let mut views = views();
    *leg(&mut views, "P", Role::Cash) += usd("1.00");
    let error = ask(&views, "trial-balance", &[]).unwrap_err();
    assert!(error.contains("the sum of all balances is 1.00, but must be 0"), "{error}");
    assert!(ask(&views, "receivables", &[]).is_ok());
}
