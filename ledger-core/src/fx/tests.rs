//! Rates and values worked by hand.

use super::*;

fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// Rates as `from to rate date`, and where it is none of the default, its type; each has the next
/// sequence, from 1.
fn rates(lines: &[&str]) -> Rates {
    let mut rates = Rates::default();
    for (line, sequence) in lines.iter().zip(1..) {
        let parts: Vec<&str> = line.split(' ').collect();
        let kind = match parts.get(4) {
            None => RateType::Spot,
            Some(&"closing") => RateType::Closing,
            Some(&"average") => RateType::Average,
            Some(other) => panic!("{other}"),
        };
        let pair = (currency(parts[0]), currency(parts[1]), kind);
        rates.record(pair, day(parts[3]), sequence, amount(parts[2]));
    }
    rates
}

/// `rate/per of date`, where there is one.
fn shown(rate: Option<ExchangeRate>) -> String {
    rate.map_or("none".to_owned(), |one| format!("{}/{} of {}", one.rate, one.per, one.date))
}

/// Rates, from, to, an amount, and its value: half even, half up.
type Valued<'a> = (&'a [&'a str], &'a str, &'a str, &'a str, &'a str, &'a str);

/// Rates, a pair, a day, and the rate.
type Found<'a> = (&'a [&'a str], (&'a str, &'a str), &'a str, &'a str);

const DAY: &str = "2026-03-10";

fn spot(lines: &[&str], pair: (&str, &str), on: &str) -> Option<ExchangeRate> {
    rates(lines).spot(currency(pair.0), currency(pair.1), day(on), u64::MAX)
}

#[test]
fn an_amount_is_rounded_once_to_the_minor_unit() {
    let cases: [Valued<'_>; 14] = [
        // 100.05 x 0.9 = 90.045
        (&["USD EUR 0.9 2026-03-01"], "USD", "EUR", "100.05", "90.04", "90.05"),
        // 100.15 x 0.9 = 90.135
        (&["USD EUR 0.9 2026-03-01"], "USD", "EUR", "100.15", "90.14", "90.14"),
        (&["USD EUR 0.9 2026-03-01"], "USD", "EUR", "-100.05", "-90.04", "-90.05"),
        // 0.01 x 0.5 = 0.005
        (&["USD EUR 0.5 2026-03-01"], "USD", "EUR", "0.01", "0.00", "0.01"),
        (&["USD EUR 0.000000000001 2026-03-01"], "USD", "EUR", "0.01", "0.00", "0.00"),
        // 1.00 x 160.5 yen
        (&["EUR JPY 160.5 2026-03-01"], "EUR", "JPY", "1.00", "160", "161"),
        // 1.01 x 0.34005 = 0.3434505
        (&["EUR KWD 0.34005 2026-03-01"], "EUR", "KWD", "1.01", "0.343", "0.343"),
        // 100 / 1.1157 = 89.6298...
        (&["EUR USD 1.1157 2026-03-01"], "USD", "EUR", "100.00", "89.63", "89.63"),
        // 1000000 / 130.38 = 7669.8880...
        (&["EUR JPY 130.38 2026-03-01"], "JPY", "EUR", "1000000", "7669.89", "7669.89"),
        // 0.03 / 2.4 = 0.0125, and 0.01 / 2 = 0.005
        (&["EUR USD 2.4 2026-03-01"], "USD", "EUR", "0.03", "0.01", "0.01"),
        (&["EUR USD 2 2026-03-01"], "USD", "EUR", "0.01", "0.00", "0.01"),
        // A third as twelve decimals would make it 299999999999.70.
        (
            &["EUR USD 3 2026-03-01"],
            "USD",
            "EUR",
            "900000000000.00",
            "300000000000.00",
            "300000000000.00",
        ),
        // 100.00 / 0.8 x 1.25 = 156.25
        (
            &["EUR GBP 0.8 2026-03-01", "EUR USD 1.25 2026-03-01"],
            "GBP",
            "USD",
            "100.00",
            "156.25",
            "156.25",
        ),
        // A ninth as twelve decimals would make it 199999999999.80.
        (
            &["EUR GBP 9 2026-03-01", "EUR USD 2 2026-03-01"],
            "GBP",
            "USD",
            "900000000000.00",
            "200000000000.00",
            "200000000000.00",
        ),
    ];
    for (lines, from, to, given, even, up) in cases {
        let rate = spot(lines, (from, to), DAY).unwrap();
        let value = |rounding| rate.value(amount(given), rounding).to_string();
        let found = (value(Rounding::HalfEven), value(Rounding::HalfUp));
        assert_eq!(found, (even.to_owned(), up.to_owned()), "{given} {from} at {lines:?}");
    }
    let even = ExchangeRate::even(currency("EUR"), day(DAY));
    assert_eq!(even.value(amount("7.77"), Rounding::HalfEven), amount("7.77"));
}

#[test]
fn a_rate_serves_both_ways_and_through_a_third_currency() {
    let both = ["USD EUR 0.9 2026-03-01", "EUR USD 1.25 2026-03-05"];
    let cross = ["EUR USD 1.25 2026-03-05", "EUR GBP 0.8 2026-03-03"];
    let chain = ["GBP EUR 1.2 2026-03-01", "EUR USD 1.1 2026-03-02"];
    let two = [
        "EUR GBP 0.8 2026-03-03",
        "EUR USD 1.25 2026-03-03",
        "CHF GBP 0.7 2026-03-04",
        "CHF USD 1.4 2026-03-05",
    ];
    let tie = [
        "EUR GBP 0.8 2026-03-04",
        "EUR USD 1.25 2026-03-04",
        "CHF GBP 0.7 2026-03-04",
        "CHF USD 1.4 2026-03-05",
    ];
    let own = ["GBP USD 1.5 2025-01-01", "EUR GBP 0.8 2026-03-03", "EUR USD 1.25 2026-03-03"];
    let long = ["GBP EUR 1.1 2026-03-01", "EUR CHF 0.9 2026-03-01", "CHF USD 1.2 2026-03-01"];
    let cases: [Found<'_>; 17] = [
        (&[], ("EUR", "EUR"), DAY, "1/1 of 2026-03-10"),
        (&[], ("USD", "EUR"), DAY, "none"),
        (&both[..1], ("USD", "EUR"), DAY, "0.9/1 of 2026-03-01"),
        (&both[..1], ("EUR", "USD"), DAY, "1/0.9 of 2026-03-01"),
        // Of the pair's two ways the later one; of one day the recorded way.
        (&both, ("USD", "EUR"), "2026-03-04", "0.9/1 of 2026-03-01"),
        (&both, ("USD", "EUR"), "2026-03-05", "1/1.25 of 2026-03-05"),
        (&["USD EUR 0.9 2026-03-05", both[1]], ("USD", "EUR"), DAY, "0.9/1 of 2026-03-05"),
        // Both of one euro, the one and the other way; its date is the earlier one.
        (&cross, ("GBP", "USD"), DAY, "1.25/0.8 of 2026-03-03"),
        (&cross, ("USD", "GBP"), DAY, "0.8/1.25 of 2026-03-03"),
        (&cross, ("GBP", "USD"), "2026-03-04", "none"),
        (&chain, ("GBP", "USD"), DAY, "1.32/1 of 2026-03-01"),
        (&chain, ("USD", "GBP"), DAY, "1/1.32 of 2026-03-01"),
        // Of two third currencies the one whose older rate is the latest, then by its code.
        (&two, ("GBP", "USD"), DAY, "1.4/0.7 of 2026-03-04"),
        (&two, ("GBP", "USD"), "2026-03-03", "1.25/0.8 of 2026-03-03"),
        (&tie, ("GBP", "USD"), DAY, "1.4/0.7 of 2026-03-04"),
        // The pair's own rate comes first, however old; there are no two currencies between.
        (&own, ("USD", "GBP"), DAY, "1/1.5 of 2025-01-01"),
        (&long, ("GBP", "USD"), DAY, "none"),
    ];
    for (lines, pair, on, expected) in cases {
        assert_eq!(shown(spot(lines, pair, on)), expected, "{pair:?} on {on} of {lines:?}");
    }
}

#[test]
fn two_rates_of_many_decimals_keep_them_all() {
    let cases: [(&[&str], (&str, &str), &str); 7] = [
        // 0.0000111732 x 0.30695 = 0.00000342961374: two decimals too many
        (
            &["LBP USD 0.0000111732 2026-03-01", "USD KWD 0.30695 2026-03-01"],
            ("LBP", "KWD"),
            "0.000342961374/100 of 2026-03-01",
        ),
        (
            &["LBP USD 0.0000111732 2026-03-01", "USD KWD 0.30695 2026-03-01"],
            ("KWD", "LBP"),
            "100/0.000342961374 of 2026-03-01",
        ),
        // 0.000061 x 0.000000012345 = 0.000000000000753045: six too many
        (
            &["IDR USD 0.000061 2026-03-01", "USD GBP 0.000000012345 2026-03-01"],
            ("IDR", "GBP"),
            "0.000000753045/1000000 of 2026-03-01",
        ),
        // No room for all of them: 1.1 x 10 to the -23 keeps eleven more.
        (
            &["IDR USD 0.000000000001 2026-03-01", "USD GBP 0.000000000011 2026-03-01"],
            ("IDR", "GBP"),
            "0.000000000001/100000000000 of 2026-03-01",
        ),
        // Too small, or too large, for any amount: no rate at all, and not one of 1 to 1.
        (
            &["IDR USD 0.000000000001 2026-03-01", "USD GBP 0.000000000001 2026-03-01"],
            ("IDR", "GBP"),
            "none",
        ),
        (
            &["IDR USD 0.000000000001 2026-03-01", "USD GBP 0.000000000001 2026-03-01"],
            ("GBP", "IDR"),
            "none",
        ),
        (
            &["EUR USD 999999999999 2026-03-01", "USD GBP 999999999999 2026-03-01"],
            ("EUR", "GBP"),
            "none",
        ),
    ];
    for (lines, pair, expected) in cases {
        assert_eq!(shown(spot(lines, pair, DAY)), expected, "{pair:?} of {lines:?}");
    }
}

#[test]
fn a_value_of_more_than_twelve_digits_does_not_fit() {
    let cases = [
        ("EUR IDR 20000 2026-03-01", "49999999.99", true),
        ("EUR IDR 20000 2026-03-01", "50000000.00", false),
        ("EUR IDR 20000 2026-03-01", "-50000000.00", false),
        ("IDR EUR 0.000000000001 2026-03-01", "1.00", false),
        ("EUR IDR 999999999999 2026-03-01", "999999999999.99", false),
    ];
    for (line, given, expected) in cases {
        let rate = spot(&[line], ("EUR", "IDR"), DAY).unwrap();
        assert_eq!(rate.fits(amount(given)), expected, "{given} at {line}");
    }
}

#[test]
fn the_latest_rate_on_or_before_a_day_counts() {
    let lines = [
        "EUR USD 1.1 2026-03-02",
        "EUR USD 1.2 2026-03-06",
        // Not a spot rate.
        "EUR USD 9.9 2026-03-04 closing",
        "EUR USD 8.8 2026-03-04 average",
        // Recorded late, for a day between.
        "EUR USD 1.3 2026-03-05",
    ];
    let cases = [
        ("2026-03-01", "none"),
        ("2026-03-02", "1.1/1 of 2026-03-02"),
        ("2026-03-04", "1.1/1 of 2026-03-02"),
        ("2026-03-05", "1.3/1 of 2026-03-05"),
        ("2026-03-06", "1.2/1 of 2026-03-06"),
        ("2030-01-01", "1.2/1 of 2026-03-06"),
    ];
    for (on, expected) in cases {
        assert_eq!(shown(spot(&lines, ("EUR", "USD"), on)), expected, "on {on}");
    }
    let average = (currency("EUR"), currency("USD"), RateType::Average);
    let found = rates(&lines).find(average, day(DAY), u64::MAX);
    assert_eq!(shown(found), "8.8/1 of 2026-03-04");
}

#[test]
fn a_rate_is_as_known_at_a_sequence() {
    let rates = rates(&[
        "EUR USD 1.1 2026-03-02", // 1
        "EUR USD 1.2 2026-03-06", // 2
        "EUR USD 1.4 2026-03-02", // 3: corrects the first
        "USD EUR 0.5 2026-03-06", // 4: the other way round, of the same day
        "EUR GBP 0.8 2026-03-07", // 5
    ]);
    let cases = [
        (0, ("EUR", "USD"), "2026-03-03", "none"),
        (1, ("EUR", "USD"), "2026-03-03", "1.1/1 of 2026-03-02"),
        (2, ("EUR", "USD"), "2026-03-03", "1.1/1 of 2026-03-02"),
        (3, ("EUR", "USD"), "2026-03-03", "1.4/1 of 2026-03-02"),
        (1, ("EUR", "USD"), "2026-03-06", "1.1/1 of 2026-03-02"),
        (2, ("EUR", "USD"), "2026-03-06", "1.2/1 of 2026-03-06"),
        (3, ("USD", "EUR"), "2026-03-06", "1/1.2 of 2026-03-06"),
        (4, ("USD", "EUR"), "2026-03-06", "0.5/1 of 2026-03-06"),
        (4, ("EUR", "USD"), "2026-03-06", "1.2/1 of 2026-03-06"),
        (4, ("GBP", "USD"), "2026-03-08", "none"),
        (5, ("GBP", "USD"), "2026-03-08", "1.2/0.8 of 2026-03-06"),
    ];
    for (sequence, pair, on, expected) in cases {
        let (from, to) = (currency(pair.0), currency(pair.1));
        let found = rates.spot(from, to, day(on), sequence);
        assert_eq!(shown(found), expected, "{pair:?} on {on} at {sequence}");
    }
}

#[test]
fn the_closing_rate_is_of_the_very_day_else_the_latest_spot_rate() {
    let lines = [
        "EUR USD 1.1 2026-03-02",
        "EUR USD 1.5 2026-03-31 closing",
        "EUR USD 1.3 2026-04-02",
        "EUR GBP 0.8 2026-03-31",
        "EUR GBP 0.75 2026-03-31 closing",
    ];
    let cases = [
        (("EUR", "USD"), "2026-03-30", "1.1/1 of 2026-03-02"),
        (("EUR", "USD"), "2026-03-31", "1.5/1 of 2026-03-31"),
        (("USD", "EUR"), "2026-03-31", "1/1.5 of 2026-03-31"),
        (("EUR", "USD"), "2026-04-01", "1.1/1 of 2026-03-02"),
        (("EUR", "USD"), "2026-04-30", "1.3/1 of 2026-04-02"),
        // Crossed through closing rates of one day, never through one of each type.
        (("GBP", "USD"), "2026-03-31", "1.5/0.75 of 2026-03-31"),
        (("GBP", "USD"), "2026-04-30", "1.3/0.8 of 2026-03-31"),
        (("EUR", "CHF"), "2026-03-31", "none"),
    ];
    for (pair, on, expected) in cases {
        let (from, to) = (currency(pair.0), currency(pair.1));
        let found = rates(&lines).closing(from, to, day(on), u64::MAX);
        assert_eq!(shown(found), expected, "{pair:?} on {on}");
    }
    // An older closing rate of the pair itself does not hide a crossed one of the very day.
    let older = [
        "EUR USD 1.1 2026-01-01",
        "EUR USD 1.5 2026-02-28 closing",
        "CHF EUR 1.0 2026-03-31 closing",
        "CHF USD 1.4 2026-03-31 closing",
    ];
    let crossed = rates(&older).closing(currency("EUR"), currency("USD"), day("2026-03-31"), 9);
    assert_eq!(shown(crossed), "1.4/1 of 2026-03-31");
    let before = rates(&lines).closing(currency("EUR"), currency("USD"), day("2026-03-31"), 1);
    assert_eq!(shown(before), "1.1/1 of 2026-03-02", "it was not known yet");
}

#[test]
fn what_is_earned_before_the_first_rate_has_that_one() {
    let lines = [
        "EUR USD 1.3 2026-03-20",
        "EUR USD 1.1 2026-03-05",
        "EUR GBP 0.8 2026-03-10",
        "EUR SEK 11 2026-03-01",
        "EUR CHF 0.9 2026-03-02 closing",
    ];
    let cases = [
        (u64::MAX, ("EUR", "USD"), "2026-01-01", "1.1/1 of 2026-03-05"),
        (u64::MAX, ("USD", "EUR"), "2026-03-04", "1/1.1 of 2026-03-05"),
        (u64::MAX, ("EUR", "USD"), "2026-03-19", "1.1/1 of 2026-03-05"),
        (u64::MAX, ("EUR", "USD"), "2026-03-20", "1.3/1 of 2026-03-20"),
        // The first one of all that was known.
        (1, ("EUR", "USD"), "2026-01-01", "1.3/1 of 2026-03-20"),
        (0, ("EUR", "USD"), "2026-01-01", "none"),
        // Crossed as soon as both are there.
        (u64::MAX, ("GBP", "USD"), "2026-01-01", "1.1/0.8 of 2026-03-05"),
        (u64::MAX, ("EUR", "CHF"), "2026-01-01", "none"),
        (u64::MAX, ("EUR", "EUR"), "2026-01-01", "1/1 of 2026-01-01"),
    ];
    for (sequence, pair, on, expected) in cases {
        let (from, to) = (currency(pair.0), currency(pair.1));
        let found = rates(&lines).spot_or_first(from, to, day(on), sequence);
        assert_eq!(shown(found), expected, "{pair:?} on {on} at {sequence}");
    }
}

#[test]
fn only_a_pair_as_recorded_is_recorded() {
    let rates = rates(&["EUR USD 1.1 2026-03-05", "EUR GBP 0.8 2026-03-05"]);
    let recorded = |from, to| {
        let pair = (currency(from), currency(to), RateType::Spot);
        shown(rates.recorded(pair, day(DAY), u64::MAX))
    };
    assert_eq!(recorded("EUR", "USD"), "1.1/1 of 2026-03-05");
    assert_eq!(recorded("USD", "EUR"), "none");
    assert_eq!(recorded("GBP", "USD"), "none");
}

#[test]
fn a_rate_of_one_unit_leaves_out_that_it_is_one() {
    let rates = rates(&["EUR USD 1.1 2026-03-05"]);
    assert!(!rates.is_empty() && Rates::default().is_empty());
    let shown = |from, to| {
        let rate = rates.spot(currency(from), currency(to), day("2026-03-05"), u64::MAX).unwrap();
        serde_json::to_value(rate).unwrap().get("per").map(ToString::to_string)
    };
    assert_eq!(shown("EUR", "USD"), None);
    assert_eq!(shown("USD", "EUR"), Some("\"1.1\"".to_owned()));
}
