//! The slow way: every day of a term gets its weight in whole units, and they are added up.

use ledger_core::calendar::Day;
use ledger_core::money::Rounding;
use ledger_core::policy::Basis;
use time::Date;

/// Twice the least common multiple of 1 to 31: half a month, and a month spread over any number
/// of days, are whole numbers of units.
const MONTH_UNITS: i128 = 2 * 72_201_776_446_800;

/// A calendar month of a term.
struct Month {
    first: Date,
    /// Days that it has.
    days: u8,
    /// Days of service that fall in it.
    served: i128,
}

/// `numerator / denominator` to the nearest whole number.
pub(crate) fn rounded(numerator: i128, denominator: i128, rounding: Rounding) -> i128 {
    let (size, of) = (numerator.abs(), denominator.abs());
    let (below, rest) = (size / of, size % of);
    let is_away = rounding == Rounding::HalfUp || below % 2 == 1;
    let up = 2 * rest > of || (2 * rest == of && is_away);
    (below + i128::from(up)) * numerator.signum() * denominator.signum()
}

pub(crate) fn days_of(start: Day, end: Day) -> impl Iterator<Item = Day> {
    std::iter::successors(Some(start), |day| Some(day.next())).take_while(move |day| *day <= end)
}

fn months_of(start: Day, end: Day) -> Vec<Month> {
    let mut months: Vec<Month> = Vec::new();
    for day in days_of(start, end) {
        let (first, days) = (day.date().replace_day(1).unwrap(), day.date().month());
        match months.last_mut() {
            Some(last) if last.first == first => last.served += 1,
            _ => months.push(Month { first, days: days.length(first.year()), served: 1 }),
        }
    }
    months
}

/// Whether a month of service begins in a calendar month. They begin on the start's day of the
/// month, or on a short month's last day.
fn begins(start: Day, end: Day, month: &Month) -> bool {
    let anchor = start.date().day().min(month.days);
    let begin = Day::new(month.first.replace_day(anchor).unwrap());
    (start..=end).contains(&begin)
}

/// The weight of each calendar month of the term.
fn month_weights(basis: Basis, start: Day, end: Day, months: &[Month]) -> Vec<i128> {
    let last = months.len() - 1;
    let whole = |month: &Month| month.served == i128::from(month.days);
    match basis {
        Basis::Day => months.iter().map(|month| month.served * MONTH_UNITS).collect(),
        Basis::MonthEven => {
            let weight = |one: &Month| if begins(start, end, one) { MONTH_UNITS } else { 0 };
            months.iter().map(weight).collect()
        }
        Basis::MonthEvenProratedEnds => {
            // The days of a calendar month divide the units of one.
            months
                .iter()
                .map(|month| month.served * (MONTH_UNITS / i128::from(month.days)))
                .collect()
        }
        // Readings, 29. All weights are times the number of whole months, to stay whole.
        Basis::MonthEvenDailyEnds => {
            let whole_months = i128::try_from(months.iter().filter(|one| whole(one)).count());
            let within: i128 = months.iter().filter(|one| whole(one)).map(|one| one.served).sum();
            let times = whole_months.unwrap().max(1);
            let weight = |one: &Month| if whole(one) { within } else { one.served * times };
            months.iter().map(|month| weight(month) * MONTH_UNITS).collect()
        }
        Basis::HalfMonth => {
            let weight = |one: &Month| if whole(one) { MONTH_UNITS } else { MONTH_UNITS / 2 };
            months.iter().map(weight).collect()
        }
        // Readings, 11: the month in which service ends weighs nothing unless it is served to
        // its last day; a term within one month has only its start's month.
        Basis::FullMonth => months
            .iter()
            .enumerate()
            .map(|(index, month)| {
                let stops = index == last && index > 0 && !whole(month);
                if stops { 0 } else { MONTH_UNITS }
            })
            .collect(),
    }
}

/// The cumulative weight through each day of the term.
pub(crate) fn cumulative_weights(basis: Basis, start: Day, end: Day) -> Vec<i128> {
    let months = months_of(start, end);
    let weights = month_weights(basis, start, end, &months);
    let mut so_far = 0;
    let mut cumulative = Vec::new();
    for (month, weight) in months.iter().zip(weights) {
        for _ in 0..month.served {
            so_far += weight / month.served;
            cumulative.push(so_far);
        }
    }
    cumulative
}
