//! What a cancellation leaves to be billed, or to be given back with the next run.

use super::Final;
use crate::calendar::Day;
use crate::event::order::Adjustment;
use crate::state::Book;
use crate::state::order::{Costs, Order};

/// What is still to be billed of periods that were billed before.
pub(super) fn adjustments(
    book: &Book,
    order: &Order,
    one: &Final<'_>,
    effective: Day,
) -> Vec<Adjustment> {
    let line = one.line;
    if line.is_billed_on_delivery() {
        return of_deliveries(one, effective);
    }
    let costs = Costs::new(&one.after, line.terms.clone(), &book.policies, order.currency);
    let grid = *costs.grid();
    if grid.at(line.placed.start).is_none() {
        return before_start(one, effective);
    }
    let periods = line.billed.periods.iter().filter_map(|(start, billed)| {
        let before = line.billed.adjusted.get(start).copied().unwrap_or_default();
        let period = grid.at(*start).filter(|period| period.start == *start);
        let price = match (&line.meter, period) {
            (Some(meter), Some(period)) => meter.period_price(&period),
            (None, Some(period)) => costs.period(&period),
            (_, None) => order.currency.zero(),
        };
        let amount = price - billed.amount - before;
        (!amount.is_zero()).then(|| Adjustment {
            line: line.placed.line.clone(),
            due: effective.max(billed.issued),
            period_start: *start,
            period_end: period.map_or(*start, |period| period.end),
            amount,
            description: "cancellation".to_owned(),
        })
    });
    periods.collect()
}

/// What was delivered of a line before its start, on which it would have been billed.
fn before_start(one: &Final<'_>, effective: Day) -> Vec<Adjustment> {
    let amount = one.price - one.line.billed.net;
    let adjustment = (!amount.is_zero()).then(|| Adjustment {
        line: one.line.placed.line.clone(),
        due: effective,
        period_start: effective,
        period_end: effective,
        amount,
        description: "cancellation".to_owned(),
    });
    adjustment.into_iter().collect()
}

/// What is still to be billed of deliveries that were billed before, where no other one will bill it.
fn of_deliveries(one: &Final<'_>, effective: Day) -> Vec<Adjustment> {
    let (line, amount) = (one.line, one.price - one.line.billed.net);
    let is_billed = |day: Day| line.billed.periods.contains_key(&day);
    let Some((day, billed)) = line.billed.periods.last_key_value() else { return Vec::new() };
    if amount.is_zero() || !line.progress.days(u64::MAX).all(is_billed) {
        return Vec::new();
    }
    vec![Adjustment {
        line: line.placed.line.clone(),
        due: effective.max(billed.issued),
        period_start: *day,
        period_end: *day,
        amount,
        description: "cancellation".to_owned(),
    }]
}
