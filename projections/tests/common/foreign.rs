//! Books whose documents are in another currency than the book's, each with a twin in theirs.

use std::collections::BTreeMap;

use ledger_core::calendar::Day;
use ledger_core::money::Amount;
use projections::reports::{Filters, Table, run};
use projections::views::Views;
use proptest::prelude::*;
use serde_json::json;

use super::common::Book;

/// The rates of a case: ten-thousandths from a day of 2026 on.
pub(crate) fn rates() -> impl Strategy<Value = Vec<(i32, i64)>> {
    prop::collection::vec((0..500_i32, 4_000..25_000_i64), 0..24)
}

/// Records a rate that holds from the beginning, and the others.
pub(crate) fn record(book: &mut Book, first: &str, rates: &[(i32, i64)]) {
    let start: Day = "2026-01-01".parse().unwrap();
    let others = rates.iter().map(|(days, rate)| {
        (start.plus_days(*days), format!("{}.{:04}", rate / 10_000, rate % 10_000))
    });
    let early = "2025-01-01".parse().unwrap();
    for (date, rate) in std::iter::once((early, first.to_owned())).chain(others) {
        let data = json!({"from": "USD", "to": "EUR", "rate": rate, "date": date});
        assert!(book.send("RecordFxRate", start, &data));
    }
}

fn report(views: &Views, name: &str, as_of: Day, filters: &[(&str, &str)]) -> Table {
    let mut all = Filters::default();
    all.set("as_of", as_of.to_string());
    for (filter, value) in filters {
        all.set(filter, *value);
    }
    run(name, &all, views, as_of).unwrap()
}

/// The sums of a column by role.
fn by_role(table: &Table, column: &str) -> BTreeMap<String, Amount> {
    let at = |name: &str| table.columns.iter().position(|(column, _)| column == name).unwrap();
    let (role, column) = (at("role"), at(column));
    let mut sums: BTreeMap<String, Amount> = BTreeMap::new();
    for row in &table.rows {
        let amount: Amount = row[column].text().parse().unwrap();
        *sums.entry(row[role].text()).or_default() += amount;
    }
    sums.retain(|_, amount| !amount.is_zero());
    sums
}

/// The balances by role.
pub(crate) fn balances(views: &Views, as_of: Day) -> BTreeMap<String, Amount> {
    by_role(&report(views, "trial-balance", as_of, &[]), "balance")
}

/// What is shown in the documents' currency is the same as in the twin.
pub(crate) fn check_documents(views: &Views, twin: &Views, as_of: Day) {
    for (name, filters) in [
        ("receivables", vec![]),
        ("open-items", vec![]),
        ("statement", vec![("customer", "C")]),
        ("billing", vec![]),
        ("cash", vec![]),
        ("deferred-revenue", vec![]),
        ("revenue", vec![("by", "day")]),
        ("waterfall", vec![]),
        ("rpo", vec![]),
    ] {
        let (one, other) =
            (report(views, name, as_of, &filters), report(twin, name, as_of, &filters));
        assert_eq!(shown(&one), shown(&other), "{name} as of {as_of}");
    }
}

/// The rows but for what is in the book's currency.
fn shown(table: &Table) -> Vec<Vec<String>> {
    let is_shown = |at: &usize| !table.columns[*at].0.starts_with("book_");
    let places: Vec<usize> = (0..table.columns.len()).filter(is_shown).collect();
    let rows = table.rows.iter();
    rows.map(|row| places.iter().map(|at| row[*at].text()).collect()).collect()
}

/// The journal sums to the trial balance, and the roll-forward closes.
pub(crate) fn check_book(views: &Views, as_of: Day) {
    let journal = report(views, "journal", as_of, &[]);
    let (debits, credits) = (by_role(&journal, "debit"), by_role(&journal, "credit"));
    let balances = balances(views, as_of);
    let mut moved = debits;
    for (role, amount) in credits {
        *moved.entry(role).or_default() -= amount;
    }
    moved.retain(|_, amount| !amount.is_zero());
    assert_eq!(moved, balances, "the journal through {as_of}");
    let roll = report(views, "rollforward", as_of, &[("from", "2026-03-01")]);
    let of = |name: &str| -> Amount {
        let at = roll.columns.iter().position(|(column, _)| column == name).unwrap();
        roll.rows.iter().map(|row| row[at].text().parse::<Amount>().unwrap()).sum()
    };
    let moved = of("billed") - of("recognised") - of("credited") - of("written_off") + of("fx");
    assert_eq!(of("opening") + moved, of("closing"), "the roll-forward to {as_of}");
    let role = |name: &str| balances.get(name).copied().unwrap_or_default();
    assert_eq!(-(role("deferred_revenue") + role("unbilled_receivable")), of("closing"));
    // At each document's own rate, which is the account's where nothing is revalued.
    let sum = |name: &str, column: &str| -> Amount {
        let table = report(views, name, as_of, &[]);
        let at = table.columns.iter().position(|(one, _)| one == column).unwrap();
        table.rows.iter().map(|row| row[at].amount()).sum()
    };
    if as_of != as_of.month().last() {
        assert_eq!(sum("receivables", "book_total"), role("accounts_receivable"));
        assert_eq!(sum("open-items", "book_open"), role("accounts_receivable"));
        assert_eq!(-sum("deferred-revenue", "book_deferred"), role("deferred_revenue"));
        assert_eq!(sum("deferred-revenue", "book_unbilled"), role("unbilled_receivable"));
    }
}
