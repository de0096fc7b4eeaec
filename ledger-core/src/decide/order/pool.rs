//! What the lines of an order share by standalone selling price when one of them changes.

use rust_decimal::Decimal;

use crate::calendar::Day;
use crate::command::shared::Method;
use crate::decide::order::allocate::{shares, ssp_weight};
use crate::decide::order::change::{Change, Changed};
use crate::event::order::PlacedLine;
use crate::money::{Amount, over_one_denominator};
use crate::rejection::{Code, Rejection};
use crate::state::order::Order;

/// The lines of an order around a change.
pub(super) struct Pool<'c, 'a> {
    pub(super) change: &'c Change<'a>,
    pub(super) order: &'a Order,
    /// The effective date of the command.
    pub(super) effective: Day,
}

/// Whether a line shares its price with others of its order.
pub(super) fn is_pooled(line: &PlacedLine) -> bool {
    !line.is_separate
        && line.recognition.method != Method::Usage
        && (line.last().is_some()
            || line.recognition.method != Method::OverTime
            || line.is_priced_once())
}

/// Whether lines of an order share their price: one that may names a standalone selling price.
pub(super) fn is_shared(order: &Order, added: &[PlacedLine]) -> bool {
    let known = order.lines.iter().filter(|line| !line.removed).map(|line| &line.placed);
    known.chain(added).any(|line| is_pooled(line) && line.ssp.is_some())
}

/// Each line spreads its own rest.
pub(super) fn own_rest(change: &Change<'_>, changed: Vec<Changed<'_>>) -> Vec<PlacedLine> {
    let version = |one: Changed<'_>| {
        let rest = one.rest;
        change.prospective(one, rest)
    };
    changed.into_iter().map(version).collect()
}

impl<'a> Pool<'_, 'a> {
    /// What is not yet recognised, and the change, over what is still to be delivered: by
    /// standalone selling price where a line names one, else each line its own (readings, 42).
    pub(super) fn prospective(
        &self,
        changed: Vec<Changed<'a>>,
        added: &mut [PlacedLine],
    ) -> Result<Vec<PlacedLine>, Rejection> {
        if !is_shared(self.order, added) {
            return Ok(own_rest(self.change, changed));
        }
        let changed = self.with_others(changed);
        let weights = self.weights(&changed, added, |one| self.change.undelivered_weight(one));
        // What a credit of the same day took of a line stays its own, whichever came first.
        let day = self.change.from.previous();
        let currency = self.change.currency;
        let own = |one: &Changed<'_>| one.line.lowered_behind(day, self.effective, currency);
        let rests = changed.iter().map(|(_, one)| one).filter(|one| is_pooled(&one.line.placed));
        let pool = currency.zero() + rests.map(|one| one.rest + own(one)).sum() + prices(added);
        if weights.iter().all(Decimal::is_zero) {
            if pool.is_zero() {
                let asked = changed.into_iter().filter(|(is_asked, _)| *is_asked);
                return Ok(own_rest(self.change, asked.map(|(_, one)| one).collect()));
            }
            return Err(Rejection::at(
                Code::SspZero,
                "data.changes",
                "the standalone selling prices of what is still to be delivered sum to zero",
            ));
        }
        let mut parts = shares(self.change.book, currency, pool, &weights).into_iter();
        let mut lines = Vec::new();
        for (is_asked, one) in changed {
            let (rest, lowered) = (one.rest, own(&one));
            let share = match is_pooled(&one.line.placed).then(|| parts.next()).flatten() {
                Some(share) => share - lowered,
                None => rest,
            };
            // A line that nobody asked to change stays as it is where its share does.
            if is_asked || share != rest {
                lines.push(self.change.prospective(one, share));
            }
        }
        give(added, parts);
        Ok(lines)
    }

    /// As if the new terms had been those of the contract from its start: where lines share their
    /// price, the new one is allocated over all of them.
    pub(super) fn catch_up(
        &self,
        changed: Vec<Changed<'a>>,
        added: &mut [PlacedLine],
    ) -> Vec<PlacedLine> {
        if !is_shared(self.order, added) {
            return changed.into_iter().map(|one| self.change.catch_up(one)).collect();
        }
        let mut changed = self.with_others(changed);
        let weights = self.weights(&changed, added, |one| self.promised_weight(one));
        let currency = self.change.currency;
        let pooled = changed.iter().map(|(_, one)| one).filter(|one| is_pooled(&one.line.placed));
        let total = currency.zero() + pooled.map(|one| one.earned + one.rest).sum() + prices(added);
        if !weights.iter().all(Decimal::is_zero) {
            let mut parts = shares(self.change.book, currency, total, &weights).into_iter();
            for (_, one) in changed.iter_mut().filter(|(_, one)| is_pooled(&one.line.placed)) {
                one.rest = parts.next().map_or(one.rest, |part| part - one.earned);
            }
            give(added, parts);
        }
        let mut lines = Vec::new();
        for (is_asked, one) in changed {
            if is_asked || one.earned + one.rest != one.line.placed.allocated {
                lines.push(self.change.catch_up(one));
            }
        }
        lines
    }

    /// The changed lines and the others that share their price, in the order of the lines, each
    /// with whether its change was asked for.
    fn with_others(&self, changed: Vec<Changed<'a>>) -> Vec<(bool, Changed<'a>)> {
        let mut asked = changed;
        let mut all = Vec::new();
        for line in self.order.lines.iter().filter(|line| !line.removed) {
            let id = &line.placed.line;
            if let Some(at) = asked.iter().position(|one| one.after.line == *id) {
                all.push((true, asked.remove(at)));
            } else if is_pooled(&line.placed) {
                all.push((false, self.change.of(line, line.placed.clone(), None)));
            }
        }
        all
    }

    /// The weights of the lines that share their price, added ones last.
    fn weights(
        &self,
        changed: &[(bool, Changed<'_>)],
        added: &[PlacedLine],
        of: impl Fn(&Changed<'_>) -> (Decimal, Decimal),
    ) -> Vec<Decimal> {
        let known = changed.iter().map(|(_, one)| one).filter(|one| is_pooled(&one.line.placed));
        let known = known.map(of);
        let new = added.iter().filter(|line| is_pooled(line));
        let new = new.map(|line| ssp_weight(self.change.book, self.change.currency, line));
        over_one_denominator(&known.chain(new).collect::<Vec<_>>())
    }

    /// The standalone selling price of all that a line promises: of one that ends, what it has
    /// delivered.
    fn promised_weight(&self, one: &Changed<'_>) -> (Decimal, Decimal) {
        let (whole, over) = ssp_weight(self.change.book, self.change.currency, &one.after);
        // Without a selling price of its own it weighs what it costs, which is that already.
        if one.ends() && one.after.is_priced_once() && one.after.ssp.is_some() {
            let (done, of) = one.line.delivered(self.change.from.previous());
            return (whole * done, over * of);
        }
        (whole, over)
    }
}

/// The prices of added lines that share theirs.
fn prices(added: &[PlacedLine]) -> Amount {
    added.iter().filter(|line| is_pooled(line)).map(|line| line.amount).sum()
}

/// Gives added lines their shares.
fn give(added: &mut [PlacedLine], mut parts: impl Iterator<Item = Amount>) {
    for line in added.iter_mut().filter(|line| is_pooled(line)) {
        let share = parts.next().unwrap_or(line.amount);
        line.allocated = share;
        if let Some(schedule) = &mut line.schedule {
            schedule.amount = share;
        }
    }
}
