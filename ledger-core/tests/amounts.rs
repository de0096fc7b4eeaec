//! Amounts at their edges: reading, rounding, signs, and shares that are worked out by hand.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ledger_core::money::{
    Amount, Currency, Rounding, allocate, allocate_each, from_outside, multiply_divide,
    over_one_denominator,
};
use ledger_core::rejection::Code;
use rust_decimal::Decimal;

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn decimals(texts: &[&str]) -> Vec<Decimal> {
    texts.iter().map(|text| decimal(text)).collect()
}

fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

fn texts(parts: &[Amount]) -> Vec<String> {
    parts.iter().map(Amount::to_string).collect()
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn a_number_is_read_or_refused_for_what_is_wrong_with_it() {
    // Twelve digits on both sides, and zeros that say nothing.
    for (text, shown) in [
        ("999999999999.999999999999", "999999999999.999999999999"),
        ("000000000000001.50", "1.50"),
        ("0.1000000000000", "0.1000000000000"),
        ("-7", "-7"),
        ("-0.00", "0.00"),
        ("0", "0"),
    ] {
        assert_eq!(amount(text).to_string(), shown);
    }
    let refused = [
        ("1000000000000", Code::AmountTooLarge),
        ("-1000000000000.5", Code::AmountTooLarge),
        ("0.1234567890123", Code::AmountPrecision),
        ("", Code::AmountInvalid),
        ("-", Code::AmountInvalid),
        (".", Code::AmountInvalid),
        ("1.", Code::AmountInvalid),
        (".5", Code::AmountInvalid),
        ("1.2.3", Code::AmountInvalid),
        ("--1", Code::AmountInvalid),
        ("+1", Code::AmountInvalid),
        ("1e3", Code::AmountInvalid),
        ("1.x", Code::AmountInvalid),
    ];
    for (text, code) in refused {
        assert_eq!(text.parse::<Amount>().unwrap_err().code, code.as_str(), "{text}");
    }
}

/// A caller's amount has twelve digits at most; what is read back, a sum of a million, has eighteen.
#[test]
fn sums_are_read_back_and_not_taken_from_outside() {
    let read = |digits: usize| {
        serde_json::from_str::<Amount>(&format!("\"{}\"", "9".repeat(digits))).is_ok()
    };
    assert_eq!((read(18), read(19)), (true, false));
    assert_eq!(
        from_outside(|| (read(12), from_outside(|| read(13)), read(13))),
        (true, false, false)
    );
    assert!(read(13), "from outside is over");
}

#[test]
fn signs() {
    for (text, is_zero, is_negative, is_positive) in [
        ("0.00", true, false, false),
        ("-0.00", true, false, false),
        ("0.01", false, false, true),
        ("-0.01", false, true, false),
    ] {
        let one = amount(text);
        assert_eq!((one.is_zero(), one.is_negative()), (is_zero, is_negative));
        assert_eq!(one.is_positive(), is_positive);
    }
    assert!(Amount::ZERO.is_zero() && !Amount::ZERO.is_negative() && !Amount::ZERO.is_positive());
    let minus_zero = Amount::from_decimal(-decimal("0.00"));
    assert!(!minus_zero.decimal().is_sign_negative() && !minus_zero.is_negative());
    assert_eq!((-amount("1.50")).to_string(), "-1.50");
    assert_eq!((-amount("0.00")).to_string(), "0.00");
    assert_eq!((amount("-1.50").abs(), amount("1.50").abs()), (amount("1.5"), amount("1.5")));
}

#[test]
fn sums_keep_the_decimals_of_the_wider_operand() {
    let mut sum = amount("1.5");
    sum += amount("2.25");
    assert_eq!(sum.to_string(), "3.75");
    sum -= amount("0.250");
    assert_eq!(sum.to_string(), "3.500");
    assert_eq!((amount("0.00") + Amount::ZERO).to_string(), "0.00");
    assert_eq!((Amount::ZERO - amount("0.000")).to_string(), "0.000");
    assert_eq!((Amount::ZERO + amount("5.10")).to_string(), "5.10");
    let total: Amount = [amount("1.10"), amount("-0.10"), amount("2")].into_iter().sum();
    assert_eq!(total.to_string(), "3.00");
}

#[test]
fn currencies_have_the_decimals_of_iso_4217() {
    for (code, decimals, zero) in [("USD", 2, "0.00"), ("JPY", 0, "0"), ("KWD", 3, "0.000")] {
        let one = currency(code);
        assert_eq!((one.code(), one.minor_units()), (code, decimals));
        assert_eq!((one.zero().to_string(), one.to_string()), (zero.to_owned(), code.to_owned()));
    }
    for code in ["", "US", "USDX", "XXX", "ZZZ"] {
        assert_eq!(
            Currency::parse(code).unwrap_err().code,
            Code::CurrencyUnknown.as_str(),
            "{code}"
        );
    }
}

#[test]
fn an_amount_has_the_decimals_of_its_currency_or_is_refused() {
    let exact = |code: &str, text: &str| currency(code).exact(amount(text), "f");
    assert_eq!(exact("USD", "1").unwrap().to_string(), "1.00");
    assert_eq!(exact("USD", "1.230").unwrap().to_string(), "1.23");
    assert_eq!(exact("JPY", "1.000").unwrap().to_string(), "1");
    let refused = exact("USD", "1.234").unwrap_err();
    assert_eq!(
        (refused.code.as_str(), refused.field.as_deref()),
        (Code::AmountPrecision.as_str(), Some("f"))
    );
    assert_eq!(exact("JPY", "0.1").unwrap_err().code, Code::AmountPrecision.as_str());
}

#[test]
fn midpoints_go_to_the_even_neighbour_or_away_from_zero() {
    let usd = currency("USD");
    for (value, even, up) in [
        ("0.125", "0.12", "0.13"),
        ("0.135", "0.14", "0.14"),
        ("-0.125", "-0.12", "-0.13"),
        ("0.1251", "0.13", "0.13"),
        ("0.1249", "0.12", "0.12"),
        ("-0.001", "0.00", "0.00"),
        ("2", "2.00", "2.00"),
    ] {
        assert_eq!(usd.round(decimal(value), Rounding::HalfEven).to_string(), even);
        assert_eq!(usd.round(decimal(value), Rounding::HalfUp).to_string(), up);
    }
    assert_eq!(currency("JPY").round(decimal("0.5"), Rounding::HalfUp).to_string(), "1");
}

/// Shares of the sum so far, each rounded once; the parts are the differences.
#[test]
fn cumulative_shares() {
    let usd = currency("USD");
    let both = |total: &str, weights: &[&str]| {
        let (total, weights) = (amount(total), decimals(weights));
        [Rounding::HalfEven, Rounding::HalfUp]
            .map(|rounding| texts(&allocate(total, &weights, usd, rounding)))
    };
    let same = |total: &str, weights: &[&str], parts: &[&str]| {
        let [even, up] = both(total, weights);
        assert_eq!((even, up), (owned(parts), owned(parts)));
    };
    // 1.67, 3.33 and 5 cents.
    same("0.05", &["1", "1", "1"], &["0.02", "0.01", "0.02"]);
    // Nothing weighs: the first has all.
    same("0.05", &["0", "0", "0"], &["0.05", "0.00", "0.00"]);
    // 1.5 and then 3 cents, of weights below zero as well: both go up to 2.
    same("0.03", &["1", "1"], &["0.02", "0.01"]);
    same("0.03", &["-1", "-1"], &["0.02", "0.01"]);
    same("-0.03", &["1", "1"], &["-0.02", "-0.01"]);
    // Of 2.75 shares 0.25, 1.25 and all: 1, 5 and 11.
    same("11.00", &["0.25", "1", "1.50"], &["1.00", "4.00", "6.00"]);
    // Half a cent: to 0 as the even neighbour, or away from zero.
    assert_eq!(both("0.01", &["1", "1"]), [["0.00", "0.01"], ["0.01", "0.00"]]);
    assert_eq!(both("-0.01", &["1", "1"]), [["0.00", "-0.01"], ["-0.01", "0.00"]]);
    // 1 of -2 of a cent is half a cent below zero.
    assert_eq!(both("0.01", &["1", "-3"]), [["0.00", "0.01"], ["-0.01", "0.02"]]);
    // The product has 39 digits, more than a whole number takes: divided first, at full precision.
    let (one, three) = ("10000000000000000000000000000", "30000000000000000000000000000");
    same("200000000.00", &[one, three], &["50000000.00", "150000000.00"]);
}

/// Each part rounded on its own, and the last one that weighs something takes what is left.
#[test]
fn shares_each_on_their_own() {
    let each = |total: &str, weights: &[&str], rounding: Rounding| {
        texts(&allocate_each(amount(total), &decimals(weights), currency("USD"), rounding))
    };
    let even = |total: &str, weights: &[&str]| each(total, weights, Rounding::HalfEven);
    assert_eq!(even("10.00", &["1", "1", "1"]), ["3.33", "3.33", "3.34"]);
    assert_eq!(even("0.05", &["1", "1", "0"]), ["0.02", "0.03", "0.00"]);
    assert_eq!(each("0.05", &["1", "1"], Rounding::HalfUp), ["0.03", "0.02"]);
    assert_eq!(even("0.05", &["0", "0"]), ["0.05", "0.00"]);
}

#[test]
fn products_come_before_quotients() {
    let of = |value: &str, numerator: &str, denominator: &str| {
        multiply_divide(decimal(value), decimal(numerator), decimal(denominator))
    };
    assert_eq!(of("10", "1", "4"), decimal("2.5"));
    assert_eq!(of("10", "3", "3"), decimal("10"));
    assert_eq!(of("10", "3", "0"), decimal("10"));
    // A third of three is one, which 3 x (1 / 3) is not.
    assert_eq!(of("3", "1", "3"), decimal("1"));
    // The product has 30 digits, so that it is divided first: 8e14 / 4e14 x 2e14.
    assert_eq!(
        of("800000000000000", "200000000000000", "400000000000000"),
        decimal("400000000000000")
    );
}

/// `1/62` and `1/31` are 1 and 2 of 62, `1/2` and `1/3` are 3 and 2 of 6.
#[test]
fn fractions_over_one_denominator() {
    let of = |fractions: &[(&str, &str)]| {
        let pairs: Vec<_> =
            fractions.iter().map(|(part, of)| (decimal(part), decimal(of))).collect();
        over_one_denominator(&pairs)
    };
    assert_eq!(of(&[("1", "62"), ("1", "31")]), decimals(&["1", "2"]));
    assert_eq!(of(&[("1", "2"), ("1", "3")]), decimals(&["3", "2"]));
    assert_eq!(of(&[("2", "3"), ("5", "6")]), decimals(&["12", "15"]));
    // Ten to the thirteenth is the largest denominator, and still one with a divisor of it.
    assert_eq!(of(&[("1", "10000000000000"), ("1", "2")]), decimals(&["1", "5000000000000"]));
    // Beyond it, and where something is of nothing, fractions are divided.
    assert_eq!(of(&[("10000000000001", "10000000000001"), ("1", "2")]), decimals(&["1", "0.5"]));
    assert_eq!(of(&[("1", "10000000000000"), ("1", "3")])[0], decimal("0.0000000000001"));
    assert_eq!(of(&[("5", "0"), ("1", "2")]), decimals(&["5", "0.5"]));
}

/// Two equal weights of 29 digits, of which nothing can be multiplied in a decimal: the half of 9.97 is still exactly
/// 4.985. Weights may have decimals, too: 9.00 by 1 to 0.5.
#[test]
fn a_half_is_a_half_whatever_the_weights_are() {
    let usd = currency("USD");
    let weights = decimals(&["39000000000000000000000000001", "39000000000000000000000000001"]);
    let up = allocate(amount("9.97"), &weights, usd, Rounding::HalfUp);
    assert_eq!(texts(&up), ["4.99", "4.98"]);
    let even = allocate(amount("9.97"), &weights, usd, Rounding::HalfEven);
    assert_eq!(texts(&even), ["4.98", "4.99"]);
    let parts = allocate(amount("9.00"), &decimals(&["1", "0.5"]), usd, Rounding::HalfEven);
    assert_eq!(texts(&parts), ["6.00", "3.00"]);
}
