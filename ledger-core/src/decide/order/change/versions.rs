//! What a line earns behind a change: the version of its schedule, and its weight among lines that share.

use rust_decimal::Decimal;

use crate::command::shared::Method;
use crate::decide::order::allocate::ssp_weight;
use crate::decide::order::change::{Change, Changed};
use crate::event::order::PlacedLine;
use crate::money::Amount;
use crate::revenue::schedule::{Measure, Schedule};
use crate::revenue::weight::weight_through;

impl Change<'_> {
    /// The version of a change that leaves what was earned alone: `rest` over what is still to
    /// come (606-10-25-13a).
    pub(in crate::decide::order) fn prospective(
        &self,
        changed: Changed<'_>,
        rest: Amount,
    ) -> PlacedLine {
        let Some(last) = changed.line.versions.last() else {
            return changed.after;
        };
        let start = changed.line.placed.start.max(changed.from);
        let is_paused = changed.after.is_suspended;
        let version = Schedule {
            from: changed.from,
            recognised: changed.earned,
            amount: rest,
            start,
            end: changed.spread_end.max(start),
            progress: last.progress.map(|measure| self.measure(&changed, measure)),
            recurring: changed.recurring,
            is_paused,
            ..last.clone()
        };
        PlacedLine { allocated: version.total(), schedule: Some(version), ..changed.after }
    }

    /// Progress times the new price, the difference on the effective date (606-10-25-13b).
    pub(in crate::decide::order) fn catch_up(&self, changed: Changed<'_>) -> PlacedLine {
        let line = changed.line;
        let Some(last) = line.versions.last() else {
            return changed.after;
        };
        if changed.after.is_suspended {
            let rest = changed.rest;
            return self.prospective(changed, rest);
        }
        let total = changed.earned + changed.rest;
        // The running period is all that a line without an end has to catch up on.
        let running = changed.period_start.filter(|_| changed.recurring.is_some());
        let start = running.unwrap_or(line.placed.start);
        let recognised = running.map_or(self.currency.zero(), |start| {
            line.earned_through(start.previous(), self.currency)
        });
        let progress = last.progress.map(|measure| self.caught_up(&changed, measure));
        let version = Schedule {
            from: changed.from,
            recognised,
            amount: total - recognised,
            start,
            end: changed.spread_end.max(start),
            progress,
            recurring: changed.recurring,
            is_paused: false,
            ..last.clone()
        };
        PlacedLine { allocated: total, schedule: Some(version), ..changed.after }
    }

    /// The measure of a version that catches up. A line that ends costs what is delivered of it: nothing
    /// is left to deliver, and the share must not be taken of that price once more.
    fn caught_up(&self, changed: &Changed<'_>, before: Measure) -> Measure {
        let measure = self.measure(changed, before);
        if changed.ends() {
            return Measure { whole: measure.base, ..measure };
        }
        Measure { base: Amount::ZERO, ..measure }
    }

    fn measure(&self, changed: &Changed<'_>, before: Measure) -> Measure {
        let done = changed.line.progress.done(self.from.previous());
        let whole = match changed.line.placed.recognition.method {
            Method::PointInTime => changed.after.quantity,
            Method::Milestone | Method::OverTime | Method::Usage | Method::OnInvoice => {
                before.whole
            }
        };
        Measure { base: Amount::from_decimal(done), whole }
    }

    /// What a line weighs in the pool of what is still to be delivered: standalone selling price
    /// times its undelivered part (readings, 42).
    pub(in crate::decide::order) fn undelivered_weight(
        &self,
        changed: &Changed<'_>,
    ) -> (Decimal, Decimal) {
        let (whole, over) = ssp_weight(self.book, self.currency, &changed.after);
        let (part, of) = self.undelivered(changed);
        (whole * part, over * of)
    }

    fn undelivered(&self, changed: &Changed<'_>) -> (Decimal, Decimal) {
        let line = changed.line;
        let last = changed.after.last();
        let start = changed.after.start;
        if last.is_some_and(|last| last < self.from) {
            return (Decimal::ZERO, Decimal::ONE);
        }
        match line.versions.last() {
            Some(Schedule { progress: Some(_), .. }) => {
                let whole = self.measured(line, &changed.after);
                let done = line.progress.done(self.from.previous());
                if whole.is_zero() { (Decimal::ZERO, Decimal::ONE) } else { (whole - done, whole) }
            }
            Some(version) if version.method == Method::OverTime && self.from > start => {
                let end = last.unwrap_or(version.end).max(self.from);
                let (part, whole) = weight_through(version.basis, start, end, self.from.previous());
                (whole - part, whole)
            }
            Some(version) if version.method == Method::PointInTime && self.from > start => {
                (Decimal::ZERO, Decimal::ONE)
            }
            Some(_) => (Decimal::ONE, Decimal::ONE),
            None => (Decimal::ZERO, Decimal::ONE),
        }
    }
}
