//! Facts of collections: who is on hold, what was promised, and what was reminded of.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use ledger_core::calendar::Day;
use ledger_core::command::collections::Block;
use ledger_core::event::EventData;
use ledger_core::event::collections::{PaymentPromised, ReminderIssued};
use ledger_core::event::payment::PaymentReceived;
use ledger_core::event::request::PaymentRequested;
use ledger_core::id::Identifier;
use ledger_core::state::requests::parts;

use crate::facts::ReceivablesFact;

/// One fact.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub enum CollectionsFact {
    /// What is stopped of a customer from now on; nothing after a release of everything.
    Hold {
        /// The customer.
        customer: Identifier,
        /// What is stopped.
        in_force: BTreeSet<Block>,
    },
    /// The customer has promised to pay.
    Promise(PaymentPromised),
    /// A reminder was issued.
    Reminder(ReminderIssued),
    /// A processor was asked.
    Request(PaymentRequested),
    /// A request ended.
    RequestEnded {
        /// The request.
        request: String,
        /// Its invoice.
        invoice: Identifier,
        /// How.
        end: RequestEnd,
    },
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum RequestEnd {
    /// Money came.
    Paid {
        /// The payment.
        payment: Identifier,
    },
    /// It failed, or its money was taken back.
    Failed {
        /// Why, in the processor's word.
        code: String,
        /// The day of the next attempt.
        next_attempt: Option<Day>,
    },
    /// It ended without an attempt.
    Canceled {
        /// Why.
        code: Option<String>,
    },
}

/// The fact that a request was paid, where the payment names one.
pub(super) fn paid(data: &PaymentReceived) -> Option<ReceivablesFact> {
    let end = RequestEnd::Paid { payment: data.payment.clone() };
    let request = data.request.as_ref()?;
    let (invoice, _) = parts(request)?;
    Some(ended(request, &invoice, end))
}

/// The fact that a request failed, where the event is a failure of one.
pub(super) fn failed(data: &EventData) -> Option<ReceivablesFact> {
    let EventData::PaymentFailed(data) = data else { return None };
    let (code, next_attempt) = (data.code.clone(), data.next_attempt);
    let request = data.request.as_ref()?;
    Some(ended(request, &data.invoice, RequestEnd::Failed { code, next_attempt }))
}

fn ended(request: &str, invoice: &Identifier, end: RequestEnd) -> ReceivablesFact {
    let (request, invoice) = (request.to_owned(), invoice.clone());
    ReceivablesFact::Collections(CollectionsFact::RequestEnded { request, invoice, end })
}

/// The facts of an event of collections; none of others.
pub(super) fn facts(data: &EventData) -> Vec<ReceivablesFact> {
    let of = |fact| vec![ReceivablesFact::Collections(fact)];
    if let EventData::CustomerUpdated(data) = data {
        return vec![ReceivablesFact::Customer(data.now.clone())];
    }
    if let EventData::CustomerHeld(data) = data {
        let (customer, in_force) = (data.customer.clone(), data.in_force.clone());
        return of(CollectionsFact::Hold { customer, in_force });
    }
    if let EventData::CustomerReleased(data) = data {
        let (customer, in_force) = (data.customer.clone(), data.in_force.clone());
        return of(CollectionsFact::Hold { customer, in_force });
    }
    if let EventData::PaymentPromised(data) = data {
        return of(CollectionsFact::Promise(data.clone()));
    }
    if let EventData::ReminderIssued(data) = data {
        return of(CollectionsFact::Reminder(data.clone()));
    }
    if let EventData::PaymentRequested(data) = data {
        return of(CollectionsFact::Request(data.clone()));
    }
    if let EventData::PaymentRequestCanceled(data) = data {
        let end = RequestEnd::Canceled { code: data.code.clone() };
        return vec![ended(&data.request, &data.invoice, end)];
    }
    if let EventData::DisputeOpened(data) = data {
        let (invoice, amount) = (data.invoice.clone(), data.amount);
        return vec![ReceivablesFact::Dispute { invoice, is_open: true, amount }];
    }
    if let EventData::DisputeResolved(data) = data {
        let invoice = data.invoice.clone();
        return vec![ReceivablesFact::Dispute { invoice, is_open: false, amount: None }];
    }
    Vec::new()
}

/// What happened, in one line; empty for events of others.
pub(super) fn summary(data: &EventData) -> String {
    let words = |blocks: &BTreeSet<Block>| {
        blocks.iter().map(|block| block.as_str()).collect::<Vec<_>>().join(" and ")
    };
    if let EventData::CustomerUpdated(data) = data {
        return format!("customer {:?} changed: {}", data.now.name, data.changed.join(", "));
    }
    if let EventData::CustomerHeld(data) = data {
        let why = data.invoice.as_ref().map(|id| format!(", for the reminder of {id}"));
        return format!("on hold for {}{}", words(&data.in_force), why.unwrap_or_default());
    }
    if let EventData::CustomerReleased(data) = data {
        return format!("released for {}", words(&data.blocks));
    }
    if let EventData::PaymentPromised(data) = data {
        return format!("{} {} promised by {}", data.amount, data.currency, data.date);
    }
    if let EventData::ReminderIssued(data) = data {
        return format!(
            "reminder {} ({}): {} {} open, {} day(s) overdue",
            data.stage, data.notice, data.open, data.currency, data.days_overdue
        );
    }
    if let EventData::DunningRunCompleted(data) = data {
        let requested = match data.requested {
            0 => String::new(),
            count => format!(", {count} requested of a processor"),
        };
        return format!(
            "dunning run through {}: {} reminder(s), {} hold(s); left out: {} disputed, {} \
             promised{}",
            data.through, data.reminders, data.holds, data.disputed, data.promised, requested
        );
    }
    of_request(data)
}

/// The same for events of requests to processors.
fn of_request(data: &EventData) -> String {
    if let EventData::PaymentRequested(data) = data {
        return format!(
            "request {}: {} is to collect {} {}",
            data.request, data.processor, data.amount, data.currency
        );
    }
    if let EventData::PaymentRequestCanceled(data) = data {
        let why = data.code.as_ref().map(|code| format!(": {code}"));
        return format!("request {} canceled{}", data.request, why.unwrap_or_default());
    }
    if let EventData::PaymentRequestsCompleted(data) = data {
        return format!(
            "run of requests through {}: {} made; left out: {} in flight, {} disputed, {} \
             promised, {} exhausted, {} opened again",
            data.through,
            data.requests,
            data.in_flight,
            data.disputed,
            data.promised,
            data.exhausted,
            data.reopened
        );
    }
    String::new()
}
