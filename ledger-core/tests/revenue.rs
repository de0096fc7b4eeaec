//! Recognition, allocation and rounding against a slow second way of computing them.
//!
//! The second way is integers only: every day of a term gets its weight in whole units, the
//! units are added up day by day, and one division rounds the cumulative figure (accounting,
//! section 3). "Readings" are the numbered decisions on how the accounting page is read.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ledger_core::calendar::Day;
use ledger_core::command::shared::Method;
use ledger_core::money::{Amount, Currency, Rounding, allocate, multiply_divide};
use ledger_core::policy::Basis;
use ledger_core::revenue::schedule::{Schedule, earned_through};
use proptest::prelude::*;
use rust_decimal::Decimal;

/// Twice the least common multiple of 1 to 31: half a month, and a month spread over any number
/// of days, are whole numbers of units.
const MONTH_UNITS: i128 = 2 * 72_201_776_446_800;

const BASES: [Basis; 6] = [
    Basis::Day,
    Basis::MonthEven,
    Basis::MonthEvenProratedEnds,
    Basis::MonthEvenDailyEnds,
    Basis::HalfMonth,
    Basis::FullMonth,
];

/// A calendar month of a term.
struct Month {
    year: i32,
    month: u8,
    /// Days of service that fall in it.
    served: i128,
    /// Days that it has.
    days: i128,
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn amount(minor: i128, currency: Currency) -> Amount {
    Amount::from_decimal(Decimal::from_i128_with_scale(minor, currency.minor_units()))
}

fn minor(amount: Amount, currency: Currency) -> i128 {
    let decimal = amount.decimal();
    assert!(decimal.scale() <= currency.minor_units(), "{amount} is not in minor units");
    decimal.mantissa() * 10_i128.pow(currency.minor_units() - decimal.scale())
}

/// `numerator / denominator` to the nearest whole number.
fn rounded(numerator: i128, denominator: i128, rounding: Rounding) -> i128 {
    let (size, of) = (numerator.abs(), denominator.abs());
    let (below, rest) = (size / of, size % of);
    let up = match (2 * rest).cmp(&of) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => match rounding {
            Rounding::HalfUp => true,
            Rounding::HalfEven => below % 2 == 1,
        },
    };
    (below + i128::from(up)) * numerator.signum() * denominator.signum()
}

fn month_days(year: i32, month: u8) -> u8 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_of(start: Day, end: Day) -> impl Iterator<Item = Day> {
    std::iter::successors(Some(start), |day| Some(day.next())).take_while(move |day| *day <= end)
}

fn months_of(start: Day, end: Day) -> Vec<Month> {
    let mut months: Vec<Month> = Vec::new();
    for day in days_of(start, end) {
        let (year, month) = (day.date().year(), u8::from(day.date().month()));
        match months.last_mut() {
            Some(last) if (last.year, last.month) == (year, month) => last.served += 1,
            _ => {
                let days = i128::from(month_days(year, month));
                months.push(Month { year, month, served: 1, days });
            }
        }
    }
    months
}

/// How many months of service begin in each calendar month. They begin on the start's day of the
/// month, or on a short month's last day.
fn begun(start: Day, end: Day, months: &[Month]) -> Vec<i128> {
    let anchor = start.date().day();
    let begins = |month: &Month| {
        let first = anchor.min(month_days(month.year, month.month));
        Day::from_numbers(month.year, month.month, first).unwrap()
    };
    let counts = |month: &Month| (start..=end).contains(&begins(month));
    months.iter().map(|month| i128::from(counts(month))).collect()
}

/// The weight of each calendar month of the term.
fn month_weights(basis: Basis, start: Day, end: Day, months: &[Month]) -> Vec<i128> {
    let last = months.len() - 1;
    let whole = |month: &Month| month.served == month.days;
    match basis {
        Basis::Day => months.iter().map(|month| month.served * MONTH_UNITS).collect(),
        Basis::MonthEven => {
            begun(start, end, months).iter().map(|begun| begun * MONTH_UNITS).collect()
        }
        Basis::MonthEvenProratedEnds => {
            // The days of a calendar month divide the units of one.
            months.iter().map(|month| month.served * (MONTH_UNITS / month.days)).collect()
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
                let stops = index == last && index > 0 && month.served < month.days;
                if stops { 0 } else { MONTH_UNITS }
            })
            .collect(),
    }
}

/// The cumulative weight through each day of the term.
fn cumulative_weights(basis: Basis, start: Day, end: Day) -> Vec<i128> {
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

fn schedule(line: &Line) -> Schedule {
    Schedule {
        from: line.start,
        recognised: line.currency.zero(),
        amount: amount(line.minor, line.currency),
        method: Method::OverTime,
        basis: line.basis,
        start: line.start,
        end: line.start.plus_days(line.days - 1),
        rounding: line.rounding,
    }
}

/// A line that is earned over time.
#[derive(Debug, Clone)]
struct Line {
    basis: Basis,
    start: Day,
    days: i32,
    minor: i128,
    currency: Currency,
    rounding: Rounding,
}

impl Line {
    /// Earned through each day of the term, in minor units, by the slow way.
    fn slowly_earned(&self) -> Vec<i128> {
        let end = self.start.plus_days(self.days - 1);
        let cumulative = cumulative_weights(self.basis, self.start, end);
        let whole = *cumulative.last().unwrap();
        let earned = |weight: &i128| rounded(self.minor * weight, whole, self.rounding);
        cumulative.iter().map(earned).collect()
    }
}

fn currencies() -> impl Strategy<Value = Currency> {
    prop::sample::select(vec!["USD", "JPY", "KWD"]).prop_map(|code| Currency::parse(code).unwrap())
}

fn roundings() -> impl Strategy<Value = Rounding> {
    prop::sample::select(vec![Rounding::HalfEven, Rounding::HalfUp])
}

/// Small amounts, where midpoints are common, and large ones.
fn positive_minor() -> impl Strategy<Value = i128> {
    prop_oneof![1_i128..=1_000, 1_i128..=99_999_999_999_999]
}

fn lines() -> impl Strategy<Value = Line> {
    // Four years from late 2023 have a leap day, and every day of the month as a start.
    let start = (0..1_000_i32).prop_map(|offset| day("2023-11-28").plus_days(offset));
    let days = prop_oneof![1..=70_i32, 1..=800_i32];
    let basis = prop::sample::select(BASES.to_vec());
    (basis, start, days, positive_minor(), currencies(), roundings()).prop_map(
        |(basis, start, days, minor, currency, rounding)| Line {
            basis,
            start,
            days,
            minor,
            currency,
            rounding,
        },
    )
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(192))]

    #[test]
    fn a_line_earns_on_every_day_what_adding_up_days_gives(line in lines()) {
        let schedule = schedule(&line);
        let days = days_of(schedule.start, schedule.end);
        for (day, expected) in days.zip(line.slowly_earned()) {
            let earned = minor(schedule.earned_through(day, line.currency), line.currency);
            prop_assert_eq!(earned, expected, "through {}", day);
        }
    }

    #[test]
    fn a_line_never_falls_and_ends_on_its_amount(line in lines()) {
        let schedule = schedule(&line);
        let earned = |day| minor(schedule.earned_through(day, line.currency), line.currency);
        prop_assert_eq!(earned(schedule.start.previous()), 0);
        let mut before = 0;
        for day in days_of(schedule.start, schedule.end.plus_days(40)) {
            let now = earned(day);
            prop_assert!(before <= now && now <= line.minor, "{} after {} on {}", now, before, day);
            prop_assert!(day < schedule.end || now == line.minor, "{} is earned on {}", now, day);
            before = now;
        }
    }

    #[test]
    fn a_negative_line_is_the_mirror_of_a_positive_one(line in lines()) {
        let positive = schedule(&line);
        let negative = Schedule { amount: -positive.amount, ..positive.clone() };
        for day in days_of(positive.start, positive.end) {
            let earned = positive.earned_through(day, line.currency);
            prop_assert_eq!(negative.earned_through(day, line.currency), -earned, "on {}", day);
        }
    }

    #[test]
    fn shares_sum_to_the_whole_and_are_within_one_unit(
        total in positive_minor(),
        sign in prop::sample::select(vec![1_i128, -1]),
        weights in prop::collection::vec(0_i128..=99_999_999_999, 1..12),
        currency in currencies(),
        rounding in roundings(),
    ) {
        let whole: i128 = weights.iter().sum();
        prop_assume!(whole > 0);
        let total = total * sign;
        let decimals: Vec<Decimal> =
            weights.iter().map(|weight| Decimal::from_i128_with_scale(*weight, 2)).collect();
        let shares = allocate(amount(total, currency), &decimals, currency, rounding);
        let shares: Vec<i128> = shares.iter().map(|share| minor(*share, currency)).collect();
        prop_assert_eq!(shares.iter().sum::<i128>(), total);
        let (mut weight_so_far, mut share_so_far) = (0, 0);
        for (share, weight) in shares.iter().zip(&weights) {
            prop_assert!((share * whole - total * weight).abs() <= whole, "{} of {}", share, total);
            weight_so_far += weight;
            share_so_far += share;
            prop_assert_eq!(share_so_far, rounded(total * weight_so_far, whole, rounding));
        }
    }

    #[test]
    fn weights_that_are_all_zero_give_everything_to_the_first(
        total in positive_minor(), count in 1_usize..8, currency in currencies(),
    ) {
        let weights = vec![Decimal::ZERO; count];
        let shares = allocate(amount(total, currency), &weights, currency, Rounding::HalfEven);
        let mut expected = vec![0; count];
        expected[0] = total;
        let shares: Vec<i128> = shares.iter().map(|share| minor(*share, currency)).collect();
        prop_assert_eq!(shares, expected);
    }

    #[test]
    fn multiplying_and_dividing_is_exact_before_it_is_rounded(
        value in -99_999_999_999_999_i128..=99_999_999_999_999,
        numerator in 0_i128..=99_999_999_999_999,
        denominator in 1_i128..=99_999_999_999_999,
        currency in currencies(),
        rounding in roundings(),
    ) {
        // Both have two decimals, which leave their ratio as it is.
        let numerator_decimal = Decimal::from_i128_with_scale(numerator, 2);
        let denominator_decimal = Decimal::from_i128_with_scale(denominator, 2);
        let value_decimal = amount(value, currency).decimal();
        // Keeps the result within the twelve digits before the point that amounts have.
        prop_assume!(numerator <= denominator);
        let result = multiply_divide(value_decimal, numerator_decimal, denominator_decimal);
        let result = minor(currency.round(result, rounding), currency);
        prop_assert_eq!(result, rounded(value * numerator, denominator, rounding));
    }

    #[test]
    fn amounts_round_to_the_nearest_minor_unit(
        value in -99_999_999_999_999_i128..=99_999_999_999_999,
        decimals in 0_u32..=6,
        currency in currencies(),
        rounding in roundings(),
    ) {
        let result = currency.round(Decimal::from_i128_with_scale(value, decimals), rounding);
        let numerator = value * 10_i128.pow(currency.minor_units());
        let expected = rounded(numerator, 10_i128.pow(decimals), rounding);
        prop_assert_eq!(minor(result, currency), expected);
        prop_assert_eq!(result.decimal().scale(), currency.minor_units());
    }
}
