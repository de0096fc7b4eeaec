//! What a credit does to the revenue of the line that it lowers (readings, 1, 44 and 45).

use rust_decimal::Decimal;

use crate::billing::grid::Period;
use crate::calendar::Day;
use crate::money::{Amount, Currency, multiply_divide};
use crate::policy::CreditRevenue;
use crate::rejection::{Code, Rejection};
use crate::revenue::progress::Progress;
use crate::revenue::rebase::behind;
use crate::revenue::recurring::Recurring;
use crate::revenue::schedule::{Measure, Schedule, in_force};
use crate::state::Book;
use crate::state::order::{Order, OrderLine};

/// What earns the credited line's money.
pub(super) enum Earning<'a> {
    /// The invoice's line itself.
    Own { versions: &'a [Schedule], contra: Contra<'a> },
    /// A line of an order, of which the invoice billed the period with this day; `contra` is what
    /// credits took of the invoice's line.
    Order { order: &'a Order, line: &'a OrderLine, day: Day, contra: Contra<'a> },
}

/// What credits took of what was earned, with their days.
type Contra<'a> = &'a [(Day, Amount)];

/// What a credited line does to revenue.
pub(super) struct Effect {
    /// Posted to contra revenue on the credit's date.
    pub(super) contra_revenue: Amount,
    /// The line's new version, where what it is still to earn is lowered.
    pub(super) schedule: Option<Schedule>,
    /// Its later versions behind that one.
    pub(super) later: Vec<Schedule>,
}

impl Effect {
    /// Revenue that was earned is given back; what is to come stays as it is.
    fn contra(contra_revenue: Amount) -> Self {
        Self { contra_revenue, schedule: None, later: Vec::new() }
    }
}

/// What the effects of one credit share.
pub(super) struct Effects<'a> {
    pub(super) book: &'a Book,
    pub(super) currency: Currency,
    pub(super) effective: Day,
    pub(super) revenue: CreditRevenue,
}

/// A price, and how much of it was earned through the day before the credit.
struct Earned {
    /// The price as it stood on that day, so that the order of what happens on one day does not
    /// matter.
    total: Amount,
    earned: Amount,
    /// What is still to be earned now.
    unearned: Amount,
    /// What earlier credits took of what was earned: it is given back already.
    contra: Amount,
}

/// How a credited net splits.
struct Split {
    contra: Amount,
    /// Revenue itself is debited with this.
    taken_back: Amount,
}

impl Effects<'_> {
    /// Splits a credited net into contra revenue and contract balance, with the line's new
    /// schedule. "Earned" is earned through the day before.
    ///
    /// # Errors
    /// `credit.exceeds_unearned`, where the rest is to be re-spread and is too small.
    pub(super) fn of(
        &self,
        earning: &Earning<'_>,
        net: Amount,
        field: &str,
    ) -> Result<Effect, Rejection> {
        match earning {
            Earning::Own { versions, contra } => {
                self.of_versions(versions, &Progress::default(), contra, (net, field))
            }
            Earning::Order { order, line, day, contra } => {
                if line.meter.is_some() {
                    return self.of_usage(line, (net, field));
                }
                let kept = kept(order, line, self.currency).min(net);
                if kept == net {
                    return Ok(Effect::contra(self.currency.zero()));
                }
                let net = net - kept;
                if line.versions.iter().rev().any(|one| one.recurring.is_some())
                    && line.placed.last().is_none()
                {
                    return self.of_period(line, *day, contra, (net, field));
                }
                self.of_versions(&line.versions, &line.progress, &line.contra, (net, field))
            }
        }
    }

    fn of_versions(
        &self,
        versions: &[Schedule],
        progress: &Progress,
        contra: Contra<'_>,
        (net, field): (Amount, &str),
    ) -> Result<Effect, Rejection> {
        let Some(last) = versions.last() else {
            return Ok(Effect::contra(self.currency.zero()));
        };
        let before = self.effective.previous();
        let done = progress.done(before);
        let then = in_force(versions.iter(), before);
        let earned = then
            .map_or(self.currency.zero(), |one| one.earned_through(before, done, self.currency));
        let total = then.unwrap_or(last).total();
        let contra = self.contra_before(contra);
        let known = Earned { total, earned, unearned: last.total() - earned, contra };
        let split = self.split(&known, net, field)?;
        let lowered = net - split.contra;
        if lowered.is_zero() {
            return Ok(Effect::contra(split.contra));
        }
        // Later versions (of a change that is agreed for a later day) stay behind this one.
        let first = versions.iter().min_by_key(|version| version.from);
        let now = in_force(versions.iter(), self.effective).or(first).unwrap_or(last);
        let start = now.start.max(self.effective);
        // By the version of the day itself, which may be another credit's or a change's.
        let opening = now.earned_through(before, done, self.currency);
        let schedule = Schedule {
            from: self.effective,
            recognised: opening - split.taken_back,
            amount: now.total() - opening - (lowered - split.taken_back),
            start,
            end: now.end.max(start),
            progress: now
                .progress
                .map(|measure| Measure { base: Amount::from_decimal(done), ..measure }),
            ..now.clone()
        };
        let at = (&schedule, now.from);
        let later = behind(versions, at, lowered, |day| progress.done(day), self.currency);
        Ok(Effect { contra_revenue: split.contra, schedule: Some(schedule), later })
    }

    /// A line without an end is credited by the period that was billed.
    fn of_period(
        &self,
        line: &OrderLine,
        day: Day,
        contra: Contra<'_>,
        (net, field): (Amount, &str),
    ) -> Result<Effect, Rejection> {
        let costs = line.costs(&self.book.policies, self.currency);
        let none = Effect::contra(net);
        let Some(billed) = costs.grid().at(day) else { return Ok(none) };
        let through = |day: Day| line.earned_through(day, self.currency);
        let opening = through(billed.start.previous());
        let before = self.effective.previous().min(billed.end).max(billed.start.previous());
        let then = in_force(line.versions.iter(), before).or(line.versions.first());
        let price = then.map_or(self.currency.zero(), |one| {
            one.earned_through(billed.end, Decimal::ZERO, self.currency)
        });
        let earned = through(before) - opening;
        let unearned = through(billed.end) - opening - earned;
        let contra = self.contra_before(contra);
        let known = Earned { total: price - opening, earned, unearned, contra };
        let split = self.split(&known, net, field)?;
        let lowered = net - split.contra;
        let from = self.effective.max(billed.start);
        let now = in_force(line.versions.iter(), from).or(line.versions.first());
        let (Some(running), Some(now)) = (costs.grid().at(from), now) else {
            return Ok(none);
        };
        if lowered.is_zero() {
            return Ok(Effect::contra(split.contra));
        }
        let earned = now.earned_through(from.previous(), Decimal::ZERO, self.currency);
        let whole = now.earned_through(running.end, Decimal::ZERO, self.currency);
        let schedule = Schedule {
            from,
            recognised: earned - split.taken_back,
            amount: whole - earned - (lowered - split.taken_back),
            start: from,
            end: running.end,
            recurring: recurring_after(now, &running),
            ..now.clone()
        };
        let at = (&schedule, now.from);
        let later = behind(&line.versions, at, lowered, |_| Decimal::ZERO, self.currency);
        Ok(Effect { contra_revenue: split.contra, schedule: Some(schedule), later })
    }

    /// Usage is earned when it happens: only what was billed beyond it is not.
    fn of_usage(
        &self,
        line: &OrderLine,
        (net, field): (Amount, &str),
    ) -> Result<Effect, Rejection> {
        let total = line.billed.net.max(self.currency.zero());
        let earned = line.earned_through(self.effective.previous(), self.currency).min(total);
        // Of all credits: what is billed is less by those of the same day, too.
        let contra = line.contra.iter().map(|(_, amount)| *amount).sum();
        let known = Earned { total, earned, unearned: total - earned, contra };
        let split = self.split(&known, net, field)?;
        Ok(Effect::contra(split.contra + split.taken_back))
    }

    /// What credits before this one's day took of what was earned.
    fn contra_before(&self, contra: Contra<'_>) -> Amount {
        contra.iter().filter(|(day, _)| *day < self.effective).map(|(_, amount)| *amount).sum()
    }

    fn split(&self, known: &Earned, net: Amount, field: &str) -> Result<Split, Rejection> {
        let zero = self.currency.zero();
        let unearned = known.unearned;
        let earned_part = || {
            if known.total.is_zero() {
                return zero;
            }
            let (earned, total) = (known.earned - known.contra, known.total - known.contra);
            if total.is_zero() {
                return zero;
            }
            let exact = multiply_divide(net.decimal(), earned.decimal(), total.decimal());
            let part = self.currency.round(exact, self.book.policies.rounding);
            // Of a line below zero, with the other sign.
            if net.is_negative() { part.max(net).min(zero) } else { part.min(net).max(zero) }
        };
        Ok(match self.revenue {
            CreditRevenue::SplitProRata => Split { contra: earned_part(), taken_back: zero },
            CreditRevenue::UnearnedFirst => {
                Split { contra: net - net.min(unearned).max(zero), taken_back: zero }
            }
            CreditRevenue::ContraNow => Split { contra: net, taken_back: zero },
            CreditRevenue::Prospective if net > unearned => {
                return Err(Rejection::at(
                    Code::CreditExceedsUnearned,
                    field,
                    format!("{net} is more than the {unearned} that is not earned yet"),
                ));
            }
            CreditRevenue::Prospective => Split { contra: zero, taken_back: zero },
            CreditRevenue::CumulativeReversal => Split { contra: zero, taken_back: earned_part() },
        })
    }
}

/// What a cancellation left in the contract balance: it is no price any more. Of lines that share, no
/// more than all of them leave: one earns what another one billed.
fn kept(order: &Order, line: &OrderLine, currency: Currency) -> Amount {
    if order.cancelled.is_none() {
        return currency.zero();
    }
    let left = |line: &OrderLine| match line.versions.last() {
        Some(last) if line.meter.is_none() => line.billed.net - last.total(),
        Some(_) | None => currency.zero(),
    };
    let own = left(line).max(currency.zero());
    if order.lines.iter().all(|one| one.placed.ssp.is_none()) {
        return own;
    }
    let all: Amount = order.lines.iter().map(left).sum();
    own.min(all.max(currency.zero()))
}

/// What recurs behind a period of a line without an end.
fn recurring_after(version: &Schedule, period: &Period) -> Option<Recurring> {
    let recurring = version.recurring?;
    let start = period.end.next();
    Some(if start <= recurring.start { recurring } else { recurring.from(start) })
}
