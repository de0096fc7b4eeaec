//! The views: facts with both time axes, so that "as of a date" and "as known then" are filters.

use std::collections::BTreeMap;

use ledger_core::decide::policy;
use ledger_core::event::book::BookOpened;
use ledger_core::event::customer::CustomerRegistered;
use ledger_core::event::{Event, EventData};
use ledger_core::id::Identifier;
use ledger_core::money::Currency;
use ledger_core::policy::Policies;
use serde::Serialize;
use sha2::{Digest, Sha256};

mod audit_trail;
mod deferred_revenue;
mod receivables;

pub use audit_trail::{AuditRow, AuditTrail};
pub use deferred_revenue::{Billed, Contract, DeferredRevenue, Line};
pub use receivables::{
    CreditFact, DisputeFact, Entry, InvoiceFact, PaymentFact, Receivables, Settlement, Use,
};

/// An event that a view cannot apply. The fold stops there and never skips.
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

/// A fold over the events with a name and a version of its rows.
pub trait Projection {
    /// Its name.
    const NAME: &'static str;
    /// The version of its rows; another one means a rebuild.
    const VERSION: u32;

    /// Folds one event.
    ///
    /// # Errors
    /// [`ProjectionError`] where the event does not fit the rows.
    fn fold(&mut self, event: &Event) -> Result<(), ProjectionError>;

    /// SHA-256 over its rows in order: the same for one pass or many.
    fn digest(&self) -> [u8; 32];
}

/// All views of a book.
#[derive(Debug, Clone, Default)]
pub struct Views {
    /// How the book was opened.
    pub book: Option<BookOpened>,
    /// The policies in force.
    pub policies: Policies,
    /// The customers.
    pub customers: BTreeMap<Identifier, CustomerRegistered>,
    /// Open items, money and credit, and the entries that documents post.
    pub receivables: Receivables,
    /// Contracts: what was billed, and the schedules of what is earned.
    pub deferred_revenue: DeferredRevenue,
    /// One row for each event.
    pub audit_trail: AuditTrail,
    /// The last event that was folded.
    pub sequence: u64,
}

impl Views {
    /// Folds one event into every view.
    ///
    /// # Errors
    /// [`ProjectionError`] where a view cannot apply it, or where it is not the next one.
    pub fn fold(&mut self, event: &Event) -> Result<(), ProjectionError> {
        if event.sequence != self.sequence + 1 {
            return Err(ProjectionError {
                projection: "views",
                sequence: event.sequence,
                reason: format!("the event after {} was expected", self.sequence),
            });
        }
        match &event.data {
            EventData::BookOpened(data) => {
                self.policies = policy::policies(&data.policies).unwrap_or_default();
                self.book = Some(data.clone());
            }
            EventData::CustomerRegistered(data) => {
                self.customers.insert(data.customer.clone(), data.clone());
            }
            EventData::ProductDefined(_)
            | EventData::OrderPlaced(_)
            | EventData::OrderAmended(_)
            | EventData::InvoiceIssued(_)
            | EventData::DisputeOpened(_)
            | EventData::DisputeResolved(_)
            | EventData::PaymentReceived(_)
            | EventData::PaymentAllocated(_)
            | EventData::CreditIssued(_)
            | EventData::CreditApplied(_)
            | EventData::CreditRefunded(_) => {}
        }
        self.receivables.fold(event)?;
        self.deferred_revenue.fold(event)?;
        self.audit_trail.fold(event)?;
        self.sequence = event.sequence;
        Ok(())
    }

    /// Name and digest (hex) of each projection.
    pub fn digests(&self) -> Vec<(&'static str, String)> {
        vec![
            (Receivables::NAME, schemas::chain::hex(&self.receivables.digest())),
            (DeferredRevenue::NAME, schemas::chain::hex(&self.deferred_revenue.digest())),
            (AuditTrail::NAME, schemas::chain::hex(&self.audit_trail.digest())),
        ]
    }

    /// The book's currency.
    pub fn currency(&self) -> Option<Currency> {
        self.book.as_ref().map(|book| book.currency)
    }
}

/// SHA-256 over rows as JSON lines.
fn digest_rows<'a, T: Serialize + 'a>(rows: impl Iterator<Item = &'a T>, hash: &mut Sha256) {
    for row in rows {
        // Our rows are structs of strings and numbers, which always serialize.
        hash.update(serde_json::to_vec(row).unwrap_or_default());
        hash.update(b"\n");
    }
}
