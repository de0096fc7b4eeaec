//! Journal entries as CSV, for ERPs: one row a posting, with the columns that a map names.

use std::io::Write;

use ledger_core::calendar::Day;
use ledger_core::chart::{Account, AccountKind};
use ledger_core::money::Amount;
use projections::reports::general_ledger::{Entry, Leg};
use serde::Deserialize;

use crate::exit::Failure;
use crate::export::{Journal, Totals};

mod dates;

use dates::DateFormat;

/// What MAP.toml says of the table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Map {
    /// The separator of fields.
    pub(crate) delimiter: char,
    /// How dates are written, from `yyyy`, `mm`, `m`, `dd`, `d`.
    pub(crate) date_format: String,
    /// What stands before the decimals.
    pub(crate) decimal_mark: char,
    /// Whether the first row names the columns.
    pub(crate) header: bool,
    /// Which side `amount` is above zero for.
    pub(crate) positive: Side,
    /// What `side` says for debits and for credits.
    pub(crate) sides: [String; 2],
    /// Whether a text that a spreadsheet would take for a formula gets a leading `'`.
    pub(crate) guard_formulas: bool,
    /// How finely recognition is written.
    pub(crate) recognition: Option<Steps>,
    /// The columns in their order.
    pub(crate) columns: Vec<Column>,
}

/// A side of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Side {
    /// Above zero are debits.
    Debit,
    /// Above zero are credits.
    Credit,
}

/// How finely recognition is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Steps {
    /// An entry for each contract and day.
    Day,
    /// An entry for each contract and month.
    Month,
}

/// A column: a field of the posting, or the same text in each row.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Column {
    /// Its name; that of the field where nothing is said.
    pub(crate) name: Option<String>,
    /// What it holds.
    pub(crate) field: Option<Field>,
    /// What each row has instead.
    pub(crate) text: Option<String>,
}

/// What a column can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Field {
    Date,
    Month,
    Entry,
    Number,
    Account,
    AccountName,
    Kind,
    Role,
    Currency,
    Debit,
    Credit,
    Amount,
    Absolute,
    Side,
    DocumentCurrency,
    DocumentAmount,
    Document,
    Customer,
    Sequence,
    Type,
    Actor,
    CommandId,
    Reason,
    Lines,
    Policy,
}

/// The columns where no map names others, as the report `journal` has them.
const DEFAULT: [Field; 19] = [
    Field::Date,
    Field::Entry,
    Field::Number,
    Field::Account,
    Field::AccountName,
    Field::Role,
    Field::Currency,
    Field::Debit,
    Field::Credit,
    Field::DocumentCurrency,
    Field::DocumentAmount,
    Field::Document,
    Field::Customer,
    Field::Sequence,
    Field::Type,
    Field::Actor,
    Field::CommandId,
    Field::Reason,
    Field::Policy,
];

impl Field {
    /// Its name in a map, and that of its column where the map names none.
    const fn name(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::Month => "month",
            Self::Entry => "entry",
            Self::Number => "number",
            Self::Account => "account",
            Self::AccountName => "account_name",
            Self::Kind => "kind",
            Self::Role => "role",
            Self::Currency => "currency",
            Self::Debit => "debit",
            Self::Credit => "credit",
            Self::Amount => "amount",
            Self::Absolute => "absolute",
            Self::Side => "side",
            Self::DocumentCurrency => "document_currency",
            Self::DocumentAmount => "document_amount",
            Self::Document => "document",
            Self::Customer => "customer",
            Self::Sequence => "sequence",
            Self::Type => "type",
            Self::Actor => "actor",
            Self::CommandId => "command_id",
            Self::Reason => "reason",
            Self::Lines => "lines",
            Self::Policy => "policy",
        }
    }
}

impl Default for Map {
    fn default() -> Self {
        Self {
            delimiter: ',',
            date_format: "yyyy-mm-dd".to_owned(),
            decimal_mark: '.',
            header: true,
            positive: Side::Debit,
            sides: ["D".to_owned(), "C".to_owned()],
            guard_formulas: true,
            recognition: None,
            columns: Vec::new(),
        }
    }
}

/// A map that was checked.
#[derive(Debug)]
pub(crate) struct Layout {
    map: Map,
    dates: DateFormat,
    delimiter: u8,
    columns: Vec<(String, Content)>,
}

/// What a column holds.
#[derive(Debug)]
enum Content {
    Field(Field),
    Text(String),
}

impl Map {
    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(crate) fn check(self) -> Result<Layout, String> {
        let delimiter = u8::try_from(self.delimiter).ok().filter(u8::is_ascii);
        let delimiter = delimiter.filter(|byte| !matches!(byte, b'"' | b'\n' | b'\r'));
        let delimiter = delimiter.ok_or_else(|| {
            format!(
                "delimiter is {:?}, but must be one ASCII sign that is no quote",
                self.delimiter
            )
        })?;
        if self.decimal_mark.is_alphanumeric() || self.decimal_mark == '-' {
            return Err(format!("decimal_mark is {:?}: use . or ,", self.decimal_mark));
        }
        let dates = DateFormat::parse(&self.date_format)?;
        let columns = if self.columns.is_empty() {
            let column = |field: Field| (field.name().to_owned(), Content::Field(field));
            DEFAULT.into_iter().map(column).collect()
        } else {
            self.columns.iter().map(Column::check).collect::<Result<Vec<_>, String>>()?
        };
        Ok(Layout { dates, delimiter, columns, map: self })
    }
}

impl Column {
    fn check(&self) -> Result<(String, Content), String> {
        match (self.field, &self.text) {
            (Some(field), None) => {
                let name = self.name.clone().unwrap_or_else(|| field.name().to_owned());
                Ok((name, Content::Field(field)))
            }
            (None, Some(text)) => {
                let name = self.name.clone().unwrap_or_default();
                Ok((name, Content::Text(text.clone())))
            }
            (Some(_), Some(_)) | (None, None) => {
                Err("a column has a field or a text, and not both".to_owned())
            }
        }
    }
}

/// A posting with what stands around it.
struct Row<'a> {
    entry: &'a Entry<'a>,
    leg: &'a Leg<'a>,
    /// Its number in the entry, from 1.
    number: usize,
    account: Option<&'a Account>,
    currency: &'a str,
}

/// Writes the table.
///
/// # Errors
/// As [`Journal::each_month`], or where the output cannot be written.
pub(crate) fn write(
    journal: &Journal<'_>,
    layout: &Layout,
    output: &mut dyn Write,
) -> Result<Totals, Failure> {
    let mut builder = csv::WriterBuilder::new();
    let mut table =
        builder.delimiter(layout.delimiter).terminator(csv::Terminator::CRLF).from_writer(output);
    let mark = journal.is_unsafe.then_some(("unsafe_dev", "true"));
    if layout.map.header {
        let names = layout.columns.iter().map(|(name, _)| name.as_str());
        table.write_record(names.chain(mark.map(|(name, _)| name))).map_err(failed)?;
    }
    let accounts = journal.ledger.chart().accounts();
    let currency = journal.ledger.currency();
    let totals = journal.each_month(|month| {
        for entry in &month.entries {
            for (index, leg) in entry.legs.iter().enumerate() {
                let account = accounts.get(leg.account);
                let row = Row { entry, leg, number: index + 1, account, currency: currency.code() };
                let cells = layout.columns.iter().map(|(_, content)| layout.cell(&row, content));
                let marks = mark.map(|(_, is)| is.to_owned());
                table.write_record(cells.chain(marks)).map_err(failed)?;
            }
        }
        Ok(())
    })?;
    table.flush()?;
    Ok(totals)
}

fn failed(error: csv::Error) -> Failure {
    std::io::Error::from(error).into()
}

impl Layout {
    /// How finely recognition is written, where the map says it.
    pub(crate) fn recognition(&self) -> Option<Steps> {
        self.map.recognition
    }

    fn cell(&self, row: &Row<'_>, content: &Content) -> String {
        match content {
            Content::Text(text) => text.clone(),
            Content::Field(field) => self.field(row, *field),
        }
    }

    fn field(&self, row: &Row<'_>, field: Field) -> String {
        let (entry, leg, event) = (row.entry, row.leg, row.entry.event);
        let is_credit = leg.amount.is_negative();
        match field {
            Field::Date => self.date(entry.date),
            Field::Month => entry.date.month().to_string(),
            Field::Number => row.number.to_string(),
            Field::Sequence => entry.sequence.to_string(),
            Field::Role => leg.role.as_str().to_owned(),
            Field::Kind => AccountKind::of(leg.role).as_str().to_owned(),
            Field::Currency => row.currency.to_owned(),
            Field::Debit => self.side(leg.amount),
            Field::Credit => self.side(-leg.amount),
            Field::Amount => self.amount(self.signed(leg.amount)),
            Field::Absolute => self.amount(leg.amount.abs()),
            Field::Side => {
                let [debit, credit] = &self.map.sides;
                (if is_credit { credit } else { debit }).clone()
            }
            Field::DocumentCurrency => match leg.document {
                Some(document) => document.currency.code().to_owned(),
                None => row.currency.to_owned(),
            },
            Field::DocumentAmount => {
                self.amount(self.signed(leg.document.map_or(leg.amount, |one| one.amount)))
            }
            Field::Account => self.text(leg.account),
            Field::AccountName => {
                self.text(row.account.and_then(|one| one.name.as_deref()).unwrap_or_default())
            }
            Field::Entry => self.text(&entry.id()),
            Field::Document => self.text(&entry.document),
            Field::Customer => self.text(entry.customer.map_or("", |customer| customer.as_str())),
            Field::Type => self.text(entry.kind_name()),
            Field::Actor => self.text(event.map_or("", |event| &event.actor)),
            Field::CommandId => self.text(event.map_or("", |event| event.command_id.as_str())),
            Field::Reason => {
                self.text(event.and_then(|event| event.reason.as_deref()).unwrap_or_default())
            }
            Field::Lines => self.text(&entry.line_names()),
            Field::Policy => self.text(&entry.policy().unwrap_or_default()),
        }
    }

    fn date(&self, day: Day) -> String {
        self.dates.show(day)
    }

    /// The amount of one side; nothing where it is the other one.
    fn side(&self, amount: Amount) -> String {
        if amount.is_negative() { String::new() } else { self.amount(amount) }
    }

    fn signed(&self, amount: Amount) -> Amount {
        match self.map.positive {
            Side::Debit => amount,
            Side::Credit => -amount,
        }
    }

    fn amount(&self, amount: Amount) -> String {
        let text = amount.to_string();
        match self.map.decimal_mark {
            '.' => text,
            mark => text.replace('.', &mark.to_string()),
        }
    }

    fn text(&self, text: &str) -> String {
        if self.map.guard_formulas && text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
            return format!("'{text}");
        }
        text.to_owned()
    }
}

#[cfg(test)]
mod tests;
