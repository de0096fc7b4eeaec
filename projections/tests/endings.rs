//! When all that was promised is over, delivered and billed, each contract is even: what was billed,
//! less credits, is what was earned, and nothing is deferred or unbilled (accounting, sections 2, 3
//! and 7).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use ledger_core::money::Amount;
use projections::invariants;
use projections::reports::{Filters, Table, run};
use projections::views::Views;
use proptest::prelude::*;

#[path = "endings/book.rs"]
mod book;
#[path = "common/cases.rs"]
mod cases;
#[path = "common/book.rs"]
mod common;
#[path = "endings/steps.rs"]
mod steps;

use book::{Book, far};
use cases::config;
use steps::{Step, policies, steps, voided};

fn report(views: &Views, name: &str) -> Table {
    let mut filters = Filters::default();
    filters.set("as_of", far().to_string());
    run(name, &filters, views, far()).unwrap()
}

/// Billed and recognised of each contract.
fn standings(views: &Views) -> BTreeMap<String, (Amount, Amount)> {
    let table = report(views, "deferred-revenue");
    let at = |name: &str| table.columns.iter().position(|(column, _)| column == name).unwrap();
    let amount = |row: &[projections::reports::Cell], name: &str| {
        row[at(name)].text().parse::<Amount>().unwrap()
    };
    let rows = table.rows.iter().map(|row| {
        let contract = format!("{} {}", row[at("order")].text(), row[at("invoice")].text());
        (contract, (amount(row, "billed"), amount(row, "recognised")))
    });
    rows.collect()
}

fn check_even(book: &Book) -> Result<(), TestCaseError> {
    let views = &book.inner.views;
    for (contract, (billed, recognised)) in standings(views) {
        prop_assert_eq!(billed, recognised, "{}", contract);
    }
    let table = report(views, "trial-balance");
    let at = |name: &str| table.columns.iter().position(|(column, _)| column == name).unwrap();
    let mut sum = Amount::ZERO;
    for row in &table.rows {
        let (role, balance) =
            (row[at("role")].text(), row[at("balance")].text().parse::<Amount>().unwrap());
        sum += balance;
        if ["deferred_revenue", "unbilled_receivable"].contains(&role.as_str()) {
            prop_assert!(balance.is_zero(), "{} {}", role, balance);
        }
    }
    prop_assert!(sum.is_zero());
    prop_assert_eq!(invariants::check(views), Vec::new());
    Ok(())
}

proptest! {
    #![proptest_config(config(480))]

    #[test]
    fn what_is_over_is_even(policies in policies(), steps in steps(12)) {
        let mut book = Book::open(&policies);
        for step in &steps {
            book.step(step);
        }
        book.end();
        check_even(&book)?;
    }

    /// A credit that is voided leaves in the end what would stand without it.
    #[test]
    fn a_voided_credit_leaves_nothing(
        policies in policies(), steps in steps(10), (credit, until) in voided(),
    ) {
        let (mut with, mut without) = (Book::open(&policies), Book::open(&policies));
        // A credit between the two splits by what is earned under the first one, and keeps that.
        let between = credit.day..=until;
        let keeps = |step: &&Step| {
            !(step.is_void() || step.is_credit() && between.contains(&step.day))
        };
        let steps: Vec<&Step> = steps.iter().filter(keeps).collect();
        let mut all: Vec<(i32, Option<&Step>)> = steps.iter().map(|step| (step.day, Some(*step))).collect();
        all.push((until, None));
        let at = all.iter().position(|(day, _)| *day > credit.day).unwrap();
        all.insert(at, (credit.day, Some(&credit)));
        all.sort_by_key(|(day, _)| *day);
        let mut issued = None;
        for (_, step) in all {
            match step {
                Some(step) if std::ptr::eq(step, &raw const credit) => {
                    without.skip_a_number();
                    without.bill_through(step.date());
                    if !with.step(step) {
                        return Ok(());
                    }
                    issued = with.last_credit().map(str::to_owned);
                    with.forget_last_credit();
                }
                Some(step) => {
                    // What was refused because of it makes two different histories.
                    if with.step(step) != without.step(step) {
                        return Ok(());
                    }
                }
                None => {
                    let Some(issued) = &issued else { return Ok(()) };
                    // Once its order is cancelled a credit stays taken.
                    if with.is_cancelled_any() || !with.void(issued, until) {
                        return Ok(());
                    }
                }
            }
        }
        with.end();
        without.end();
        prop_assert_eq!(standings(&with.inner.views), standings(&without.inner.views));
    }
}
