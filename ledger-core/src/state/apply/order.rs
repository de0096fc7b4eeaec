//! Events of orders into the state, and what invoices bill of their lines.

use std::collections::BTreeSet;

use crate::calendar::Day;
use crate::event::invoice::{IssuedLine, RunLine};
use crate::event::order::{
    Adjustment, DeliveryRecorded, OrderAmended, OrderCancelled, OrderPlaced, OrderRenewed,
    PlacedLine, UsageRecorded,
};
use crate::id::Identifier;
use crate::money::Amount;
use crate::state::order::{BilledPeriod, Order, OrderLine};
use crate::state::{InvoiceLine, Ledger};

pub(super) fn placed(ledger: &mut Ledger, sequence: u64, data: &OrderPlaced) {
    let Some(policies) = ledger.book.as_ref().map(|book| &book.policies) else { return };
    let lines = data.lines.iter();
    let lines = lines.map(|line| OrderLine::new(line, sequence, policies, data.currency)).collect();
    ledger.orders.insert(
        data.order.clone(),
        Order {
            customer: data.customer.clone(),
            currency: data.currency,
            start: data.start,
            end: data.end,
            payment_terms_days: data.payment_terms_days,
            amendments: BTreeSet::new(),
            lines,
            cancelled: None,
            suspended: None,
        },
    );
}

/// Takes changed and new lines, and what they make of billed periods.
pub(super) fn changed(
    ledger: &mut Ledger,
    sequence: u64,
    order: &Identifier,
    lines: &[PlacedLine],
    adjustments: &[Adjustment],
) {
    let Ledger { book: Some(book), orders, .. } = ledger else { return };
    let Some(order) = orders.get_mut(order) else { return };
    for changed in lines {
        match order.lines.iter_mut().find(|line| line.placed.line == changed.line) {
            Some(line) => line.change(changed, sequence),
            None => {
                let new = OrderLine::new(changed, sequence, &book.policies, order.currency);
                order.lines.push(new);
            }
        }
    }
    for adjustment in adjustments {
        if let Some(line) = order.lines.iter_mut().find(|one| one.placed.line == adjustment.line) {
            line.billed.pending.push(adjustment.clone());
        }
    }
}

pub(super) fn amended(ledger: &mut Ledger, sequence: u64, data: &OrderAmended) {
    changed(ledger, sequence, &data.order, &data.lines, &data.adjustments);
    let Some(order) = ledger.orders.get_mut(&data.order) else { return };
    order.amendments.insert(data.amendment.clone());
    order.end = data.end;
    for line in &mut order.lines {
        line.removed |= data.removed.contains(&line.placed.line);
    }
}

pub(super) fn renewed(ledger: &mut Ledger, sequence: u64, data: &OrderRenewed) {
    changed(ledger, sequence, &data.order, &data.lines, &[]);
    if let Some(order) = ledger.orders.get_mut(&data.order) {
        order.end = Some(data.end);
    }
}

pub(super) fn cancelled(
    ledger: &mut Ledger,
    (sequence, effective): (u64, Day),
    data: &OrderCancelled,
) {
    changed(ledger, sequence, &data.order, &data.lines, &[]);
    let Some(order) = ledger.orders.get_mut(&data.order) else { return };
    order.cancelled = Some(effective);
    // A line that ended before keeps what a change left to bill or to give back.
    let is_reckoned =
        |line: &&mut OrderLine| data.lines.iter().any(|one| one.line == line.placed.line);
    for line in order.lines.iter_mut().filter(is_reckoned) {
        // What is left of earlier changes is part of the final reckoning.
        line.billed.pending.clear();
        let mine = |one: &&Adjustment| one.line == line.placed.line;
        line.billed.pending.extend(data.adjustments.iter().filter(mine).cloned());
        line.billed.is_settled = data.settled.contains(&line.placed.line);
    }
}

pub(super) fn rests(ledger: &mut Ledger, order: &Identifier, since: Option<Day>) {
    if let Some(order) = ledger.orders.get_mut(order) {
        order.suspended = since;
    }
}

pub(super) fn delivered(
    ledger: &mut Ledger,
    (sequence, effective): (u64, Day),
    data: &DeliveryRecorded,
) {
    if let Some(line) = super::order_line(ledger, &data.order, &data.line) {
        line.progress.record(effective, sequence, data.step);
        line.versions.extend(data.schedule.iter().cloned());
    }
}

pub(super) fn used(ledger: &mut Ledger, sequence: u64, data: &UsageRecorded) {
    if let Some(line) = super::order_line(ledger, &data.order, &data.line) {
        if let Some(meter) = &mut line.meter {
            meter.record(sequence, data.day, data.quantity);
        }
        line.readings.extend(data.usage.iter().cloned());
        line.billed.pending.extend(data.adjustments.iter().cloned());
    }
}

/// An invoice bills a line.
pub(super) fn billed(
    line: &mut OrderLine,
    (invoice, date): (&Identifier, Day),
    issued: &IssuedLine,
) {
    let billed = &mut line.billed;
    billed.net += issued.net;
    if billed.invoices.is_empty() {
        // In a large book most lines wait for their second bill: no room for four at once.
        billed.invoices.reserve_exact(1);
    }
    billed.invoices.push((invoice.clone(), issued.line.clone()));
    match &issued.run {
        Some(RunLine::Period { start, amount }) => {
            let end = issued.service_end.unwrap_or(*start);
            period_billed(line, (*start, end), *amount, date);
        }
        Some(RunLine::Adjustment(adjustment)) => adjusted(line, adjustment),
        None => {}
    }
}

/// A period is billed for the first time, or credited where it came out below zero.
pub(super) fn period_billed(
    line: &mut OrderLine,
    (start, end): (Day, Day),
    amount: Amount,
    issued: Day,
) {
    let billed = &mut line.billed;
    billed.periods.insert(start, BilledPeriod { amount, issued });
    let is_next = billed.next.map_or(start <= line.placed.start, |next| next == start);
    if is_next {
        billed.next = Some(end.next());
    }
}

/// A pending difference is billed, or credited.
pub(super) fn adjusted(line: &mut OrderLine, adjustment: &Adjustment) {
    let billed = &mut line.billed;
    if let Some(at) = billed.pending.iter().position(|one| one == adjustment) {
        billed.pending.remove(at);
    }
    *billed.adjusted.entry(adjustment.period_start).or_default() += adjustment.amount;
}

/// The invoice that billed a line is void: its periods fall due again (readings, 46).
pub(super) fn unbilled(line: &mut OrderLine, invoice: &Identifier, voided: &InvoiceLine) {
    let billed = &mut line.billed;
    billed.net -= voided.net;
    // All of its lines are void.
    billed.invoices.retain(|(id, _)| id != invoice);
    match &voided.run {
        Some(RunLine::Period { start, .. }) => falls_due(line, *start),
        Some(RunLine::Adjustment(adjustment)) => unadjusted(line, adjustment),
        None => {}
    }
}

/// What billed a period, or credited it, is void: it falls due again.
pub(super) fn falls_due(line: &mut OrderLine, start: Day) {
    let billed = &mut line.billed;
    billed.periods.remove(&start);
    // A cancellation had settled what was billed: it is owed again.
    billed.is_settled = false;
    billed.next = billed.next.map(|next| next.min(start));
    // The period is billed whole again, with what changed in it meanwhile.
    billed.pending.retain(|one| one.period_start != start);
}

/// What billed a difference, or credited it, is void: it falls due again, where its period is billed.
pub(super) fn unadjusted(line: &mut OrderLine, adjustment: &Adjustment) {
    let billed = &mut line.billed;
    *billed.adjusted.entry(adjustment.period_start).or_default() -= adjustment.amount;
    if billed.periods.contains_key(&adjustment.period_start) {
        billed.pending.push(adjustment.clone());
    }
}
