//! What a part of a period costs (accounting, section 4): by hand.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ledger_core::billing::grid::{Length, Period};
use ledger_core::billing::proration::{Share, share};
use ledger_core::calendar::Day;
use ledger_core::policy::Proration;

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// The share for some days of a month.
fn of(policy: Proration, month: (&str, &str), days: (&str, &str)) -> Share {
    let (start, end) = (day(month.0), day(month.1));
    let period = Period { start, end, whole_start: start, whole_end: end };
    share(policy, Length::Months(1), &period, day(days.0), day(days.1))
}

const JUNE: (&str, &str) = ("2026-06-01", "2026-06-30");
const FEBRUARY: (&str, &str) = ("2026-02-01", "2026-02-28");

#[test]
fn a_book_that_does_not_prorate_takes_the_whole_price() {
    assert_eq!(of(Proration::None, JUNE, ("2026-06-16", "2026-06-30")), Share::WHOLE);
}

/// February has 28 days of the convention's 30, and costs the whole price all the same.
#[test]
fn a_whole_period_is_never_prorated() {
    for policy in [Proration::ActualPeriod, Proration::FixedThirty, Proration::StrictThirty360] {
        assert_eq!(of(policy, FEBRUARY, FEBRUARY), Share::WHOLE, "{policy:?}");
    }
}

#[test]
fn half_a_month_is_fifteen_of_thirty_days() {
    for policy in [Proration::ActualPeriod, Proration::FixedThirty, Proration::StrictThirty360] {
        let half = of(policy, JUNE, ("2026-06-16", "2026-06-30"));
        assert_eq!((half.part, half.of), (15.into(), 30.into()), "{policy:?}");
    }
}
