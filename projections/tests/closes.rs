//! Closes of random books: what they seal is what the reports say, and what comes later changes
//! nothing of the closed days (accounting, sections 1 and 7).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use ledger_core::calendar::Day;
use ledger_core::event::EventData;
use ledger_core::money::Amount;
use ledger_core::state::Ledger;
use projections::facts::EventFacts;
use projections::reports::{Cell, Filters, REPORTS, Table};
use projections::views::Views;
use projections::{invariants, seals};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::json;

#[path = "common/asked.rs"]
mod asked;
#[path = "closes/book.rs"]
mod book;
#[path = "common/cases.rs"]
mod cases;
#[path = "common/book.rs"]
mod common;
#[path = "money/steps.rs"]
mod money_steps;
#[expect(dead_code, reason = "shared with other tests, which use more of it")]
#[path = "contracts/steps.rs"]
mod order_steps;

use book::{Book, policies, steps};
use cases::config;

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// Reports that are of the log, not of a day: they tell what came later.
const OF_THE_LOG: [&str; 4] = ["audit-trail", "closes", "corrections", "explain"];

/// The text of a report, without the place in the log up to which it was folded.
fn text(book: &Book, name: &str, filters: &[(&str, String)]) -> String {
    let mut all = Filters::default();
    filters.iter().for_each(|(filter, value)| all.set(filter, value.as_str()));
    match asked::try_report(book, name, &all, day("2028-12-31")) {
        Ok(mut table) => {
            table.sequence = 0;
            table.to_json() + &table.to_csv()
        }
        // A document that the close did not know.
        Err(rejection) => rejection.code,
    }
}

/// The filters by which a report is asked besides the day: none, its other ways to show the same,
/// and each of the documents.
fn questions(book: &Book, name: &str) -> Vec<Vec<(&'static str, String)>> {
    let by = |words: &[&str]| words.iter().map(|word| vec![("by", (*word).to_owned())]).collect();
    let each = |filter: &'static str, ids: Vec<String>| {
        ids.into_iter().map(|id| vec![(filter, id)]).collect()
    };
    let names = book.names();
    match name {
        "statement" | "customer" => each("customer", vec!["C".to_owned()]),
        "invoice" => each("invoice", names.invoices),
        "payment" => each("payment", names.payments),
        "credit" => each("credit", names.credits),
        "order" => each("order", book.ledger.orders.keys().map(ToString::to_string).collect()),
        "revenue" => by(&["month", "day", "order", "customer", "product"]),
        "waterfall" => by(&["month", "order", "booked"]),
        "rpo" => by(&["month", "quarter"]),
        _ => vec![Vec::new()],
    }
}

/// Every report as of closed days, and those of a range over closed ranges whatever the day.
fn closed_answers(book: &Book, questions: &Asked, days: &[Day]) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for (name, filters) in questions {
        let report = REPORTS.iter().find(|report| report.name == *name).unwrap();
        for as_of in days {
            let mut ways = vec![vec![("as_of", as_of.to_string())]];
            if report.filters.contains(&"from") {
                let first = as_of.month().first().to_string();
                let range = vec![("from", first), ("to", as_of.to_string())];
                ways.push([range.clone(), ways[0].clone()].concat());
                if *name != "metrics" && *name != "reminders" && *name != "payment-requests" {
                    ways.push(range);
                }
            }
            for way in ways {
                let asked = [filters.clone(), way].concat();
                let text = text(book, name, &asked);
                all.insert(format!("{name} {asked:?}"), text);
            }
        }
    }
    all
}

type Asked = Vec<(&'static str, Vec<(&'static str, String)>)>;

/// What is asked of a book, of the documents that are known when its days are closed.
fn asked_of(book: &Book) -> Asked {
    let reports = REPORTS.iter().map(|report| report.name);
    let reports = reports.filter(|name| !OF_THE_LOG.contains(name));
    let all = |name| questions(book, name).into_iter().map(move |filters| (name, filters));
    reports.flat_map(all).collect()
}

/// What is sent after closes, in all: less where the code is not optimised, for the time it takes.
const COMMANDS: u32 = if cfg!(debug_assertions) { 4_000 } else { 10_000 };

/// After a close nothing that is sent, for days before or behind it, changes a byte of any answer
/// about the closed days.
#[test]
fn closed_days_answer_the_same_bytes_whatever_comes_later() {
    let mut runner = TestRunner::deterministic();
    let mut next = |most: usize| steps(most).new_tree(&mut runner).unwrap().current();
    let (mut sent, mut accepted, mut answers, mut books) = (0, 0, 0, 0);
    while sent < COMMANDS {
        let policies = json!({"fx_revaluation": "on", "dunning": {"standard": [
            {"after_days": 3, "notice": "reminder"}, {"after_days": 20, "notice": "final"}]}});
        // Every third one in another currency than its documents.
        let is_foreign = books % 3 == 2;
        let mut book = if is_foreign { Book::foreign(&policies) } else { Book::open(&policies) };
        books += 1;
        book.play(&next(30));
        let earlier = book.close(day("2026-02-28"));
        book.play(&next(20));
        let last = book.close(day("2026-04-30"));
        assert!(earlier && last);
        let days = ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-17", "2026-04-30"].map(day);
        let asked = asked_of(&book);
        let before = closed_answers(&book, &asked, &days);
        let (start, accepted_before) = (book.commands, book.accepted);
        while book.commands < start + 200 && sent + book.commands - start < COMMANDS {
            next(30).iter().for_each(|step| book.step(step));
            assert!(!is_foreign || book.rate("2026-03-05", "1.2345"));
        }
        let after = closed_answers(&book, &asked, &days);
        for (question, answer) in &before {
            assert_eq!(Some(answer), after.get(question), "{question}");
        }
        sent += book.commands - start;
        accepted += book.accepted - accepted_before;
        answers += before.len();
        assert_eq!(seals::check(&book.views), Vec::new());
    }
    println!("{accepted} of {sent} commands accepted, {answers} answers compared");
    assert!(accepted > sent / 10, "{accepted} of {sent} commands accepted");
}

/// What came late is the same amount wherever it is shown.
fn late_ties(book: &Book) {
    let end = day("2028-12-31");
    let report = |name: &str, filters: &[(&str, &str)]| {
        let mut all = Filters::default();
        filters.iter().for_each(|(filter, value)| all.set(filter, *value));
        asked::try_report(book, name, &all, end).unwrap()
    };
    let corrections = report("corrections", &[]);
    let journal = report("journal", &[]);
    let role = |role: &str| total(&journal, "late", Some(("role", role)));
    let revenue = role("revenue") + role("contra_revenue");
    let deferred = role("deferred_revenue") + role("unbilled_receivable");
    assert_eq!(total(&corrections, "receivable", None), role("accounts_receivable"));
    assert_eq!(total(&corrections, "revenue", None), revenue);
    assert_eq!(total(&corrections, "deferred", None), deferred);
    assert_eq!(total(&corrections, "tax", None), role("tax_payable"));
    assert_eq!(total(&corrections, "cash", None), role("cash"));
    assert_eq!(total(&journal, "late", None), Amount::ZERO);
    for by in ["day", "month", "order", "customer", "product"] {
        assert_eq!(total(&report("revenue", &[("by", by)]), "late", None), -revenue);
    }
    for by in ["month", "order", "booked"] {
        assert_eq!(total(&report("waterfall", &[("by", by)]), "late", None), -role("revenue"));
    }
    let roll = report("rollforward", &[("from", "2025-01-01")]);
    assert_eq!(total(&roll, "late", None), -deferred);
    assert_eq!(total(&report("deferred-revenue", &[]), "late", None), -deferred);
    assert_eq!(total(&report("cash", &[]), "late", None), role("cash"));
    let balances = report("trial-balance", &[]);
    for row in &balances.rows {
        let name = row[1].text();
        assert_eq!(total(&balances, "late", Some(("role", &name))), role(&name), "{name}");
    }
}

/// In a book in another currency than its documents: what is in the book's is the same everywhere.
fn late_ties_in_another_currency(book: &Book) {
    let end = day("2028-12-31");
    let report = |name: &str, filters: &[(&str, &str)]| {
        let mut all = Filters::default();
        filters.iter().for_each(|(filter, value)| all.set(filter, *value));
        asked::try_report(book, name, &all, end).unwrap()
    };
    let (corrections, journal) = (report("corrections", &[]), report("journal", &[]));
    let role = |role: &str| total(&journal, "late", Some(("role", role)));
    assert_eq!(total(&corrections, "receivable", None), role("accounts_receivable"));
    assert_eq!(total(&corrections, "tax", None), role("tax_payable"));
    assert_eq!(total(&corrections, "cash", None), role("cash"));
    assert_eq!(total(&journal, "late", None), Amount::ZERO);
    let roll = report("rollforward", &[("from", "2025-01-01")]);
    assert_eq!(total(&roll, "late", None), -role("deferred_revenue"));
    let balances = report("trial-balance", &[]);
    for row in &balances.rows {
        let name = row[1].text();
        assert_eq!(total(&balances, "late", Some(("role", &name))), role(&name), "{name}");
    }
}

/// Of two closes whose figures do not fit the first one is named, with the figure.
#[test]
fn the_first_seal_that_does_not_fit_is_named() {
    let mut book = Book::open(&json!({}));
    let invoice = |id: &str| json!({"invoice": id, "customer": "C", "currency": "USD", "lines": [{"amount": "10.00"}]});
    for (id, on, through) in [("A", "2026-01-05", "2026-01-31"), ("B", "2026-02-05", "2026-02-28")]
    {
        assert!(book.send("IssueInvoice", day(on), &invoice(id)) && book.close(day(through)));
    }
    assert_eq!(seals::check(&book.views), Vec::new());
    let mut views = Views::default();
    for mut event in book.events.clone() {
        if let EventData::PeriodClosed(closed) = &mut event.data {
            closed.seal.as_mut().unwrap().receivables.invoiced = "11.00".parse().unwrap();
        }
        views.fold(&EventFacts::of(event)).unwrap();
    }
    let found = seals::check(&views);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].sequence, Some(4));
    assert_eq!(
        found[0].message,
        "the close of the days through 2026-01-31: at the close receivables: invoiced was sealed as \
         11.00, and the books have 10.00"
    );
}

/// A close of an earlier release has no seal: the next one begins with the book, and fits.
#[test]
fn a_close_without_a_seal_still_counts() {
    let mut first = Book::open(&json!({}));
    let order = json!({"order": "O", "customer": "C", "currency": "USD", "start": "2026-01-01",
        "term_months": 12, "lines": [{"line": "L", "recognition": {"method": "over_time"},
        "price": {"model": "flat", "amount": "120.00", "per": "month"},
        "billing": {"every": "month", "timing": "advance"}}]});
    assert!(first.send("PlaceOrder", day("2026-01-01"), &order));
    assert!(first.send("RunBilling", day("2026-01-01"), &json!({"through": "2026-01-01"})));
    assert!(first.close(day("2026-01-31")));
    let mut book =
        common::Book { ledger: Ledger::default(), views: Views::default(), events: Vec::new() };
    for mut event in first.events.clone() {
        if let EventData::PeriodClosed(closed) = &mut event.data {
            closed.seal = None;
        }
        book.ledger.apply(&event);
        book.events.push(event.clone());
        book.views.fold(&EventFacts::of(event)).unwrap();
    }
    // Late, and so caught up in February.
    let cheaper = json!({"order": "O", "amendment": "A", "changes": [{"line": "L",
        "price": {"model": "flat", "amount": "90.00", "per": "month"}}]});
    assert!(book.send("AmendOrder", day("2026-01-11"), &cheaper));
    assert!(book.send("ClosePeriod", day("2026-03-01"), &json!({"through": "2026-02-28"})));
    let closes = seals::closes(&book.views, book.views.sequence);
    let sealed: Vec<Option<Option<Day>>> =
        closes.iter().map(|one| one.closed.seal.as_ref().map(|seal| seal.from)).collect();
    assert_eq!(sealed, [None, Some(None)]);
    assert_eq!(seals::check(&book.views), Vec::new());
}

/// The sum of a column, of all rows or of those with a text in another column.
fn total(table: &Table, column: &str, of: Option<(&str, &str)>) -> Amount {
    let at = |name: &str| table.columns.iter().position(|(one, _)| one == name).unwrap();
    let keeps = |row: &&Vec<Cell>| of.is_none_or(|(name, value)| row[at(name)].text() == value);
    let rows = table.rows.iter().filter(keeps);
    rows.map(|row| row[at(column)].text().parse::<Amount>().unwrap()).sum()
}

/// Steps and rates, and the close behind them.
#[derive(Debug, Clone)]
struct Part {
    steps: Vec<book::Step>,
    rates: Vec<book::Rate>,
    at: Day,
    is_reopening: bool,
}

fn part() -> impl Strategy<Value = Part> {
    let at = (0_i32..420, any::<bool>()).prop_map(|(days, is_month_end)| {
        let at = day("2026-01-01").plus_days(days);
        if is_month_end { at.month().last() } else { at }
    });
    (steps(8), book::rates(), at, any::<bool>()).prop_map(|(steps, rates, at, is_reopening)| Part {
        steps,
        rates,
        at,
        is_reopening,
    })
}

proptest! {
    #![proptest_config(config(24))]

    /// The core seals from its own state what the reports compute from their views, whatever
    /// happened before, between and after, and whatever was opened again: in the book's currency, in
    /// another one, and in both, with open items revalued or not.
    #[test]
    fn a_seal_is_what_the_reports_say(
        policies in policies(), parts in prop::collection::vec(part(), 1..5),
    ) {
        let mut revalued = policies.clone();
        revalued["fx_revaluation"] = json!("on");
        let mut book = Book::open(&policies);
        let mut open = book.clone();
        let mut mixed = Book::foreign(&revalued);
        mixed.are_orders_own = true;
        let mut abroad = [Book::foreign(&policies), Book::foreign(&revalued), mixed];
        let mut closed = 0;
        for part in parts {
            // Late ones among them: each part begins at the year's first day again.
            book.play(&part.steps);
            open.play(&part.steps);
            if part.is_reopening {
                book.reopen(part.at);
            }
            closed += usize::from(book.close(part.at));
            for book in &mut abroad {
                part.rates.iter().for_each(|one| assert!(book.rate_of(one)));
                book.play(&part.steps);
                if part.is_reopening {
                    book.reopen(part.at);
                }
                book.close(part.at);
            }
        }
        for book in abroad.iter().chain([&book]) {
            prop_assert_eq!(book.seals(), closed);
            prop_assert_eq!(seals::check(&book.views), Vec::new());
        }
        // What closes do not break: orders that are changed out of order may break a sum without any.
        late_ties(&book);
        abroad.iter().for_each(late_ties_in_another_currency);
        let (found, without) = (invariants::check(&book.views), invariants::check(&open.views));
        prop_assert!(found.is_empty() || !without.is_empty(), "{:?}", found);
    }
}
