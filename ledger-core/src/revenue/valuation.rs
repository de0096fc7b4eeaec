//! What a contract in another currency than the book's stands at in the book's (accounting,
//! section 6; readings, 48).
//!
//! Billed and not yet earned is a liability at the rates of its bills, the oldest earned first
//! (deferred revenue is non-monetary: it is never valued again). Earned and not yet billed is an
//! asset at the rate of each day on which it was earned; a bill takes off it what the bill is
//! worth, and what is left when the two are even is a gain or loss.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::calendar::Day;
use crate::fx::{ExchangeRate, Rates};
use crate::id::Identifier;
use crate::money::{Amount, Currency, Rounding, multiply_divide};
use crate::revenue::closes::At;
use crate::revenue::schedule::Schedule;

/// What of a contract its value comes from: the writer's state has it in one form, the
/// projections in another.
pub trait Valued<'a> {
    /// The contract's currency.
    fn currency(&self) -> Currency;

    /// Earned through a day, as known then.
    fn recognised(&self, day: Day, at: At<'_>) -> Amount;

    /// The first day on which it can earn anything.
    fn first_earned(&self, at: At<'_>) -> Option<Day>;

    /// Its bills with the days on which they are posted.
    fn bills(&self, at: At<'_>) -> Vec<(Day, BillRef<'a>)>;

    /// Days on which what it earns may jump.
    fn jumps(&self, at: At<'_>) -> Jumps;
}

/// A bill of a contract in another currency than the book's, below zero a credit.
#[derive(Debug, Clone, Copy)]
pub struct BillRef<'a> {
    /// The invoice that billed it, or whose bill is lowered.
    pub invoice: Option<&'a Identifier>,
    /// Net of tax.
    pub amount: Amount,
    /// What it is worth in the book's currency.
    pub value: Amount,
}

/// On which days what a contract earns may jump.
#[derive(Debug, Clone, Default)]
pub struct Jumps {
    days: BTreeSet<Day>,
    /// Whether it may on any day, or fall: then only a look at every day tells whether it is
    /// ahead of its bills.
    is_daily: bool,
}

impl Jumps {
    /// Takes a version of a line's schedule.
    pub fn version(&mut self, version: &Schedule) {
        self.days.insert(version.from);
        self.is_daily |= version.amount.is_negative() || version.progress.is_some();
    }

    /// Takes a line that earns by usage.
    pub fn metered(&mut self) {
        self.is_daily = true;
    }
}

/// How a book values: its currency, its rates, and how it rounds.
#[derive(Debug, Clone, Copy)]
pub struct Valuing<'a> {
    /// The currency of the book.
    pub currency: Currency,
    /// Exchange rates.
    pub rates: &'a Rates,
    /// How values are rounded.
    pub rounding: Rounding,
}

impl Valuing<'_> {
    /// The rate of what is earned on a day, as known then.
    fn rate(&self, of: Currency, day: Day, at: At<'_>) -> ExchangeRate {
        let rate = self.rates.spot_or_first(of, self.currency, day, at.known(day));
        // `decide` takes no contract in a currency of which it knows no rate.
        rate.unwrap_or(ExchangeRate { to: self.currency, ..ExchangeRate::even(of, day) })
    }

    fn part(&self, value: Amount, part: Amount, whole: Amount) -> Amount {
        let exact = multiply_divide(value.decimal(), part.decimal(), whole.decimal());
        self.currency.round(exact, self.rounding)
    }
}

/// Where a contract stands at the end of a day, in the book's currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// Billed and not earned.
    pub deferred: Amount,
    /// Earned and not billed.
    pub unbilled: Amount,
    /// Earned since the beginning.
    pub recognised: Amount,
    /// Losses, above zero, from bills at another rate than what they bill was earned at.
    pub loss: Amount,
}

/// A bill, and what of it is earned.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
struct Layer {
    invoice: Option<Identifier>,
    amount: Amount,
    value: Amount,
    used: Amount,
    used_value: Amount,
}

impl Layer {
    fn left(&self) -> Amount {
        self.amount - self.used
    }

    fn left_value(&self) -> Amount {
        self.value - self.used_value
    }

    /// Moves what is used to this much of it; by how much the used value went up.
    fn use_through(&mut self, used: Amount, by: &Valuing<'_>) -> Amount {
        let value =
            if used == self.amount { self.value } else { by.part(self.value, used, self.amount) };
        let moved = value - self.used_value;
        self.used = used;
        self.used_value = value;
        moved
    }

    /// Takes a part of what is left out; its value.
    fn lower(&mut self, amount: Amount, by: &Valuing<'_>) -> Amount {
        let value = if amount == self.left() {
            self.left_value()
        } else {
            by.part(self.left_value(), amount, self.left())
        };
        self.amount -= amount;
        self.value -= value;
        value
    }
}

/// What was earned ahead of bills at one rate: its value is rounded as one, not day by day.
#[derive(Debug, Clone, Copy, BorshSerialize, BorshDeserialize)]
struct Run {
    rate: ExchangeRate,
    amount: Amount,
    value: Amount,
}

/// Where a walk was at the end of a day: what is closed by then it need not walk again.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub struct Paused {
    seen: Option<Day>,
    recognised: Amount,
    layers: Vec<Layer>,
    unbilled: Amount,
    unbilled_value: Amount,
    run: Option<Run>,
    value: Amount,
    loss: Amount,
}

/// A walk over the days of a contract.
#[derive(Debug)]
pub struct Walk<'a, C> {
    contract: C,
    at: At<'a>,
    by: Valuing<'a>,
    /// Days on which it is billed, or on which what is earned may jump.
    stops: Vec<Day>,
    /// Whether only a look at every day tells whether it is ahead of its bills.
    is_daily: bool,
    bills: Vec<(Day, BillRef<'a>)>,
    /// The last day that was seen.
    seen: Option<Day>,
    recognised: Amount,
    layers: Vec<Layer>,
    unbilled: Amount,
    unbilled_value: Amount,
    run: Option<Run>,
    value: Amount,
    loss: Amount,
}

impl<'a, C: Valued<'a>> Walk<'a, C> {
    /// A walk that starts before its first day.
    pub fn new(contract: C, at: At<'a>, by: Valuing<'a>) -> Self {
        let mut bills = contract.bills(at);
        bills.sort_by_key(|(day, _)| *day);
        let Jumps { days: mut stops, is_daily } = contract.jumps(at);
        stops.extend(bills.iter().map(|(day, _)| *day));
        stops.extend(at.catch_ups());
        Self {
            recognised: contract.currency().zero(),
            contract,
            at,
            by,
            stops: stops.into_iter().collect(),
            is_daily,
            bills,
            seen: None,
            layers: Vec::new(),
            unbilled: Amount::ZERO,
            unbilled_value: Amount::ZERO,
            run: None,
            value: Amount::ZERO,
            loss: Amount::ZERO,
        }
    }

    /// A walk that goes on where another one of the contract was, with what is known now of the
    /// days behind that.
    pub fn resume(contract: C, at: At<'a>, by: Valuing<'a>, from: Paused) -> Self {
        let Paused { seen, recognised, layers, unbilled, unbilled_value, run, value, loss } = from;
        let new = Self::new(contract, at, by);
        Self { seen, recognised, layers, unbilled, unbilled_value, run, value, loss, ..new }
    }

    /// Where it is.
    pub fn pause(self) -> Paused {
        let Self { seen, recognised, layers, unbilled, unbilled_value, run, value, loss, .. } =
            self;
        Paused { seen, recognised, layers, unbilled, unbilled_value, run, value, loss }
    }

    /// Where it stands at the end of a day, none earlier than the one asked for before.
    pub fn through(&mut self, day: Day) -> Standing {
        let Some(first) = self.first() else { return self.standing() };
        let stops: Vec<Day> = self.stops.iter().copied().filter(|stop| *stop <= day).collect();
        for stop in stops {
            if self.seen.is_none_or(|seen| seen < stop) {
                self.earn(first, stop.previous());
                self.bill(stop);
                self.earn(first, stop);
            }
        }
        self.earn(first, day);
        self.standing()
    }

    /// The first day on which anything happens.
    fn first(&self) -> Option<Day> {
        let billed = self.bills.first().map(|(day, _)| *day);
        self.contract.first_earned(self.at).into_iter().chain(billed).min()
    }

    fn standing(&self) -> Standing {
        let zero = self.by.currency.zero();
        let left: Amount = self.layers.iter().map(Layer::left_value).sum();
        Standing {
            // Less than nothing earned ahead of bills is owed to the customer.
            deferred: zero + left - self.unbilled_value.min(zero),
            unbilled: zero + self.unbilled_value.max(zero),
            recognised: zero + self.value,
            loss: zero + self.loss,
        }
    }

    fn left(&self) -> Amount {
        self.layers.iter().map(Layer::left).sum()
    }

    /// Takes what is earned until the end of a day.
    fn earn(&mut self, first: Day, through: Day) {
        let from = self.seen.map_or(first, Day::next);
        if from > through {
            return;
        }
        let recognised = self.contract.recognised(through, self.at);
        let earned = recognised - self.recognised;
        // As long as it is billed ahead, the days do not matter: the rates are those of the bills.
        let is_ahead = self.unbilled.is_zero() && !earned.is_negative() && earned <= self.left();
        if is_ahead && !self.is_daily {
            self.recognised = recognised;
            self.earned(earned, through);
        } else {
            let mut day = from;
            while day <= through {
                let recognised = self.contract.recognised(day, self.at);
                let earned = recognised - self.recognised;
                self.recognised = recognised;
                self.earned(earned, day);
                day = day.next();
            }
        }
        self.seen = Some(through);
    }

    /// Earns an amount on a day: of the oldest bills first, then ahead of the next one.
    fn earned(&mut self, amount: Amount, day: Day) {
        if amount.is_negative() {
            return self.unearned(-amount, day);
        }
        let mut rest = amount;
        // What is earned against a balance below zero brings that up first.
        if self.unbilled.is_negative() {
            rest = self.raise(rest, day);
        }
        for layer in &mut self.layers {
            let take = layer.left().min(rest);
            if take.is_positive() {
                self.value += layer.use_through(layer.used + take, &self.by);
                rest -= take;
            }
        }
        if rest.is_positive() {
            let value = self.at_rate_of(rest, day);
            self.unbilled += rest;
            self.unbilled_value += value;
            self.value += value;
        }
    }

    /// What an amount that is earned on a day adds to what was earned at the same rate before.
    fn at_rate_of(&mut self, amount: Amount, day: Day) -> Amount {
        let rate = self.by.rate(self.contract.currency(), day, self.at);
        let same = |run: &Run| (run.rate.rate, run.rate.per) == (rate.rate, rate.per);
        let before = self.run.filter(same);
        let before = before.unwrap_or(Run { rate, amount: Amount::ZERO, value: Amount::ZERO });
        let amount = before.amount + amount;
        let value = rate.value(amount, self.by.rounding);
        self.run = Some(Run { rate, amount, value });
        value - before.value
    }

    /// Brings up what is unbilled below zero; what is left of the amount.
    fn raise(&mut self, amount: Amount, day: Day) -> Amount {
        let below = -self.unbilled;
        let take = amount.min(below);
        let value = if take == below { -self.unbilled_value } else { self.at_rate_of(take, day) };
        self.unbilled += take;
        self.unbilled_value += value;
        self.value += value;
        amount - take
    }

    /// Takes back what was earned: what is unbilled first, then of the latest bills.
    fn unearned(&mut self, amount: Amount, day: Day) {
        let mut rest = amount;
        let take = self.unbilled.min(rest);
        if take.is_positive() {
            let value = if take == self.unbilled {
                self.unbilled_value
            } else {
                self.by.part(self.unbilled_value, take, self.unbilled)
            };
            self.unbilled -= take;
            self.unbilled_value -= value;
            self.value -= value;
            rest -= take;
        }
        for layer in self.layers.iter_mut().rev() {
            let take = layer.used.min(rest);
            if take.is_positive() {
                self.value += layer.use_through(layer.used - take, &self.by);
                rest -= take;
            }
        }
        if rest.is_positive() {
            let value = self.at_rate_of(-rest, day);
            self.unbilled -= rest;
            self.unbilled_value += value;
            self.value += value;
        }
    }

    /// Takes the bills of a day, and the credits against them.
    fn bill(&mut self, day: Day) {
        let today: Vec<BillRef<'a>> =
            self.bills.iter().filter(|(date, _)| *date == day).map(|(_, bill)| *bill).collect();
        for bill in today {
            if bill.amount.is_negative() {
                self.credited(bill);
            } else {
                self.billed(bill);
            }
        }
    }

    fn billed(&mut self, bill: BillRef<'a>) {
        let mut layer = Layer {
            invoice: bill.invoice.cloned(),
            amount: bill.amount,
            value: bill.value,
            used: Amount::ZERO,
            used_value: Amount::ZERO,
        };
        let clears = self.unbilled.min(bill.amount);
        if clears.is_positive() {
            self.unbilled -= clears;
            self.unbilled_value -= layer.use_through(clears, &self.by);
            self.even();
        } else if bill.amount.is_zero() {
            // A bill of nothing that is worth something: rounding, to be told apart.
            self.loss -= layer.value;
            layer.value = Amount::ZERO;
        }
        self.layers.push(layer);
    }

    /// A credit takes off what is left of its invoice's bill, then of the latest others, and then
    /// of what is earned ahead of bills.
    fn credited(&mut self, bill: BillRef<'a>) {
        let (mut rest, mut value) = (-bill.amount, -bill.value);
        let mut order: Vec<usize> = (0..self.layers.len()).rev().collect();
        order.sort_by_key(|index| {
            let same =
                self.layers.get(*index).is_some_and(|one| one.invoice.as_ref() == bill.invoice);
            !same
        });
        for index in order {
            let Some(layer) = self.layers.get_mut(index) else { continue };
            let take = layer.left().min(rest);
            if take.is_positive() {
                value -= layer.lower(take, &self.by);
                rest -= take;
            }
        }
        if rest.is_zero() {
            self.loss += value;
        } else {
            self.unbilled += rest;
            self.unbilled_value += value;
            self.even();
        }
    }

    /// What is left in the book's currency when billed and earned are even is a gain or loss.
    fn even(&mut self) {
        if self.unbilled.is_zero() {
            self.loss += self.unbilled_value;
            self.unbilled_value = Amount::ZERO;
        }
    }
}
