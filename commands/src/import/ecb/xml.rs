//! The reference rates as XML: a `Cube` with the time of each day, and in it one for each rate.

use ledger_core::calendar::Day;
use ledger_core::rejection::Code;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::{Reading, bad, malformed};
use crate::import::csv::BadRecord;
use crate::import::statement::xml::Lines;

/// What the elements so far say.
#[derive(Default)]
struct State {
    /// The day of the rates; none where it could not be read.
    day: Option<Day>,
    /// Rates, of whatever day.
    rates: u64,
}

/// Reads a document.
///
/// # Errors
/// Where it is no XML, is cut short, or has no rate at all.
pub(super) fn read(text: &str, reading: &mut Reading<'_>) -> Result<(), BadRecord> {
    let mut reader = Reader::from_str(text);
    let mut lines = Lines::new(text.as_bytes());
    let mut state = State::default();
    let mut depth = 0_usize;
    loop {
        let line = lines.at(reader.buffer_position());
        let event = reader.read_event().map_err(|error| {
            let line = lines.at(reader.error_position());
            malformed(line, format!("the file is not XML: {error}"))
        })?;
        match event {
            Event::Start(start) => {
                depth += 1;
                take(&start, line, &mut state, reading)?;
            }
            Event::Empty(start) => take(&start, line, &mut state, reading)?,
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::DocType(_) => {
                return Err(malformed(line, "the ECB's files have no document type"));
            }
            Event::Text(_)
            | Event::CData(_)
            | Event::GeneralRef(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    let last = lines.at(u64::MAX);
    if depth > 0 {
        return Err(malformed(last, "the XML is cut short: fetch it again"));
    }
    if state.rates == 0 {
        let why = "there is no Cube with a currency and a rate: this is no file of the ECB's \
                   reference rates";
        return Err(malformed(last, why));
    }
    Ok(())
}

/// Takes an element.
fn take(
    start: &BytesStart<'_>,
    line: u64,
    state: &mut State,
    reading: &mut Reading<'_>,
) -> Result<(), BadRecord> {
    if start.local_name().into_inner() != "Cube" {
        return Ok(());
    }
    let wrong = |why: String| malformed(line, format!("a wrong attribute: {why}"));
    let (mut time, mut currency, mut rate) = (None, None, None);
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| wrong(error.to_string()))?;
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|error| wrong(error.to_string()))?
            .into_owned();
        match attribute.key.into_inner() {
            "time" => time = Some(value),
            "currency" => currency = Some(value),
            "rate" => rate = Some(value),
            _ => {}
        }
    }
    if let Some(time) = time {
        state.day = time.trim().parse().ok();
        if state.day.is_none() {
            let why = format!("{time:?} is not a date such as 2026-10-30; its rates are left out");
            reading.refuse(bad(line, Code::DateInvalid, why));
        }
    }
    match (currency, rate) {
        (Some(currency), Some(rate)) => {
            state.rates += 1;
            if let Some(day) = state.day {
                reading.take(line, day, currency.trim(), rate.trim());
            }
        }
        (Some(other), None) | (None, Some(other)) => {
            let why = format!("a Cube with {other:?} lacks its currency or its rate");
            reading.refuse(malformed(line, why));
        }
        (None, None) => {}
    }
    Ok(())
}
