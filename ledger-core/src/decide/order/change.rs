//! What a change of terms does to one line: its price, its billed periods, and what it earns.

use rust_decimal::Decimal;

use crate::billing::terms::{Terms, in_force, with};
use crate::calendar::Day;
use crate::command::shared::{Discount, Method, Price};
use crate::decide::order::allocate::ssp_weight;
use crate::decide::order::place::recurring;
use crate::event::order::{Adjustment, PlacedLine};
use crate::money::{Amount, Currency, multiply_divide};
use crate::revenue::recurring::Recurring;
use crate::revenue::schedule::{Measure, Schedule};
use crate::revenue::weight::weight_through;
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
        let adjustments =
            self.adjustments(line, &before, &known.costs(policies, self.currency), since);
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
            if last.recurring.is_none() && last.total() != total {
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
            self.adjustments(line, &before, &costs, since)
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
        if ends(line, after) {
            return self.part(old, done, whole);
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
        let delivered = multiply_divide(old.decimal(), done, whole);
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

    /// What the change makes of the deliveries that were billed before: with a catch-up they have the
    /// new price. Else they keep theirs, and what comes is billed as it is delivered.
    fn of_deliveries(&self, line: &OrderLine, after: &PlacedLine) -> Vec<Adjustment> {
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

    /// What the change makes of the periods that were billed before.
    fn adjustments(
        &self,
        line: &OrderLine,
        before: &Costs,
        after: &Costs,
        since: Day,
    ) -> Vec<Adjustment> {
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
            let amount = new.map_or(self.currency.zero(), |period| after.period(&period))
                - before.period(&old);
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

    /// The version of a change that leaves what was earned alone: `rest` over what is still to
    /// come (606-10-25-13a).
    pub(super) fn prospective(&self, changed: Changed<'_>, rest: Amount) -> PlacedLine {
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
    pub(super) fn catch_up(&self, changed: Changed<'_>) -> PlacedLine {
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
    pub(super) fn undelivered_weight(&self, changed: &Changed<'_>) -> (Decimal, Decimal) {
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
