//! Replies to commands (contract, section 2).

use ledger_core::event::DocumentReference;
use ledger_core::id::Identifier;
use ledger_core::rejection::Rejection;
use serde::{Deserialize, Serialize};

use crate::subject::event_subject;

/// The answer to a command. The reply to a command id never changes, so that `duplicate` stays
/// false when the same command comes again: it is the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The command's id; missing where the command had none that could be read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub id: Option<String>,
    /// `accepted` or `rejected`.
    pub outcome: Outcome,
    /// Of an accepted command: always false.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub duplicate: Option<bool>,
    /// The sequence of the command's last event.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sequence: Option<u64>,
    /// The command's events.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub events: Option<Vec<ReplyEvent>>,
    /// Why it was rejected.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<Rejection>,
}

/// The two outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Its events are in the log.
    Accepted,
    /// Nothing was written.
    Rejected,
}

/// One event of an accepted command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyEvent {
    /// The event's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its place in the log.
    pub sequence: u64,
    /// Its subject.
    pub subject: String,
}

impl Reply {
    /// The reply to an accepted command, from its events alone: their sequences, types and
    /// documents.
    pub fn accepted<'a>(
        book: &Identifier,
        shard: u32,
        id: &Identifier,
        events: impl IntoIterator<Item = (u64, &'static str, &'a DocumentReference)>,
    ) -> Self {
        let listed = events.into_iter().map(|(sequence, kind, document)| ReplyEvent {
            kind: kind.to_owned(),
            sequence,
            subject: event_subject(book, shard, document),
        });
        Self::stored(id, listed.collect())
    }

    /// The same, where its events are listed already.
    pub fn stored(id: &Identifier, listed: Vec<ReplyEvent>) -> Self {
        Self {
            id: Some(id.to_string()),
            outcome: Outcome::Accepted,
            duplicate: Some(false),
            sequence: listed.last().map(|event| event.sequence),
            events: Some(listed),
            error: None,
        }
    }

    /// The reply to a rejected command.
    pub fn rejected(id: Option<&str>, rejection: &Rejection) -> Self {
        Self {
            id: id.map(str::to_owned),
            outcome: Outcome::Rejected,
            duplicate: None,
            sequence: None,
            events: None,
            error: Some(rejection.clone()),
        }
    }

    /// The reply's JSON.
    pub fn to_bytes(&self) -> Vec<u8> {
        // A struct of strings and numbers always serializes.
        serde_json::to_vec(self).unwrap_or_default()
    }
}
