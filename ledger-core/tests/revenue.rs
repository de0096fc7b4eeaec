//! Recognition, allocation and rounding against a slow second way of computing them.
//!
//! The second way is integers only: every day of a term gets its weight in whole units, the
//! units are added up day by day, and one division rounds the cumulative figure (accounting,
//! section 3). "Readings" are the numbered decisions on how the accounting page is read.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ledger_core::billing::grid::{Grid, Length, Period, Span};
use ledger_core::billing::proration::share;
use ledger_core::calendar::Day;
use ledger_core::command::shared::Method;
use ledger_core::money::{Amount, Currency, Rounding, allocate, multiply_divide};
use ledger_core::policy::{Basis, MonthEnd, Proration, Residual};
use ledger_core::revenue::schedule::Schedule;
use proptest::prelude::*;
use rust_decimal::Decimal;

#[path = "revenue/explain.rs"]
mod explain;
#[path = "revenue/slow.rs"]
mod slow;

use slow::{cumulative_weights, days_of, rounded};

const BASES: [Basis; 6] = [
    Basis::Day,
    Basis::MonthEven,
    Basis::MonthEvenProratedEnds,
    Basis::MonthEvenDailyEnds,
    Basis::HalfMonth,
    Basis::FullMonth,
];

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

/// A line that is earned over time.
#[derive(Debug)]
struct Line {
    schedule: Schedule,
    currency: Currency,
}

impl Line {
    /// In US dollars, with halves to even.
    fn new(basis: Basis, start: &str, end: &str, minor: i128) -> Self {
        let currency = Currency::parse("USD").unwrap();
        let schedule = Schedule {
            from: day(start),
            recognised: currency.zero(),
            amount: amount(minor, currency),
            method: Method::OverTime,
            basis,
            start: day(start),
            end: day(end),
            rounding: Rounding::HalfEven,
            residual: Residual::Cumulative,
            progress: None,
            recurring: None,
            is_paused: false,
        };
        Self { schedule, currency }
    }

    fn days(&self) -> impl Iterator<Item = Day> {
        days_of(self.schedule.start, self.schedule.end)
    }

    fn minor(&self) -> i128 {
        minor(self.schedule.amount, self.currency)
    }

    /// Earned through a day, in minor units, as the ledger computes it.
    fn earned(&self, day: Day) -> i128 {
        minor(self.schedule.earned_through(day, Decimal::ZERO, self.currency), self.currency)
    }

    /// Earned through each day of the term in minor units, before rounding, by the slow way:
    /// numerators and their denominator.
    fn exact_shares(&self) -> Vec<(i128, i128)> {
        let Schedule { basis, start, end, .. } = self.schedule;
        let cumulative = cumulative_weights(basis, start, end);
        let whole = *cumulative.last().unwrap();
        cumulative.iter().map(|weight| (self.minor() * weight, whole)).collect()
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
    // Days from late 2023 on have a leap day, and every day of the month as a start.
    let start = (0..1_000_i32).prop_map(|offset| day("2023-11-28").plus_days(offset));
    let days = prop_oneof![0..70_i32, 0..800_i32];
    let basis = prop::sample::select(BASES.to_vec());
    (basis, start, days, positive_minor(), currencies(), roundings()).prop_map(
        |(basis, start, days, minor, currency, rounding)| {
            let mut line = Line::new(basis, "2025-01-01", "2025-01-01", 0);
            line.currency = currency;
            line.schedule = Schedule {
                from: start,
                start,
                end: start.plus_days(days),
                recognised: currency.zero(),
                amount: amount(minor, currency),
                rounding,
                ..line.schedule
            };
            line
        },
    )
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(192))]

    #[test]
    fn a_line_earns_what_adding_up_days_gives(line in lines()) {
        for (day, (share, of)) in line.days().zip(line.exact_shares()) {
            let expected = rounded(share, of, line.schedule.rounding);
            prop_assert_eq!(line.earned(day), expected, "through {}", day);
        }
    }

    #[test]
    fn a_line_earns_the_minor_unit_nearest_to_adding_up_days(line in lines()) {
        for (day, (share, of)) in line.days().zip(line.exact_shares()) {
            let earned = line.earned(day);
            prop_assert!(2 * (earned * of - share).abs() <= of, "{} through {}", earned, day);
        }
    }

    #[test]
    fn a_line_never_falls_and_ends_on_its_amount(line in lines()) {
        let Schedule { start, end, amount, .. } = line.schedule;
        let negative = Schedule { amount: -amount, ..line.schedule.clone() };
        prop_assert_eq!(line.earned(start.previous()), 0);
        let mut before = 0;
        for day in days_of(start, end.plus_days(40)) {
            let now = line.earned(day);
            prop_assert!(before <= now && now <= line.minor(), "{} after {}", now, before);
            prop_assert!(day < end || now == line.minor(), "{} is earned on {}", now, day);
            // A line below zero is the mirror of it.
            let mirrored = negative.earned_through(day, Decimal::ZERO, line.currency);
            prop_assert_eq!(minor(mirrored, line.currency), -now, "on {}", day);
            before = now;
        }
    }

    #[test]
    fn shares_sum_to_the_whole_and_are_within_one_unit(
        total in positive_minor(),
        sign in prop::sample::select(vec![1_i128, -1]),
        weights in prop_oneof![
            prop::collection::vec(0_i128..=20, 1..12),
            prop::collection::vec(0_i128..=99_999_999_999_999, 1..12),
        ],
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
    fn multiplying_and_dividing_is_exact_before_it_is_rounded(
        value in positive_minor(),
        sign in prop::sample::select(vec![1_i128, -1]),
        // A share is at most the whole, so the result stays an amount.
        (numerator, rest) in prop_oneof![
            (0_i128..=20, 1_i128..=20),
            (0_i128..=99_999_999_999_999, 1_i128..=99_999_999_999_999),
        ],
        currency in currencies(),
        rounding in roundings(),
    ) {
        let (value, denominator) = (value * sign, numerator + rest);
        // Both have two decimals, which leave their ratio as it is.
        let numerator_decimal = Decimal::from_i128_with_scale(numerator, 2);
        let denominator_decimal = Decimal::from_i128_with_scale(denominator, 2);
        let value_decimal = amount(value, currency).decimal();
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

/// Accounting, section 3: 17, 28, 31 and 14 days of service fall in the four months.
#[test]
fn a_quarter_from_mid_month_earns_by_each_basis() {
    let cases = [
        (Basis::Day, [17_000, 45_000, 76_000, 90_000]),
        (Basis::MonthEven, [30_000, 60_000, 90_000, 90_000]),
        // 17/31, 1, 1 and 14/30.
        (Basis::MonthEvenProratedEnds, [16_369, 46_220, 76_070, 90_000]),
        // Readings, 29: 17/90 and 14/90 of the price, the rest over two whole months.
        (Basis::MonthEvenDailyEnds, [17_000, 46_500, 76_000, 90_000]),
        (Basis::HalfMonth, [15_000, 45_000, 75_000, 90_000]),
        (Basis::FullMonth, [30_000, 60_000, 90_000, 90_000]),
    ];
    for (basis, expected) in cases {
        let line = Line::new(basis, "2025-01-15", "2025-04-14", 90_000);
        let ends = ["2025-01-31", "2025-02-28", "2025-03-31", "2025-04-30"];
        assert_eq!(ends.map(|end| line.earned(day(end))), expected, "{basis:?}");
    }
}

/// Readings, 11: a started month counts whole, and a last month that service reaches the end of
/// weighs 1. Accounting, section 4: months from the 31st begin on a short month's last day.
#[test]
fn months_that_begin_late_or_end_whole_weigh_one() {
    let cases = [
        (Basis::MonthEven, "2025-01-15", "2025-02-15", "2025-01-31", 5_000),
        (Basis::MonthEven, "2025-01-31", "2025-03-30", "2025-01-31", 5_000),
        (Basis::MonthEven, "2025-01-31", "2025-03-30", "2025-02-28", 10_000),
        (Basis::FullMonth, "2025-01-15", "2025-02-28", "2025-01-31", 5_000),
        (Basis::FullMonth, "2025-01-15", "2025-02-27", "2025-01-31", 10_000),
        // Inside a calendar month its amount accrues over the days of service in it.
        (Basis::HalfMonth, "2025-01-22", "2025-02-14", "2025-01-23", 1_000),
    ];
    for (basis, start, end, through, expected) in cases {
        let earned = Line::new(basis, start, end, 10_000).earned(day(through));
        assert_eq!(earned, expected, "{basis:?} {start} {end} {through}");
    }
}

/// Accounting, section 4: periods from 31 January begin on 28 February and 31 March, and a part
/// costs its days over those of the whole period; a whole one is never prorated (readings, 7).
#[test]
fn periods_return_to_their_anchor_and_parts_are_prorated() {
    let span = Span { start: day("2025-01-31"), end: Some(day("2025-04-10")), ended: None };
    let grid = Grid::new(span, Length::Months(1), None, MonthEnd::Clamp);
    let found: Vec<Period> = grid.from(span.start).collect();
    let starts: Vec<String> = found.iter().map(|period| period.start.to_string()).collect();
    assert_eq!(starts, ["2025-01-31", "2025-02-28", "2025-03-31"]);
    let last = found.last().unwrap();
    assert_eq!(last.whole_end, day("2025-04-29"));
    let price = |period: &Period| {
        let policy = Proration::ActualPeriod;
        let part = share(policy, grid.length, period, period.start, period.end);
        part.times(Decimal::from(60))
    };
    // 11 of the 30 days from 31 March to 29 April.
    assert_eq!(price(last), Decimal::from(22));
    assert_eq!(price(&found[0]), Decimal::from(60));
}

/// Allocation by standalone selling price: 50, 25 and 75 share 100 (ASC 606-10-55-256 to 258),
/// with cumulative rounding in line order (accounting, section 3).
#[test]
fn a_bundle_is_allocated_by_standalone_selling_price() {
    let currency = Currency::parse("USD").unwrap();
    let weights = [50, 25, 75].map(Decimal::from);
    let shares = allocate(amount(10_000, currency), &weights, currency, Rounding::HalfEven);
    let shares: Vec<String> = shares.iter().map(ToString::to_string).collect();
    assert_eq!(shares, ["33.33", "16.67", "50.00"]);
    // Nothing to go by: the first takes all, so that the parts still sum to the whole.
    let shares = allocate(amount(5, currency), &[Decimal::ZERO; 2], currency, Rounding::HalfEven);
    assert_eq!(shares, [amount(5, currency), currency.zero()]);
}

/// Half to even and half away from zero differ on midpoints only.
#[test]
fn midpoints_round_by_name() {
    let currency = Currency::parse("USD").unwrap();
    let cases =
        [(25, 2, 3), (35, 4, 4), (-25, -2, -3), (-35, -4, -4), (24, 2, 2), (26, 3, 3), (-5, 0, -1)];
    for (tenths, even, up) in cases {
        let value = Decimal::from_i128_with_scale(tenths, 3);
        let by = |rounding| minor(currency.round(value, rounding), currency);
        assert_eq!((by(Rounding::HalfEven), by(Rounding::HalfUp)), (even, up), "{value}");
    }
}
