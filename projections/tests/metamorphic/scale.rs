//! The same commands with every amount times a factor.

use ledger_core::money::Amount;
use projections::reports::{Cell, Table};
use rust_decimal::Decimal;
use serde_json::Value;

use super::answers::{Question, ask};
use super::book::Sent;
use super::common::Book;

/// Amounts, wherever they stand in a command or in the policies.
const AMOUNTS: [&str; 7] =
    ["amount", "unit_price", "ssp", "minimum", "fee", "tolerance", "tolerance_over"];

/// What becomes of a book.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// In place of USD, and of EUR.
    pub(crate) currencies: [&'static str; 2],
    /// Amounts are times this.
    pub(crate) factor: Decimal,
}

impl Scale {
    /// A text, which may have a currency in it.
    fn text(&self, text: &str) -> String {
        text.replace("USD", self.currencies[0]).replace("EUR", self.currencies[1])
    }

    /// A command's data, or policies.
    fn data(&self, data: &Value) -> Value {
        let field = |(name, value): (&String, &Value)| {
            let amount = value.as_str().filter(|_| AMOUNTS.contains(&name.as_str()));
            let scaled = amount.map(|text| {
                let amount: Decimal = text.parse().unwrap();
                (amount * self.factor).normalize().to_string().into()
            });
            (name.clone(), scaled.unwrap_or_else(|| self.data(value)))
        };
        match data {
            Value::Object(fields) => Value::Object(fields.iter().map(field).collect()),
            Value::Array(values) => values.iter().map(|value| self.data(value)).collect(),
            Value::String(text) => self.text(text).into(),
            Value::Null | Value::Bool(_) | Value::Number(_) => data.clone(),
        }
    }

    /// The copy of a book in this currency with these policies: of what was sent there the same
    /// is accepted.
    pub(crate) fn copy(&self, sent: &[Sent], currency: &str, policies: &Value) -> Book {
        let mut copy = Book::open_in(&self.text(currency), &self.data(policies));
        for one in sent {
            let is_accepted = copy.send(&one.name, one.date, &self.data(&one.data));
            assert_eq!(is_accepted, one.is_accepted, "{one:?}");
        }
        copy
    }

    /// Every amount of a report is scaled in the copy's, and nothing else is another.
    pub(crate) fn check(&self, book: &Book, copy: &Book, question: &Question) {
        let (one, other) = match (ask(book, question), ask(copy, question)) {
            (Ok(one), Ok(other)) => (one, other),
            (one, other) => {
                assert_eq!(one.err(), other.err(), "{question:?}");
                return;
            }
        };
        assert_eq!((&one.columns, one.rows.len()), (&other.columns, other.rows.len()));
        for (row, again) in one.rows.iter().zip(&other.rows) {
            for (cell, copied) in row.iter().zip(again) {
                let is_same = match (cell, copied) {
                    (Cell::Amount(one), Cell::Amount(other)) if question.0 == "metrics" => {
                        self.is_metric(&row[0].text(), one.decimal(), other.decimal())
                    }
                    (Cell::Amount(one), Cell::Amount(other)) => {
                        one.decimal() * self.factor == other.decimal()
                    }
                    (Cell::Text(text), Cell::Text(copied)) => &self.text(text) == copied,
                    (one, other) => one == other,
                };
                assert!(is_same, "{question:?}: {cell:?} and {copied:?} of {row:?}");
            }
        }
    }

    fn is_metric(&self, name: &str, amount: Decimal, copied: Decimal) -> bool {
        let off = (amount * self.factor - copied).abs();
        match name {
            "sales_volume" => off.is_zero(),
            // Money by a number is rounded to four decimals: by half of the last one here, and in
            // the book by as much as that is worth here.
            "sales_per_customer" | "customer_lifetime_value" => {
                off <= Decimal::new(5, 5) * (self.factor + Decimal::ONE)
            }
            // Days, counts, and quotients of money by money.
            _ => amount == copied,
        }
    }

    /// How far minor units of this book may be from those of another times the factor, where each
    /// is an exact amount that was rounded once: by half of one here, and by half of one there
    /// times the factor; of whole ones so many.
    pub(crate) fn off_by_rounding(&self) -> Decimal {
        ((self.factor + Decimal::ONE) / Decimal::TWO).floor()
    }
}

/// The sum of a column, of all rows or of those of a role.
pub(crate) fn total(table: &Table, column: &str, roles: &[&str]) -> Amount {
    let at = |name: &str| table.columns.iter().position(|(one, _)| one == name);
    let of_role = |row: &&Vec<Cell>| {
        roles.is_empty() || at("role").is_some_and(|at| roles.contains(&row[at].text().as_str()))
    };
    let column = at(column).unwrap();
    let rows = table.rows.iter().filter(of_role);
    rows.map(|row| row[column].text().parse::<Amount>().unwrap()).sum()
}
