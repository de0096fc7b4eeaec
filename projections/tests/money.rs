//! Random payments, refunds, chargebacks, credits, write-offs and recoveries: what must hold of the
//! books whatever happens (accounting, section 7).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ledger_core::calendar::Day;
use ledger_core::money::Amount;
use projections::invariants;
use projections::reports::{Filters, Table, run};
use projections::views::Views;
use proptest::prelude::*;
use serde_json::{Value, json};

#[path = "common/asked.rs"]
mod asked;
#[path = "money/book.rs"]
mod book;
#[path = "common/cases.rs"]
mod cases;
#[path = "common/foreign.rs"]
mod foreign;
#[path = "money/steps.rs"]
mod steps;

use book::{Book, common};
use steps::{policies, steps};

fn report(views: &Views, name: &str, as_of: Day, filters: &[(&str, &str)]) -> Table {
    let mut all = Filters::default();
    all.set("as_of", as_of.to_string());
    for (filter, value) in filters {
        all.set(filter, *value);
    }
    run(name, &all, views, as_of).unwrap()
}

fn total(table: &Table, column: &str) -> Amount {
    let at = table.columns.iter().position(|(name, _)| name == column).unwrap();
    table.rows.iter().map(|row| row[at].text().parse::<Amount>().unwrap()).sum()
}

fn last(table: &Table, column: &str) -> Amount {
    let at = table.columns.iter().position(|(name, _)| name == column).unwrap();
    table.rows.last().map_or(Amount::ZERO, |row| row[at].text().parse().unwrap())
}

proptest! {
    #![proptest_config(cases::config(192))]

    #[test]
    fn the_books_hold_whatever_happens_to_money(
        policies in policies(), steps in steps(30), term in any::<bool>(),
    ) {
        let mut book = Book::open(&policies);
        let first = "2026-01-01".parse().unwrap();
        let price = if term { "term" } else { "month" };
        let order = json!({"order": "O", "customer": "C", "currency": "USD", "start": first,
            "term_months": 9, "lines": [{"line": "L", "tax_code": "V",
            "price": {"model": "flat", "amount": "77.77", "per": price},
            "recognition": {"method": "over_time"},
            "billing": {"every": price, "timing": "advance"}}]});
        let rate = json!({"tax_code": "V", "rate": "19", "from": first});
        let opened = book.send("DefineTaxRate", first, &rate)
            && book.send("PlaceOrder", first, &order);
        prop_assert!(opened);
        book.play(&steps);
        // What is scheduled is what a run then issues.
        let end: Day = "2027-06-30".parse().unwrap();
        let mut filters = Filters::default();
        filters.set("to", end.to_string());
        let forecast = asked::try_report(&book, "forecast", &filters, end).unwrap();
        let issued = |book: &Book| -> Amount {
            book.ledger.invoices.values().map(|invoice| invoice.total).sum()
        };
        let before = issued(&book);
        // All is billed and earned in the end: no contract keeps a balance.
        let is_billed = book.send("RunBilling", end, &json!({"through": end}));
        prop_assert!(is_billed);
        prop_assert_eq!(total(&forecast, "scheduled"), issued(&book) - before);
        let contracts = report(&book.views, "deferred-revenue", end, &[]);
        let stands = total(&contracts, "deferred") + total(&contracts, "unbilled");
        // Who takes back what a cancellation or a change gave back keeps it in the balance.
        let is_taken_back = book.ledger.credits.iter();
        let is_taken_back =
            is_taken_back.filter(|(_, credit)| credit.voided).any(|(id, _)| id.as_str().starts_with("CN-"));
        prop_assert!(is_taken_back || stands.is_zero(), "{:?}", contracts.rows);
        prop_assert_eq!(invariants::check(&book.views), Vec::new());

        for invoice in book.ledger.invoices.values() {
            for (day, _) in &invoice.settlements {
                prop_assert!(!invoice.open_on(*day).is_negative(), "{} {:?}", day, invoice);
            }
            for line in &invoice.lines {
                prop_assert!(line.credited_net <= line.net, "{:?}", line);
            }
            let charged: Amount = invoice.lines.iter().map(|line| line.tax).sum();
            let given_back: Amount = invoice.lines.iter().map(|line| line.credited_tax).sum();
            prop_assert!(given_back <= charged, "{:?}", invoice);
        }
        for as_of in ["2026-05-31", "2027-12-31"].map(|day| day.parse::<Day>().unwrap()) {
            let views = &book.views;
            let balance = |role: &str| {
                total(&report(views, "trial-balance", as_of, &[("role", role)]), "balance")
            };
            // Tax is never given back above what was charged.
            prop_assert!(!balance("tax_payable").is_positive());
            prop_assert_eq!(total(&report(views, "cash", as_of, &[]), "net"), balance("cash"));
            let owed = balance("accounts_receivable") + balance("unapplied_cash")
                + balance("customer_credits");
            let statement = report(views, "statement", as_of, &[("customer", "C")]);
            prop_assert_eq!(last(&statement, "balance"), owed);
            let roll = report(views, "rollforward", as_of, &[("from", "2026-03-01")]);
            let moved = total(&roll, "billed") - total(&roll, "recognised")
                - total(&roll, "credited") - total(&roll, "written_off");
            prop_assert_eq!(total(&roll, "opening") + moved, total(&roll, "closing"));
            let net = -(balance("revenue") + balance("contra_revenue"));
            let revenue = report(views, "revenue", as_of, &[("by", "month")]);
            prop_assert_eq!(total(&revenue, "amount"), net);
        }
        // The decider's state and the projection say the same.
        let far = "2027-12-31".parse().unwrap();
        let open: Amount = book.ledger.invoices.values().map(|invoice| invoice.open).sum();
        prop_assert_eq!(total(&report(&book.views, "open-items", far, &[]), "open"), open);
        for (id, payment) in book.ledger.payments.iter() {
            let shown = report(&book.views, "payment", far, &[("payment", id.as_str())]);
            prop_assert_eq!(total(&shown, "unapplied"), payment.unapplied);
        }
        for (id, credit) in &book.ledger.credits {
            let shown = report(&book.views, "credit", far, &[("credit", id.as_str())]);
            prop_assert_eq!(total(&shown, "unused"), credit.unused);
        }
    }

    /// In another currency than the book's: each document stands at its own rates, the accounts tie
    /// to the documents at every month's end, and nothing that is shown in USD is another figure.
    #[test]
    fn money_in_another_currency_ties_in_both(
        policies in policies(), steps in steps(30), rates in foreign::rates(), is_on in any::<bool>(),
    ) {
        let mut twin = Book::open(&policies);
        let mut book = Book::foreign(&revalued(&policies, is_on), "0.9137", &rates);
        for one in [&mut book, &mut twin] {
            prop_assert!(order(one));
            one.play(&steps);
        }
        prop_assert_eq!(invariants::check(&book.views), Vec::new());
        for as_of in ["2026-05-31", "2026-09-17", "2027-12-31"] {
            let as_of = as_of.parse().unwrap();
            foreign::check_documents(&book.views, &twin.views, as_of);
            foreign::check_book(&book.views, as_of);
        }
    }

    /// At a rate of one the twins are the same in every account.
    #[test]
    fn a_rate_of_one_changes_nothing(policies in policies(), steps in steps(30)) {
        let mut twin = Book::open(&policies);
        let mut book = Book::foreign(&revalued(&policies, true), "1", &[]);
        for one in [&mut book, &mut twin] {
            prop_assert!(order(one));
            one.play(&steps);
        }
        for as_of in ["2026-05-31", "2026-09-17", "2027-12-31"] {
            let as_of = as_of.parse().unwrap();
            let same = foreign::balances(&twin.views, as_of);
            prop_assert_eq!(foreign::balances(&book.views, as_of), same);
        }
    }
}

/// A subscription beside the invoices of the steps.
fn order(book: &mut Book) -> bool {
    let first = "2026-01-01".parse().unwrap();
    let order = json!({"order": "O", "customer": "C", "currency": "USD", "start": first,
        "term_months": 9, "lines": [{"line": "L", "tax_code": "V",
        "price": {"model": "flat", "amount": "77.77", "per": "month"},
        "recognition": {"method": "over_time"},
        "billing": {"every": "month", "timing": "advance"}}]});
    let rate = json!({"tax_code": "V", "rate": "19", "from": first});
    book.send("DefineTaxRate", first, &rate) && book.send("PlaceOrder", first, &order)
}

/// The policies, with revaluation or without.
fn revalued(policies: &Value, is_on: bool) -> Value {
    let mut policies = policies.clone();
    policies["fx_revaluation"] = json!(if is_on { "on" } else { "off" });
    policies
}
