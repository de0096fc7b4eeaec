//! The European Central Bank's euro reference rates: csv, xml, or a zip with either of them, told
//! by what is in the file. Ids are derived from date, currency, type and rate, so that a file that
//! comes twice changes nothing, and a corrected rate is another command.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use ledger_core::calendar::Day;
use ledger_core::fx::RateType;
use ledger_core::money::{Amount, Currency};
use ledger_core::rejection::{Code, Rejection};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::import::csv::{BadRecord, envelope};

mod table;
mod xml;

/// Who published the rates, as the ledger keeps it.
pub const SOURCE: &str = "ECB";

/// What stands where there is no rate.
const UNPUBLISHED: &str = "N/A";

/// Bytes that a file in a zip may come to: thirty times the whole history.
const UNPACKED_MAX: u64 = 64 * 1024 * 1024;

/// Which rates are wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of these currencies; of all where there is none.
    pub currencies: BTreeSet<Currency>,
    /// From this day on.
    pub from: Option<Day>,
    /// Through this day.
    pub to: Option<Day>,
}

impl Filter {
    fn takes_day(&self, day: Day) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }

    fn takes(&self, currency: Currency, day: Day) -> bool {
        let is_wanted = self.currencies.is_empty() || self.currencies.contains(&currency);
        is_wanted && self.takes_day(day)
    }
}

/// One euro was worth `rate` units of a currency on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// The line of the file, from 1.
    pub line: u64,
    /// The day.
    pub date: Day,
    /// The currency.
    pub currency: Currency,
    /// Without zeros at the end: the files of one day and of all days write one rate differently.
    pub rate: Amount,
}

/// What a file says.
#[derive(Debug, Clone, Default)]
pub struct File {
    /// The rates that are wanted, in the file's order.
    pub quotes: Vec<Quote>,
    /// What could not be read.
    pub bad: Vec<BadRecord>,
    /// Wanted, but not published on their day (`N/A`).
    pub unpublished: u64,
    /// Rates by codes that ISO 4217 does not know today.
    pub unknown: BTreeMap<String, u64>,
    /// All currencies of the file, wanted or not.
    pub currencies: BTreeSet<Currency>,
    /// The first and the last day of the file, wanted or not.
    pub days: Option<(Day, Day)>,
}

/// Reads a file.
///
/// # Errors
/// Where the file as a whole is none of the ECB's, or is cut short; single rates go to `bad`.
pub fn read(bytes: &[u8], filter: &Filter) -> Result<File, BadRecord> {
    if bytes.starts_with(b"PK") {
        return read_plain(&unpacked(bytes)?, filter);
    }
    read_plain(bytes, filter)
}

fn read_plain(bytes: &[u8], filter: &Filter) -> Result<File, BadRecord> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        malformed(1, format!("the file is no csv, xml or zip: {error}; fetch it again"))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reading = Reading { filter, file: File::default() };
    if text.trim_start().starts_with('<') {
        xml::read(text, &mut reading)?;
    } else {
        table::read(text, &mut reading)?;
    }
    Ok(reading.file)
}

/// The one file of a zip.
fn unpacked(bytes: &[u8]) -> Result<Vec<u8>, BadRecord> {
    let wrong =
        |why: String| malformed(1, format!("the zip cannot be read: {why}; fetch it again"));
    let zip = |error: rawzip::Error| wrong(error.to_string());
    let archive = rawzip::ZipArchive::from_slice(bytes).map_err(zip)?;
    let mut entries = archive.entries();
    let first = entries.next_entry().map_err(zip)?;
    let first = first.ok_or_else(|| wrong("it is empty".to_owned()))?;
    if entries.next_entry().map_err(zip)?.is_some() {
        return Err(wrong("it has more than one file, so that no line could be told".to_owned()));
    }
    let entry = archive.get_entry(first.wayfinder()).map_err(zip)?;
    let method = first.compression_method();
    let packed: Box<dyn Read + '_> = if method == rawzip::CompressionMethod::DEFLATE {
        Box::new(flate2::bufread::DeflateDecoder::new(entry.data()))
    } else if method == rawzip::CompressionMethod::STORE {
        Box::new(entry.data())
    } else {
        return Err(wrong("its file is neither deflated nor stored".to_owned()));
    };
    let mut whole = Vec::new();
    // The checksum is compared behind the last byte.
    let mut reader = entry.verifying_reader(packed).take(UNPACKED_MAX + 1);
    let length = reader.read_to_end(&mut whole).map_err(|error| wrong(error.to_string()))?;
    if u64::try_from(length).unwrap_or(u64::MAX) > UNPACKED_MAX {
        return Err(wrong(format!("its file is larger than {UNPACKED_MAX} bytes")));
    }
    Ok(whole)
}

fn malformed(line: u64, why: impl std::fmt::Display) -> BadRecord {
    bad(line, Code::EcbMalformed, why)
}

fn bad(line: u64, code: Code, why: impl std::fmt::Display) -> BadRecord {
    BadRecord { line, reason: format!("{}: {why}", code.as_str()) }
}

/// A file while it is read.
struct Reading<'a> {
    filter: &'a Filter,
    file: File,
}

impl Reading<'_> {
    fn refuse(&mut self, record: BadRecord) {
        self.file.bad.push(record);
    }

    /// Takes the rate of a day as it is written.
    fn take(&mut self, line: u64, date: Day, code: &str, text: &str) {
        let Ok(currency) = Currency::parse(code) else {
            let is_wanted = self.filter.currencies.is_empty() && self.filter.takes_day(date);
            if is_wanted && text != UNPUBLISHED {
                *self.file.unknown.entry(code.to_owned()).or_default() += 1;
            }
            return;
        };
        let file = &mut self.file;
        let (first, last) = file.days.unwrap_or((date, date));
        file.days = Some((first.min(date), last.max(date)));
        file.currencies.insert(currency);
        if !self.filter.takes(currency, date) {
            return;
        }
        if text == UNPUBLISHED {
            file.unpublished += 1;
            return;
        }
        match rate(text) {
            Ok(rate) => file.quotes.push(Quote { line, date, currency, rate }),
            Err(Rejection { code, message, .. }) => {
                let reason = format!("{code}: {currency} of {date}: {message}");
                file.bad.push(BadRecord { line, reason });
            }
        }
    }
}

fn rate(text: &str) -> Result<Amount, Rejection> {
    let rate: Amount = text.parse()?;
    if rate.decimal() <= Decimal::ZERO {
        let message = format!("a rate of {text} cannot be");
        return Err(Rejection::new(Code::FxRateInvalid, message));
    }
    Ok(Amount::from_decimal(rate.decimal().normalize()))
}

/// What several files come to.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Each rate once, by date and currency, with the number of its file from 0.
    pub quotes: Vec<(usize, Quote)>,
    /// Rates that the files contradict, with the number of the file; none of them goes in.
    pub conflicts: Vec<(usize, BadRecord)>,
}

/// Puts files together: what stands twice counts once, and what contradicts itself not at all.
pub fn plan<'a>(files: impl IntoIterator<Item = &'a File>) -> Plan {
    let mut plan = Plan::default();
    let mut seen: BTreeMap<(Day, Currency), (usize, Quote, bool)> = BTreeMap::new();
    for (number, file) in files.into_iter().enumerate() {
        for quote in &file.quotes {
            let entry = seen.entry((quote.date, quote.currency));
            let (before, first, is_sure) = entry.or_insert((number, *quote, true));
            if first.rate != quote.rate {
                *is_sure = false;
                let place = if *before == number { "" } else { " of another file" };
                let why = format!(
                    "{} of {} is {} here and {} on line {}{place}; neither goes in: see which is \
                     right, and record it with RecordFxRate",
                    quote.currency, quote.date, quote.rate, first.rate, first.line
                );
                plan.conflicts.push((number, bad(quote.line, Code::EcbRateConflict, why)));
            }
        }
    }
    let sure = seen.into_values().filter(|(_, _, is_sure)| *is_sure);
    plan.quotes = sure.map(|(number, quote, _)| (number, quote)).collect();
    plan
}

/// The command that records a rate.
pub fn command(quote: &Quote, kind: RateType) -> Value {
    let Quote { date, currency, rate, .. } = quote;
    let euro = "EUR";
    let name = format!("ecb/{date}/{currency}/{}/{rate}", kind.as_str());
    let data = json!({
        "from": euro, "to": currency, "rate": rate, "date": date, "type": kind, "source": SOURCE,
    });
    envelope("fx_rate", "RecordFxRate", *date, &name, data)
}

#[cfg(test)]
mod tests;
