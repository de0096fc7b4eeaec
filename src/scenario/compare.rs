//! Expected rows against a report's rows, and the difference as a person reads it.

use std::fmt::Write as _;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::file::{Expectation, plain};

/// A row of a report: column to value.
pub(crate) type Row = Map<String, Value>;

/// How many of the nearest rows a difference shows.
const NEAREST_MAX: usize = 3;

/// Compares a report with what is expected of it; `None` where it fits.
///
/// `is_amount` tells the columns that hold amounts, for `exact`.
pub(crate) fn difference(
    expectation: &Expectation,
    actual: &[Row],
    is_amount: impl Fn(&str) -> bool,
) -> Option<String> {
    let mut text = String::new();
    for expected in &expectation.rows {
        if !actual.iter().any(|row| fits(expected, row)) && !fits_a_missing_role(expected, actual) {
            missing(&mut text, expected, actual);
        }
    }
    if expectation.exact {
        for row in actual {
            let has_amount =
                row.iter().any(|(column, value)| is_amount(column) && is_amount_above_zero(value));
            if has_amount && !expectation.rows.iter().any(|expected| fits(expected, row)) {
                line(&mut text, "not expected", &shown(row, None));
            }
        }
    }
    (!text.is_empty()).then_some(text)
}

fn fits(expected: &Row, row: &Row) -> bool {
    expected.iter().all(|(column, value)| {
        row.get(column).is_some_and(|actual| same(&plain(value), &plain(actual)))
    })
}

/// A role without a row counts as zero (readings, 20).
fn fits_a_missing_role(expected: &Row, actual: &[Row]) -> bool {
    let Some(role) = expected.get("role") else { return false };
    let is_there = actual.iter().any(|row| row.get("role") == Some(role));
    let zero = |value: &Value| number(&plain(value)).is_some_and(|number| number.is_zero());
    !is_there
        && expected.iter().all(|(column, value)| {
            !matches!(column.as_str(), "debit" | "credit" | "balance") || zero(value)
        })
}

fn same(expected: &str, actual: &str) -> bool {
    expected == actual
        || match (number(expected), number(actual)) {
            (Some(expected), Some(actual)) => expected == actual,
            (Some(_) | None, _) => false,
        }
}

fn number(text: &str) -> Option<Decimal> {
    Decimal::from_str(text).ok()
}

fn is_amount_above_zero(value: &Value) -> bool {
    number(&plain(value)).is_some_and(|number| !number.is_zero())
}

fn missing(text: &mut String, expected: &Row, actual: &[Row]) {
    line(text, "expected", &shown(expected, None));
    let mut nearest: Vec<(usize, &Row)> =
        actual.iter().map(|row| (agreement(expected, row), row)).collect();
    // Stable, so that equally near rows keep the report's order.
    nearest.sort_by_key(|(agreement, _)| std::cmp::Reverse(*agreement));
    let best = nearest.first().map_or(0, |(agreement, _)| *agreement);
    let near = nearest.iter().filter(|(agreement, _)| *agreement == best);
    for (_, row) in near.take(NEAREST_MAX) {
        line(text, "     got", &shown(row, Some(expected)));
    }
    if actual.is_empty() {
        line(text, "     got", "no rows");
    }
}

fn agreement(expected: &Row, row: &Row) -> usize {
    let agrees = |(column, value): &(&String, &Value)| {
        row.get(*column).is_some_and(|actual| same(&plain(value), &plain(actual)))
    };
    expected.iter().filter(agrees).count()
}

/// A row as `column=value`, limited to the columns of `like` where it is given.
fn shown(row: &Row, like: Option<&Row>) -> String {
    let mut text = String::new();
    for (column, value) in row {
        if like.is_some_and(|like| !like.contains_key(column)) {
            continue;
        }
        let space = if text.is_empty() { "" } else { "  " };
        // Writing to a String does not fail.
        if write!(text, "{space}{column}={}", plain(value)).is_err() {
            break;
        }
    }
    if text.is_empty() { "a row without these columns".to_owned() } else { text }
}

fn line(text: &mut String, what: &str, row: &str) {
    text.push_str("      ");
    text.push_str(what);
    text.push_str(": ");
    text.push_str(row);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(json: &str) -> Row {
        serde_json::from_str(json).unwrap()
    }

    fn check(expected: &[&str], exact: bool, actual: &[&str]) -> Option<String> {
        let expectation = Expectation {
            report: "trial-balance".to_owned(),
            rows: expected.iter().map(|text| row(text)).collect(),
            exact,
            at_command: None,
            filters: Vec::new(),
        };
        let actual: Vec<Row> = actual.iter().map(|text| row(text)).collect();
        difference(&expectation, &actual, |column| column == "balance")
    }

    #[test]
    fn rows_are_compared_by_their_named_values() {
        let cash = r#"{"role": "cash", "account": "1000", "balance": "10.00"}"#;
        let zero = r#"{"role": "revenue", "account": "4000", "balance": "0.00"}"#;
        assert_eq!(check(&[r#"{"role": "cash", "balance": "10"}"#], true, &[cash, zero]), None);
        assert_eq!(check(&[r#"{"role": "cash", "balance": 10.0}"#], false, &[cash]), None);
        assert_eq!(check(&[r#"{"role": "fx_gain_loss", "balance": "0.00"}"#], false, &[]), None);
        assert_eq!(
            check(&[r#"{"role": "cash", "balance": "11.00"}"#], false, &[zero, cash]).unwrap(),
            "      expected: balance=11.00  role=cash\n           got: balance=10.00  role=cash\n"
        );
        assert_eq!(
            check(&[r#"{"role": "fx_gain_loss", "balance": "1.00"}"#], false, &[]).unwrap(),
            "      expected: balance=1.00  role=fx_gain_loss\n           got: no rows\n"
        );
        assert_eq!(
            check(&[], true, &[cash, zero]).unwrap(),
            "      not expected: account=1000  balance=10.00  role=cash\n"
        );
    }
}
