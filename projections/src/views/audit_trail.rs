//! The audit trail: one row for each event, who did what, when and why.

use ledger_core::calendar::Day;
use ledger_core::event::{Event, EventData};
use ledger_core::id::Identifier;
use serde::Serialize;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::views::{Projection, ProjectionError, digest_rows};

/// One event in words.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditRow {
    /// Its place in the log.
    pub sequence: u64,
    /// When the ledger learned it.
    #[serde(skip)]
    pub recorded_at: OffsetDateTime,
    /// When it counts.
    pub effective: Day,
    /// The event's type.
    pub kind: &'static str,
    /// The kind of its document.
    pub document_kind: &'static str,
    /// Its document.
    pub document: Identifier,
    /// Other documents that it touches.
    pub touches: Vec<Identifier>,
    /// Its customer.
    pub customer: Option<Identifier>,
    /// Who asked. Out of the digest like `recorded_at`: the same commands over another transport
    /// are the same audit trail, and the log's hash chain covers both.
    #[serde(skip)]
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
    pub rows: Vec<AuditRow>,
}

impl Projection for AuditTrail {
    const NAME: &'static str = "audit_trail";
    const VERSION: u32 = 1;

    fn fold(&mut self, event: &Event) -> Result<(), ProjectionError> {
        let document = event.data.document();
        self.rows.push(AuditRow {
            sequence: event.sequence,
            recorded_at: event.recorded_at,
            effective: event.effective,
            kind: event.data.type_name(),
            document_kind: document.kind,
            document: document.id,
            touches: touches(&event.data),
            customer: document.customer,
            actor: event.actor.clone(),
            command_id: event.command_id.clone(),
            reason: event.reason.clone(),
            summary: summary(&event.data),
        });
        Ok(())
    }

    fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        digest_rows(self.rows.iter(), &mut hash);
        hash.finalize().into()
    }
}

fn touches(data: &EventData) -> Vec<Identifier> {
    match data {
        EventData::InvoiceIssued(data) => data.order.iter().cloned().collect(),
        EventData::PaymentAllocated(data) => {
            data.allocations.iter().map(|one| one.invoice.clone()).collect()
        }
        EventData::CreditIssued(data) => data.invoice.iter().cloned().collect(),
        EventData::CreditApplied(data) => {
            data.allocations.iter().map(|one| one.invoice.clone()).collect()
        }
        EventData::BookOpened(_)
        | EventData::ProductDefined(_)
        | EventData::CustomerRegistered(_)
        | EventData::OrderPlaced(_)
        | EventData::OrderAmended(_)
        | EventData::DisputeOpened(_)
        | EventData::DisputeResolved(_)
        | EventData::PaymentReceived(_)
        | EventData::CreditRefunded(_) => Vec::new(),
    }
}

fn summary(data: &EventData) -> String {
    match data {
        EventData::BookOpened(data) => format!("book opened in {}", data.currency),
        EventData::ProductDefined(data) => format!("product {:?} defined", data.name),
        EventData::CustomerRegistered(data) => format!("customer {:?} registered", data.name),
        EventData::OrderPlaced(data) => format!(
            "order of {} {} with {} line(s), from {}",
            data.transaction_price,
            data.currency,
            data.lines.len(),
            data.start
        ),
        EventData::OrderAmended(data) => format!(
            "amendment {}: {} line(s) changed, {} removed; price now {} {}; {}",
            data.amendment,
            data.lines.len(),
            data.removed.len(),
            data.transaction_price,
            data.currency,
            data.treatment_reason
        ),
        EventData::InvoiceIssued(data) => format!(
            "invoice of {} {} (tax {}), due {}",
            data.total, data.currency, data.tax, data.due
        ),
        EventData::DisputeOpened(data) => format!("disputed: {}", data.reason),
        EventData::DisputeResolved(_) => "dispute resolved".to_owned(),
        EventData::PaymentReceived(data) => {
            format!("payment of {} {} received", data.amount, data.currency)
        }
        EventData::PaymentAllocated(data) => {
            let parts =
                data.allocations.iter().map(|one| format!("{} to {}", one.amount, one.invoice));
            format!("allocated {}", parts.collect::<Vec<_>>().join(", "))
        }
        EventData::CreditIssued(data) => {
            format!("credit of {} {} (tax {})", data.total, data.currency, data.tax)
        }
        EventData::CreditApplied(data) => {
            let parts =
                data.allocations.iter().map(|one| format!("{} to {}", one.amount, one.invoice));
            format!("applied {}", parts.collect::<Vec<_>>().join(", "))
        }
        EventData::CreditRefunded(data) => {
            format!("{} {} of the credit paid back", data.amount, data.currency)
        }
    }
}
