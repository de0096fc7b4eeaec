//! What came late for closed days and is posted on the first open one, shown apart.
//!
//! An entry is late where it is posted on another day than it counts on. A line's revenue is late
//! where a day's figures know more than those of the day before: that is what the day catches up.

use std::collections::BTreeMap;

use ledger_core::calendar::{Day, YearMonth};
use ledger_core::money::{Amount, Currency, multiply_divide};
use ledger_core::posting::ContractId;
use rust_decimal::Decimal;

use crate::reports::contracts::{Span, lines, order_of};
use crate::reports::{Query, functional};
use crate::views::{Contra, Contract, Entry, InvoiceFact, Line, Step};

/// A yes or no in a report.
pub(super) fn flag(is_late: bool) -> &'static str {
    if is_late { "true" } else { "false" }
}

impl Entry {
    /// Whether it came late for closed days.
    pub(super) fn is_late(&self) -> bool {
        self.date != self.effective
    }
}

impl InvoiceFact {
    /// Whether it came late for closed days.
    pub(super) fn is_late(&self) -> bool {
        self.posted != self.issued.issued
    }
}

/// What a line catches up, with the days.
pub(super) fn caught_up(line: &Line, steps: &[Step], currency: Currency) -> Vec<(Day, Amount)> {
    let mut all = Vec::new();
    for step in steps {
        // Most lines learn nothing late.
        if line.learned_at(step.before, step.after).is_empty() {
            continue;
        }
        let earned = |sequence: u64| line.earned_as_known(step.closed, sequence, currency);
        let late = earned(step.after) - earned(step.before);
        if !late.is_zero() {
            all.push((step.closed.next(), late));
        }
    }
    all
}

/// What a contract catches up by day, in the book's currency: of one in another currency its part of
/// what the day earns there.
pub(super) fn in_book(
    query: &Query<'_>,
    contract: &Contract,
    steps: &[Step],
) -> BTreeMap<Day, Amount> {
    let mut sums: BTreeMap<Day, Amount> = BTreeMap::new();
    for line in contract.lines.values() {
        for (day, amount) in caught_up(line, steps, contract.currency) {
            *sums.entry(day).or_default() += amount;
        }
    }
    let walk = if sums.is_empty() { None } else { functional::walk(query, contract) };
    let (Some(mut walk), Some(valuing)) = (walk, query.views.valuing()) else { return sums };
    for (day, late) in &mut sums {
        let before = walk.through(day.previous()).recognised;
        let value = walk.through(*day).recognised - before;
        let earned = |day: Day| contract.recognised(day, query.at());
        let whole = earned(*day) - earned(day.previous());
        let exact = match whole.is_zero() {
            true => Decimal::ZERO,
            false => multiply_divide(value.decimal(), late.decimal(), whole.decimal()),
        };
        *late = valuing.currency.round(exact, valuing.rounding);
    }
    sums
}

/// What of the balance of a contract was posted late in a range, in the book's currency.
pub(super) fn of_balance_in_book(
    query: &Query<'_>,
    contract: &Contract,
    steps: &[Step],
    (from, to): (Day, Day),
) -> Amount {
    let is_in = |day: Day| day >= from && day <= to;
    let billed = contract.billed.iter();
    let billed = billed.filter(|one| one.late && one.sequence <= query.sequence && is_in(one.date));
    let billed: Amount =
        billed.map(|one| one.valued.as_ref().map_or(one.amount, |valued| valued.amount)).sum();
    let earned = in_book(query, contract, steps).into_iter();
    billed - earned.filter(|(day, _)| is_in(*day)).map(|(_, amount)| amount).sum()
}

/// What of the balance of a contract was posted late in a range: billed less recognised.
pub(super) fn of_balance(
    contract: &Contract,
    (steps, sequence): (&[Step], u64),
    (from, to): (Option<Day>, Day),
) -> Amount {
    let is_in = |day: Day| day <= to && from.is_none_or(|from| day >= from);
    let billed = contract.billed.iter();
    let billed = billed.filter(|one| one.late && one.sequence <= sequence && is_in(one.date));
    let lines = contract.lines.values();
    let earned = lines.flat_map(|line| caught_up(line, steps, contract.currency));
    let earned: Amount = earned.filter(|(day, _)| is_in(*day)).map(|(_, amount)| amount).sum();
    contract.currency.zero() + billed.map(|one| one.amount).sum() - earned
}

fn order_of_contra(fact: &Contra) -> Option<&str> {
    match &fact.contract {
        Some(ContractId::Order(order)) => Some(order.as_str()),
        Some(ContractId::Invoice(_)) | None => None,
    }
}

/// The late part of the report `revenue`, by its keys.
pub(super) fn of_revenue<'a>(
    query: &'a Query<'_>,
    (from, to): (Day, Day),
    (by, span): (&str, Option<Span>),
) -> BTreeMap<(String, &'a str), Amount> {
    let mut sums: BTreeMap<(String, &str), Amount> = BTreeMap::new();
    let steps = query.at().steps();
    let key =
        |day: Day, order: Option<&str>, customer: &str, product: Option<&str>| match (span, by) {
            (Some(span), _) => span.label(day),
            (None, "order") => order.unwrap_or("").to_owned(),
            (None, "customer") => customer.to_owned(),
            (None, _) => product.unwrap_or("").to_owned(),
        };
    if query.views.deferred_revenue.closes.is_empty() {
        return sums;
    }
    for (contract, line) in lines(query) {
        let product = line.product.as_ref().map(|product| product.as_str());
        for (day, amount) in caught_up(line, &steps, contract.currency) {
            if day >= from && day <= to {
                let key = key(day, order_of(contract), contract.customer.as_str(), product);
                *sums.entry((key, contract.currency.code())).or_default() += amount;
            }
        }
    }
    if query.filters.get("gross") == Some("true") {
        return sums;
    }
    for fact in query.views.deferred_revenue.contra.iter().filter(|fact| fact.late) {
        let (order, product) =
            (order_of_contra(fact), fact.product.as_ref().map(|product| product.as_str()));
        if fact.date >= from
            && fact.date <= to
            && fact.sequence <= query.sequence
            && query.keeps("customer", Some(fact.customer.as_str()))
            && query.keeps("order", order)
            && query.keeps("product", product)
        {
            let key = key(fact.date, order, fact.customer.as_str(), product);
            *sums.entry((key, fact.currency.code())).or_default() -= fact.amount;
        }
    }
    sums
}

/// The late part of what the waterfall shows as recognised, by its keys.
pub(super) fn of_waterfall<'a>(
    query: &'a Query<'_>,
    group: &dyn Fn(&Contract, &Line) -> String,
) -> BTreeMap<(YearMonth, &'a str, String), Amount> {
    let mut sums: BTreeMap<(YearMonth, &str, String), Amount> = BTreeMap::new();
    let steps = query.at().steps();
    if steps.is_empty() {
        return sums;
    }
    for (contract, line) in lines(query) {
        let late = caught_up(line, &steps, contract.currency).into_iter();
        for (day, amount) in late.filter(|(day, _)| *day <= query.as_of) {
            let key = (day.month(), contract.currency.code(), group(contract, line));
            *sums.entry(key).or_default() += amount;
        }
    }
    sums
}
