//! The recognition bases: how much of a term has passed (accounting, section 3).

use rust_decimal::Decimal;

use crate::calendar::{Day, YearMonth};
use crate::policy::Basis;

/// The weight of `start..=day` and of `start..=end`, both whole numbers: the first over the
/// second is the share that is earned. `day` lies in `start..=end`.
///
/// Nothing is divided here. A share like 1/62 has no exact decimal, and a sum of such shares
/// can land beside the half cent that the exact share meets.
pub fn weight_through(basis: Basis, start: Day, end: Day, day: Day) -> (Decimal, Decimal) {
    let by_days = (days(start, day).into(), days(start, end).into());
    if basis == Basis::Day {
        return by_days;
    }
    let in_month = |month: YearMonth| days(start.max(month.first()), end.min(month.last()));
    // A month that is under way counts by its days of service: all is in units of one of them.
    let unit = in_month(day.month());
    let mut part = 0;
    let mut whole = 0;
    for index in 0..=end.month().since(start.month()) {
        let month = start.month().plus(index);
        let weight = month_weight(basis, start, end, month);
        whole += weight * unit;
        if month < day.month() {
            part += weight * unit;
        } else if month == day.month() {
            part += weight * days(start.max(month.first()), day);
        }
    }
    if whole == 0 { by_days } else { (part.into(), whole.into()) }
}

/// The days of service in the calendar month of `day`: what the weights of the months are
/// multiples of.
pub fn service_days(start: Day, end: Day, day: Day) -> Decimal {
    let month = day.month();
    days(start.max(month.first()), end.min(month.last())).into()
}

/// The months of a term through a day, for shares that are rounded month by month.
#[derive(Debug, Clone)]
pub struct Months {
    /// The weights of the months before the day's own.
    pub full: Vec<Decimal>,
    /// The weight of the day's month.
    pub weight: Decimal,
    /// The weight of all months.
    pub whole: Decimal,
    /// Days of service in the day's month through it, and in the whole month.
    pub running: (Decimal, Decimal),
    /// Whether no later month weighs anything.
    pub is_last: bool,
}

/// The months of `start..=end` through a day of it.
pub fn months_through(basis: Basis, start: Day, end: Day, day: Day) -> Months {
    let weights: Vec<i64> = (0..=end.month().since(start.month()))
        .map(|index| month_weight(basis, start, end, start.month().plus(index)))
        .collect();
    let at = usize::try_from(day.month().since(start.month())).unwrap_or(0);
    let (first, last) = (start.max(day.month().first()), end.min(day.month().last()));
    Months {
        full: weights.iter().take(at).map(|weight| Decimal::from(*weight)).collect(),
        weight: weights.get(at).copied().unwrap_or(0).into(),
        whole: weights.iter().sum::<i64>().max(1).into(),
        running: (days(first, day).into(), days(first, last).into()),
        is_last: weights.iter().skip(at + 1).all(|weight| *weight == 0),
    }
}

/// What the calendar months of a term weigh in whole numbers, for those who want the share of
/// each month and not of one day. All months between the first and the last weigh the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthWeights {
    /// How many calendar months the term touches.
    pub months: i32,
    /// What the first one weighs.
    pub first: i64,
    /// What each one between the first and the last weighs.
    pub middle: i64,
    /// What the last one weighs, where it is not the first.
    pub last: i64,
    /// What all of them weigh.
    pub whole: i64,
}

impl MonthWeights {
    /// The weight of the months in front of month `index`, counted from 0.
    pub fn before(&self, index: i32) -> i64 {
        match index {
            ..=0 => 0,
            _ if index >= self.months => self.whole,
            _ => self.first + self.middle * i64::from(index - 1),
        }
    }

    /// The weight of month `index`, counted from 0.
    pub fn of(&self, index: i32) -> i64 {
        match index {
            0 => self.first,
            _ if index + 1 == self.months => self.last,
            _ => self.middle,
        }
    }
}

/// The weights of the months of `start..=end`; none where a term is spread by days, because then
/// months differ.
pub fn month_weights(basis: Basis, start: Day, end: Day) -> Option<MonthWeights> {
    let months = end.month().since(start.month()) + 1;
    let weight = |index: i32| month_weight(basis, start, end, start.month().plus(index));
    let first = weight(0);
    let middle = if months > 2 { weight(1) } else { 0 };
    let last = if months > 1 { weight(months - 1) } else { 0 };
    let whole = first + middle * i64::from((months - 2).max(0)) + last;
    (basis != Basis::Day && months > 0 && whole > 0).then_some(MonthWeights {
        months,
        first,
        middle,
        last,
        whole,
    })
}

/// What one calendar month of the term weighs against its other months.
fn month_weight(basis: Basis, start: Day, end: Day, month: YearMonth) -> i64 {
    let first = start.max(month.first());
    let last = end.min(month.last());
    match basis {
        Basis::Day => days(first, last),
        Basis::MonthEven => {
            // The months of service begin on the start's day; a begun one counts whole.
            let begun = start.plus_months(month.since(start.month()), start.day());
            i64::from(begun <= end)
        }
        Basis::MonthEvenProratedEnds => {
            // Only the first and the last month can be partial, so their lengths divide it.
            let unit = i64::from(start.month().days()) * i64::from(end.month().days());
            if is_whole(start, end, month) {
                unit
            } else {
                days(first, last) * (unit / i64::from(month.days()))
            }
        }
        Basis::MonthEvenDailyEnds => daily_ends_weight(start, end, month),
        Basis::HalfMonth => {
            if is_whole(start, end, month) {
                2
            } else {
                1
            }
        }
        Basis::FullMonth => {
            // The last month weighs 1 only where service reaches its end (readings, 11).
            let ends_here = month == end.month() && month != start.month();
            i64::from(!ends_here || last == month.last())
        }
    }
}

/// A partial first or last month weighs its share of all days; the rest is even over the whole
/// months (readings, 29).
fn daily_ends_weight(start: Day, end: Day, month: YearMonth) -> i64 {
    let in_month = |month: YearMonth| days(start.max(month.first()), end.min(month.last()));
    let mut ends = 0;
    let mut partial = 0;
    if !is_whole(start, end, start.month()) {
        ends += in_month(start.month());
        partial += 1;
    }
    if end.month() != start.month() && !is_whole(start, end, end.month()) {
        ends += in_month(end.month());
        partial += 1;
    }
    let whole_months = (i64::from(end.month().since(start.month())) + 1 - partial).max(1);
    if is_whole(start, end, month) {
        days(start, end) - ends
    } else {
        in_month(month) * whole_months
    }
}

/// Whether the term takes up all of the month.
fn is_whole(start: Day, end: Day, month: YearMonth) -> bool {
    start <= month.first() && month.last() <= end
}

/// Days from `first` to `last`, both counted.
fn days(first: Day, last: Day) -> i64 {
    i64::from(last.days_since(first)) + 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_months_of_a_term_weigh_what_each_of_them_does(
            first in 0_i32..1_500, length in 0_i32..1_500, basis in prop::sample::select(vec![
                Basis::MonthEven,
                Basis::MonthEvenProratedEnds,
                Basis::MonthEvenDailyEnds,
                Basis::HalfMonth,
                Basis::FullMonth,
            ]),
        ) {
            let start = Day::from_numbers(2024, 1, 1).unwrap().plus_days(first);
            let end = start.plus_days(length);
            let weights = month_weights(basis, start, end).unwrap();
            let mut before = 0;
            for index in 0..weights.months {
                let month = start.month().plus(index);
                let weight = month_weight(basis, start, end, month);
                prop_assert_eq!((weights.before(index), weights.of(index)), (before, weight));
                before += weight;
            }
            prop_assert_eq!((weights.before(weights.months), weights.whole), (before, before));
        }
    }
}
