//! Facts of collections: who is on hold, what was promised, and what was reminded of.

use std::collections::BTreeSet;

use ledger_core::command::collections::Block;
use ledger_core::event::EventData;
use ledger_core::event::collections::{PaymentPromised, ReminderIssued};
use ledger_core::id::Identifier;
use serde::{Deserialize, Serialize};

use crate::facts::ReceivablesFact;

/// One fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
        return format!(
            "dunning run through {}: {} reminder(s), {} hold(s); left out: {} disputed, {} promised",
            data.through, data.reminders, data.holds, data.disputed, data.promised
        );
    }
    String::new()
}
