//! Collections: customers as they were, holds, promises, reminders and requests to processors, each
//! with both time axes.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use ledger_core::calendar::Day;
use ledger_core::command::collections::Block;
use ledger_core::event::collections::{PaymentPromised, ReminderIssued};
use ledger_core::event::customer::CustomerRegistered;
use ledger_core::event::request::PaymentRequested;
use ledger_core::id::Identifier;

use crate::facts::{CollectionsFact, EventFacts, ReceivablesFact, RequestEnd};

/// A value that holds from a day on, as it was learned at a sequence.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct Dated<T> {
    /// When it counts.
    pub effective: Day,
    /// When the ledger learned it.
    pub sequence: u64,
    /// The value.
    pub value: T,
}

/// The value on a day, as known at a sequence: the one that was learned last.
pub fn at<T>(values: &[Dated<T>], day: Day, sequence: u64) -> Option<&T> {
    let known = |one: &&Dated<T>| one.effective <= day && one.sequence <= sequence;
    values.iter().rev().find(known).map(|one| &one.value)
}

/// A reminder, and the run that issued it.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct Reminder {
    /// As issued.
    pub issued: ReminderIssued,
    /// The command of its run.
    pub run: Identifier,
}

/// A request to a processor, and how it ended; it may end again: money that comes late, or is taken
/// back.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct Request {
    /// As asked.
    pub asked: PaymentRequested,
    /// Its ends, the latest last.
    pub ends: Vec<Dated<RequestEnd>>,
}

/// All of collections.
#[derive(Debug, Clone, Default, BorshSerialize, BorshDeserialize)]
pub struct Collections {
    /// Each customer as registered, and after each change.
    pub customers: BTreeMap<Identifier, Vec<Dated<CustomerRegistered>>>,
    /// What is stopped, by customer.
    pub holds: BTreeMap<Identifier, Vec<Dated<BTreeSet<Block>>>>,
    /// The promises of each invoice.
    pub promises: BTreeMap<Identifier, Vec<Dated<PaymentPromised>>>,
    /// The reminders of each invoice.
    pub reminders: BTreeMap<Identifier, Vec<Dated<Reminder>>>,
    /// What processors were asked for, by invoice.
    pub requests: BTreeMap<Identifier, Vec<Dated<Request>>>,
}

impl Collections {
    /// Takes the facts of one event.
    pub(super) fn apply(&mut self, facts: &EventFacts) {
        for fact in &facts.receivables {
            if let ReceivablesFact::Customer(customer) = fact {
                add(&mut self.customers, facts, &customer.customer, customer.clone());
            }
            let ReceivablesFact::Collections(fact) = fact else { continue };
            match fact {
                CollectionsFact::Hold { customer, in_force } => {
                    add(&mut self.holds, facts, customer, in_force.clone());
                }
                CollectionsFact::Promise(promised) => {
                    add(&mut self.promises, facts, &promised.invoice, promised.clone());
                }
                CollectionsFact::Reminder(issued) => {
                    let run = facts.audit_trail.command_id.clone();
                    let reminder = Reminder { issued: issued.clone(), run };
                    add(&mut self.reminders, facts, &issued.invoice, reminder);
                }
                CollectionsFact::Request(asked) => {
                    let request = Request { asked: asked.clone(), ends: Vec::new() };
                    add(&mut self.requests, facts, &asked.invoice, request);
                }
                CollectionsFact::RequestEnded { request, invoice, end } => {
                    let mut known = self.requests.get_mut(invoice).into_iter().flatten();
                    if let Some(known) = known.find(|one| one.value.asked.request == *request) {
                        known.value.ends.push(dated(facts, end.clone()));
                    }
                }
            }
        }
    }

    /// A customer on a day, as known at a sequence; before its first day as it was registered.
    pub fn customer(
        &self,
        customer: &Identifier,
        day: Day,
        sequence: u64,
    ) -> Option<&CustomerRegistered> {
        let versions = self.customers.get(customer)?;
        let first = versions.first().filter(|one| one.sequence <= sequence);
        at(versions, day, sequence).or(first.map(|one| &one.value))
    }

    /// What is stopped of a customer on a day, in words; empty for nothing.
    pub fn on_hold(&self, customer: &Identifier, day: Day, sequence: u64) -> String {
        let held = self.holds.get(customer).and_then(|holds| at(holds, day, sequence));
        let words = held.into_iter().flatten().map(|block| block.as_str());
        words.collect::<Vec<_>>().join(", ")
    }

    /// The latest promise for an invoice.
    pub fn promise(
        &self,
        invoice: &Identifier,
        day: Day,
        sequence: u64,
    ) -> Option<&PaymentPromised> {
        self.promises.get(invoice).and_then(|promises| at(promises, day, sequence))
    }

    /// The last request of an invoice by a day, as known at a sequence, and how it had ended.
    pub fn request(
        &self,
        invoice: &Identifier,
        day: Day,
        sequence: u64,
    ) -> Option<(&Dated<Request>, Option<&RequestEnd>)> {
        let known = |one: &&Dated<Request>| one.effective <= day && one.sequence <= sequence;
        let last = self.requests.get(invoice)?.iter().rev().find(known)?;
        Some((last, at(&last.value.ends, day, sequence)))
    }

    /// The reminders of an invoice through a day, as known at a sequence.
    pub fn reminders(
        &self,
        invoice: &Identifier,
        day: Day,
        sequence: u64,
    ) -> impl Iterator<Item = &Dated<Reminder>> {
        let all = self.reminders.get(invoice).into_iter().flatten();
        all.filter(move |one| one.effective <= day && one.sequence <= sequence)
    }
}

fn add<T>(
    map: &mut BTreeMap<Identifier, Vec<Dated<T>>>,
    facts: &EventFacts,
    key: &Identifier,
    value: T,
) {
    map.entry(key.clone()).or_default().push(dated(facts, value));
}

fn dated<T>(facts: &EventFacts, value: T) -> Dated<T> {
    Dated { effective: facts.effective, sequence: facts.sequence, value }
}
