//! What a part of a period costs (accounting, section 4; readings, 7, 30 and 49).

use rust_decimal::Decimal;

use crate::billing::grid::{Length, Period};
use crate::calendar::{Day, YearMonth};
use crate::money::multiply_divide;
use crate::policy::Proration;

/// A share of a period's price: the first number over the second, both whole or exact decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// What of it.
    pub part: Decimal,
    /// The whole.
    pub of: Decimal,
}

impl Share {
    /// All of it.
    pub const WHOLE: Self = Self { part: Decimal::ONE, of: Decimal::ONE };

    /// So much of a price, before rounding.
    pub fn times(&self, price: Decimal) -> Decimal {
        multiply_divide(price, self.part, self.of)
    }
}

/// The share for the days `first..=last` of a period. A whole period is never prorated.
pub fn share(policy: Proration, length: Length, period: &Period, first: Day, last: Day) -> Share {
    let is_whole = first == period.whole_start && last == period.whole_end;
    if is_whole || policy == Proration::None {
        return Share::WHOLE;
    }
    let by_days = || Share {
        part: days(first, last).into(),
        of: days(period.whole_start, period.whole_end).into(),
    };
    // The month conventions count months: a term of its own length has none to count against.
    let Length::Months(months) = length else { return by_days() };
    match policy {
        Proration::ActualPeriod | Proration::None => by_days(),
        Proration::StrictThirty360 => {
            Share { part: thirty_360(first, last).into(), of: (30 * months).into() }
        }
        Proration::FixedThirty => {
            let (whole, rest) = months_and_rest(first, last);
            let left = rest.map_or(0, |from| days(from, last));
            Share { part: (30 * i64::from(whole) + left).into(), of: (30 * months).into() }
        }
        Proration::ActualMonth => {
            let (whole, rest) = months_and_rest(first, last);
            let (part, of) = rest.map_or((0, 1), |from| by_own_months(from, last));
            Share {
                part: (i64::from(whole) * of + part).into(),
                of: (i64::from(months) * of).into(),
            }
        }
    }
}

/// Whole months from `first` on that end by `last`, and where the days that are left begin.
fn months_and_rest(first: Day, last: Day) -> (i32, Option<Day>) {
    let mut whole = 0;
    loop {
        let next = first.plus_months(whole + 1, first.day());
        if next.previous() > last {
            let from = first.plus_months(whole, first.day());
            return (whole, (from <= last).then_some(from));
        }
        whole += 1;
    }
}

/// Days as shares of their own months, over one denominator: less than a month meets two at most.
fn by_own_months(first: Day, last: Day) -> (i64, i64) {
    let in_month = |month: YearMonth| {
        let (from, to) = (first.max(month.first()), last.min(month.last()));
        if from > to { 0 } else { days(from, to) }
    };
    let (one, other) = (first.month(), last.month());
    let (long, short) = (i64::from(one.days()), i64::from(other.days()));
    if one == other {
        return (in_month(one), long);
    }
    (in_month(one) * short + in_month(other) * long, long * short)
}

/// Days of a year of twelve months of thirty: a month's last day counts as the thirtieth.
fn thirty_360(first: Day, last: Day) -> i32 {
    let of = |day: Day| if day == day.month().last() { 30 } else { i32::from(day.day().min(30)) };
    30 * last.month().since(first.month()) + of(last) - of(first) + 1
}

/// Days from `first` to `last`, both counted.
fn days(first: Day, last: Day) -> i64 {
    i64::from(last.days_since(first)) + 1
}
