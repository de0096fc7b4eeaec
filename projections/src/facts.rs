//! What an event means to each projection: facts, which never change once they are written.
//!
//! A projection is the sequence of its facts; each has both time axes (`effective`, `sequence`),
//! so that "as of a date" and "as known then" are filters. The same facts are folded into memory,
//! written to the store and hashed for the digest, so that the three cannot drift apart.

use std::borrow::Cow;

use ledger_core::calendar::Day;
use ledger_core::event::Event;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

mod audit_trail;
mod deferred_revenue;
mod receivables;

pub use audit_trail::AuditRow;
pub use deferred_revenue::{DeferredFact, KnownContracts};
pub use receivables::{OpenDocuments, ReceivablesFact, Settles, Used};

/// The projections, in the order in which they are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Projection {
    /// Open items, money and credit, and the entries that documents post.
    Receivables,
    /// Contracts: what was billed, and the schedules of what is earned.
    DeferredRevenue,
    /// One row for each event.
    AuditTrail,
}

impl Projection {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Receivables, Self::DeferredRevenue, Self::AuditTrail];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Receivables => "receivables",
            Self::DeferredRevenue => "deferred_revenue",
            Self::AuditTrail => "audit_trail",
        }
    }

    /// The version of its facts; a stored one of another version is built again.
    pub const fn version(self) -> u32 {
        match self {
            Self::Receivables | Self::DeferredRevenue | Self::AuditTrail => 1,
        }
    }
}

/// An event that a projection cannot apply. The fold stops there and never skips.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the projection {projection} cannot apply event {sequence}: {reason}")]
pub struct ProjectionError {
    /// The projection that stopped.
    pub projection: &'static str,
    /// The event.
    pub sequence: u64,
    /// What does not fit.
    pub reason: String,
}

/// What one event means to the projections.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventFacts<'a> {
    /// The event's place in the log.
    pub sequence: u64,
    /// When it counts.
    pub effective: Day,
    /// When the ledger learned it.
    #[serde(with = "time::serde::rfc3339")]
    pub recorded_at: OffsetDateTime,
    /// Who asked.
    pub actor: Cow<'a, str>,
    /// To receivables.
    pub receivables: Vec<ReceivablesFact<'a>>,
    /// To deferred revenue.
    pub deferred_revenue: Vec<DeferredFact<'a>>,
    /// To the audit trail.
    pub audit_trail: AuditRow<'a>,
}

/// What an event needs to be judged by, small enough for any log: what is open, not its history.
#[derive(Debug, Clone, Default)]
pub struct Folder {
    /// Documents with something left.
    pub open: OpenDocuments,
    /// Contracts that exist.
    pub contracts: KnownContracts,
    digests: Digests,
    sequence: u64,
}

/// SHA-256 over the facts of each projection, one line an event.
#[derive(Debug, Clone, Default)]
struct Digests {
    receivables: Sha256,
    deferred_revenue: Sha256,
    audit_trail: Sha256,
    line: Vec<u8>,
}

impl Folder {
    /// The facts of the next event.
    ///
    /// # Errors
    /// [`ProjectionError`] where it is not the next one, or does not fit what is open.
    pub fn fold<'a>(&mut self, event: &'a Event) -> Result<EventFacts<'a>, ProjectionError> {
        self.expect(event.sequence)?;
        let facts = EventFacts {
            sequence: event.sequence,
            effective: event.effective,
            recorded_at: event.recorded_at,
            actor: Cow::Borrowed(&event.actor),
            receivables: receivables::facts(event),
            deferred_revenue: deferred_revenue::facts(event),
            audit_trail: audit_trail::fact(event),
        };
        self.take(&facts)?;
        Ok(facts)
    }

    /// Takes facts that were folded before, and stored.
    ///
    /// # Errors
    /// As [`Folder::fold`].
    pub fn take(&mut self, facts: &EventFacts<'_>) -> Result<(), ProjectionError> {
        self.expect(facts.sequence)?;
        for fact in &facts.receivables {
            let taken = self.open.take(fact);
            taken.map_err(|reason| stop(Projection::Receivables, facts.sequence, reason))?;
        }
        for fact in &facts.deferred_revenue {
            let taken = self.contracts.take(fact);
            taken.map_err(|reason| stop(Projection::DeferredRevenue, facts.sequence, reason))?;
        }
        self.digests.take(facts);
        self.sequence = facts.sequence;
        Ok(())
    }

    fn expect(&self, sequence: u64) -> Result<(), ProjectionError> {
        let expected = self.sequence + 1;
        if sequence == expected {
            return Ok(());
        }
        Err(stop(Projection::Receivables, sequence, format!("event {expected} was expected")))
    }

    /// The last event that was folded.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The digest (hex) of each projection: the same for one pass or many, in memory or stored.
    pub fn digests(&self) -> Vec<(&'static str, String)> {
        let digest = |projection| {
            let hash = match projection {
                Projection::Receivables => &self.digests.receivables,
                Projection::DeferredRevenue => &self.digests.deferred_revenue,
                Projection::AuditTrail => &self.digests.audit_trail,
            };
            (projection.name(), schemas::chain::hex(&hash.clone().finalize()))
        };
        Projection::ALL.into_iter().map(digest).collect()
    }
}

impl Digests {
    fn take(&mut self, facts: &EventFacts<'_>) {
        let at = (facts.sequence, facts.effective);
        if !facts.receivables.is_empty() {
            line(&mut self.line, &mut self.receivables, &(at, &facts.receivables));
        }
        if !facts.deferred_revenue.is_empty() {
            line(&mut self.line, &mut self.deferred_revenue, &(at, &facts.deferred_revenue));
        }
        // Neither the actor nor the instant: the same commands over another connection are the
        // same audit trail, and the log's hash chain covers both.
        line(&mut self.line, &mut self.audit_trail, &(at, &facts.audit_trail));
    }
}

/// Hashes a value as one line of JSON.
fn line<T: Serialize>(buffer: &mut Vec<u8>, hash: &mut Sha256, value: &T) {
    buffer.clear();
    if serde_json::to_writer(&mut *buffer, value).is_err() {
        // Facts are structs of strings and numbers, which always serialize.
        buffer.clear();
    }
    buffer.push(b'\n');
    hash.update(&*buffer);
}

fn stop(projection: Projection, sequence: u64, reason: String) -> ProjectionError {
    ProjectionError { projection: projection.name(), sequence, reason }
}
