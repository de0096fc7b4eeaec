//! Facts of the audit trail: one row for each event, who did what, when and why.

use std::borrow::Cow;

use borsh::{BorshDeserialize, BorshSerialize};
use ledger_core::event::book::FxRateRecorded;
use ledger_core::event::close::{PeriodClosed, PeriodReopened};
use ledger_core::event::invoice::BillingRun;
use ledger_core::event::order::OrderAmended;
use ledger_core::event::payment::PaymentAllocation;
use ledger_core::event::{Event, EventData};
use ledger_core::id::Identifier;
use ledger_core::money::Amount;

mod money;
use crate::facts::collections;

/// One event in words.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct AuditRow {
    /// The event's type.
    pub kind: Cow<'static, str>,
    /// The kind of its document.
    pub document_kind: Cow<'static, str>,
    /// Its document.
    pub document: Identifier,
    /// Other documents that it touches.
    pub touches: Vec<Identifier>,
    /// Its customer.
    pub customer: Option<Identifier>,
    /// The command.
    pub command_id: Identifier,
    /// Why.
    pub reason: Option<String>,
    /// What happened, in one line.
    pub summary: String,
    /// Of a close or a reopening: all of it.
    pub closing: Option<Closing>,
}

/// A close, or a reopening.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub enum Closing {
    /// Days were closed.
    Closed(Box<PeriodClosed>),
    /// Closed days were opened again.
    Reopened(PeriodReopened),
}

/// The fact of one event.
pub(super) fn fact(event: &Event) -> AuditRow {
    let document = event.data.document();
    AuditRow {
        kind: Cow::Borrowed(event.data.type_name()),
        document_kind: Cow::Borrowed(document.kind),
        document: document.id,
        touches: touches(&event.data),
        customer: document.customer,
        command_id: event.command_id.clone(),
        reason: event.reason.clone(),
        summary: summary(&event.data),
        closing: closing(&event.data),
    }
}

fn closing(data: &EventData) -> Option<Closing> {
    if let EventData::PeriodClosed(data) = data {
        Some(Closing::Closed(Box::new(data.clone())))
    } else if let EventData::PeriodReopened(data) = data {
        Some(Closing::Reopened(data.clone()))
    } else {
        None
    }
}

fn touches(data: &EventData) -> Vec<Identifier> {
    match data {
        EventData::InvoiceIssued(data) => data.order.iter().cloned().collect(),
        EventData::PaymentAllocated(data) => invoices(&data.allocations),
        EventData::PaymentDeallocated(data) => invoices(&data.allocations),
        EventData::PaymentFailed(data) => {
            let back = data.taken.iter().flat_map(|taken| invoices(&taken.allocations));
            data.payment.iter().cloned().chain(back).collect()
        }
        EventData::PaymentChargedBack(data) => invoices(&data.taken.allocations),
        EventData::ChargebackWon(data) => invoices(&data.allocations),
        EventData::CreditIssued(data) => data.invoice.iter().cloned().collect(),
        EventData::CreditApplied(data) => {
            data.allocations.iter().map(|one| one.invoice.clone()).collect()
        }
        EventData::CreditVoided(data) => {
            let invoices = data.reopened.iter().map(|one| one.invoice.clone());
            data.invoice.iter().cloned().chain(invoices).collect()
        }
        EventData::BookOpened(_)
        | EventData::ProductDefined(_)
        | EventData::TaxRateDefined(_)
        | EventData::FxRateRecorded(_)
        | EventData::PeriodClosed(_)
        | EventData::PeriodReopened(_)
        | EventData::CustomerRegistered(_)
        | EventData::CustomerUpdated(_)
        | EventData::CustomerHeld(_)
        | EventData::CustomerReleased(_)
        | EventData::PaymentPromised(_)
        | EventData::ReminderIssued(_)
        | EventData::DunningRunCompleted(_)
        | EventData::PaymentRequested(_)
        | EventData::PaymentRequestCanceled(_)
        | EventData::PaymentRequestsCompleted(_)
        | EventData::OrderPlaced(_)
        | EventData::OrderAmended(_)
        | EventData::EstimateRevised(_)
        | EventData::OrderRenewed(_)
        | EventData::OrderCancelled(_)
        | EventData::OrderSuspended(_)
        | EventData::OrderResumed(_)
        | EventData::DeliveryRecorded(_)
        | EventData::UsageRecorded(_)
        | EventData::InvoiceVoided(_)
        | EventData::BillingRunCompleted(_)
        | EventData::DisputeOpened(_)
        | EventData::DisputeResolved(_)
        | EventData::PaymentReceived(_)
        | EventData::PaymentRefunded(_)
        | EventData::InvoiceWrittenOff(_)
        | EventData::WriteOffRecovered(_)
        | EventData::AllowanceRecorded(_)
        | EventData::CreditRefunded(_) => Vec::new(),
    }
}

fn closed(data: &PeriodClosed) -> String {
    let days = format!("all days through {} closed", data.through);
    if data.warnings.is_empty() {
        return days;
    }
    let warnings: Vec<String> = data.warnings.iter().map(ToString::to_string).collect();
    format!("{days}, still open: {}", warnings.join("; "))
}

fn invoices(allocations: &[PaymentAllocation]) -> Vec<Identifier> {
    allocations.iter().map(|one| one.invoice.clone()).collect()
}

fn summary(data: &EventData) -> String {
    match data {
        EventData::BookOpened(data) => format!("book opened in {}", data.currency),
        EventData::ProductDefined(data) => format!("product {:?} defined", data.name),
        EventData::TaxRateDefined(data) => {
            format!("tax rate {} of {} % from {}", data.tax_code, data.rate, data.from)
        }
        EventData::FxRateRecorded(data) => of_rate(data),
        EventData::PeriodClosed(data) => closed(data),
        EventData::PeriodReopened(data) => format!("days from {} on opened again", data.from),
        EventData::CustomerRegistered(data) => format!("customer {:?} registered", data.name),
        EventData::CustomerUpdated(_)
        | EventData::CustomerHeld(_)
        | EventData::CustomerReleased(_)
        | EventData::PaymentPromised(_)
        | EventData::ReminderIssued(_)
        | EventData::DunningRunCompleted(_)
        | EventData::PaymentRequested(_)
        | EventData::PaymentRequestCanceled(_)
        | EventData::PaymentRequestsCompleted(_) => collections::summary(data),
        EventData::OrderPlaced(_)
        | EventData::OrderAmended(_)
        | EventData::EstimateRevised(_)
        | EventData::OrderRenewed(_)
        | EventData::OrderCancelled(_)
        | EventData::OrderSuspended(_)
        | EventData::OrderResumed(_)
        | EventData::DeliveryRecorded(_)
        | EventData::UsageRecorded(_) => of_order(data),
        EventData::InvoiceIssued(data) => format!(
            "invoice of {} {} (tax {}), due {}",
            data.total, data.currency, data.tax, data.due
        ),
        EventData::InvoiceVoided(data) => {
            format!("invoice of {} {} voided", data.total, data.currency)
        }
        EventData::BillingRunCompleted(data) => of_run(data),
        EventData::DisputeOpened(data) => format!("disputed: {}", data.reason),
        EventData::DisputeResolved(_) => "dispute resolved".to_owned(),
        EventData::PaymentReceived(data) => {
            format!("payment of {} {} received", data.amount, data.currency)
        }
        EventData::PaymentAllocated(data) => {
            let parts = data.allocations.iter().map(|one| (one.amount, &one.invoice));
            format!("allocated {}", joined(parts))
        }
        EventData::PaymentDeallocated(_)
        | EventData::PaymentFailed(_)
        | EventData::PaymentRefunded(_)
        | EventData::PaymentChargedBack(_)
        | EventData::ChargebackWon(_)
        | EventData::InvoiceWrittenOff(_)
        | EventData::WriteOffRecovered(_)
        | EventData::AllowanceRecorded(_) => money::summary(data),
        EventData::CreditIssued(data) => {
            format!("credit of {} {} (tax {})", data.total, data.currency, data.tax)
        }
        EventData::CreditApplied(data) => {
            let parts = data.allocations.iter().map(|one| (one.amount, &one.invoice));
            format!("applied {}", joined(parts))
        }
        EventData::CreditRefunded(data) => {
            format!("{} {} of the credit paid back", data.amount, data.currency)
        }
        EventData::CreditVoided(data) => {
            format!("credit of {} {} voided", data.total, data.currency)
        }
    }
}

fn joined<'a>(parts: impl Iterator<Item = (Amount, &'a Identifier)>) -> String {
    let parts = parts.map(|(amount, invoice)| format!("{amount} to {invoice}"));
    parts.collect::<Vec<_>>().join(", ")
}

fn of_rate(data: &FxRateRecorded) -> String {
    let FxRateRecorded { from, to, rate, date, kind, .. } = data;
    format!("1 {from} is {rate} {to} from {date} ({})", kind.as_str())
}

fn of_run(data: &BillingRun) -> String {
    let totals = data.totals.iter().map(|(currency, total)| format!("{total} {currency}"));
    let totals: Vec<String> = totals.collect();
    format!(
        "billing run through {}: {} invoice(s), {} credit(s); {}{}",
        data.through,
        data.invoices,
        data.credits,
        if totals.is_empty() { "nothing was due".to_owned() } else { totals.join(", ") },
        if data.held_back == 0 {
            String::new()
        } else {
            format!("; {} held back: customers on hold", data.held_back)
        }
    )
}

fn of_order(data: &EventData) -> String {
    match data {
        EventData::OrderPlaced(data) => format!(
            "order of {} {} with {} line(s), from {}",
            data.transaction_price,
            data.currency,
            data.lines.len(),
            data.start
        ),
        EventData::OrderAmended(data) => amended(data),
        EventData::EstimateRevised(data) => format!(
            "estimate of line {} from {} to {} {}",
            data.line, data.before, data.amount, data.currency
        ),
        EventData::OrderRenewed(data) => {
            format!("renewed through {}: {} line(s)", data.end, data.lines.len())
        }
        EventData::OrderCancelled(data) => format!(
            "cancelled, last day {}; {} {} billed and not earned: {}",
            data.last_day,
            data.unearned_amount,
            data.currency,
            data.unearned.as_str()
        ),
        EventData::OrderSuspended(data) => format!("suspended from {}", data.from),
        EventData::OrderResumed(data) => format!("resumed from {}", data.from),
        EventData::DeliveryRecorded(data) => {
            format!("line {}: {} of {} delivered", data.line, data.delivered, data.whole)
        }
        EventData::UsageRecorded(data) => format!(
            "line {}: usage of {} on {}, {} {}",
            data.line, data.quantity, data.day, data.amount, data.currency
        ),
        EventData::BookOpened(_)
        | EventData::ProductDefined(_)
        | EventData::TaxRateDefined(_)
        | EventData::FxRateRecorded(_)
        | EventData::PeriodClosed(_)
        | EventData::PeriodReopened(_)
        | EventData::CustomerRegistered(_)
        | EventData::CustomerUpdated(_)
        | EventData::CustomerHeld(_)
        | EventData::CustomerReleased(_)
        | EventData::PaymentPromised(_)
        | EventData::ReminderIssued(_)
        | EventData::DunningRunCompleted(_)
        | EventData::PaymentRequested(_)
        | EventData::PaymentRequestCanceled(_)
        | EventData::PaymentRequestsCompleted(_)
        | EventData::InvoiceIssued(_)
        | EventData::InvoiceVoided(_)
        | EventData::BillingRunCompleted(_)
        | EventData::DisputeOpened(_)
        | EventData::DisputeResolved(_)
        | EventData::PaymentReceived(_)
        | EventData::PaymentAllocated(_)
        | EventData::PaymentDeallocated(_)
        | EventData::PaymentFailed(_)
        | EventData::PaymentRefunded(_)
        | EventData::PaymentChargedBack(_)
        | EventData::ChargebackWon(_)
        | EventData::InvoiceWrittenOff(_)
        | EventData::WriteOffRecovered(_)
        | EventData::AllowanceRecorded(_)
        | EventData::CreditIssued(_)
        | EventData::CreditApplied(_)
        | EventData::CreditRefunded(_)
        | EventData::CreditVoided(_) => String::new(),
    }
}

fn amended(data: &OrderAmended) -> String {
    format!(
        "amendment {}: {} line(s) changed, {} removed; price now {} {}; {}",
        data.amendment,
        data.lines.len(),
        data.removed.len(),
        data.transaction_price,
        data.currency,
        data.treatment_reason
    )
}
