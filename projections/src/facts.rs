//! What an event means to each projection: facts, which never change once they are written.
//!
//! A projection is the sequence of its facts; each has both time axes (`effective`, `sequence`),
//! so that "as of a date" and "as known then" are filters. The same facts are folded into memory,
//! written to the store and hashed for the digest, so that the three cannot drift apart.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger_core::calendar::Day;
use ledger_core::event::Event;
use ledger_core::posting::postings;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

mod audit_trail;
mod collections;
mod deferred_revenue;
mod digests;
mod receivables;

pub use audit_trail::{AuditRow, Closing};
pub use collections::{CollectionsFact, RequestEnd};
pub use deferred_revenue::{BillValue, DeferredFact, KnownContracts};
pub use receivables::{Movement, OpenDocuments, ReceivablesFact, Settles, Used};

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
            Self::DeferredRevenue => 5,
            Self::Receivables => 6,
            Self::AuditTrail => 2,
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
pub struct EventFacts {
    /// The event's place in the log.
    pub sequence: u64,
    /// When it counts.
    pub effective: Day,
    /// When the ledger learned it.
    #[serde(with = "time::serde::rfc3339")]
    pub recorded_at: OffsetDateTime,
    /// Who asked.
    pub actor: String,
    /// To receivables.
    pub receivables: Vec<ReceivablesFact>,
    /// To deferred revenue.
    pub deferred_revenue: Vec<DeferredFact>,
    /// To the audit trail.
    pub audit_trail: AuditRow,
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

/// SHA-256 over the facts of each projection, one MessagePack value an event: as
/// exact as JSON, for amounts are strings there, too, and faster.
#[derive(Debug, Clone, Default)]
struct Digests {
    receivables: Sha256,
    deferred_revenue: Sha256,
    audit_trail: Sha256,
}

/// What the digests hash of one event: a part for each projection that it has facts for.
#[derive(Debug, Clone, Copy, Default)]
pub struct DigestParts<'a> {
    receivables: &'a [u8],
    deferred_revenue: &'a [u8],
    audit_trail: &'a [u8],
}

/// The [`DigestParts`] of many events in one buffer. They depend on nothing but the events: other
/// threads can write them before the fold comes there.
#[derive(Debug, Clone, Default)]
pub struct DigestBuffer {
    bytes: Vec<u8>,
    /// Where the three parts of each event end.
    ends: Vec<[usize; 3]>,
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
}

impl Folder {
    /// Takes the facts of the next event, and their parts.
    ///
    /// # Errors
    /// [`ProjectionError`] where it is not the next one, or does not fit what is open.
    pub fn take(
        &mut self,
        facts: &EventFacts,
        parts: DigestParts<'_>,
    ) -> Result<(), ProjectionError> {
        self.expect(facts.sequence)?;
        for fact in &facts.receivables {
            let taken = self.open.take(fact);
            taken.map_err(|reason| stop(Projection::Receivables, facts.sequence, reason))?;
        }
        for fact in &facts.deferred_revenue {
            let taken = self.contracts.take(fact);
            taken.map_err(|reason| stop(Projection::DeferredRevenue, facts.sequence, reason))?;
        }
        self.digests.take(parts);
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
    fn take(&mut self, parts: DigestParts<'_>) {
        self.receivables.update(parts.receivables);
        self.deferred_revenue.update(parts.deferred_revenue);
        self.audit_trail.update(parts.audit_trail);
    }
}

impl DigestBuffer {
    /// The parts of one event.
    pub fn of(facts: &EventFacts) -> Self {
        let mut buffer = Self::default();
        buffer.push(facts);
        buffer
    }

    /// Writes the parts of one more event.
    pub fn push(&mut self, facts: &EventFacts) {
        let at = (facts.sequence, facts.effective);
        if !facts.receivables.is_empty() {
            add(&mut self.bytes, &(at, &facts.receivables));
        }
        let receivables = self.bytes.len();
        if !facts.deferred_revenue.is_empty() {
            add(&mut self.bytes, &(at, &facts.deferred_revenue));
        }
        let deferred_revenue = self.bytes.len();
        // Neither the actor nor the instant: the same commands over another connection are the
        // same audit trail, and the log's hash chain covers both.
        add(&mut self.bytes, &(at, &facts.audit_trail));
        self.ends.push([receivables, deferred_revenue, self.bytes.len()]);
    }

    /// The parts of each event, in their order.
    pub fn parts(&self) -> impl Iterator<Item = DigestParts<'_>> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|[_, _, end]| *end));
        let part = |from: usize, to: usize| self.bytes.get(from..to).unwrap_or_default();
        starts.zip(&self.ends).map(move |(start, [receivables, deferred_revenue, end])| {
            DigestParts {
                receivables: part(start, *receivables),
                deferred_revenue: part(*receivables, *deferred_revenue),
                audit_trail: part(*deferred_revenue, *end),
            }
        })
    }
}

/// Adds a value as MessagePack. Structs are maps: in arrays a field that is left out would shift the
/// ones behind it, and two different facts could be the same bytes.
fn add<T: Serialize>(bytes: &mut Vec<u8>, value: &T) {
    let start = bytes.len();
    if rmp_serde::encode::write_named(&mut *bytes, value).is_err() {
        // Facts are structs of strings and numbers, which always serialize.
        bytes.truncate(start);
    }
}

fn stop(projection: Projection, sequence: u64, reason: String) -> ProjectionError {
    ProjectionError { projection: projection.name(), sequence, reason }
}
