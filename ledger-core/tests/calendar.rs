//! Days and months at their edges, and what the months of a term weigh.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ledger_core::calendar::{Day, YearMonth};
use ledger_core::policy::Basis;
use ledger_core::rejection::Code;
use ledger_core::revenue::weight::{
    MonthWeights, month_weights, months_through, service_days, weight_through,
};
use rust_decimal::Decimal;

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn month(year: i32, month: u8) -> YearMonth {
    YearMonth { year, month }
}

#[test]
fn a_day_is_read_where_it_exists() {
    for text in ["0001-01-01", "9999-12-31", "2024-02-29", "1234-05-06", "0987-10-30"] {
        assert_eq!(day(text).to_string(), text);
        assert_eq!(serde_json::to_string(&day(text)).unwrap(), format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<Day>(&format!("\"{text}\"")).unwrap(), day(text));
    }
    for text in [
        "0000-12-31",
        "2023-02-29",
        "2024-13-01",
        "2024-00-01",
        "24-01-01",
        "2024-1-01",
        "2024-01-1",
        "2024-01-011",
        "2024-011-01",
        "12024-01-01",
        "2024-01-01-01",
        "2024-01",
        "2024-ab-01",
        "",
    ] {
        assert_eq!(text.parse::<Day>().unwrap_err().code, Code::DateInvalid.as_str(), "{text}");
    }
    // What is shown of it has 40 characters.
    let refused = "x".repeat(50).parse::<Day>().unwrap_err();
    assert!(refused.message.starts_with(&format!("\"{}\" is not", "x".repeat(40))));
}

#[test]
fn days_and_months_later_and_earlier() {
    let (last, first) = (day("2023-12-31"), day("2024-01-01"));
    assert_eq!((last.next(), first.previous(), first.days_since(last)), (first, last, 1));
    assert_eq!(last.days_since(first), -1);
    assert_eq!(first.plus_days(59), day("2024-02-29"));
    assert_eq!(first.plus_days(-366), day("2022-12-31"));
    assert_eq!((first.day(), last.day(), last.month()), (1, 31, month(2023, 12)));
    // Beyond the calendar a day stays where it is.
    assert_eq!(first.plus_days(i32::MAX), first);
    assert_eq!(day("2024-01-31").plus_months(1, 31), day("2024-02-29"));
    assert_eq!(day("2024-02-29").plus_months(1, 31), day("2024-03-31"));
    assert_eq!(day("2024-03-05").plus_months(-3, 5), day("2023-12-05"));
    assert_eq!(month(2023, 12).plus(1), month(2024, 1));
    assert_eq!(month(2024, 1).plus(-1), month(2023, 12));
    assert_eq!(month(2024, 5).plus(25), month(2026, 6));
    assert_eq!(month(2024, 5).since(month(2022, 11)), 18);
    assert_eq!(month(2022, 11).since(month(2024, 5)), -18);
    assert_eq!(
        (month(2024, 2).days(), month(2023, 2).days(), month(2024, 12).days()),
        (29, 28, 31)
    );
    assert_eq!(
        (month(2024, 4).first(), month(2024, 4).last()),
        (day("2024-04-01"), day("2024-04-30"))
    );
    assert_eq!(month(10_000, 1).first(), day("9999-12-31"));
    assert!(month(-10_000, 1).first() < day("0001-01-01"));
}

/// 16 January to 15 April 2025, of which January has 16 days, February 28, March 31 and April 15: 90.
const START: &str = "2025-01-16";
const END: &str = "2025-04-15";

fn through(basis: Basis, on: &str) -> (Decimal, Decimal) {
    weight_through(basis, day(START), day(END), day(on))
}

fn share(basis: Basis, on: &str, part: i64, whole: i64) {
    let (got, of) = through(basis, on);
    assert_eq!(
        got * Decimal::from(whole),
        of * Decimal::from(part),
        "{basis:?} {on}: {got} of {of}"
    );
}

/// How much of the term has passed, as the accounting page words each basis (section 3).
#[test]
fn each_basis_weighs_months_as_it_says() {
    share(Basis::Day, START, 1, 90);
    share(Basis::Day, "2025-02-10", 26, 90);
    share(Basis::Day, END, 90, 90);
    // Three months of service begin, on 16 January, February and March; none in April. Of February
    // 10 of 28 days have passed.
    share(Basis::MonthEven, "2025-01-31", 28, 84);
    share(Basis::MonthEven, "2025-02-10", 38, 84);
    share(Basis::MonthEven, "2025-03-31", 84, 84);
    share(Basis::MonthEven, "2025-04-01", 84, 84);
    // 16/31 of January, two whole months, 15/30 of April: 960, 1,860, 1,860 and 930 of 1,860ths. At
    // 10 February 960 + 1,860 x 10/28, in 28ths: 26,880 + 18,600 of 157,080.
    share(Basis::MonthEvenProratedEnds, "2025-01-31", 960, 5_610);
    share(Basis::MonthEvenProratedEnds, "2025-02-10", 45_480, 157_080);
    share(Basis::MonthEvenProratedEnds, "2025-03-31", 4_680, 5_610);
    share(Basis::MonthEvenProratedEnds, "2025-04-05", 4_990, 5_610);
    // The ends have 16 and 15 of 90 days, and what is left, 59, is halved: 32, 59, 59 and 30 of 180.
    share(Basis::MonthEvenDailyEnds, "2025-01-31", 32, 180);
    share(Basis::MonthEvenDailyEnds, "2025-02-28", 91, 180);
    share(Basis::MonthEvenDailyEnds, "2025-03-31", 150, 180);
    // 1, 2, 2 and 1 halves.
    share(Basis::HalfMonth, "2025-01-31", 1, 6);
    share(Basis::HalfMonth, "2025-03-31", 5, 6);
    share(Basis::HalfMonth, "2025-04-10", 17, 18);
    // The last month weighs nothing: service ends before its last day.
    share(Basis::FullMonth, "2025-01-31", 1, 3);
    share(Basis::FullMonth, "2025-03-31", 3, 3);
    assert_eq!(service_days(day(START), day(END), day("2025-01-20")), Decimal::from(16));
    assert_eq!(service_days(day(START), day(END), day("2025-02-20")), Decimal::from(28));
    assert_eq!(service_days(day(START), day(END), day("2025-04-01")), Decimal::from(15));
}

/// A term in one month, one of whole months, and one whose last month is whole.
#[test]
fn whole_and_single_months() {
    let of = |basis, start: &str, end: &str, on: &str| {
        let (part, whole) = weight_through(basis, day(start), day(end), day(on));
        (part / whole).normalize().to_string()
    };
    for basis in [
        Basis::Day,
        Basis::MonthEven,
        Basis::MonthEvenProratedEnds,
        Basis::MonthEvenDailyEnds,
        Basis::HalfMonth,
        Basis::FullMonth,
    ] {
        // 5 of 10 days of one month.
        assert_eq!(of(basis, "2025-01-11", "2025-01-20", "2025-01-15"), "0.5", "{basis:?}");
    }
    for basis in [
        Basis::MonthEven,
        Basis::MonthEvenProratedEnds,
        Basis::MonthEvenDailyEnds,
        Basis::HalfMonth,
        Basis::FullMonth,
    ] {
        // January of January and February; 14 of 28 days of February.
        assert_eq!(of(basis, "2025-01-01", "2025-02-28", "2025-01-31"), "0.5", "{basis:?}");
        assert_eq!(of(basis, "2025-01-01", "2025-02-28", "2025-02-14"), "0.75", "{basis:?}");
    }
}

#[test]
fn the_months_of_a_term_in_whole_numbers() {
    let weights = |basis| month_weights(basis, day(START), day(END));
    let made = |months, first, middle, last, whole| {
        Some(MonthWeights { months, first, middle, last, whole })
    };
    assert_eq!(weights(Basis::Day), None);
    assert_eq!(weights(Basis::MonthEven), made(4, 1, 1, 0, 3));
    assert_eq!(weights(Basis::HalfMonth), made(4, 1, 2, 1, 6));
    assert_eq!(weights(Basis::FullMonth), made(4, 1, 1, 0, 3));
    // 31 x 30 days, of which 16/31 and 15/30.
    assert_eq!(weights(Basis::MonthEvenProratedEnds), made(4, 480, 930, 465, 2_805));
    // 16 and 15 days twice, as there are two whole months, and the 59 days left.
    assert_eq!(weights(Basis::MonthEvenDailyEnds), made(4, 32, 59, 30, 180));
    let half = weights(Basis::HalfMonth).unwrap();
    let before: Vec<i64> = (-1..=5).map(|index| half.before(index)).collect();
    assert_eq!(before, [0, 0, 1, 3, 5, 6, 6]);
    let each: Vec<i64> = (0..4).map(|index| half.of(index)).collect();
    assert_eq!(each, [1, 2, 2, 1]);
    // One month, and two.
    let short = |end: &str| month_weights(Basis::HalfMonth, day(START), day(end));
    assert_eq!(short("2025-01-31"), made(1, 1, 0, 0, 1));
    assert_eq!(short("2025-02-28"), made(2, 1, 0, 2, 3));
}

#[test]
fn the_months_through_a_day() {
    let made = |basis, on: &str| months_through(basis, day(START), day(END), day(on));
    let february = made(Basis::HalfMonth, "2025-02-10");
    assert_eq!((february.full, february.weight), (vec![1.into()], 2.into()));
    assert_eq!((february.whole, february.running), (6.into(), (10.into(), 28.into())));
    assert!(!february.is_last);
    let january = made(Basis::HalfMonth, "2025-01-20");
    assert_eq!((january.full, january.running), (vec![], (5.into(), 16.into())));
    let april = made(Basis::HalfMonth, END);
    assert_eq!((april.full.len(), april.running), (3, (15.into(), 15.into())));
    assert!(april.is_last);
    // April weighs nothing, so that March is the last month that does.
    assert!(made(Basis::FullMonth, "2025-03-01").is_last);
    assert!(!made(Basis::HalfMonth, "2025-03-01").is_last);
}
