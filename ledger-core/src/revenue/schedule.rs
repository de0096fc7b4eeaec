//! The versions of a line's recognition schedule, and what they earn through a day.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::command::shared::Method;
use crate::money::{Amount, Currency, Rounding, multiply_divide};
use crate::policy::{Basis, Residual};
use crate::revenue::recurring::Recurring;
use crate::revenue::weight::{months_through, weight_through};

/// One version of a schedule: in force from its day on, until a later version is.
///
/// Through a day `d` from `from` on, the line has earned
/// `recognised + round(amount × weight of start..=d / weight of start..=end)`; where it earns by
/// deliveries, `recognised + round(amount × (done - base) / (whole - base))`. The first version
/// of a line is in force from its start (nothing is earned before). A later one, made by a
/// modification or a credit, starts with what was earned by then; where that is not what the
/// version before it had earned, the difference is a catch-up on `from` (ASC 606-10-25-13).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Schedule {
    /// The first day on which this version is in force.
    pub from: Day,
    /// Earned before `from` under this version.
    pub recognised: Amount,
    /// Still to earn over `start..=end`, in the document's currency.
    pub amount: Amount,
    /// The method.
    pub method: Method,
    /// How the amount spreads over the days.
    pub basis: Basis,
    /// First day of the spread.
    pub start: Day,
    /// Last day of the spread.
    pub end: Day,
    /// How midpoints are rounded.
    pub rounding: Rounding,
    /// Which share takes what rounding leaves.
    #[serde(skip_serializing_if = "Residual::is_cumulative", default)]
    pub residual: Residual,
    /// Where the amount is earned by deliveries instead of days.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub progress: Option<Measure>,
    /// What comes after `end`, where the line has none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub recurring: Option<Recurring>,
    /// Whether the order is suspended: nothing is earned until a later version is in force.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub is_paused: bool,
}

/// What deliveries are measured against: units, or percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Measure {
    /// Delivered when this version began.
    pub base: Amount,
    /// All that is to be delivered.
    pub whole: Amount,
}

impl Measure {
    /// The share of what this version had to deliver: the first number over the second.
    fn share(&self, done: Decimal) -> (Decimal, Decimal) {
        let (base, whole) = (self.base.decimal(), self.whole.decimal());
        // Nothing was left to deliver: the amount is earned at once.
        if whole <= base { (Decimal::ONE, Decimal::ONE) } else { (done - base, whole - base) }
    }
}

impl Schedule {
    /// What the line is to earn in all under this version; of a line without an end, through
    /// `end`.
    pub fn total(&self) -> Amount {
        self.recognised + self.amount
    }

    /// Earned through `day` under this version alone. `done` is what was delivered by then, which
    /// only a version with a [`Measure`] asks for.
    pub fn earned_through(&self, day: Day, done: Decimal, currency: Currency) -> Amount {
        if self.is_paused {
            return self.recognised;
        }
        if let Some(measure) = &self.progress {
            let (part, whole) = measure.share(done);
            let share = multiply_divide(self.amount.decimal(), part, whole);
            return self.recognised + currency.round(share, self.rounding);
        }
        if matches!(self.method, Method::Usage | Method::Milestone) || day < self.start {
            return self.recognised;
        }
        if day >= self.end {
            let after = self.recurring.filter(|_| day > self.end).map(|recurring| {
                recurring.earned_through(day, self.basis, currency, self.rounding)
            });
            return self.recognised + self.amount + after.unwrap_or_default();
        }
        self.recognised + self.spread_through(day, currency)
    }

    fn spread_through(&self, day: Day, currency: Currency) -> Amount {
        let share = |part: Decimal, whole: Decimal| {
            currency.round(multiply_divide(self.amount.decimal(), part, whole), self.rounding)
        };
        match self.residual {
            Residual::Cumulative => {
                let (part, whole) = weight_through(self.basis, self.start, self.end, day);
                share(part, whole)
            }
            // Each month's share is rounded on its own; the last takes what is left, which the
            // end of the spread gives (readings, 28).
            Residual::Last => {
                let months = months_through(self.basis, self.start, self.end, day);
                let full = months.full.iter().map(|part| share(*part, months.whole));
                let sum: Amount = currency.zero() + full.sum();
                if months.is_last {
                    let (rest, of) = months.running;
                    let left = (self.amount - sum).decimal();
                    return sum + currency.round(multiply_divide(left, rest, of), self.rounding);
                }
                let (part, of) = months.running;
                let month = share(months.weight, months.whole).decimal();
                sum + currency.round(multiply_divide(month, part, of), self.rounding)
            }
        }
    }

    /// A version that earns nothing more from a day on.
    #[must_use]
    pub fn stopped(&self, from: Day, earned: Amount, currency: Currency) -> Self {
        Self {
            from,
            recognised: earned,
            amount: currency.zero(),
            start: from,
            end: from,
            progress: None,
            recurring: None,
            is_paused: false,
            ..self.clone()
        }
    }
}

/// The version that decides what is earned through a day: the latest recorded one that is in
/// force, of versions in the order in which they were recorded.
pub fn in_force<'a>(
    versions: impl DoubleEndedIterator<Item = &'a Schedule>,
    day: Day,
) -> Option<&'a Schedule> {
    versions.rev().find(|version| version.from <= day)
}

/// Earned through `day` by versions of a line that earns by days, not by deliveries.
pub fn earned_through<'a>(
    versions: impl DoubleEndedIterator<Item = &'a Schedule>,
    day: Day,
    currency: Currency,
) -> Amount {
    in_force(versions, day)
        .map_or(currency.zero(), |version| version.earned_through(day, Decimal::ZERO, currency))
}
