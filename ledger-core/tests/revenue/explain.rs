//! What is explained is what is earned, whatever the schedule: the parts are computed again with
//! integers, and the words end with the amount.

use ledger_core::billing::grid::{Grid, Length, Span};
use ledger_core::calendar::Day;
use ledger_core::command::shared::{Aggregate, Per, Price, PriceModel};
use ledger_core::money::{Amount, Rounding};
use ledger_core::policy::{MonthEnd, Policies, Residual};
use ledger_core::revenue::explain::What;
use ledger_core::revenue::recurring::Recurring;
use ledger_core::revenue::schedule::{Measure, Schedule};
use ledger_core::revenue::usage::{Meter, MeterTerms};
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::slow::rounded;
use crate::{Line, amount, config, day, lines, minor};

/// Whole periods from the day after the spread on.
fn recurring(line: &Line, minor: i128, parts: i32) -> Recurring {
    let start = line.schedule.end.next();
    Recurring {
        start,
        every: Per::Month,
        anchor: start.day(),
        amount: amount(minor, line.currency),
        parts,
        first_part: 0,
    }
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn what_is_explained_is_what_is_earned(
        line in lines(),
        recognised in -10_000_i128..=10_000,
        kind in 0..5_u8,
        is_last in any::<bool>(),
        (recurs, parts) in (0_i128..=100_000, 1..=4_i32),
        (done, base, rest) in (0_i128..=300, 0_i128..=100, -1_i128..=200),
        offset in -5..1_000_i32,
    ) {
        let currency = line.currency;
        let hundredths = |value: i128| {
            Amount::from_decimal(Decimal::from_i128_with_scale(value, 2))
        };
        let schedule = Schedule {
            recognised: amount(recognised, currency),
            residual: if is_last { Residual::Last } else { Residual::Cumulative },
            recurring: (kind == 1).then(|| recurring(&line, recurs, parts)),
            progress: (kind == 2)
                .then(|| Measure { base: hundredths(base), whole: hundredths(base + rest) }),
            is_paused: kind == 3,
            ..line.schedule.clone()
        };
        let through = schedule.start.plus_days(offset);
        let done = hundredths(done).decimal();
        let steps = schedule.explain(through, done, currency);
        let earned = schedule.earned_through(through, done, currency);
        prop_assert_eq!(steps.earned(), earned);
        for part in &steps.parts {
            let Some(share) = part.share else { continue };
            // Both numbers as whole hundredths: their ratio stays.
            let whole = |value: Decimal| (value * Decimal::ONE_HUNDRED).normalize().mantissa();
            let numerator = minor(share.of, currency) * whole(share.part);
            let again = rounded(numerator, whole(share.whole), schedule.rounding);
            prop_assert_eq!(minor(part.amount, currency), again, "{:?}", part);
        }
        let text = steps.to_string();
        let shown = text.rsplit(" = ").next().unwrap();
        let amount = shown.split_whitespace().next().unwrap();
        prop_assert_eq!(amount, earned.to_string(), "{}", text);
    }

    #[test]
    fn usage_is_explained_period_by_period(
        readings in prop::collection::vec((0..200_i32, 0_i128..=5_000), 0..20),
        least in 0_i128..=4_000,
        offset in -3..250_i32,
    ) {
        let meter = meter(least, &readings);
        let through = day("2025-01-15").plus_days(offset);
        let periods = meter.explain(through, u64::MAX);
        let sum: Amount = periods.iter().map(|one| one.earned()).sum();
        prop_assert_eq!(minor(sum, usd()), minor(meter.earned_through(through, u64::MAX), usd()));
        for one in periods {
            // A dollar a unit: what the readings come to is what they cost, up to the minimum.
            let within = |read: &Day| one.period.contains(*read) && *read <= through;
            let units: i128 = readings
                .iter()
                .filter(|(at, _)| within(&day("2025-01-15").plus_days(*at)))
                .map(|(_, units)| units)
                .sum();
            let is_over = one.period.end <= through;
            let expected = if is_over { units.max(least) } else { units };
            prop_assert_eq!(minor(one.earned(), usd()), expected);
            prop_assert_eq!(minor(one.top_up(), usd()), expected - units);
        }
    }
}

fn usd() -> ledger_core::money::Currency {
    ledger_core::money::Currency::parse("USD").unwrap()
}

/// A dollar a unit and month from 15 January 2025 on, with a minimum.
fn meter(least: i128, readings: &[(i32, i128)]) -> Meter {
    let price = Price {
        model: PriceModel::PerUnit,
        amount: None,
        unit_price: Some(amount(100, usd())),
        tiers: None,
        aggregate: Some(Aggregate::Sum),
        package_size: None,
        free: None,
        rate: None,
        per: Some(Per::Month),
        minimum: Some(amount(least, usd())),
    };
    let start = day("2025-01-15");
    let terms = MeterTerms {
        from: start,
        start,
        end: None,
        ended: None,
        price,
        quantity: Amount::ZERO,
        discount: None,
        anchor: None,
        is_suspended: false,
    };
    let mut meter = Meter::new(1, terms, &Policies::default(), usd());
    for (sequence, (offset, cents)) in (2..).zip(readings) {
        // A reading of as many hundredths of a unit as cents.
        meter.record(sequence, start.plus_days(*offset), amount(*cents, usd()));
    }
    meter
}

/// 60.00 + 40.00 x 11/31 = 60.00 + 14.1935..., which is 74.19.
#[test]
fn the_arithmetic_reads_as_it_is_computed() {
    let usd = usd();
    let by_day = Schedule {
        recognised: amount(6_000, usd),
        ..Line::new(ledger_core::policy::Basis::Day, "2026-03-21", "2026-04-20", 4_000).schedule
    };
    let paused = Schedule { is_paused: true, ..by_day.clone() };
    let even = Line::new(ledger_core::policy::Basis::MonthEven, "2026-01-01", "2026-12-31", 12_000);
    let units = Measure { base: Amount::ZERO, whole: "100".parse().unwrap() };
    let delivered = Schedule {
        recognised: amount(0, usd),
        amount: amount(50_000, usd),
        progress: Some(units),
        ..by_day.clone()
    };
    // 30.00 a month from 21 April on: one whole period, and 11 of the 31 days of the second.
    let open = Schedule {
        recurring: Some(Recurring {
            start: day("2026-04-21"),
            every: Per::Month,
            anchor: 21,
            amount: amount(3_000, usd),
            parts: 1,
            first_part: 0,
        }),
        ..by_day.clone()
    };
    let cases = [
        (&by_day, "2026-03-31", "60.00 + round(40.00 x 11/31 days, half_even) = 74.19"),
        (&by_day, "2026-04-20", "60.00 + 40.00 = 100.00"),
        (&by_day, "2026-03-20", "60.00 (begins on 2026-03-21)"),
        (&paused, "2026-03-31", "60.00 (suspended)"),
        (&even.schedule, "2026-03-31", "round(120.00 x 3/12 months, half_even) = 30.00"),
        (&delivered, "2026-03-31", "round(500.00 x 40/100 delivered, half_even) = 200.00"),
        (
            &open,
            "2026-05-31",
            "60.00 + 40.00 + 30.00 for the period from 2026-04-21 + round(30.00 x 11/31 days of \
             2026-05-21 to 2026-06-20, half_even) = 140.65",
        ),
    ];
    for (schedule, through, expected) in cases {
        let steps = schedule.explain(day(through), Decimal::from(40), usd);
        assert_eq!(steps.to_string(), expected);
    }
    let parts = open.explain(day("2026-05-31"), Decimal::ZERO, usd).parts;
    let names: Vec<&str> = parts.iter().map(|part| part.what.name()).collect();
    assert_eq!(names, ["all", "whole_periods", "running_period"]);
}

/// 100.00 over three months, each rounded alone: 33.33, 33.33, and 33.34 that is left.
#[test]
fn months_that_are_rounded_alone_are_told_one_by_one() {
    let line = Line::new(ledger_core::policy::Basis::MonthEven, "2026-01-01", "2026-03-31", 10_000);
    let schedule = Schedule { residual: Residual::Last, ..line.schedule };
    let text = |through: &str| schedule.explain(day(through), Decimal::ZERO, usd()).to_string();
    // 33.33 x 14/28 = 16.665, a half cent: to even is 16.66.
    assert_eq!(
        text("2026-02-14"),
        "round(100.00 x 1/3 for 2026-01, half_even) + round(33.33 x 14/28 days of 2026-02, \
         half_even) = 49.99"
    );
    assert_eq!(
        text("2026-03-30"),
        "round(100.00 x 1/3 for 2026-01, half_even) + round(100.00 x 1/3 for 2026-02, \
         half_even) + round(33.34 x 30/31 days of 2026-03, half_even) = 98.92"
    );
    let halves = Schedule { rounding: Rounding::HalfUp, ..schedule.clone() };
    let steps = halves.explain(day("2026-02-14"), Decimal::ZERO, usd());
    assert_eq!(steps.earned().to_string(), "50.00");
    assert!(matches!(steps.parts.last().unwrap().what, What::Running { .. }));
    // The grid of the months is that of the billing periods.
    let span = Span { start: schedule.start, end: Some(schedule.end), ended: None };
    assert_eq!(
        Grid::new(span, Length::Months(1), None, MonthEnd::Clamp).from(span.start).count(),
        3
    );
}
