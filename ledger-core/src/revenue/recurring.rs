//! What a line without an end earns: each period's price over that period (readings, 4).

use borsh::{BorshDeserialize, BorshSerialize};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::billing::grid::{Grid, Length, Period, Span};
use crate::calendar::Day;
use crate::command::shared::{Anchor, Per};
use crate::money::{Amount, Currency, Rounding, multiply_divide};
use crate::policy::{Basis, MonthEnd};
use crate::revenue::explain::{Part, Share, What};
use crate::revenue::weight::weight_through;

/// Whole periods from a day on, without an end.
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
pub struct Recurring {
    /// The first day of the first whole period.
    pub start: Day,
    /// The length of a period.
    pub every: Per,
    /// The day of the month on which periods begin; in a shorter month its last.
    pub anchor: u8,
    /// What `parts` periods earn together, in the document's currency.
    pub amount: Amount,
    /// How many periods make one period of the price: 12 for a yearly price billed monthly.
    #[serde(skip_serializing_if = "is_one", default = "one")]
    pub parts: i32,
    /// Which of them the first period is, from 0.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub first_part: i32,
}

fn one() -> i32 {
    1
}

fn is_one(parts: &i32) -> bool {
    *parts == 1
}

fn is_zero(part: &i32) -> bool {
    *part == 0
}

impl Recurring {
    fn grid(&self) -> Grid {
        let span = Span { start: self.start, end: None, ended: None };
        let length = Length::from(self.every);
        let anchor = match length {
            Length::Months(_) => Some(Anchor::DayOfMonth(self.anchor)),
            Length::Days(_) | Length::Term => None,
        };
        Grid::new(span, length, anchor, MonthEnd::Clamp)
    }

    /// The same from the period on that starts on a later day.
    #[must_use]
    pub fn from(&self, start: Day) -> Self {
        let skipped = self.grid().index(start);
        let first_part = (self.first_part + skipped).rem_euclid(self.parts.max(1));
        Self { start, first_part, ..*self }
    }

    /// The period that holds a day from `start` on.
    pub fn period(&self, day: Day) -> Option<Period> {
        self.grid().at(day)
    }

    /// Earned by the first `count` periods: rounded inside one period of the price, so that its
    /// parts sum to it.
    fn through(&self, count: i32, currency: Currency, rounding: Rounding) -> Decimal {
        let parts = self.parts.max(1);
        let whole = self.amount.decimal() * Decimal::from(count.div_euclid(parts));
        let rest = Decimal::from(count.rem_euclid(parts));
        let share = multiply_divide(self.amount.decimal(), rest, parts.into());
        whole + currency.round(share, rounding).decimal()
    }

    /// Shows each part of what is earned from `start` through a day.
    pub(super) fn each_part(
        &self,
        day: Day,
        basis: Basis,
        (currency, rounding): (Currency, Rounding),
        see: &mut impl FnMut(Part),
    ) {
        let grid = self.grid();
        let index = grid.index(day);
        let Some(period) = grid.period(index).filter(|_| day >= self.start) else { return };
        let first = self.first_part;
        let opening = self.through(first, currency, rounding);
        let before = self.through(first + index, currency, rounding);
        let within = self.through(first + index + 1, currency, rounding) - before;
        if index > 0 {
            let what = What::Periods { count: index, start: self.start };
            see(Part::plain(what, Amount::from_decimal(before - opening)));
        }
        let (part, whole) = weight_through(basis, period.start, period.end, day);
        let what = What::Period { start: period.start, end: period.end, basis };
        let share = Share { of: Amount::from_decimal(within), part, whole };
        see(Part::share(what, share, (currency, rounding)));
    }
}
