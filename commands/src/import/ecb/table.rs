//! The table of the reference rates: a column for each currency, a row for each day.

use std::collections::BTreeSet;

use ledger_core::calendar::Day;
use ledger_core::rejection::Code;

use super::{Reading, bad, malformed};
use crate::import::csv::BadRecord;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Reads a table.
///
/// # Errors
/// Where its first line does not name a date and currencies.
pub(super) fn read(text: &str, reading: &mut Reading<'_>) -> Result<(), BadRecord> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|error| malformed(1, error))?.clone();
    check(&headers)?;
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                reading.refuse(malformed(line, format!("the row is not whole: {error}")));
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        let written = record.get(0).unwrap_or_default();
        let Some(date) = day(written) else {
            let why = format!(
                "{written:?} is not a date such as 2026-10-30 or 30 October 2026; the row is left \
                 out"
            );
            reading.refuse(bad(line, Code::DateInvalid, why));
            continue;
        };
        // Every line ends with a comma: the last column has no name and says nothing.
        let rates = headers.iter().zip(&record).skip(1).filter(|(code, _)| !code.is_empty());
        for (code, rate) in rates {
            reading.take(line, date, code, rate);
        }
    }
    Ok(())
}

fn check(headers: &csv::StringRecord) -> Result<(), BadRecord> {
    let wrong =
        |why: String| malformed(1, format!("{why}: this is no table of the ECB's reference rates"));
    if headers.get(0) != Some("Date") {
        return Err(wrong("the first line does not begin with Date".to_owned()));
    }
    let codes: Vec<&str> = headers.iter().skip(1).filter(|code| !code.is_empty()).collect();
    let is_code = |code: &str| code.len() == 3 && code.bytes().all(|one| one.is_ascii_uppercase());
    if let Some(other) = codes.iter().find(|code| !is_code(code)) {
        return Err(wrong(format!("the column {other:?} is no currency")));
    }
    let mut seen = BTreeSet::new();
    if let Some(twice) = codes.iter().find(|code| !seen.insert(**code)) {
        return Err(wrong(format!("the column {twice} stands twice")));
    }
    if codes.is_empty() {
        Err(wrong("the first line names no currency".to_owned()))
    } else {
        Ok(())
    }
}

/// `2026-10-30`, or `30 October 2026` as in the file of one day.
fn day(text: &str) -> Option<Day> {
    if let Ok(day) = text.parse() {
        return Some(day);
    }
    let parts: Vec<&str> = text.split_whitespace().collect();
    let [day, month, year] = parts.as_slice() else { return None };
    let month = MONTHS.iter().position(|name| name == month)? + 1;
    let year = year.parse().ok().filter(|_| year.len() == 4)?;
    Day::from_numbers(year, u8::try_from(month).ok()?, day.parse().ok()?)
}
