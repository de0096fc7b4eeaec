//! The records of BAI2: fields between commas, continued by records 88, ended by a slash.

use crate::import::statement::Fault;

/// A record with its continuations.
#[derive(Debug)]
pub(super) struct Record<'a> {
    /// Two digits: `03`.
    pub(super) code: String,
    /// Its own line first, then one for each continuation; without the slash at the end.
    pub(super) pieces: Vec<&'a str>,
    /// Where it begins, from 1.
    pub(super) line: u64,
    /// How many lines it has.
    pub(super) lines: i64,
}

impl<'a> Record<'a> {
    /// A field of the first line, counted from the code; empty where it is missing.
    pub(super) fn field(&self, index: usize) -> &'a str {
        let first = self.pieces.first().copied().unwrap_or_default();
        first.split(',').nth(index).map(str::trim).unwrap_or_default()
    }
}

/// What one level sums to, and what its trailer says.
#[derive(Debug, Default)]
pub(super) struct Totals {
    /// The algebraic sum of all amounts below it.
    pub(super) sum: i64,
    /// The sum that its trailer says, once it was read.
    pub(super) told: Option<i64>,
    /// Its records, header and trailer included.
    pub(super) records: i64,
    /// Accounts of a group, groups of a file.
    pub(super) parts: i64,
    /// The currency of an account.
    pub(super) currency: String,
}

impl Totals {
    /// Compares with a trailer; a field without a value is not compared.
    pub(super) fn check(
        &mut self,
        record: &Record<'_>,
        level: &str,
        parts: Option<&str>,
    ) -> Result<(), Fault> {
        self.told = told(record, 1)?;
        let last = if parts.is_some() { 3 } else { 2 };
        let mut rows = vec![("control total", 1, self.sum), ("records", last, self.records)];
        if let Some(name) = parts {
            rows.push((name, 2, self.parts));
        }
        for (what, index, found) in rows {
            if let Some(wanted) = told(record, index)?
                && wanted != found
            {
                let message = format!("the {level} says {what} {wanted}, and it has {found}");
                return Err(Fault::checksum(record.line, message));
            }
        }
        Ok(())
    }
}

fn told(record: &Record<'_>, index: usize) -> Result<Option<i64>, Fault> {
    let text = record.field(index);
    if text.is_empty() { Ok(None) } else { units(text, record.line).map(Some) }
}

/// Splits a file into records.
pub(super) fn records(text: &str) -> Result<Vec<Record<'_>>, Fault> {
    let mut records: Vec<Record<'_>> = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let line = line.trim_end();
        if line.is_empty() {
            continue;
        }
        let body = line.strip_suffix('/').unwrap_or(line);
        let (code, rest) = body.split_once(',').unwrap_or((body, ""));
        if code == "88" {
            let Some(record) = records.last_mut() else {
                return Err(Fault::malformed(number, "a continuation (88) of nothing"));
            };
            record.pieces.push(rest);
            record.lines += 1;
            continue;
        }
        if records.is_empty() && code != "01" {
            return Err(Fault::malformed(number, "the first record is not 01, so this is no BAI2"));
        }
        records.push(Record { code: code.to_owned(), pieces: vec![body], line: number, lines: 1 });
    }
    Ok(records)
}

/// A whole number of minor units.
fn units(text: &str, line: u64) -> Result<i64, Fault> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    digits
        .parse()
        .map_err(|_| Fault::malformed(line, format!("{text:?} is no whole number of minor units")))
}

/// The summaries of an account: code and amount.
pub(super) fn summaries(record: &Record<'_>) -> Result<Vec<(u32, i64)>, Fault> {
    let mut found = Vec::new();
    let mut fields = record.pieces.iter().enumerate().flat_map(|(index, piece)| {
        // The first line has the code, the account and the currency before them.
        piece.split(',').skip(if index == 0 { 3 } else { 0 }).map(str::trim)
    });
    while let Some(code) = fields.next() {
        // Blank fields at the end of a line belong to nothing.
        if code.is_empty() {
            continue;
        }
        let wrong = || Fault::malformed(record.line, format!("{code:?} is no type code"));
        let code: u32 = code.parse().map_err(|_| wrong())?;
        let amount = fields.next().unwrap_or_default();
        let amount = if amount.is_empty() { 0 } else { units(amount, record.line)? };
        fields.next();
        let funds = fields.next().unwrap_or_default();
        behind(funds, &mut fields, record.line)?;
        found.push((code, amount));
    }
    Ok(found)
}

/// Takes the fields that a funds type brings with it; the value date among them.
fn behind<'a>(
    funds: &str,
    fields: &mut impl Iterator<Item = &'a str>,
    line: u64,
) -> Result<Option<&'a str>, Fault> {
    match funds {
        "" | "Z" | "0" | "1" | "2" => Ok(None),
        "V" => {
            let valued = fields.next();
            fields.next();
            Ok(valued)
        }
        "S" => {
            fields.by_ref().take(3).for_each(drop);
            Ok(None)
        }
        "D" => {
            let count = units(fields.next().unwrap_or_default(), line)?;
            let count = usize::try_from(count).unwrap_or_default().saturating_mul(2);
            fields.by_ref().take(count).for_each(drop);
            Ok(None)
        }
        other => Err(Fault::malformed(line, format!("{other:?} is no funds type"))),
    }
}

/// One movement.
#[derive(Debug)]
pub(super) struct Detail<'a> {
    /// The type code.
    pub(super) kind: u32,
    /// Minor units.
    pub(super) units: i64,
    /// The value date, as written.
    pub(super) valued: Option<&'a str>,
    /// The bank's reference.
    pub(super) bank: &'a str,
    /// The customer's reference.
    pub(super) customer: &'a str,
    /// What else is said.
    pub(super) text: String,
}

/// Reads a record 16.
pub(super) fn detail<'a>(record: &Record<'a>) -> Result<Detail<'a>, Fault> {
    let first = record.pieces.first().copied().unwrap_or_default();
    let mut fields = first.split(',').skip(1);
    let kind = fields.next().unwrap_or_default().trim();
    let wrong = || Fault::malformed(record.line, format!("{kind:?} is no type code"));
    let kind: u32 = kind.parse().map_err(|_| wrong())?;
    let amount = fields.next().unwrap_or_default().trim();
    let amount = if amount.is_empty() { 0 } else { units(amount, record.line)? };
    let funds = fields.next().unwrap_or_default().trim();
    let valued = behind(funds, &mut fields, record.line)?;
    let (bank, customer) = (fields.next(), fields.next());
    let mut texts = vec![fields.collect::<Vec<_>>().join(",")];
    texts.extend(record.pieces.iter().skip(1).map(|piece| (*piece).to_owned()));
    let text = texts.join(" ");
    Ok(Detail {
        kind,
        units: amount,
        valued,
        bank: bank.unwrap_or_default().trim(),
        customer: customer.unwrap_or_default().trim(),
        text: text.split_whitespace().collect::<Vec<_>>().join(" "),
    })
}
