//! Exchange rates by pair, type and date, and what an amount is worth in another currency
//! (accounting, section 6).

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::limits::RATE_DECIMALS_MAX;
use crate::money::{Amount, Currency, Rounding, multiply_divide};

/// What a rate is for.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Default,
    Serialize,
    Deserialize,
    JsonSchema,
    BorshSerialize,
    BorshDeserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum RateType {
    /// Documents, and what is earned on a day (IAS 21.21).
    #[default]
    Spot,
    /// Balances at the end of a day (IAS 21.23); where there is none of that day, the spot rate.
    Closing,
    /// Income of a month in a consolidation (IAS 21.40).
    Average,
}

impl RateType {
    /// The type on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spot => "spot",
            Self::Closing => "closing",
            Self::Average => "average",
        }
    }
}

/// A rate as it was applied: `per` of `from` are worth `rate` of `to`.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct ExchangeRate {
    /// The currency of the document.
    pub from: Currency,
    /// The currency of the book.
    pub to: Currency,
    /// So much of `to` ...
    pub rate: Amount,
    /// ... for so much of `from`: 1, unless the rate was recorded the other way round or is one
    /// of two rates of a third currency. As a quotient it stays exact.
    #[serde(skip_serializing_if = "is_one", default = "one")]
    pub per: Amount,
    /// The date of the rate; of two, the earlier one.
    pub date: Day,
}

fn one() -> Amount {
    Amount::from_decimal(Decimal::ONE)
}

fn is_one(amount: &Amount) -> bool {
    *amount == one()
}

impl ExchangeRate {
    /// The rate of a currency in itself.
    pub fn even(currency: Currency, date: Day) -> Self {
        Self { from: currency, to: currency, rate: one(), per: one(), date }
    }

    /// What an amount is worth, rounded to the minor unit.
    pub fn value(&self, amount: Amount, rounding: Rounding) -> Amount {
        let (rate, per) = (self.rate.decimal(), self.per.decimal());
        self.to.round(multiply_divide(amount.decimal(), rate, per), rounding)
    }

    fn inverted(self) -> Self {
        Self { from: self.to, to: self.from, rate: self.per, per: self.rate, date: self.date }
    }

    /// Whether what an amount is worth has no more digits than an amount may have.
    pub fn fits(&self, amount: Amount) -> bool {
        let product = amount.decimal().checked_mul(self.rate.decimal());
        let value = product.and_then(|product| product.checked_div(self.per.decimal()));
        value.is_some_and(|value| is_within(value.abs()))
    }

    /// This rate and then the other one; none where the two together are beyond all amounts.
    fn and(self, then: Self) -> Option<Self> {
        let product = |one: Amount, other: Amount| one.decimal().checked_mul(other.decimal());
        let factors = (product(self.rate, then.rate)?, product(self.per, then.per)?);
        let (rate, per) = balanced(factors)?;
        let date = self.date.min(then.date);
        Some(Self { from: self.from, to: then.to, rate, per, date })
    }
}

/// The factors of a quotient times one power of ten, so that both are amounts: decimals that are too
/// many are no decimals any more, as far as there is room before the point; only then are they
/// rounded.
fn balanced((rate, per): (Decimal, Decimal)) -> Option<(Amount, Amount)> {
    let (mut rate, mut per) = (rate.normalize(), per.normalize());
    while rate.scale().max(per.scale()) > RATE_DECIMALS_MAX {
        let up = |factor: Decimal| factor.checked_mul(Decimal::TEN).filter(|one| is_within(*one));
        let (Some(next_rate), Some(next_per)) = (up(rate), up(per)) else { break };
        (rate, per) = (next_rate.normalize(), next_per.normalize());
    }
    let factor = |exact: Decimal| {
        let half_even = rust_decimal::RoundingStrategy::MidpointNearestEven;
        let rounded = exact.round_dp_with_strategy(RATE_DECIMALS_MAX, half_even);
        (is_within(rounded) && !rounded.is_zero()).then(|| Amount::from_decimal(rounded))
    };
    Some((factor(rate)?, factor(per)?))
}

/// Whether a number has no more digits before the point than an amount may have.
fn is_within(number: Decimal) -> bool {
    number.trunc() <= Decimal::new(999_999_999_999, 0)
}

/// From, to, and what the rate is for.
pub type Pair = (Currency, Currency, RateType);

/// The rates that were recorded, with the sequences at which the ledger learned them.
#[derive(Debug, Clone, Default, BorshSerialize, BorshDeserialize)]
pub struct Rates(BTreeMap<Pair, BTreeMap<Day, Vec<(u64, Amount)>>>);

impl Rates {
    /// Takes a rate. One of the same pair, type and date replaces the one before.
    pub fn record(
        &mut self,
        (from, to, kind): (Currency, Currency, RateType),
        date: Day,
        sequence: u64,
        rate: Amount,
    ) {
        let days = self.0.entry((from, to, kind)).or_default();
        days.entry(date).or_default().push((sequence, rate));
    }

    /// Whether none was recorded.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The latest spot rate on or before a day, as known at a sequence: as it was recorded, or
    /// the other way round, whichever is later; where there is neither, through the third
    /// currency whose two rates are the latest, the first by its code of several.
    pub fn spot(
        &self,
        from: Currency,
        to: Currency,
        day: Day,
        sequence: u64,
    ) -> Option<ExchangeRate> {
        self.find((from, to, RateType::Spot), day, sequence)
    }

    /// The rate at which balances stand at the end of a day: the closing rate of that very day,
    /// else the latest spot rate.
    pub fn closing(
        &self,
        from: Currency,
        to: Currency,
        day: Day,
        sequence: u64,
    ) -> Option<ExchangeRate> {
        if from == to {
            return Some(ExchangeRate::even(from, day));
        }
        let pair = (from, to, RateType::Closing);
        let of_the_day = |one: &ExchangeRate| one.date == day;
        let own = self.either(pair, day, sequence).filter(of_the_day);
        // An older closing rate of the pair itself says nothing of this day.
        let closing = own.or_else(|| self.crossed(pair, day, sequence).filter(of_the_day));
        closing.or_else(|| self.spot(from, to, day, sequence))
    }

    /// The rate of a day's earnings: the latest spot rate, or before the first one of all, that.
    pub fn spot_or_first(
        &self,
        from: Currency,
        to: Currency,
        day: Day,
        sequence: u64,
    ) -> Option<ExchangeRate> {
        let known = self.spot(from, to, day, sequence);
        known.or_else(|| {
            // A pair is known from its first day on: the first day of all is one of those.
            let first = |days: &BTreeMap<Day, Vec<(u64, Amount)>>| {
                let is_known = |all: &[(u64, Amount)]| all.iter().any(|(at, _)| *at <= sequence);
                days.iter().find(|(_, all)| is_known(all)).map(|(day, _)| *day)
            };
            let days: BTreeSet<Day> = self.0.values().filter_map(first).collect();
            days.into_iter().find_map(|day| self.spot(from, to, day, sequence))
        })
    }

    /// The latest rate of a type on or before a day.
    pub fn find(&self, pair: Pair, day: Day, sequence: u64) -> Option<ExchangeRate> {
        let (from, to, kind) = pair;
        if from == to {
            return Some(ExchangeRate::even(from, day));
        }
        let pair = (from, to, kind);
        self.either(pair, day, sequence).or_else(|| self.crossed(pair, day, sequence))
    }

    /// The rate of a pair by two rates of a third currency.
    fn crossed(&self, pair: Pair, day: Day, sequence: u64) -> Option<ExchangeRate> {
        let (from, to, kind) = pair;
        let pivots: BTreeSet<Currency> =
            self.0.keys().flat_map(|(from, to, _)| [*from, *to]).collect();
        let through = pivots.into_iter().filter(|pivot| *pivot != from && *pivot != to);
        let crossed = through.filter_map(|pivot| {
            let first = self.either((from, pivot, kind), day, sequence)?;
            first.and(self.either((pivot, to, kind), day, sequence)?)
        });
        // The first of the latest ones.
        crossed.reduce(|best, next| if next.date > best.date { next } else { best })
    }

    /// The rate of a pair as recorded, or the other way round where that is later.
    fn either(&self, pair: Pair, day: Day, sequence: u64) -> Option<ExchangeRate> {
        let (from, to, kind) = pair;
        let direct = self.recorded((from, to, kind), day, sequence);
        let inverse = self.recorded((to, from, kind), day, sequence).map(ExchangeRate::inverted);
        match (direct, inverse) {
            (Some(direct), Some(inverse)) if inverse.date > direct.date => Some(inverse),
            (Some(direct), _) => Some(direct),
            (None, inverse) => inverse,
        }
    }

    /// The latest rate of a pair on or before a day as it was recorded: neither the other way round
    /// nor through another currency.
    pub fn recorded(&self, pair: Pair, day: Day, sequence: u64) -> Option<ExchangeRate> {
        let (from, to, _) = pair;
        let days = self.0.get(&pair)?.range(..=day).rev();
        days.into_iter().find_map(|(date, all)| {
            let (_, rate) = all.iter().rev().find(|(at, _)| *at <= sequence)?;
            Some(ExchangeRate { from, to, rate: *rate, per: one(), date: *date })
        })
    }
}

#[cfg(test)]
mod tests;
