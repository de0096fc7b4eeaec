//! What a part of a period costs (accounting, section 4): by hand.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ledger_core::billing::grid::{Grid, Length, Period, Span};
use ledger_core::billing::proration::{Share, share};
use ledger_core::billing::terms::{Pricing, Terms};
use ledger_core::calendar::Day;
use ledger_core::command::shared::Per;
use ledger_core::money::Currency;
use ledger_core::policy::{MonthEnd, Policies, Proration};
use serde_json::json;

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

/// Of a quarter, a month and fifteen days: 45 of 90.
#[test]
fn a_month_and_a_half_of_a_quarter() {
    let (start, end) = (day("2026-04-01"), day("2026-06-30"));
    let period = Period { start, end, whole_start: start, whole_end: end };
    let first = day("2026-05-16");
    for policy in [Proration::FixedThirty, Proration::StrictThirty360] {
        let part = share(policy, Length::Months(3), &period, first, end);
        assert_eq!((part.part, part.of), (45.into(), 90.into()), "{policy:?}");
    }
}

/// A term that was to end in June and was cut short in March.
fn cut_short() -> Span {
    let (start, end) = (day("2026-01-01"), day("2026-06-30"));
    Span { start, end: Some(end), ended: Some(day("2026-03-31")) }
}

#[test]
fn periods_without_an_end_go_on_behind_one_that_was_cut_short() {
    let grid = Grid::new(cut_short(), Length::Months(1), None, MonthEnd::Clamp);
    assert_eq!((grid.last(), grid.endless().last()), (Some(day("2026-03-31")), None));
    assert_eq!(grid.period(3), None);
    // One that ended before it began has none, whatever their length.
    let span = Span { ended: Some(day("2025-12-31")), ..cut_short() };
    for length in [Length::Months(1), Length::Term] {
        assert_eq!(Grid::new(span, length, None, MonthEnd::Clamp).period(0), None, "{length:?}");
    }
    let april = grid.endless().period(3).unwrap();
    assert_eq!((april.start, april.end), (day("2026-04-01"), day("2026-04-30")));
}

/// A day before the anchor is of the period that began in the month before, the anchor's day of its own.
#[test]
fn a_period_begins_on_its_anchor() {
    let span = Span { start: day("2026-01-15"), end: None, ended: None };
    let grid = Grid::new(span, Length::Months(1), None, MonthEnd::Clamp);
    let index = |text: &str| grid.index(day(text));
    assert_eq!((index("2026-01-15"), index("2026-02-14")), (0, 0));
    assert_eq!((index("2026-02-15"), index("2026-03-14"), index("2027-01-15")), (1, 1, 12));
}

/// One price for all of a term costs that, with an end or without; of prices by the month without an end there is
/// no sum, and a ratio is that of one of them.
#[test]
fn prices_without_an_end() {
    let price = json!({"model": "flat", "amount": "10.00"});
    let terms = Terms {
        from: day("2026-01-01"),
        price: serde_json::from_value(price).unwrap(),
        quantity: "1".parse().unwrap(),
        discount: None,
        is_suspended: false,
        contained_tax: None,
    };
    let span = Span { start: day("2026-01-01"), end: None, ended: None };
    let pricing = |per: Per| {
        let grid = Grid::new(span, Length::from(per), None, MonthEnd::Clamp);
        Pricing::new(grid, per, &Policies::default(), Currency::parse("USD").unwrap())
    };
    let rest = |per| pricing(per).rest(&vec![terms.clone()].into(), day("2026-01-01")).to_string();
    assert_eq!((rest(Per::Once), rest(Per::Month)), ("10.00".to_owned(), "0.00".to_owned()));
    assert_eq!(pricing(Per::Month).exact_total(&terms), (10.into(), 1.into()));
}
