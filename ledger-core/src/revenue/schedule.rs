//! The versions of a line's recognition schedule, and what they earn through a day.

use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::command::shared::Method;
use crate::money::{Amount, Currency, Rounding, multiply_divide};
use crate::policy::Basis;
use crate::revenue::weight::weight_through;

/// One version of a schedule: in force from its day on, until a later version is.
///
/// Through a day `d` from `from` on, the line has earned
/// `recognised + round(amount × weight of start..=d / weight of start..=end)`. The first version
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
    /// The method; `usage` and `milestone` earn nothing without events of their own.
    pub method: Method,
    /// How the amount spreads over the days.
    pub basis: Basis,
    /// First day of the spread.
    pub start: Day,
    /// Last day of the spread.
    pub end: Day,
    /// How midpoints are rounded.
    pub rounding: Rounding,
}

impl Schedule {
    /// What the line is to earn in all under this version.
    pub fn total(&self) -> Amount {
        self.recognised + self.amount
    }

    /// Earned through `day` under this version alone.
    pub fn earned_through(&self, day: Day, currency: Currency) -> Amount {
        if matches!(self.method, Method::Usage | Method::Milestone) || day < self.start {
            return self.recognised;
        }
        if day >= self.end {
            return self.recognised + self.amount;
        }
        let (part, whole) = weight_through(self.basis, self.start, self.end, day);
        let share = multiply_divide(self.amount.decimal(), part, whole);
        self.recognised + currency.round(share, self.rounding)
    }
}

/// Earned through `day` by the versions of one line, given in the order in which they were
/// recorded: the latest recorded one that is in force on the day decides.
pub fn earned_through<'a>(
    versions: impl DoubleEndedIterator<Item = &'a Schedule>,
    day: Day,
    currency: Currency,
) -> Amount {
    versions
        .rev()
        .find(|version| version.from <= day)
        .map_or(currency.zero(), |version| version.earned_through(day, currency))
}
