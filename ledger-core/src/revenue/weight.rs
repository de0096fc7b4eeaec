//! The recognition bases: how much of a term has passed (accounting, section 3).

use rust_decimal::Decimal;

use crate::calendar::{Day, YearMonth};
use crate::policy::Basis;

/// The weight of `start..=day` and of `start..=end`; the first over the second is the share
/// that is earned. `day` lies in `start..=end`.
pub fn weight_through(basis: Basis, start: Day, end: Day, day: Day) -> (Decimal, Decimal) {
    if basis == Basis::Day {
        return (days(start, day), days(start, end));
    }
    let mut part = Decimal::ZERO;
    let mut whole = Decimal::ZERO;
    let months = end.month().since(start.month());
    for index in 0..=months {
        let month = start.month().plus(index);
        let weight = month_weight(basis, start, end, month);
        whole += weight;
        let first = start.max(month.first());
        let last = end.min(month.last());
        if day >= last {
            part += weight;
        } else if day >= first {
            part += weight * days(first, day) / days(first, last);
        }
    }
    if whole.is_zero() { (days(start, day), days(start, end)) } else { (part, whole) }
}

/// What one calendar month of the term weighs.
fn month_weight(basis: Basis, start: Day, end: Day, month: YearMonth) -> Decimal {
    let first = start.max(month.first());
    let last = end.min(month.last());
    let is_whole = first == month.first() && last == month.last();
    match basis {
        Basis::Day => days(first, last),
        Basis::MonthEven => {
            // The months of service begin on the start's day; a begun one counts whole.
            let begun = start.plus_months(month.since(start.month()), start.day());
            if begun <= end { Decimal::ONE } else { Decimal::ZERO }
        }
        Basis::MonthEvenProratedEnds => days(first, last) / Decimal::from(month.days()),
        Basis::MonthEvenDailyEnds => daily_ends_weight(start, end, month),
        Basis::HalfMonth => {
            if is_whole {
                Decimal::ONE
            } else {
                Decimal::new(5, 1)
            }
        }
        Basis::FullMonth => {
            // The last month weighs 1 only where service reaches its end (readings, 11).
            let ends_here = month == end.month() && month != start.month();
            if ends_here && last != month.last() { Decimal::ZERO } else { Decimal::ONE }
        }
    }
}

/// A partial first or last month weighs its share of all days; the rest is even over the whole
/// months (readings, 29).
fn daily_ends_weight(start: Day, end: Day, month: YearMonth) -> Decimal {
    let is_partial = |month: YearMonth| start > month.first() || end < month.last();
    let in_month = |month: YearMonth| days(start.max(month.first()), end.min(month.last()));
    let all = days(start, end);
    if is_partial(month) {
        return in_month(month) / all;
    }
    let mut ends = Decimal::ZERO;
    let mut partial = 0;
    if is_partial(start.month()) {
        ends += in_month(start.month());
        partial += 1;
    }
    if end.month() != start.month() && is_partial(end.month()) {
        ends += in_month(end.month());
        partial += 1;
    }
    let whole_months = end.month().since(start.month()) + 1 - partial;
    (all - ends) / all / Decimal::from(whole_months.max(1))
}

/// Days from `first` to `last`, both counted.
fn days(first: Day, last: Day) -> Decimal {
    Decimal::from(last.days_since(first) + 1)
}
