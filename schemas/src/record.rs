//! Events as the log keeps them: body and headers (contract, section 6).

use ledger_core::content_hash::ContentHash;
use ledger_core::event::{Event, EventData};
use ledger_core::id::{Identifier, Token};
use ledger_core::limits::EVENT_BYTES_MAX;
use ledger_core::log::{HeaderText, Record, StoredRecord};
use ledger_core::posting::Functional;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use smol_str::format_smolstr;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::chain::{CHAIN_HEADER, Chain};
use crate::subject::event_subject;

/// The header of the W3C trace that an event's command belongs to, where it had one.
pub const TRACEPARENT: &str = "traceparent";

/// Most events fit in without another allocation.
const BODY_BYTES_USUAL: usize = 1_024;
/// Headers of one event.
const HEADERS_MAX: usize = 10;

const INSTANT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// An instant as RFC 3339 in UTC with six decimals.
pub fn instant(at: OffsetDateTime) -> String {
    at.to_offset(time::UtcOffset::UTC).format(INSTANT).unwrap_or_default()
}

/// What encoding an event needs besides the event.
#[derive(Debug, Clone, Copy)]
pub struct EncodeContext<'a> {
    /// The book.
    pub book: &'a Identifier,
    /// The shard.
    pub shard: u32,
    /// The chain through the event before this one.
    pub chain: Chain,
    /// The W3C trace context of the command.
    pub traceparent: Option<&'a str>,
}

/// An event that the log cannot take.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The body is above the limit.
    #[error("the event has {bytes} bytes, above the limit of {EVENT_BYTES_MAX}; split the command")]
    TooLarge {
        /// Its bytes.
        bytes: usize,
    },
    /// The body cannot be written as JSON.
    #[error("the event cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// A record that this release cannot read. Whoever folds the log stops there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A release with other events wrote it.
    #[error(
        "event {sequence} is a {kind} of version {version}, which this release does not know; upgrade revledger"
    )]
    FromTheFuture {
        /// Its place in the log.
        sequence: u64,
        /// Its type.
        kind: String,
        /// Its version.
        version: u32,
    },
    /// It is not an event.
    #[error("event {sequence} cannot be read: {reason}")]
    Malformed {
        /// Its place in the log.
        sequence: u64,
        /// What does not fit.
        reason: String,
    },
}

#[derive(Serialize)]
struct BodyOut<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    version: u32,
    effective: ledger_core::calendar::Day,
    recorded_at: &'a str,
    actor: &'a str,
    command_id: &'a Identifier,
    command_hash: ContentHash,
    correlation_id: &'a Identifier,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(serialize_with = "data_alone")]
    data: &'a EventData,
    #[serde(skip_serializing_if = "Option::is_none")]
    functional: Option<&'a Functional>,
}

fn data_alone<S: serde::Serializer>(data: &EventData, serializer: S) -> Result<S::Ok, S::Error> {
    data.serialize_data(serializer)
}

#[derive(Deserialize)]
struct BodyIn<'a> {
    id: std::borrow::Cow<'a, str>,
    #[serde(rename = "type")]
    kind: std::borrow::Cow<'a, str>,
    version: u32,
    effective: ledger_core::calendar::Day,
    recorded_at: std::borrow::Cow<'a, str>,
    actor: String,
    command_id: Identifier,
    command_hash: ContentHash,
    correlation_id: Identifier,
    #[serde(default)]
    reason: Option<String>,
    #[serde(borrow)]
    data: &'a RawValue,
    #[serde(default)]
    functional: Option<Box<Functional>>,
}

/// Writes an event as a record; returns it with the chain through it.
///
/// # Errors
/// [`EncodeError::TooLarge`] above the limit.
pub fn encode(event: &Event, context: &EncodeContext<'_>) -> Result<(Record, Chain), EncodeError> {
    Ok(seal(event, body(event)?, context))
}

/// The event's JSON, as every log keeps it: the first half of [`encode`], which needs to know nothing
/// of the events in front.
///
/// # Errors
/// [`EncodeError::TooLarge`] above the limit.
pub fn body(event: &Event) -> Result<Vec<u8>, EncodeError> {
    let recorded_at = instant(event.recorded_at);
    let mut body = Vec::with_capacity(BODY_BYTES_USUAL);
    let out = BodyOut {
        id: &event.id,
        kind: event.data.type_name(),
        version: event.data.version(),
        effective: event.effective,
        recorded_at: &recorded_at,
        actor: &event.actor,
        command_id: &event.command_id,
        command_hash: event.command_hash,
        correlation_id: &event.correlation_id,
        reason: event.reason.as_deref(),
        data: &event.data,
        functional: event.functional.as_deref(),
    };
    serde_json::to_writer(&mut body, &out)?;
    if body.len() > EVENT_BYTES_MAX {
        return Err(EncodeError::TooLarge { bytes: body.len() });
    }
    Ok(body)
}

/// The record of an event whose [`body`] was written, and the chain through it.
pub fn seal(event: &Event, body: Vec<u8>, context: &EncodeContext<'_>) -> (Record, Chain) {
    let chain = context.chain.next(&body);
    let document = event.data.document();
    let name = HeaderText::new_static;
    let id = HeaderText::new(&event.id);
    let (kind, version) = (event.data.type_name(), event.data.version());
    let mut headers = Vec::with_capacity(HEADERS_MAX);
    headers.extend([
        (name(CHAIN_HEADER), chain.to_hex().into()),
        (name("Nats-Msg-Id"), id.clone()),
        (name("ce-datacontenttype"), name("application/json")),
        (name("ce-id"), id),
        (
            name("ce-source"),
            format_smolstr!("/ledger/{}/{}", Token(context.book.as_str()), context.shard),
        ),
        (name("ce-specversion"), name("1.0")),
        (name("ce-subject"), format_smolstr!("{}", Token(document.id.as_str()))),
        (name("ce-time"), instant(event.recorded_at).into()),
        (name("ce-type"), format_smolstr!("revledger.{kind}.v{version}")),
    ]);
    if let Some(traceparent) = context.traceparent {
        headers.push((name(TRACEPARENT), traceparent.into()));
    }
    let subject = event_subject(context.book, context.shard, &document);
    (Record { subject, headers, body }, chain)
}

/// Reads an event of the log; fields that this release does not know are ignored.
///
/// # Errors
/// [`DecodeError`]: the reader stops there, and never skips.
pub fn decode(stored: &StoredRecord) -> Result<Event, DecodeError> {
    decode_body(stored.sequence, &stored.record.body)
}

/// The same of a [`body`] alone.
///
/// # Errors
/// As [`decode`].
pub fn decode_body(sequence: u64, bytes: &[u8]) -> Result<Event, DecodeError> {
    let malformed = |reason: String| DecodeError::Malformed { sequence, reason };
    let body: BodyIn<'_> =
        serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
    let current = EventData::TYPES.iter().find(|(name, _)| *name == body.kind);
    match current {
        Some((_, version)) if body.version == *version => {}
        Some(_) | None => {
            return Err(DecodeError::FromTheFuture {
                sequence,
                kind: body.kind.into_owned(),
                version: body.version,
            });
        }
    }
    let data = EventData::deserialize(&body.kind, body.data)
        .ok_or_else(|| malformed("unknown type".to_owned()))?
        .map_err(|error| malformed(error.to_string()))?;
    let recorded_at = recorded_at(&body.recorded_at)
        .map_err(|error| malformed(format!("recorded_at: {error}")))?;
    Ok(Event {
        sequence,
        id: body.id.into_owned(),
        effective: body.effective,
        recorded_at,
        actor: body.actor,
        command_id: body.command_id,
        command_hash: body.command_hash,
        correlation_id: body.correlation_id,
        reason: body.reason,
        data,
        functional: body.functional,
    })
}

/// An instant as [`instant`] writes it. One that is finer, or of another zone, would be written again as
/// another one.
fn recorded_at(text: &str) -> Result<OffsetDateTime, String> {
    let at = OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339)
        .map_err(|error| error.to_string())?;
    if !at.offset().is_utc() || !at.nanosecond().is_multiple_of(1_000) {
        return Err(format!("{text} is not in UTC and whole microseconds"));
    }
    Ok(at)
}
