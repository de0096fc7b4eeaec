//! Numbers, money and dates as each language writes them.

use ledger_core::calendar::Day;
use ledger_core::money::{Amount, Currency};

use crate::documents::words::Language;

/// Thin enough to belong together, and never the end of a line.
const NO_BREAK_SPACE: char = '\u{a0}';

/// The mark of thousands and the one of decimals.
const fn marks(language: Language) -> (char, char) {
    match language {
        Language::English => (',', '.'),
        Language::German | Language::Spanish => ('.', ','),
        Language::French => (NO_BREAK_SPACE, ','),
    }
}

/// A number with all the decimals that it has.
pub fn number(amount: Amount, language: Language) -> String {
    let (thousands, point) = marks(language);
    let text = amount.abs().to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut out = String::new();
    if amount.is_negative() {
        out.push('-');
    }
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(thousands);
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push(point);
        out.push_str(fraction);
    }
    out
}

/// A quantity, price or rate without the zeros at its end.
pub fn shortest(amount: Amount, language: Language) -> String {
    number(Amount::from_decimal(amount.decimal().normalize()), language)
}

/// Money with its currency: `$1,234.56`, `1.234,56 €`, `1 234,56 CHF`.
pub fn money(amount: Amount, currency: Currency, language: Language) -> String {
    let digits = number(currency.zero() + amount.abs(), language);
    let minus = if amount.is_negative() { "-" } else { "" };
    match (language, symbol(currency)) {
        (Language::English, Some(symbol)) => format!("{minus}{symbol}{digits}"),
        (Language::English, None) => format!("{minus}{currency}{NO_BREAK_SPACE}{digits}"),
        (Language::German | Language::French | Language::Spanish, Some(symbol)) => {
            format!("{minus}{digits}{NO_BREAK_SPACE}{symbol}")
        }
        (Language::German | Language::French | Language::Spanish, None) => {
            format!("{minus}{digits}{NO_BREAK_SPACE}{currency}")
        }
    }
}

/// A sign that no other currency of the list shares.
fn symbol(currency: Currency) -> Option<&'static str> {
    match currency.code() {
        "EUR" => Some("€"),
        "USD" => Some("$"),
        "GBP" => Some("£"),
        _ => None,
    }
}

/// A date by its numbers, in the order of the language.
pub fn day(day: Day, language: Language) -> String {
    let month = day.month();
    let (year, month, day) = (month.year, month.month, day.day());
    match language {
        // Month before day or behind it would be read both ways.
        Language::English => format!("{year:04}-{month:02}-{day:02}"),
        Language::German => format!("{day:02}.{month:02}.{year:04}"),
        Language::French | Language::Spanish => format!("{day:02}/{month:02}/{year:04}"),
    }
}
