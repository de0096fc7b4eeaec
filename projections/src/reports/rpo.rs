//! Remaining performance obligations: price allocated to what is not delivered yet, by time band
//! (ASC 606-10-50-13; readings, 52).

use std::collections::BTreeMap;

use ledger_core::calendar::Day;
use ledger_core::money::Amount;
use ledger_core::rejection::Rejection;

use crate::reports::contracts::{Span, by_unknown, lines, running_end};
use crate::reports::{Query, Table};
use crate::views::{Contract, Line};

/// What remains of a line on the business date.
struct Remaining {
    /// Without a date on which it will be delivered: milestones and deliveries.
    undated: Amount,
    /// The last day on which something of it is earned by the calendar.
    dated_through: Option<Day>,
}

/// Within twelve months and later; or by month, quarter or year.
pub(super) fn rpo(query: &Query<'_>) -> Result<Table, Rejection> {
    match query.filters.get("by") {
        None => bands(query),
        Some(by) => match Span::parse(by) {
            Some(span) if span != Span::Day => by_span(query, span),
            Some(_) | None => Err(by_unknown("month, quarter or year")),
        },
    }
}

fn remaining(query: &Query<'_>, contract: &Contract, line: &Line) -> Option<Remaining> {
    let latest = line.latest(query.sequence)?;
    let zero = contract.currency.zero();
    if line.booked > query.as_of || line.meter.is_some() {
        return None;
    }
    let earned = line.earned(query.as_of, query.at(), contract.currency);
    if latest.progress.is_some() || latest.is_paused {
        let undated = latest.total() - earned;
        return Some(Remaining { undated, dated_through: None });
    }
    let dated_through = match latest.recurring {
        Some(_) => running_end(query, line)?,
        None => latest.end.max(latest.from),
    };
    Some(Remaining { undated: zero, dated_through: Some(dated_through) })
}

fn bands(query: &Query<'_>) -> Result<Table, Rejection> {
    let mut sums: BTreeMap<&str, (Amount, Amount)> = BTreeMap::new();
    let year_on = query.as_of.next().plus_months(12, query.as_of.next().day()).previous();
    for (contract, line) in lines(query) {
        let Some(remaining) = remaining(query, contract, line) else { continue };
        let zero = contract.currency.zero();
        let sum = sums.entry(contract.currency.code()).or_insert((zero, zero));
        sum.1 += remaining.undated;
        if let Some(last) = remaining.dated_through.filter(|last| *last > query.as_of) {
            let earned = |day: Day| line.earned(day, query.at(), contract.currency);
            let soon = earned(year_on.min(last));
            sum.0 += soon - earned(query.as_of);
            sum.1 += earned(last) - soon;
        }
    }
    let mut table =
        Table::new(&["currency", "next_12_months:amount", "later:amount", "total:amount"]);
    for (currency, (soon, later)) in sums {
        table.rows.push(vec![currency.into(), soon.into(), later.into(), (soon + later).into()]);
    }
    Ok(table)
}

fn by_span(query: &Query<'_>, span: Span) -> Result<Table, Rejection> {
    let mut sums: BTreeMap<(String, &str), Amount> = BTreeMap::new();
    for (contract, line) in lines(query) {
        let Some(remaining) = remaining(query, contract, line) else { continue };
        let code = contract.currency.code();
        let mut add = |band: String, amount: Amount| {
            *sums.entry((band, code)).or_insert(contract.currency.zero()) += amount;
        };
        // Sorts behind every date.
        add("undated".to_owned(), remaining.undated);
        let Some(last) = remaining.dated_through else { continue };
        let mut before = line.earned(query.as_of, query.at(), contract.currency);
        let mut day = query.as_of.next();
        while day <= last {
            let end = span.last(day).min(last);
            let through = line.earned(end, query.at(), contract.currency);
            add(span.label(day), through - before);
            before = through;
            day = span.last(day).next();
        }
    }
    let mut table = Table::new(&[span.name(), "currency", "amount:amount"]);
    for ((band, currency), amount) in sums {
        if !amount.is_zero() {
            table.rows.push(vec![band.into(), currency.into(), amount.into()]);
        }
    }
    Ok(table)
}
