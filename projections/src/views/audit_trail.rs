//! The audit trail: one row for each event, who did what, when and why.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use borsh::{BorshDeserialize, BorshSerialize};
use ledger_core::calendar::Day;
use ledger_core::event::words;
use ledger_core::id::Identifier;
use ledger_core::snapshot::instant;
use time::OffsetDateTime;

use crate::facts::{Closing, EventFacts};

/// One event in words.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct AuditEntry {
    /// Its place in the log.
    pub sequence: u64,
    /// When the ledger learned it.
    #[borsh(serialize_with = "instant::serialize", deserialize_with = "instant::deserialize")]
    pub recorded_at: OffsetDateTime,
    /// When it counts.
    pub effective: Day,
    /// The event's type.
    #[borsh(serialize_with = "words::write_type", deserialize_with = "event_type")]
    pub kind: Cow<'static, str>,
    /// The kind of its document.
    #[borsh(serialize_with = "words::write_kind", deserialize_with = "document_kind")]
    pub document_kind: Cow<'static, str>,
    /// Its document.
    pub document: Identifier,
    /// Other documents that it touches.
    pub touches: Vec<Identifier>,
    /// Its customer.
    pub customer: Option<Identifier>,
    /// Who asked.
    pub actor: String,
    /// The command.
    pub command_id: Identifier,
    /// Why.
    pub reason: Option<String>,
    /// What happened, in one line.
    pub summary: String,
}

/// All events in words.
#[derive(Debug, Clone, Default)]
pub struct AuditTrail {
    /// In order of sequence.
    rows: Vec<AuditEntry>,
    /// Where the rows of a snapshot were left out: whether somebody asked for them since.
    asked: Option<Arc<AtomicBool>>,
    /// Closes and reopenings, with their sequences.
    pub closings: Vec<(u64, Closing)>,
}

impl AuditTrail {
    /// Its rows, of a snapshot.
    pub(super) fn of(rows: Option<Vec<AuditEntry>>, closings: Vec<(u64, Closing)>) -> Self {
        let asked = rows.is_none().then(Arc::default);
        Self { rows: rows.unwrap_or_default(), asked, closings }
    }

    /// One row for each event, in order of sequence.
    pub fn rows(&self) -> &[AuditEntry] {
        if let Some(asked) = &self.asked {
            asked.store(true, Ordering::Relaxed);
        }
        &self.rows
    }

    /// Whether rows were left out of the views, and somebody has asked for rows since: what was made of
    /// the answer is wrong.
    pub fn is_missed(&self) -> bool {
        self.asked.as_ref().is_some_and(|asked| asked.load(Ordering::Relaxed))
    }

    /// Whether rows were left out of the views.
    pub(crate) fn is_left_out(&self) -> bool {
        self.asked.is_some()
    }

    /// The event of a sequence.
    pub fn event(&self, sequence: u64) -> Option<&AuditEntry> {
        let at = self.rows().binary_search_by_key(&sequence, |row| row.sequence).ok()?;
        self.rows.get(at)
    }

    /// Takes the facts of one event.
    pub(super) fn apply(&mut self, facts: &EventFacts) {
        let row = &facts.audit_trail;
        self.closings.extend(row.closing.clone().map(|closing| (facts.sequence, closing)));
        self.rows.push(AuditEntry {
            sequence: facts.sequence,
            recorded_at: facts.recorded_at,
            effective: facts.effective,
            kind: row.kind.clone(),
            document_kind: row.document_kind.clone(),
            document: row.document.clone(),
            touches: row.touches.clone(),
            customer: row.customer.clone(),
            actor: facts.actor.clone(),
            command_id: row.command_id.clone(),
            reason: row.reason.clone(),
            summary: row.summary.clone(),
        });
    }
}

fn event_type<R: io::Read>(reader: &mut R) -> io::Result<Cow<'static, str>> {
    words::read_type(reader).map(Cow::Borrowed)
}

fn document_kind<R: io::Read>(reader: &mut R) -> io::Result<Cow<'static, str>> {
    words::read_kind(reader).map(Cow::Borrowed)
}
