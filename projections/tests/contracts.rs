//! Random orders, amendments, credits, deliveries and dates: what must hold of revenue whatever
//! happens (accounting, section 7).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use ledger_core::calendar::Day;
use ledger_core::command::shared::Method;
use ledger_core::money::Amount;
use projections::invariants;
use projections::reports::{Filters, Table, run};
use projections::views::Views;
use proptest::prelude::*;

#[path = "contracts/book.rs"]
mod book;
#[path = "common/cases.rs"]
mod cases;
#[path = "common/foreign.rs"]
mod foreign;
#[path = "contracts/steps.rs"]
mod steps;

use book::{Book, common};
use cases::config;
use steps::{Step, policies, steps};

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn report(views: &Views, name: &str, as_of: Day, filters: &[(&str, &str)]) -> Table {
    let mut all = Filters::default();
    all.set("as_of", as_of.to_string());
    for (filter, value) in filters {
        all.set(filter, *value);
    }
    run(name, &all, views, as_of).unwrap()
}

/// The sum of a column by the values of another.
fn sums(table: &Table, by: &str, column: &str) -> BTreeMap<String, Amount> {
    let at = |name: &str| table.columns.iter().position(|(column, _)| column == name).unwrap();
    let (by, column) = (at(by), at(column));
    let mut sums: BTreeMap<String, Amount> = BTreeMap::new();
    for row in &table.rows {
        let amount: Amount = row[column].text().parse().unwrap();
        *sums.entry(row[by].text()).or_default() += amount;
    }
    sums.retain(|_, amount| !amount.is_zero());
    sums
}

fn total(table: &Table, column: &str) -> Amount {
    let at = table.columns.iter().position(|(name, _)| name == column).unwrap();
    table.rows.iter().map(|row| row[at].text().parse::<Amount>().unwrap()).sum()
}

/// Behind everything that a case can schedule.
fn far() -> Day {
    day("2040-12-31")
}

proptest! {
    #![proptest_config(config(96))]

    #[test]
    fn recognised_and_to_come_are_the_allocated_price(
        policies in policies(), steps in steps(14),
    ) {
        let mut book = Book::open(&policies);
        book.play(&steps);
        for order in book.ledger.orders.values() {
            for line in &order.lines {
                let placed = &line.placed;
                let is_done = placed.recognition.method == Method::OverTime
                    && placed.last().is_some() && !placed.is_suspended;
                if is_done {
                    let earned = line.earned_through(far(), order.currency);
                    let last = line.versions.last().unwrap();
                    prop_assert_eq!(earned, last.total(), "{:?}", line);
                }
                // All of the price once all is delivered, whatever it has become meanwhile.
                let (done, whole) = line.delivered(far());
                if placed.recognition.method == Method::Milestone && done == whole {
                    let earned = line.earned_through(far(), order.currency);
                    prop_assert_eq!(earned, line.versions.last().unwrap().total(), "{:?}", line);
                }
            }
        }
        prop_assert_eq!(invariants::check(&book.views), Vec::new());
    }

    #[test]
    fn all_report_paths_give_the_same_revenue(policies in policies(), steps in steps(14)) {
        let mut book = Book::open(&policies);
        book.play(&steps);
        let views = &book.views;
        let as_of = day("2026-09-17");
        let by_month = report(views, "revenue", as_of, &[("by", "month")]);
        let by_day = report(views, "revenue", as_of, &[("by", "day")]);
        let mut days: BTreeMap<String, Amount> = BTreeMap::new();
        for (label, amount) in sums(&by_day, "day", "amount") {
            *days.entry(label[..7].to_owned()).or_default() += amount;
        }
        days.retain(|_, amount| !amount.is_zero());
        prop_assert_eq!(&sums(&by_month, "month", "amount"), &days);
        for by in ["quarter", "order", "customer", "product"] {
            let table = report(views, "revenue", as_of, &[("by", by)]);
            prop_assert_eq!(total(&table, "amount"), total(&by_month, "amount"), "by {}", by);
        }
        let balance = |role: &str| {
            total(&report(views, "trial-balance", as_of, &[("role", role)]), "balance")
        };
        let net = -(balance("revenue") + balance("contra_revenue"));
        prop_assert_eq!(total(&by_month, "amount"), net);
        let gross = report(views, "revenue", as_of, &[("by", "month"), ("gross", "true")]);
        let waterfall = report(views, "waterfall", as_of, &[]);
        let past: BTreeMap<String, Amount> = sums(&waterfall, "month", "recognised");
        prop_assert_eq!(sums(&gross, "month", "amount"), past);
        for by in ["product", "order", "customer", "booked"] {
            let table = report(views, "waterfall", as_of, &[("by", by)]);
            for column in ["recognised", "scheduled"] {
                prop_assert_eq!(sums(&table, "month", column), sums(&waterfall, "month", column));
            }
        }
        let journal = report(views, "journal", as_of, &[]);
        let (debits, credits) = (sums(&journal, "role", "debit"), sums(&journal, "role", "credit"));
        for (role, amount) in sums(&report(views, "trial-balance", as_of, &[]), "role", "balance") {
            let of = |side: &BTreeMap<String, Amount>| side.get(&role).copied().unwrap_or_default();
            prop_assert_eq!(of(&debits) - of(&credits), amount, "{}", role);
        }
        let roll = report(views, "rollforward", as_of, &[("from", "2026-03-01")]);
        let movement = total(&roll, "billed") - total(&roll, "recognised") - total(&roll, "credited");
        prop_assert_eq!(total(&roll, "opening") + movement, total(&roll, "closing"));
        let closing = -(balance("deferred_revenue") + balance("unbilled_receivable"));
        prop_assert_eq!(total(&roll, "closing"), closing);
        let deferred = report(views, "deferred-revenue", as_of, &[]);
        prop_assert_eq!(total(&deferred, "deferred") - total(&deferred, "unbilled"), closing);
        for row in &deferred.rows {
            let (deferred, unbilled) = (row[6].text(), row[7].text());
            prop_assert!(deferred == "0.00" || unbilled == "0.00", "{} and {}", deferred, unbilled);
        }
        let spans = report(views, "rpo", as_of, &[("by", "quarter")]);
        prop_assert_eq!(total(&spans, "amount"), total(&report(views, "rpo", as_of, &[]), "total"));
    }

    /// What comes after a close changes no figure of the closed days; what it would have changed
    /// there is caught up by the first open day.
    #[test]
    fn closed_days_never_change(
        policies in policies(), before in steps(8), after in steps(8), close in 0_i32..300,
    ) {
        let through = day("2026-01-01").plus_days(close);
        let mut book = Book::open(&policies);
        book.play(&before);
        let mut open = book.clone();
        book.close(through);
        let frozen = |views: &Views| {
            let names = ["trial-balance", "revenue", "deferred-revenue", "open-items", "rollforward"];
            names.map(|name| report(views, name, through, &[]).rows)
        };
        let closed = frozen(&book.views);
        book.play(&after);
        prop_assert_eq!(frozen(&book.views), closed);
        prop_assert_eq!(invariants::check(&book.views), Vec::new());
        // The same without a close: from the first open day on all is as if nothing had been late.
        open.play(&after);
        let later = far();
        // But for what is shown as late.
        let balances = |views: &Views, day: Day| {
            sums(&report(views, "trial-balance", day, &[]), "role", "balance")
        };
        prop_assert_eq!(balances(&book.views, later), balances(&open.views, later));
        let first = through.next().max(day("2026-12-31"));
        let cumulative = |views: &Views| total(&report(views, "revenue", first, &[]), "amount");
        prop_assert_eq!(cumulative(&book.views), cumulative(&open.views));
    }

    /// Whoever bills daily issues the same invoices as whoever bills once.
    #[test]
    fn billing_daily_or_once_is_the_same(policies in policies(), orders in steps::orders()) {
        let (mut daily, mut once) = (Book::open(&policies), Book::open(&policies));
        let (mut today, last) = (day("2026-01-01"), day("2027-06-30"));
        once.play(&orders);
        once.bill(last);
        while today <= last {
            let now: Vec<Step> = orders.iter().filter(|step| step.date() == today).cloned().collect();
            daily.play(&now);
            daily.bill(today);
            today = today.next();
        }
        let invoices = |views: &Views| report(views, "billing", last, &[]).rows;
        prop_assert_eq!(invoices(&daily.views), invoices(&once.views));
        prop_assert_eq!(
            report(&daily.views, "open-items", last, &[]).rows,
            report(&once.views, "open-items", last, &[]).rows
        );
    }

    /// Within a day it does not matter what comes first.
    #[test]
    fn the_order_within_a_day_does_not_matter(
        policies in policies(), before in steps(6), day in 41_i32..300,
        today in prop::collection::vec(steps::commutative(), 2..5),
    ) {
        let mut book = Book::open(&policies);
        // A line that its start earns turns with its first delivery: that one is not of today.
        let delivered = [0, 1].map(|order| Step::delivery(order, 40));
        let before: Vec<Step> = before.into_iter().chain(delivered).collect();
        book.play(&before);
        let mut other = book.clone();
        let on = |step: &Step| step.on(day);
        let taken: Vec<Step> = today.iter().map(on).filter(|step| book.step(step)).collect();
        let back = taken.iter().rev().filter(|step| other.step(step)).count();
        // Of two that set the same thing the last one holds; and a refusal may depend on what
        // came before it.
        if steps::sets_twice(&taken) || back < taken.len() {
            return Ok(());
        }
        // Where the day of a change belongs to the old terms, a delivery that is recorded after it
        // for that day is a late one.
        if policies["change_day"] == "old" && steps::changes_and_delivers(&taken) {
            return Ok(());
        }
        let end = self::day("2027-03-31");
        let revenue = |views: &Views| report(views, "revenue", end, &[("by", "day")]).rows;
        prop_assert_eq!(revenue(&book.views), revenue(&other.views));
    }

    /// Contracts in another currency than the book's: what is billed ahead stands at the rates of its
    /// bills, what is earned ahead at those of the days; the accounts tie, and nothing that is shown in
    /// the contract's own currency is another figure. A close freezes both.
    #[test]
    fn contracts_in_another_currency_tie_in_both(
        policies in policies(), before in steps(10), after in steps(6), rates in foreign::rates(),
        late in foreign::rates(), close in 0_i32..300,
    ) {
        let mut twin = Book::open(&policies);
        let mut book = Book::foreign(&policies, "0.9137", &rates);
        let through = day("2026-01-01").plus_days(close);
        for one in [&mut book, &mut twin] {
            one.play(&before);
            one.close(through);
        }
        let closed = foreign::balances(&book.views, through);
        // Rates for closed days come too late for them.
        book.rates(&late);
        for one in [&mut book, &mut twin] {
            one.play(&after);
        }
        prop_assert_eq!(foreign::balances(&book.views, through), closed);
        prop_assert_eq!(invariants::check(&book.views), Vec::new());
        for as_of in ["2026-04-30", "2026-09-17", "2027-12-31"].map(day) {
            foreign::check_documents(&book.views, &twin.views, as_of);
            foreign::check_book(&book.views, as_of);
        }
    }

    #[test]
    fn a_rate_of_two_doubles_every_account(policies in policies(), steps in steps(14)) {
        let mut twin = Book::open(&policies);
        let mut book = Book::foreign(&policies, "2", &[]);
        for one in [&mut book, &mut twin] {
            one.play(&steps);
        }
        for as_of in ["2026-04-30", "2026-09-17", "2027-12-31"].map(day) {
            let mut doubled = foreign::balances(&twin.views, as_of);
            doubled.values_mut().for_each(|amount| *amount += *amount);
            prop_assert_eq!(foreign::balances(&book.views, as_of), doubled);
        }
    }
}
