//! Stripe event objects, one JSON object a line, into commands. Ids are derived from the event's.

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::calendar::Day;
use ledger_core::rejection::Code;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::import::csv::{BadRecord, Imported};

mod field;
mod invoice;
pub mod money;
mod payment;

use field::Object;

/// What a file came to.
#[derive(Debug, Clone, Default)]
pub struct Import {
    /// Commands in the file's order.
    pub commands: Vec<Imported>,
    /// Lines that could not be read.
    pub bad: Vec<BadRecord>,
    /// Events read.
    pub events: u64,
    /// Events that mean nothing to a ledger, by type.
    pub skipped: BTreeMap<String, u64>,
}

/// A command without its envelope.
#[derive(Debug, Clone, PartialEq)]
struct Made {
    command: &'static str,
    data: Value,
    /// A refund comes with its own event and with its charge's: one id and one day for both.
    refund: Option<(String, Day)>,
    /// The day before which it cannot have happened.
    not_before: Option<Day>,
}

impl Made {
    fn new(command: &'static str, data: Value) -> Self {
        Self { command, data, refund: None, not_before: None }
    }
}

/// Reads a file of events for a book; a line that cannot be read goes to `bad`.
pub fn read(text: &str, book: &str) -> Import {
    let mut import = Import::default();
    let credited: BTreeSet<String> = text.lines().flat_map(credited_refunds).collect();
    for (line, number) in text.lines().zip(1..) {
        if line.trim().is_empty() {
            continue;
        }
        import.events += 1;
        match commands(line, &credited, book) {
            Ok(Read::Commands(envelopes)) => {
                let made = envelopes.into_iter();
                import.commands.extend(made.map(|envelope| Imported { line: number, envelope }));
            }
            Ok(Read::Skipped(kind)) => *import.skipped.entry(kind).or_default() += 1,
            Err(reason) => {
                let reason = format!("{}: {reason}", Code::StripeMalformed.as_str());
                import.bad.push(BadRecord { line: number, reason });
            }
        }
    }
    import
}

/// What one event is.
#[derive(Debug, Clone, PartialEq)]
pub enum Read {
    /// Envelopes, in their order.
    Commands(Vec<Value>),
    /// Its type means nothing to a ledger.
    Skipped(String),
}

/// The refunds that a line's credit note pays back.
pub(crate) fn credited_refunds(line: &str) -> Vec<String> {
    if !line.contains("credit_note.created") {
        return Vec::new();
    }
    let Ok(event) = serde_json::from_str::<Value>(line) else { return Vec::new() };
    let object = Object::new(&event, "event").object("data");
    let object = object.and_then(|data| data.object("object"));
    object.map_or_else(|_| Vec::new(), |note| invoice::refunds_of_credit(&note))
}

/// What an event says besides its commands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct About {
    /// Whether it names the book.
    pub(crate) is_ours: bool,
    /// The charge that was asked for, where the event does not say its fee.
    pub(crate) without_fee: Option<String>,
}

/// Reads what an event says besides its commands.
pub(crate) fn about(event: &Value, book: &str) -> About {
    let event = Object::new(event, "event");
    let Ok(object) = event.object("data").and_then(|data| data.object("object")) else {
        return About::default();
    };
    let is_charge = event.optional("type") == Some("charge.succeeded");
    let without_fee = payment::without_fee(&object).filter(|_| is_charge).map(str::to_owned);
    About { is_ours: payment::names(&object, book), without_fee }
}

/// A payment that came of a request: what `RecordPayment` takes, and its day.
///
/// # Errors
/// Where the charge lacks what the command needs.
pub fn collected(charge: &Value) -> Result<(Value, Day), String> {
    let object = Object::new(charge, "charge");
    let made = payment::succeeded(&object)?.into_iter().next();
    let made = made.ok_or_else(|| "the charge is not captured".to_owned())?;
    let data = without_nulls(made.data);
    let day = day(object.whole("created")?)?;
    Ok((data, payment::not_before(&object).map_or(day, |first| day.max(first))))
}

/// Fields that say nothing are left out.
fn without_nulls(mut data: Value) -> Value {
    if let Some(object) = data.as_object_mut() {
        object.retain(|_, value| !value.is_null());
    }
    data
}

/// The envelopes of one event; `credited` are refunds that belong to credit notes, which pay them
/// back themselves. What was collected for another book is skipped.
///
/// # Errors
/// Where it is no event, or lacks what its commands need.
pub fn commands(text: &str, credited: &BTreeSet<String>, book: &str) -> Result<Read, String> {
    let event: Value = serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))?;
    let event = Object::new(&event, "event");
    let (id, kind) = (event.text("id")?, event.text("type")?);
    let day = day(event.whole("created")?)?;
    let object = event.object("data")?.object("object")?;
    if payment::book(&object).is_some_and(|of| of != book) {
        return Ok(Read::Skipped(format!("{kind} of another book")));
    }
    let made = match kind {
        "customer.created" => customer(&object)?,
        "invoice.finalized" => invoice::finalized(&object)?,
        "invoice.voided" => invoice::voided(&object)?,
        "invoice.marked_uncollectible" => invoice::written_off(&object)?,
        "credit_note.created" => invoice::credited(&object)?,
        "charge.succeeded" => payment::succeeded(&object)?,
        "charge.failed" => payment::failed(&object)?,
        "refund.created" => payment::refunded(&object, credited)?,
        "charge.refunded" => payment::refunds_of(&object, credited)?,
        "charge.dispute.created" => payment::disputed(&object)?,
        "charge.dispute.closed" => payment::dispute_closed(&object)?,
        other => return Ok(Read::Skipped(other.to_owned())),
    };
    if made.is_empty() {
        return Ok(Read::Skipped(kind.to_owned()));
    }
    Ok(Read::Commands(envelopes(id, day, made)))
}

/// The first command has the event's own id, so that whoever knows the event finds it.
fn envelopes(event: &str, day: Day, made: Vec<Made>) -> Vec<Value> {
    let made = made.into_iter().zip(1..);
    made.map(|(made, number)| {
        let (id, day) = match (made.refund, number) {
            (Some((refund, day)), _) => (format!("stripe/{refund}"), day),
            (None, 1) => (format!("stripe/{event}"), day),
            (None, number) => (format!("stripe/{event}/{number}"), day),
        };
        let day = made.not_before.map_or(day, |first| day.max(first));
        let data = without_nulls(made.data);
        json!({
            "id": id, "command": made.command, "effective": day,
            "reason": "imported from Stripe", "data": data,
        })
    })
    .collect()
}

/// The date of Unix seconds, in UTC as Stripe reports.
fn day(seconds: i64) -> Result<Day, String> {
    OffsetDateTime::from_unix_timestamp(seconds)
        .map(|instant| Day::new(instant.date()))
        .map_err(|error| format!("{seconds} is no time: {error}"))
}

fn customer(object: &Object<'_>) -> Result<Vec<Made>, String> {
    let id = object.text("id")?;
    let name = object.optional("name").or(object.optional("email")).unwrap_or(id);
    Ok(vec![Made::new(
        "RegisterCustomer",
        json!({"customer": id, "name": name, "email": object.optional("email")}),
    )])
}

#[cfg(test)]
mod tests;
