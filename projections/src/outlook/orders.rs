//! The orders as they stood: the state that billing runs would go on from.

use std::collections::BTreeSet;

use ledger_core::calendar::Day;
use ledger_core::event::{Event, EventData};
use ledger_core::id::Identifier;
use ledger_core::state::Ledger;

/// A day, and the last event that was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct When {
    /// The day.
    pub as_of: Day,
    /// The last event that counts.
    pub sequence: u64,
}

/// The orders on a day: a fold over the events of a log, which are shown to it in their order.
#[derive(Debug, Clone)]
pub struct Orders {
    /// As of when.
    pub when: When,
    /// Orders, and what was billed of them; no money.
    pub ledger: Ledger,
}

impl Orders {
    /// Before the first event.
    pub fn at(when: When) -> Self {
        Self { when, ledger: Ledger::default() }
    }

    /// Takes the next event, where it counts.
    pub fn take(&mut self, event: &Event) {
        if event.sequence <= self.when.sequence && self.counts(event) {
            self.ledger.apply(event);
        }
    }

    /// The orders of a customer, or all.
    pub fn of(&self, customer: Option<&str>) -> BTreeSet<Identifier> {
        let orders = self.ledger.orders.iter();
        let is_asked = |owner: &Identifier| customer.is_none_or(|wanted| owner.as_str() == wanted);
        let asked = orders.filter(|(_, order)| is_asked(&order.customer));
        asked.map(|(id, _)| id.clone()).collect()
    }

    /// What was agreed counts from its own day on, or once it was recorded for a later one; what
    /// was billed or used only from its own day on: a run that was ahead is ahead no more.
    fn counts(&self, event: &Event) -> bool {
        let is_past = event.effective <= self.when.as_of;
        match &event.data {
            EventData::BookOpened(_)
            | EventData::ProductDefined(_)
            | EventData::TaxRateDefined(_)
            | EventData::FxRateRecorded(_)
            | EventData::CustomerRegistered(_)
            | EventData::CustomerUpdated(_)
            | EventData::OrderPlaced(_)
            | EventData::OrderAmended(_)
            | EventData::EstimateRevised(_)
            | EventData::OrderRenewed(_)
            | EventData::OrderCancelled(_)
            | EventData::OrderSuspended(_)
            | EventData::OrderResumed(_) => {
                is_past || Day::new(event.recorded_at.date()) <= self.when.as_of
            }
            EventData::DeliveryRecorded(_)
            | EventData::UsageRecorded(_)
            | EventData::InvoiceIssued(_)
            | EventData::InvoiceVoided(_)
            | EventData::BillingRunCompleted(_)
            | EventData::CreditIssued(_)
            | EventData::CreditApplied(_)
            | EventData::CreditRefunded(_)
            | EventData::CreditVoided(_) => is_past,
            // Closes move postings, not bills; the rest is money, requests for it, losses and letters.
            EventData::PeriodClosed(_)
            | EventData::PeriodReopened(_)
            | EventData::CustomerHeld(_)
            | EventData::CustomerReleased(_)
            | EventData::PaymentPromised(_)
            | EventData::ReminderIssued(_)
            | EventData::DunningRunCompleted(_)
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
            | EventData::PaymentRequested(_)
            | EventData::PaymentRequestCanceled(_)
            | EventData::PaymentRequestsCompleted(_) => false,
        }
    }
}
