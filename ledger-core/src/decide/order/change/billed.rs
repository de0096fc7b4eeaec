//! What a change of terms makes of what was billed before.

use crate::calendar::Day;
use crate::decide::order::change::{Change, ends};
use crate::event::order::{Adjustment, PlacedLine};
use crate::money::Amount;
use crate::revenue::usage::{Meter, MeterTerms};
use crate::state::order::{Costs, OrderLine};

impl Change<'_> {
    /// What the change makes of the deliveries that were billed before: with a catch-up they have the
    /// new price. Else they keep theirs, and what comes is billed as it is delivered.
    pub(super) fn of_deliveries(&self, line: &OrderLine, after: &PlacedLine) -> Vec<Adjustment> {
        let last = line.billed.periods.last_key_value().filter(|_| self.is_catch_up);
        let Some((day, billed)) = last else { return Vec::new() };
        let (done, whole) = (line.progress.done(*day), self.measured(line, after));
        let known: Amount = line.billed.periods.keys().map(|day| line.billed.of_period(*day)).sum();
        let price = if ends(line, after) { known } else { self.part(after.amount, done, whole) };
        let amount = price - known;
        let adjustment = (!amount.is_zero()).then(|| Adjustment {
            line: line.placed.line.clone(),
            due: self.due.max(billed.issued),
            period_start: *day,
            period_end: *day,
            amount,
            description: self.description.to_owned(),
        });
        adjustment.into_iter().collect()
    }

    /// What the change makes of the periods that were billed before; `meter` is the line's behind it.
    pub(super) fn adjustments(
        &self,
        (line, meter): (&OrderLine, Option<&Meter>),
        (before, after): (&Costs, &Costs),
        since: Day,
    ) -> Vec<Adjustment> {
        let meters = line.meter.as_ref().zip(meter);
        // Of a line that was over, the last period: a later end makes it longer.
        let grid = before.grid();
        let last = grid.last().and_then(|last| grid.at(last));
        // The periods of a price for the whole term are parts of it: all of them change with it.
        let since = if line.placed.is_priced_once() { grid.start } else { since.max(grid.start) };
        let Some(first) = grid.at(since).or(last) else { return Vec::new() };
        let billed = line.billed.periods.range(first.start..);
        let adjusted = billed.filter_map(|(start, billed)| {
            let old = before.grid().at(*start)?;
            let new = after.grid().at(*start).filter(|period| period.start == *start);
            let (was, is) = match meters {
                Some((was, is)) => (was.period_price(&old), new.map(|one| is.period_price(&one))),
                None => (before.period(&old), new.map(|one| after.period(&one))),
            };
            let amount = is.unwrap_or(self.currency.zero()) - was;
            (!amount.is_zero()).then(|| Adjustment {
                line: line.placed.line.clone(),
                due: self.due.max(billed.issued),
                period_start: *start,
                period_end: new.map_or(old.end, |period| period.end),
                amount,
                description: self.description.to_owned(),
            })
        });
        adjusted.collect()
    }
}

/// The meter behind a change of a line that earns by usage.
pub(super) fn metered(line: &OrderLine, placed: &PlacedLine) -> Option<Meter> {
    let (meter, terms) = (line.meter.as_ref()?, placed.meter_terms()?);
    // What ends or rests goes on under the terms that it had.
    let latest = line.terms.last().map(|last| last.from);
    let from = placed.terms_from.or(latest).unwrap_or(terms.from);
    let mut changed = meter.clone();
    changed.amend(u64::MAX, MeterTerms { from, ..terms });
    Some(changed)
}
