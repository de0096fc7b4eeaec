//! Collections: holds, promises to pay, and dunning runs.

use std::collections::BTreeSet;

use crate::calendar::Day;
use crate::command::collections::{Block, HoldCustomer, PromisePayment, ReleaseCustomer};
use crate::decide::{customer, invoice};
use crate::event::EventData;
use crate::event::collections::{CustomerHeld, CustomerReleased, PaymentPromised};
use crate::id::Identifier;
use crate::money::Amount;
use crate::rejection::{Code, Rejection};
use crate::state::{Invoice, Ledger};

mod run;
mod update;

pub(super) use run::{Asked, asked_for, run};
pub(super) use update::update;

/// Refuses what the customer is on hold for.
pub(super) fn check_not_held(
    state: &Ledger,
    customer: &Identifier,
    block: Block,
    field: &str,
) -> Result<(), Rejection> {
    if !state.collections.is_held(customer, block) {
        return Ok(());
    }
    Err(Rejection::at(
        Code::CustomerOnHold,
        field,
        format!(
            "the customer {customer} is on hold: new {} are refused; release it with \
             ReleaseCustomer first",
            block.as_str()
        ),
    ))
}

/// Orders and invoices.
fn everything() -> BTreeSet<Block> {
    BTreeSet::from([Block::Orders, Block::Invoices])
}

fn words(blocks: &BTreeSet<Block>) -> String {
    blocks.iter().map(|block| block.as_str()).collect::<Vec<_>>().join(" and ")
}

/// Refuses an empty list, which would do nothing.
fn asked(blocks: Option<&BTreeSet<Block>>) -> Result<BTreeSet<Block>, Rejection> {
    match blocks {
        None => Ok(everything()),
        Some(blocks) if blocks.is_empty() => Err(Rejection::at(
            Code::CommandMissingField,
            "data.blocks",
            "blocks names orders, invoices or both; leave it out for both",
        )),
        Some(blocks) => Ok(blocks.clone()),
    }
}

/// What is open and not disputed.
pub(super) fn undisputed(state: &Ledger, id: &Identifier, owed: &Invoice) -> Amount {
    let disputed = match state.collections.disputes.get(id) {
        Some(part) => part.map_or(owed.open, |part| part.min(owed.open)),
        None => owed.currency.zero(),
    };
    owed.open - disputed
}

/// A hold of new orders that an invoice brings; none where they are on hold already. What was
/// ordered is still billed: it must not be kept back from late payers.
pub(super) fn hold_orders(
    state: &Ledger,
    customer: &Identifier,
    invoice: &Identifier,
) -> Option<EventData> {
    if state.collections.is_held(customer, Block::Orders) {
        return None;
    }
    let blocks = BTreeSet::from([Block::Orders]);
    let held = state.collections.holds.get(customer).cloned().unwrap_or_default();
    let in_force = held.union(&blocks).copied().collect();
    let (customer, invoice) = (customer.clone(), Some(invoice.clone()));
    Some(EventData::CustomerHeld(CustomerHeld { customer, blocks, in_force, invoice }))
}

/// Puts a customer on hold, or stops more of one that is.
pub(super) fn hold(state: &Ledger, data: &HoldCustomer) -> Result<Vec<EventData>, Rejection> {
    customer::find(state, &data.customer, "data.customer")?;
    let asked = asked(data.blocks.as_ref())?;
    let held = state.collections.holds.get(&data.customer).cloned().unwrap_or_default();
    let blocks: BTreeSet<Block> = asked.difference(&held).copied().collect();
    if blocks.is_empty() {
        return Err(Rejection::at(
            Code::CustomerOnHold,
            "data.customer",
            format!("the customer {} is on hold already for {}", data.customer, words(&asked)),
        ));
    }
    let in_force = held.union(&blocks).copied().collect();
    let customer = data.customer.clone();
    Ok(vec![EventData::CustomerHeld(CustomerHeld { customer, blocks, in_force, invoice: None })])
}

/// Ends a hold, or a part of one.
pub(super) fn release(state: &Ledger, data: &ReleaseCustomer) -> Result<Vec<EventData>, Rejection> {
    customer::find(state, &data.customer, "data.customer")?;
    let asked = asked(data.blocks.as_ref())?;
    let held = state.collections.holds.get(&data.customer).cloned().unwrap_or_default();
    let blocks: BTreeSet<Block> = asked.intersection(&held).copied().collect();
    if blocks.is_empty() {
        return Err(Rejection::at(
            Code::CustomerNotOnHold,
            "data.customer",
            format!("the customer {} is not on hold for {}", data.customer, words(&asked)),
        ));
    }
    let in_force = held.difference(&blocks).copied().collect();
    let customer = data.customer.clone();
    Ok(vec![EventData::CustomerReleased(CustomerReleased { customer, blocks, in_force })])
}

/// Records a promise to pay.
pub(super) fn promise(
    state: &Ledger,
    effective: Day,
    data: &PromisePayment,
) -> Result<Vec<EventData>, Rejection> {
    let owed = invoice::find(state, &data.invoice, "data.invoice")?;
    let refuse =
        |field: &str, message: String| Err(Rejection::at(Code::PromiseInvalid, field, message));
    if owed.voided || !owed.open.is_positive() {
        let message = format!("nothing is open of the invoice {}", data.invoice);
        return refuse("data.invoice", message);
    }
    if data.date < effective {
        let message = format!(
            "the promise is made on {effective}: it cannot be for {}, before that day",
            data.date
        );
        return refuse("data.date", message);
    }
    let amount = match data.amount {
        Some(amount) => owed.currency.exact(amount, "data.amount")?,
        None => owed.open,
    };
    if !amount.is_positive() || amount > owed.open {
        let message = format!(
            "{amount} is promised, {} of the invoice {} is open; promise more than zero and not \
             more than that",
            owed.open, data.invoice
        );
        return refuse("data.amount", message);
    }
    Ok(vec![EventData::PaymentPromised(PaymentPromised {
        invoice: data.invoice.clone(),
        customer: owed.customer.clone(),
        currency: owed.currency,
        date: data.date,
        amount,
        open: owed.open,
    })])
}
