//! Any table of invoices, or of the lines of invoices and credits, with a map that names its
//! columns.

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::calendar::Day;
use ledger_core::money::{Amount, Currency};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::import::documents;

/// What MAP.toml says of a table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Map {
    /// What a record is; an invoice where nothing is said.
    #[serde(default)]
    pub kind: TableKind,
    /// The currency of all amounts.
    pub currency: Currency,
    /// How dates are written, from `yyyy`, `mm`, `m`, `dd`, `d`, and `hh`, `mi`, `ss`, which are
    /// read over; `yyyy-mm-dd` where nothing is said.
    #[serde(default = "iso_dates")]
    pub date_format: String,
    /// Values that mean yes.
    #[serde(default = "yes")]
    pub truthy: Vec<String>,
    /// The separator of fields.
    #[serde(default = "comma")]
    pub delimiter: char,
    /// Days from the issue date to the due date, where a record has no due date.
    pub terms_days: Option<u16>,
    /// Who gets the documents that name no customer; they are bad records where nothing is said.
    pub unknown_customer: Option<String>,
    /// Which column means what.
    pub columns: Columns,
}

fn iso_dates() -> String {
    "yyyy-mm-dd".to_owned()
}

fn yes() -> Vec<String> {
    ["yes", "Yes", "true", "1"].map(str::to_owned).to_vec()
}

fn comma() -> char {
    ','
}

impl Map {
    /// The due date by the terms.
    pub(super) fn due_after(&self, issued: Day) -> Option<Day> {
        self.terms_days.map(|days| issued.plus_days(days.into()))
    }
}

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableKind {
    /// An invoice, with its payment and its dispute where the table has them.
    #[default]
    Invoices,
    /// A line of an invoice; lines of one document that sum to less than zero are a credit.
    Lines,
}

/// Names of columns.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    /// The invoice's id, kept as text.
    pub invoice: String,
    /// The customer's id, kept as text.
    pub customer: String,
    /// The customer's name; the id where there is none.
    pub customer_name: Option<String>,
    /// Issue date.
    pub issued: String,
    /// Due date.
    pub due: Option<String>,
    /// What is owed, or what a line comes to.
    pub amount: Option<String>,
    /// Units of a line.
    pub quantity: Option<String>,
    /// The price of one unit, where a line has no amount.
    pub unit_price: Option<String>,
    /// The day on which it was paid in full.
    pub settled_on: Option<String>,
    /// Whether it is disputed.
    pub disputed: Option<String>,
    /// What it is for.
    pub description: Option<String>,
}

/// A record that makes no command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRecord {
    /// The line of the file, from 1.
    pub line: u64,
    /// Why, and what to do.
    pub reason: String,
}

/// A command envelope with the line that it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The line of the file, from 1.
    pub line: u64,
    /// The envelope.
    pub envelope: Value,
}

/// What a file came to: envelopes by business date, bad records by line, and the control totals.
#[derive(Debug, Clone, Default)]
pub struct Import {
    /// Commands in the order of their business dates.
    pub commands: Vec<Imported>,
    /// Records that could not be read.
    pub bad: Vec<BadRecord>,
    /// Records read.
    pub records: u64,
    /// What the invoices sum to.
    pub invoiced: Amount,
    /// What the credits sum to.
    pub credited: Amount,
    /// What the payments sum to.
    pub paid: Amount,
}

/// A file that cannot be read as a table at all.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It is not a table.
    #[error("the file is not a table: {0}")]
    Csv(#[from] csv::Error),
    /// The map names neither an amount nor a unit price.
    #[error("MAP.toml names neither a column for the amount nor one for the unit price")]
    NoAmount,
    /// The map names a column that the table does not have.
    #[error("the table has no column {column:?}; it has {known}. Mend MAP.toml")]
    Column {
        /// The name in the map.
        column: String,
        /// The table's own.
        known: String,
    },
}

/// Reads a table.
///
/// # Errors
/// [`ImportError`] where the file as a whole makes no sense; single records go to `bad`.
pub fn read(bytes: &[u8], map: &Map) -> Result<Import, ImportError> {
    let delimiter = u8::try_from(map.delimiter).unwrap_or(b',');
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(bytes);
    let headers = reader.headers()?.clone();
    let columns = &map.columns;
    let optional = [
        &columns.customer_name,
        &columns.due,
        &columns.settled_on,
        &columns.disputed,
        &columns.description,
        &columns.amount,
        &columns.quantity,
        &columns.unit_price,
    ];
    let named = [&columns.invoice, &columns.customer, &columns.issued]
        .into_iter()
        .chain(optional.into_iter().flatten());
    for column in named {
        if !headers.iter().any(|header| header == column) {
            let known = headers.iter().collect::<Vec<_>>().join(", ");
            return Err(ImportError::Column { column: column.clone(), known });
        }
    }
    if columns.amount.is_none() && columns.unit_price.is_none() {
        return Err(ImportError::NoAmount);
    }
    let mut import = Import::default();
    let mut dated: Vec<Dated> = match map.kind {
        TableKind::Invoices => invoices(&mut reader, &headers, map, &mut import),
        TableKind::Lines => documents::read(&mut reader, &headers, map, &mut import),
    };
    // A customer is registered on the day of the first record that names it; the sort is stable,
    // so that records of one day keep the file's order within each kind.
    let first = dated.iter().map(|one| one.0).min();
    for one in dated.iter_mut().filter(|one| one.1 == 0) {
        if let (Some(first), Some(envelope)) = (first, one.2.envelope.as_object_mut()) {
            one.0 = first;
            envelope.insert("effective".to_owned(), json!(first));
        }
    }
    dated.sort_by_key(|one| (one.0, one.1));
    import.commands = dated.into_iter().map(|one| one.2).collect();
    Ok(import)
}

/// A command with its day and its place within that.
pub(super) type Dated = (Day, u8, Imported);

/// Tables of which each record is an invoice.
fn invoices(
    reader: &mut csv::Reader<&[u8]>,
    headers: &csv::StringRecord,
    map: &Map,
    import: &mut Import,
) -> Vec<Dated> {
    let mut customers = BTreeSet::new();
    let mut dated: Vec<Dated> = Vec::new();
    for record in reader.records() {
        import.records += 1;
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                import.bad.push(BadRecord { line, reason: error.to_string() });
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        let fields: BTreeMap<&str, &str> = headers.iter().zip(record.iter()).collect();
        match commands(map, &fields, &mut customers, &mut import.invoiced, &mut import.paid) {
            Ok(made) => dated.extend(
                made.into_iter()
                    .map(|(day, rank, envelope)| (day, rank, Imported { line, envelope })),
            ),
            Err(reason) => import.bad.push(BadRecord { line, reason }),
        }
    }
    dated
}

/// The commands of one record, with their dates and their order within a day.
fn commands(
    map: &Map,
    fields: &BTreeMap<&str, &str>,
    customers: &mut BTreeSet<String>,
    invoiced: &mut Amount,
    paid: &mut Amount,
) -> Result<Vec<(Day, u8, Value)>, String> {
    let columns = &map.columns;
    let field = |name: &String| fields.get(name.as_str()).map_or("", |text| text.trim());
    let optional = |name: &Option<String>| name.as_ref().map(field).filter(|text| !text.is_empty());
    let needed = |name: &String| {
        let text = field(name);
        if text.is_empty() { Err(format!("the column {name} is empty")) } else { Ok(text) }
    };
    let invoice = needed(&columns.invoice)?;
    let customer = needed(&columns.customer)?;
    let issued = date(&map.date_format, needed(&columns.issued)?)?;
    let due = optional(&columns.due).map(|text| date(&map.date_format, text)).transpose()?;
    let due = due.or(map.due_after(issued));
    let settled =
        optional(&columns.settled_on).map(|text| date(&map.date_format, text)).transpose()?;
    let column = columns.amount.as_ref().ok_or("the map names no column for the amount")?;
    let amount = amount(map.currency, needed(column)?)?;
    let is_disputed = optional(&columns.disputed)
        .is_some_and(|text| map.truthy.iter().any(|truthy| truthy == text));
    let mut made = Vec::new();
    if customers.insert(customer.to_owned()) {
        let name = optional(&columns.customer_name).unwrap_or(customer);
        let data = json!({"customer": customer, "name": name});
        made.push((issued, 0, envelope("customer", "RegisterCustomer", issued, customer, data)));
    }
    let description = optional(&columns.description).unwrap_or("imported");
    let mut data = json!({
        "invoice": invoice, "customer": customer, "currency": map.currency,
        "lines": [{"description": description, "amount": amount,
                   "recognition": {"method": "on_invoice"}}],
    });
    if let (Some(due), Some(object)) = (due, data.as_object_mut()) {
        object.insert("due".to_owned(), json!(due));
    }
    made.push((issued, 1, envelope("invoice", "IssueInvoice", issued, invoice, data)));
    *invoiced += amount;
    if is_disputed {
        let data = json!({"invoice": invoice, "reason": "disputed in the imported table"});
        made.push((issued, 2, envelope("dispute", "OpenDispute", issued, invoice, data)));
    }
    if let Some(day) = settled {
        let data = json!({
            "payment": format!("PAY-{invoice}"), "customer": customer, "amount": amount,
            "currency": map.currency,
            "allocate": [{"invoice": invoice, "amount": amount}],
        });
        made.push((day, 3, envelope("payment", "RecordPayment", day, invoice, data)));
        *paid += amount;
    }
    Ok(made)
}

/// A command whose id is derived from the document.
pub(super) fn envelope(kind: &str, command: &str, day: Day, document: &str, data: Value) -> Value {
    json!({
        "id": derived_id(kind, document),
        "command": command,
        "effective": day,
        "reason": "imported",
        "data": data,
    })
}

/// The same record gives the same id, so that a second import changes nothing.
fn derived_id(kind: &str, document: &str) -> String {
    let name = format!("import\u{0}{kind}\u{0}{document}");
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, name.as_bytes()).to_string()
}

/// An amount with the currency's decimals; thousands separators are not guessed.
fn amount(currency: Currency, text: &str) -> Result<Amount, String> {
    text.parse::<Amount>()
        .and_then(|amount| currency.exact(amount, "amount"))
        .map_err(|rejection| rejection.message)
}

/// A date in the map's format.
pub(super) fn date(format: &str, text: &str) -> Result<Day, String> {
    let wrong = || format!("{text:?} is not a date written as {format}");
    let is_digit = |letter: char| letter.is_ascii_digit();
    let names = format.split(|letter: char| !letter.is_ascii_alphabetic());
    let values = text.split(|letter: char| !is_digit(letter));
    let (mut year, mut month, mut day) = (None, None, None);
    let (names, values): (Vec<&str>, Vec<&str>) = (names.collect(), values.collect());
    if names.len() != values.len() {
        return Err(wrong());
    }
    for (name, value) in names.into_iter().zip(values) {
        match name {
            "yyyy" => year = value.parse::<i32>().ok(),
            "m" | "mm" => month = value.parse::<u8>().ok(),
            "d" | "dd" => day = value.parse::<u8>().ok(),
            // The time of day: a day is all that counts.
            "hh" | "mi" | "ss" => {}
            _ => return Err(format!("date_format {format:?} has the unknown part {name:?}")),
        }
    }
    match (year, month, day) {
        (Some(year), Some(month), Some(day)) => {
            Day::from_numbers(year, month, day).ok_or_else(wrong)
        }
        _ => Err(wrong()),
    }
}
