//! Which orders, and which changes of them, a forecast knows of.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ledger_core::calendar::Day;
use projections::reports::{Filters, run};
use serde_json::json;

#[path = "common/asked.rs"]
mod asked;
#[path = "common/book.rs"]
mod common;

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// 10.00 a month from 1 February 2026 on, placed on 15 January; all is recorded on 1 January, as a
/// book is that was entered ahead.
fn book() -> common::Book {
    let mut book = common::Book::open(&json!({}));
    let order = json!({"order": "O", "customer": "C", "currency": "USD", "start": "2026-02-01",
        "lines": [{"line": "L", "price": {"model": "flat", "amount": "10.00", "per": "month"},
        "recognition": {"method": "over_time"},
        "billing": {"every": "month", "timing": "advance"}}]});
    assert!(book.send("PlaceOrder", day("2026-01-15"), &order));
    book
}

/// Month and expected cash.
fn rows(book: &common::Book, as_of: &str, filters: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut all = Filters::default();
    all.set("as_of", as_of);
    for (name, value) in filters {
        all.set(name, *value);
    }
    let table = asked::try_report(book, "forecast", &all, day(as_of)).unwrap();
    table.rows.iter().map(|row| (row[0].text(), row[2].text())).collect()
}

fn months(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(month, amount)| ((*month).to_owned(), (*amount).to_owned())).collect()
}

#[test]
fn a_year_is_shown_and_no_more_than_was_known() {
    let book = book();
    let year = rows(&book, "2026-01-20", &[]);
    assert_eq!(year.len(), 12, "{year:?}");
    assert_eq!(year.first(), months(&[("2026-02", "10.00")]).first());
    assert_eq!(year.last(), months(&[("2027-01", "10.00")]).last());
    assert_eq!(rows(&book, "2026-01-20", &[("at_sequence", "2")]), []);
}

#[test]
fn a_change_that_is_known_ahead_counts() {
    let mut book = book();
    let cancel = json!({"order": "O", "unearned": "none"});
    assert!(book.send("CancelOrder", day("2026-04-01"), &cancel));
    // Recorded on 1 January: on the 20th everybody knows that the order ends with March.
    let known = [("to", "2026-12-31")];
    assert_eq!(rows(&book, "2026-01-20", &known).len(), 2);
    // On the last day of December nobody does: neither the order nor its end is there yet.
    assert_eq!(rows(&book, "2025-12-31", &known), []);
}

#[test]
fn a_billing_run_that_was_ahead_is_still_to_come() {
    let mut book = book();
    let before = rows(&book, "2026-01-20", &[("to", "2026-06-30")]);
    assert!(book.send("RunBilling", day("2026-01-20"), &json!({"through": "2026-03-31"})));
    assert_eq!(rows(&book, "2026-01-20", &[("to", "2026-06-30")]), before);
}

#[test]
fn views_alone_are_refused() {
    let error = run("forecast", &Filters::default(), &book().views, day("2026-01-20"));
    assert_eq!(error.unwrap_err().code, "report.unavailable");
}

#[test]
fn the_last_day_is_not_absurd() {
    for to in ["2026-01-19", "2036-01-21"] {
        let mut filters = Filters::default();
        filters.set("to", to);
        let error = run("forecast", &filters, &book().views, day("2026-01-20")).unwrap_err();
        assert_eq!((error.code.as_str(), error.field.as_deref()), ("report.filter", Some("to")));
    }
}
