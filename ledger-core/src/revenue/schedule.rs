//! The versions of a line's recognition schedule, and what they earn through a day.

use borsh::{BorshDeserialize, BorshSerialize};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::command::shared::Method;
use crate::money::{Amount, Currency, Rounding};
use crate::policy::{Basis, Residual};
use crate::revenue::explain::{Part, Share, What};
use crate::revenue::recurring::Recurring;
use crate::revenue::weight::{months_through, service_days, weight_through};

/// One version of a schedule: in force from its day on, until a later version is.
///
/// Through a day `d` from `from` on, the line has earned
/// `recognised + round(amount × weight of start..=d / weight of start..=end)`; where it earns by
/// deliveries, `recognised + round(amount × (done - base) / (whole - base))`. The first version
/// of a line is in force from its start (nothing is earned before). A later one, made by a
/// modification or a credit, starts with what was earned by then; where that is not what the
/// version before it had earned, the difference is a catch-up on `from` (ASC 606-10-25-13).
#[derive(
    Debug,
    Clone,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    BorshSerialize,
    BorshDeserialize,
)]
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
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    BorshSerialize,
    BorshDeserialize,
)]
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
        let mut earned = self.recognised;
        self.each_part(day, done, currency, &mut |part| earned += part.amount);
        earned
    }

    /// Shows each part of what is earned from `recognised` on: their sum is the earned amount, and
    /// [`Schedule::explain`] is the same parts in words.
    pub(super) fn each_part(
        &self,
        day: Day,
        done: Decimal,
        currency: Currency,
        see: &mut impl FnMut(Part),
    ) {
        if self.is_paused {
            return see(Part::nothing(What::Suspended, currency));
        }
        if let Some(measure) = &self.progress {
            let (part, whole) = measure.share(done);
            let share = Share { of: self.amount, part, whole };
            return see(Part::share(What::Delivered, share, (currency, self.rounding)));
        }
        if matches!(self.method, Method::Usage | Method::Milestone) {
            return see(Part::nothing(What::Unrecorded, currency));
        }
        if day < self.start {
            return see(Part::nothing(What::NotBegun { start: self.start }, currency));
        }
        if day < self.end {
            return self.spread_through(day, currency, see);
        }
        see(Part::plain(What::All, self.amount));
        if let Some(recurring) = self.recurring.filter(|_| day > self.end) {
            recurring.each_part(day, self.basis, (currency, self.rounding), see);
        }
    }

    fn spread_through(&self, day: Day, currency: Currency, see: &mut impl FnMut(Part)) {
        let rounded = (currency, self.rounding);
        let of_all = |part: Decimal, whole: Decimal| Share { of: self.amount, part, whole };
        match self.residual {
            Residual::Cumulative => {
                let (part, whole) = weight_through(self.basis, self.start, self.end, day);
                let unit = service_days(self.start, self.end, day);
                let what = What::Passed { basis: self.basis, unit };
                see(Part::share(what, of_all(part, whole), rounded));
            }
            // Each month's share is rounded on its own; the last takes what is left, which the
            // end of the spread gives (readings, 28).
            Residual::Last => {
                let months = months_through(self.basis, self.start, self.end, day);
                let mut month = self.start.month();
                let mut sum = currency.zero();
                for weight in &months.full {
                    let share = of_all(*weight, months.whole);
                    let full = Part::share(What::Month { month }, share, rounded);
                    sum += full.amount;
                    see(full);
                    month = month.plus(1);
                }
                let (part, whole) = months.running;
                if months.is_last {
                    let share = Share { of: self.amount - sum, part, whole };
                    return see(Part::share(What::Rest { month }, share, rounded));
                }
                let of = of_all(months.weight, months.whole).rounded(currency, self.rounding);
                let share = Share { of, part, whole };
                see(Part::share(What::Running { month }, share, rounded));
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
