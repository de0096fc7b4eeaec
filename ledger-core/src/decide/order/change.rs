//! What a change of terms does to one line: its price, its billed periods, and what it earns.

mod billed;
mod versions;

use rust_decimal::Decimal;

use crate::billing::terms::{Terms, in_force, with};
use crate::calendar::Day;
use crate::command::shared::{Discount, Method, Price};
use crate::decide::order::place::recurring;
use crate::event::order::{Adjustment, PlacedLine};
use crate::money::{Amount, Currency, multiply_divide};
use crate::revenue::recurring::Recurring;
use crate::revenue::schedule::Schedule;
use crate::state::Book;
use crate::state::order::{Costs, OrderLine, terms_of};

/// What the changes of one command share.
#[derive(Clone, Copy)]
pub(super) struct Change<'a> {
    pub(super) book: &'a Book,
    pub(super) currency: Currency,
    /// The first day of the new terms.
    pub(super) from: Day,
    /// The day on which what changes in billed periods falls due.
    pub(super) due: Day,
    /// Whether deliveries so far are priced anew, too.
    pub(super) is_catch_up: bool,
    /// What an adjustment says on its invoice.
    pub(super) description: &'a str,
}

/// A line whose terms change: what it had earned, and what is to come.
pub(super) struct Changed<'a> {
    pub(super) line: &'a OrderLine,
    pub(super) after: PlacedLine,
    pub(super) earned: Amount,
    /// To be earned from the change on; of a line without an end, through its running period.
    pub(super) rest: Amount,
    /// What comes behind that, where the line has no end.
    recurring: Option<Recurring>,
    /// The first day of its new terms.
    from: Day,
    /// The last day over which `rest` spreads.
    spread_end: Day,
    /// The first day of the running period, where the line has no end.
    period_start: Option<Day>,
    pub(super) adjustments: Vec<Adjustment>,
}

impl Changed<'_> {
    /// Whether the change ends the line before its time.
    pub(super) fn ends(&self) -> bool {
        ends(self.line, &self.after)
    }
}

/// Whether a line ends before its time, and did not so far. Nothing takes such an end back.
fn ends(line: &OrderLine, after: &PlacedLine) -> bool {
    after.ended != line.placed.ended
}

/// What a change sets; the rest stays as it is.
#[derive(Debug, Clone, Default)]
pub(super) struct Edit {
    pub(super) quantity: Option<Amount>,
    pub(super) price: Option<Price>,
    pub(super) discount: Option<Discount>,
    pub(super) end: Option<Day>,
    pub(super) is_suspended: Option<bool>,
}

impl Edit {
    /// The line with these terms.
    pub(super) fn of(&self, line: PlacedLine) -> PlacedLine {
        PlacedLine {
            quantity: self.quantity.unwrap_or(line.quantity),
            price: self.price.clone().unwrap_or(line.price),
            discount: self.discount.or(line.discount),
            end: self.end.or(line.end),
            is_suspended: self.is_suspended.unwrap_or(line.is_suspended),
            ..line
        }
    }

    /// What of it still holds once a later change has set terms of its own.
    fn below(&self, before: &Terms, later: &Terms) -> Self {
        let is_same = |same: bool| same.then_some(());
        Self {
            quantity: is_same(before.quantity == later.quantity).and(self.quantity),
            price: is_same(before.price == later.price).and(self.price.clone()),
            discount: is_same(before.discount == later.discount).and(self.discount),
            end: self.end,
            is_suspended: is_same(before.is_suspended == later.is_suspended).and(self.is_suspended),
        }
    }
}

/// The line with the terms that hold on a day.
pub(super) fn on(line: &OrderLine, day: Day) -> PlacedLine {
    match in_force(&line.terms, day).or(line.terms.first()) {
        Some(terms) => with_terms(line.placed.clone(), terms),
        None => line.placed.clone(),
    }
}

fn with_terms(line: PlacedLine, terms: &Terms) -> PlacedLine {
    PlacedLine {
        price: terms.price.clone(),
        quantity: terms.quantity,
        discount: terms.discount,
        is_suspended: terms.is_suspended,
        ..line
    }
}

impl<'a> Change<'a> {
    /// Changes a line that changes again later: this change holds from its day on, and each later
    /// one once more from its own, with what this one sets and it does not.
    pub(super) fn before_later(
        &self,
        line: &OrderLine,
        edit: &Edit,
        terms_from: Day,
    ) -> (Vec<PlacedLine>, Vec<Adjustment>) {
        let policies = &self.book.policies;
        let later: Vec<Terms> =
            line.terms.iter().filter(|one| one.from > terms_from).cloned().collect();
        let mut known = self.without(line, &later, terms_from);
        let mut step = Change { ..*self };
        let (mut edit, mut from) = (edit.clone(), terms_from);
        let mut before = in_force(&line.terms, terms_from).or(line.terms.first()).cloned();
        let mut after = edit.of(on(line, terms_from));
        let mut lines = Vec::new();
        let mut later = later.into_iter();
        loop {
            let changed = step.of(&known, after.clone(), Some(from));
            let rest = changed.rest;
            let placed = step.prospective(changed, rest);
            known.change(&placed, u64::MAX);
            lines.push(placed);
            let Some(next) = later.next() else { break };
            if let Some(before) = &before {
                edit = edit.below(before, &next);
            }
            after = edit.of(with_terms(known.placed.clone(), &next));
            from = next.from;
            (step.from, step.due) = (next.from, next.from);
            before = Some(next);
        }
        let before = line.costs(policies, self.currency);
        let since = terms_from.min(self.from).max(line.placed.start);
        let adjustments = self.adjustments(
            (line, known.meter.as_ref()),
            (&before, &known.costs(policies, self.currency)),
            since,
        );
        (lines, adjustments)
    }

    /// The line as if its later changes were not yet.
    fn without(&self, line: &OrderLine, later: &[Terms], terms_from: Day) -> OrderLine {
        let mut known = line.clone();
        known.terms.retain(|one| one.from <= terms_from);
        known.versions.retain(|version| later.iter().all(|one| one.from != version.from));
        known.placed = on(&known, terms_from);
        if known.placed.last().is_some() && known.placed.recognition.method == Method::OverTime {
            let costs = known.costs(&self.book.policies, self.currency);
            known.placed.amount = costs.total();
        }
        let difference = line.placed.amount - known.placed.amount;
        if let (Some(full), Some(last)) = (line.versions.last(), known.versions.last()) {
            let total = full.total() - difference;
            // One without an end knows its running period only: what another one came to is no part of it.
            let is_dated = last.recurring.is_none() && full.recurring.is_none();
            if is_dated && last.total() != total {
                let from = last.from.max(self.from);
                let amount = total - last.recognised;
                let version = Schedule { from, amount, ..last.clone() };
                known.versions.push(version);
            }
        }
        known
    }

    /// Changes a line to the terms in `after`, which hold from `terms_from` on; none: only its
    /// revenue moves.
    pub(super) fn of(
        &self,
        line: &'a OrderLine,
        mut after: PlacedLine,
        terms_from: Option<Day>,
    ) -> Changed<'a> {
        after.terms_from = terms_from;
        let terms = match terms_from {
            Some(from) => with(&line.terms, terms_of(&after, from)),
            None => line.terms.clone(),
        };
        let policies = &self.book.policies;
        let before = line.costs(policies, self.currency);
        let since = terms_from.map_or(self.from, |from| from.min(self.from)).max(line.placed.start);
        let mut costs = Costs::new(&after, terms, policies, self.currency);
        after.amount = self.amount(line, &after, &costs);
        // A price for the whole term is what `amount` says.
        costs = Costs::new(&after, costs.terms, policies, self.currency);
        let delta = after.amount - line.placed.amount;
        let adjustments = if line.is_billed_on_delivery() {
            self.of_deliveries(line, &after)
        } else {
            self.adjustments(
                (line, billed::metered(line, &after).as_ref()),
                (&before, &costs),
                since,
            )
        };
        let mut changed = Changed {
            line,
            after,
            earned: line.earned_through(self.from.previous(), self.currency),
            rest: self.currency.zero(),
            recurring: None,
            from: self.from,
            spread_end: self.from,
            period_start: None,
            adjustments,
        };
        match line.versions.last() {
            Some(last) if last.recurring.is_some() || self.is_endless(line) => {
                self.spread_endless(&mut changed, last, &before, &costs);
            }
            Some(last) => {
                changed.rest = last.total() - changed.earned + delta;
                changed.spread_end = match line.placed.recognition.method {
                    Method::PointInTime => changed.after.start,
                    Method::OverTime | Method::Usage | Method::Milestone | Method::OnInvoice => {
                        changed.after.last().unwrap_or(last.end)
                    }
                };
            }
            None => {}
        }
        changed
    }

    /// Whether the line had no end before the change.
    fn is_endless(&self, line: &OrderLine) -> bool {
        line.placed.end.is_none()
            && line.placed.recognition.method == Method::OverTime
            && !line.placed.is_priced_once()
    }

    /// The line's price over its term with the new terms; nothing where it has no end. Periods
    /// before the change cost what they did: the terms from then are among the new ones.
    fn amount(&self, line: &OrderLine, after: &PlacedLine, costs: &Costs) -> Amount {
        match line.placed.recognition.method {
            Method::Usage => line.placed.amount,
            Method::PointInTime | Method::Milestone => self.amount_by_delivery(line, after),
            Method::OverTime | Method::OnInvoice => costs.total(),
        }
    }

    /// What is delivered keeps its price, the rest has the new one (readings, 41); with a
    /// catch-up all of it has.
    fn amount_by_delivery(&self, line: &OrderLine, after: &PlacedLine) -> Amount {
        let old = line.placed.amount;
        let terms = terms_of(after, self.from);
        let new = self.currency.round(terms.whole(), self.book.policies.rounding);
        if after.terms_from.is_none() && after.ended == line.placed.ended {
            return old;
        }
        let (done, whole) = line.delivered(self.from.previous());
        let delivered = self.part(old, done, whole);
        // At more than one price, where that has changed before.
        let known = line.price_of_delivered(self.from.previous(), self.currency);
        let mixed = known.filter(|known| *known != delivered);
        if ends(line, after) {
            return mixed.unwrap_or(delivered);
        }
        if self.is_catch_up || done.is_zero() {
            return new;
        }
        let (done, whole, units) =
            if line.versions.last().is_none_or(|version| version.progress.is_none()) {
                // All that was ordered is earned on its start, which has passed; what comes to it is not.
                let ordered = line.placed.quantity.decimal();
                (ordered, ordered, after.quantity.decimal().max(ordered))
            } else {
                (done, whole, self.measured(line, after))
            };
        if whole.is_zero() || units.is_zero() {
            return old;
        }
        // One rounding of the sum, so that what does not change stays what it is.
        let exact = || multiply_divide(old.decimal(), done, whole);
        let delivered = mixed.map_or_else(exact, Amount::decimal);
        let rest = multiply_divide(new.decimal(), units - done, units);
        self.currency.round(delivered + rest, self.book.policies.rounding)
    }

    /// All that is to be delivered after a change: units, or percent.
    fn measured(&self, line: &OrderLine, after: &PlacedLine) -> Decimal {
        match line.placed.recognition.method {
            Method::PointInTime => after.quantity.decimal(),
            Method::Milestone | Method::OverTime | Method::Usage | Method::OnInvoice => {
                line.delivered(self.from).1
            }
        }
    }

    fn part(&self, amount: Amount, part: Decimal, whole: Decimal) -> Amount {
        let exact = multiply_divide(amount.decimal(), part, whole);
        self.currency.round(exact, self.book.policies.rounding)
    }

    /// A line without an end spreads what its running period still earns; whole periods recur
    /// behind it, or a term begins.
    fn spread_endless(
        &self,
        changed: &mut Changed<'_>,
        last: &Schedule,
        before: &Costs,
        after: &Costs,
    ) {
        let line = changed.line;
        let day = self.from.max(line.placed.start);
        let Some(old) = before.grid().at(day) else { return };
        let cut = after.grid().at(day).filter(|period| period.start == old.start);
        let through = line.earned_through(old.end, self.currency);
        let running = if last.is_paused { last.amount } else { through - changed.earned };
        let new_price = cut.map_or(self.currency.zero(), |period| after.period(&period));
        changed.rest = running + new_price - before.period(&old);
        changed.spread_end = cut.map_or(self.from, |period| period.end);
        changed.period_start = Some(old.start);
        match changed.after.last() {
            None => {
                let known = last.recurring.map(|recurring| recurring.amount);
                let amount = known.unwrap_or(self.currency.zero()) + after.cycle() - before.cycle();
                let is_resting = changed.after.is_suspended;
                changed.recurring =
                    (!is_resting).then(|| recurring(&changed.after, after, old.end.next(), amount));
            }
            Some(end) => {
                if end > old.end {
                    changed.rest += after.rest(old.end.next());
                    changed.spread_end = end;
                }
            }
        }
    }
}
