//! A report's answer: columns declared once, and every text form from them.

use ledger_core::calendar::Day;
use ledger_core::money::Amount;
use serde_json::{Map, Value, json};

use crate::reports::control::Control;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// An exact decimal.
    Amount,
    /// A whole number.
    Integer,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Text, or a date.
    Text(String),
    /// An exact decimal.
    Amount(Amount),
    /// A whole number.
    Integer(i64),
    /// Nothing.
    Empty,
}

impl From<Amount> for Cell {
    fn from(amount: Amount) -> Self {
        Self::Amount(amount)
    }
}

impl From<Day> for Cell {
    fn from(day: Day) -> Self {
        Self::Text(day.to_string())
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl Cell {
    /// As text: amounts and numbers plain, nothing empty.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Amount(amount) => amount.to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Empty => String::new(),
        }
    }

    /// The decimal that it holds; what holds none counts as nothing, and cannot tie.
    pub fn amount(&self) -> Amount {
        match self {
            Self::Amount(amount) => *amount,
            Self::Text(_) | Self::Integer(_) | Self::Empty => Amount::ZERO,
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Amount(amount) => json!(amount.to_string()),
            Self::Integer(number) => json!(number),
            Self::Empty => Value::Null,
        }
    }
}

/// Rows under declared columns, and the sequence up to which the ledger was folded.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// Names and kinds of the columns.
    pub columns: Vec<(String, Kind)>,
    /// One cell for each column.
    pub rows: Vec<Vec<Cell>>,
    /// The last event that the answer knows.
    pub sequence: u64,
    /// Of one document: its lines and its history, for JSON.
    pub details: Option<Value>,
    /// Of what customers owe: what it was found to tie to.
    pub control: Vec<Control>,
}

impl Table {
    /// An empty table; a column's name says its kind: `name`, `name:amount`, `name:integer`.
    pub(crate) fn new(columns: &[&str]) -> Self {
        let column = |text: &&str| match text.split_once(':') {
            Some((name, "amount")) => (name.to_owned(), Kind::Amount),
            Some((name, _)) => (name.to_owned(), Kind::Integer),
            None => ((*text).to_owned(), Kind::Text),
        };
        Self { columns: columns.iter().map(column).collect(), rows: Vec::new(), ..Self::default() }
    }

    /// Puts a remark on every row, as a column of its own, so that no format can lose it.
    pub fn mark(&mut self, name: &str, text: &str) {
        self.columns.push((name.to_owned(), Kind::Text));
        for row in &mut self.rows {
            row.push(Cell::Text(text.to_owned()));
        }
    }

    /// A row as a JSON object.
    pub fn object(&self, row: &[Cell]) -> Map<String, Value> {
        let names = self.columns.iter().map(|(name, _)| name.clone());
        names.zip(row.iter().map(Cell::json)).collect()
    }

    /// `{"columns", "rows", "sequence"}`, with the details of a document, or what the report ties
    /// to, beside.
    pub fn to_json(&self) -> String {
        let rows: Vec<Value> =
            self.rows.iter().map(|row| Value::Object(self.object(row))).collect();
        let columns: Vec<&str> = self.columns.iter().map(|(name, _)| name.as_str()).collect();
        let mut answer = json!({"columns": columns, "rows": rows, "sequence": self.sequence});
        if let (Some(details), Some(object)) = (&self.details, answer.as_object_mut()) {
            object.insert("details".to_owned(), details.clone());
        }
        if let (false, Some(object)) = (self.control.is_empty(), answer.as_object_mut()) {
            object.insert("control".to_owned(), json!(self.control));
        }
        answer.to_string()
    }

    /// One JSON object a row.
    pub fn to_ndjson(&self) -> String {
        let rows = self.rows.iter().map(|row| format!("{}\n", Value::Object(self.object(row))));
        rows.collect()
    }

    /// RFC 4180; a text that a spreadsheet would take for a formula gets a leading `'`.
    pub fn to_csv(&self) -> String {
        let header: Vec<String> = self.columns.iter().map(|(name, _)| quote(name)).collect();
        let mut text = header.join(",") + "\r\n";
        for row in &self.rows {
            let cells: Vec<String> = row
                .iter()
                .map(|cell| match cell {
                    Cell::Text(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => {
                        quote(&format!("'{text}"))
                    }
                    Cell::Text(_) | Cell::Amount(_) | Cell::Integer(_) | Cell::Empty => {
                        quote(&cell.text())
                    }
                })
                .collect();
            text += &(cells.join(",") + "\r\n");
        }
        text
    }
}

fn quote(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
