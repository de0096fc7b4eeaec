//! What collecting needs to know: who is on hold, what was promised, disputed and reminded of.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};

use crate::command::collections::Block;
use crate::event::collections::{
    CustomerHeld, CustomerReleased, CustomerUpdated, PaymentPromised, ReminderIssued,
};
use crate::event::invoice::DisputeOpened;
use crate::id::Identifier;
use crate::money::Amount;
use crate::state::Ledger;

/// The state of collections.
#[derive(Debug, Clone, Default, BorshSerialize, BorshDeserialize)]
pub struct Collections {
    /// What is stopped, by customer; nobody who may do everything stands here.
    pub holds: BTreeMap<Identifier, BTreeSet<Block>>,
    /// The latest promise of each invoice.
    pub promises: BTreeMap<Identifier, PaymentPromised>,
    /// The disputed amount of each invoice in dispute; none where it is all that is open.
    pub disputes: BTreeMap<Identifier, Option<Amount>>,
    /// The latest stage that each invoice was reminded of, by the days overdue that it is due
    /// after. Kept also when it is paid: a payment that is taken back starts nothing anew.
    pub reminded: BTreeMap<Identifier, u32>,
}

impl Collections {
    /// Whether the customer is on hold for that.
    pub fn is_held(&self, customer: &Identifier, block: Block) -> bool {
        self.holds.get(customer).is_some_and(|held| held.contains(&block))
    }
}

/// A customer is as the event says.
pub(super) fn updated(ledger: &mut Ledger, data: &CustomerUpdated) {
    if let Some(customer) = ledger.customers.get_mut(&data.customer) {
        customer.registered = data.now.clone();
    }
}

/// What is stopped after a hold.
pub(super) fn held(ledger: &mut Ledger, data: &CustomerHeld) {
    ledger.collections.holds.insert(data.customer.clone(), data.in_force.clone());
}

/// What is still stopped after a release.
pub(super) fn released(ledger: &mut Ledger, data: &CustomerReleased) {
    if data.in_force.is_empty() {
        ledger.collections.holds.remove(&data.customer);
    } else {
        ledger.collections.holds.insert(data.customer.clone(), data.in_force.clone());
    }
}

/// The latest promise of an invoice.
pub(super) fn promised(ledger: &mut Ledger, data: &PaymentPromised) {
    ledger.collections.promises.insert(data.invoice.clone(), data.clone());
}

/// An invoice was reminded of.
pub(super) fn reminded(ledger: &mut Ledger, data: &ReminderIssued) {
    let latest = ledger.collections.reminded.entry(data.invoice.clone()).or_default();
    *latest = data.after_days.max(*latest);
}

/// An invoice, or a part of it, is in dispute.
pub(super) fn dispute_opened(ledger: &mut Ledger, data: &DisputeOpened) {
    ledger.collections.disputes.insert(data.invoice.clone(), data.amount);
    dispute(ledger, &data.invoice, true);
}

/// A dispute has ended.
pub(super) fn dispute_resolved(ledger: &mut Ledger, invoice: &Identifier) {
    ledger.collections.disputes.remove(invoice);
    dispute(ledger, invoice, false);
}

fn dispute(ledger: &mut Ledger, invoice: &Identifier, disputed: bool) {
    if let Some(invoice) = ledger.invoices.get_mut(invoice) {
        invoice.disputed = disputed;
    }
}
