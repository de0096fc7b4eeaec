//! What an event means to each projection: facts, which never change once they are written.
//!
//! A projection is the sequence of its facts; each has both time axes (`effective`, `sequence`),
//! so that "as of a date" and "as known then" are filters. The same facts are folded into memory,
//! written to the store and hashed for the digest, so that the three cannot drift apart.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger_core::calendar::Day;
use ledger_core::event::Event;
use ledger_core::posting::postings;
use ledger_core::snapshot::instant;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

mod audit_trail;
mod collections;
mod deferred_revenue;
mod digests;
mod effects;
mod open_documents;
mod receivables;
mod written;

pub use audit_trail::{AuditRow, Closing};
pub use collections::{CollectionsFact, RequestEnd};
pub use deferred_revenue::{BillValue, DeferredFact, KnownContracts};
pub use effects::Effects;
pub use open_documents::OpenDocuments;
pub use receivables::{Movement, ReceivablesFact, Settles, Used};
pub use written::{Written, WrittenFacts};

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
            Self::DeferredRevenue => 6,
            Self::Receivables => 7,
            Self::AuditTrail => 3,
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
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct EventFacts {
    /// The event's place in the log.
    pub sequence: u64,
    /// When it counts.
    pub effective: Day,
    /// To receivables.
    pub receivables: Vec<ReceivablesFact>,
    /// To deferred revenue.
    pub deferred_revenue: Vec<DeferredFact>,
    /// To the audit trail.
    pub audit_trail: AuditRow,
    /// When the ledger learned it.
    #[borsh(serialize_with = "instant::serialize", deserialize_with = "instant::deserialize")]
    pub recorded_at: OffsetDateTime,
    /// Who asked.
    pub actor: String,
}

/// What an event needs to be judged by, small enough for any log: what is open, not its history.
#[derive(Debug, Clone, Default, BorshSerialize, BorshDeserialize)]
pub struct Folder {
    /// Documents with something left.
    pub open: OpenDocuments,
    /// Contracts that exist.
    pub contracts: KnownContracts,
    digests: Digests,
    sequence: u64,
}

/// SHA-256 over the facts of each projection, as [`Written`] has them: amounts are exact there, too.
#[derive(Debug, Clone, Default)]
struct Digests {
    receivables: Sha256,
    deferred_revenue: Sha256,
    audit_trail: Sha256,
}

impl EventFacts {
    /// The facts of an event, which depend on nothing but the event.
    pub fn of(event: Event) -> Self {
        let audit_trail = audit_trail::fact(&event);
        let legs = postings(&event.data);
        Self {
            sequence: event.sequence,
            effective: event.effective,
            recorded_at: event.recorded_at,
            actor: event.actor,
            deferred_revenue: deferred_revenue::facts(
                &event.data,
                &legs,
                event.functional.as_deref(),
            ),
            receivables: receivables::facts(event.data, legs, event.functional),
            audit_trail,
        }
    }

    /// Neither the actor nor the instant is hashed: the same commands over another connection are the
    /// same audit trail, and the log's hash chain covers both.
    fn write_who_and_when(&self, bytes: &mut Vec<u8>) -> std::io::Result<()> {
        instant::serialize(&self.recorded_at, bytes)?;
        self.actor.serialize(bytes)
    }
}

impl Folder {
    /// Takes the facts of the next event, and what is hashed of them.
    ///
    /// # Errors
    /// [`ProjectionError`] where it is not the next one, or does not fit what is open.
    pub fn take(
        &mut self,
        facts: &EventFacts,
        written: Written<'_>,
    ) -> Result<(), ProjectionError> {
        self.settle(&Effects::of(facts), written)
    }

    /// The same of what was picked from the facts before.
    ///
    /// # Errors
    /// As [`Folder::take`].
    pub fn settle(
        &mut self,
        effects: &Effects,
        written: Written<'_>,
    ) -> Result<(), ProjectionError> {
        let sequence = effects.sequence();
        let expected = self.sequence + 1;
        if sequence != expected {
            let reason = format!("event {expected} was expected");
            return Err(stop(Projection::Receivables, sequence, reason));
        }
        effects.settle(&mut self.open, &mut self.contracts)?;
        self.digests.take(written);
        self.sequence = sequence;
        Ok(())
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
    fn take(&mut self, written: Written<'_>) {
        for (hash, part) in [
            (&mut self.receivables, written.receivables),
            (&mut self.deferred_revenue, written.deferred_revenue),
            (&mut self.audit_trail, written.audit_trail),
        ] {
            if !part.is_empty() {
                hash.update(written.at);
                hash.update(part);
            }
        }
    }
}

fn stop(projection: Projection, sequence: u64, reason: String) -> ProjectionError {
    ProjectionError { projection: projection.name(), sequence, reason }
}
