//! Payments, refunds and chargebacks into the state.

use rust_decimal::Decimal;

use crate::calendar::Day;
use crate::command::payment::ChargebackTreatment;
use crate::event::EventData;
use crate::event::payment::{
    ChargebackWon, PaymentAllocated, PaymentAllocation, PaymentChargedBack, PaymentDeallocated,
    PaymentFailed, PaymentReceived, PaymentRefunded, Taken,
};
use crate::id::Identifier;
use crate::money::{Amount, Rounding, allocate};
use crate::state::apply::{credit_line, order_line, settle};
use crate::state::{Discounted, InvoiceLine, Ledger, Payment, requests};

/// Folds an event of a payment; any other changes nothing.
pub(super) fn apply(ledger: &mut Ledger, day: Day, data: &EventData) {
    if let EventData::PaymentReceived(data) = data {
        received(ledger, day, data);
    }
    if let EventData::PaymentAllocated(data) = data {
        allocated(ledger, day, data);
        touched(ledger, day, &data.payment);
    }
    if let EventData::PaymentDeallocated(data) = data {
        deallocated(ledger, day, data);
        touched(ledger, day, &data.payment);
    }
    if let EventData::PaymentFailed(data) = data {
        failed(ledger, day, data);
    }
    if let EventData::PaymentRefunded(data) = data {
        refunded(ledger, data);
        touched(ledger, day, &data.payment);
    }
    if let EventData::PaymentChargedBack(data) = data {
        charged_back(ledger, day, data);
        touched(ledger, day, &data.payment);
    }
    if let EventData::ChargebackWon(data) = data {
        won(ledger, day, data);
        touched(ledger, day, &data.payment);
    }
}

fn touched(ledger: &mut Ledger, day: Day, payment: &Identifier) {
    if let Some(payment) = ledger.payments.get_mut(payment) {
        payment.touched = payment.touched.max(day);
    }
}

fn received(ledger: &mut Ledger, day: Day, data: &PaymentReceived) {
    let payment = Payment {
        customer: data.customer.clone(),
        currency: data.currency,
        received: day,
        touched: day,
        amount: data.amount,
        unapplied: data.amount,
        allocations: Vec::new(),
        overpayment: data.currency.zero(),
        chargebacks: Vec::new(),
    };
    ledger.payments.insert(data.payment.clone(), payment);
    requests::paid(ledger, data);
}

fn allocated(ledger: &mut Ledger, day: Day, data: &PaymentAllocated) {
    settles(ledger, day, &data.payment, &data.allocations);
    if let Some(payment) = ledger.payments.get_mut(&data.payment) {
        payment.unapplied -= data.overpayment + money(&data.allocations);
        payment.overpayment += data.overpayment;
    }
}

fn deallocated(ledger: &mut Ledger, day: Day, data: &PaymentDeallocated) {
    reopens(ledger, day, &data.allocations);
    take(ledger, &data.payment, &data.allocations);
    if let Some(payment) = ledger.payments.get_mut(&data.payment) {
        payment.unapplied += data.overpayment + money(&data.allocations);
        payment.overpayment -= data.overpayment;
    }
}

fn refunded(ledger: &mut Ledger, data: &PaymentRefunded) {
    if let Some(payment) = ledger.payments.get_mut(&data.payment) {
        payment.unapplied -= data.amount;
    }
}

fn failed(ledger: &mut Ledger, day: Day, data: &PaymentFailed) {
    if let (Some(payment), Some(back)) = (&data.payment, &data.taken) {
        reopens(ledger, day, &back.allocations);
        taken(ledger, payment, back);
        touched(ledger, day, payment);
    }
    requests::failed(ledger, data);
}

fn charged_back(ledger: &mut Ledger, day: Day, data: &PaymentChargedBack) {
    match data.treatment {
        ChargebackTreatment::ReopenReceivable => reopens(ledger, day, &data.taken.allocations),
        ChargebackTreatment::ReverseRevenue => {
            // The invoices stay settled, by money that is no longer there.
            for one in &data.taken.allocations {
                if let Some(invoice) = ledger.invoices.get_mut(&one.invoice) {
                    invoice.paid -= one.amount;
                }
            }
        }
    }
    taken(ledger, &data.payment, &data.taken);
    for reversed in &data.reversed {
        for line in &reversed.lines {
            if let (Some(order), Some(name)) = (&line.order, &line.order_line)
                && let Some(known) = order_line(ledger, order, name)
            {
                known.lowered_by(day, line.contract_balance, line.contra_revenue, line.versions());
            }
            credit_line(ledger, Some(&reversed.invoice), line, (day, false));
        }
    }
    if let Some(payment) = ledger.payments.get_mut(&data.payment) {
        payment.chargebacks.push(data.clone());
    }
}

fn won(ledger: &mut Ledger, day: Day, data: &ChargebackWon) {
    settles(ledger, day, &data.payment, &data.allocations);
    if let Some(payment) = ledger.payments.get_mut(&data.payment) {
        payment.chargebacks.pop();
        payment.unapplied += data.unapplied;
    }
}

/// All money of allocations.
fn money(allocations: &[PaymentAllocation]) -> Amount {
    allocations.iter().map(|one| one.amount).sum()
}

/// Money settles invoices.
fn settles(ledger: &mut Ledger, day: Day, id: &Identifier, allocations: &[PaymentAllocation]) {
    for one in allocations {
        settle(ledger, &one.invoice, day, one.settled(), one.amount);
        discount(ledger, one, false);
    }
    if let Some(payment) = ledger.payments.get_mut(id) {
        payment.allocations.extend(allocations.iter().cloned());
    }
}

/// An early-payment discount takes of what is left of the invoice's lines what a credit can no longer
/// give back; one that is taken back gives each line what discounts took of it.
fn discount(ledger: &mut Ledger, one: &PaymentAllocation, is_back: bool) {
    if one.cash_discount.is_zero() {
        return;
    }
    let Some(invoice) = ledger.invoices.get_mut(&one.invoice) else { return };
    let currency = invoice.currency;
    let share = |whole: Amount, of: fn(&InvoiceLine, bool) -> Amount| {
        let weights: Vec<Decimal> =
            invoice.lines.iter().map(|line| of(line, is_back).decimal()).collect();
        let whole = if is_back { -whole } else { whole };
        allocate(whole, &weights, currency, Rounding::HalfEven)
    };
    let nets = share(one.cash_discount_net(), |line, is_back| {
        if is_back { discounted(line).net } else { line.left_net() }
    });
    let taxes =
        share(
            one.cash_discount_tax,
            |line, is_back| {
                if is_back { discounted(line).tax } else { line.left_tax() }
            },
        );
    for (line, (net, tax)) in invoice.lines.iter_mut().zip(nets.into_iter().zip(taxes)) {
        line.credited_net += net;
        line.credited_tax += tax;
        let discounted = line.discounted.get_or_insert_default();
        discounted.net += net;
        discounted.tax += tax;
    }
}

fn discounted(line: &InvoiceLine) -> Discounted {
    line.discounted.as_deref().copied().unwrap_or_default()
}

/// Invoices are open again.
fn reopens(ledger: &mut Ledger, day: Day, allocations: &[PaymentAllocation]) {
    for one in allocations {
        settle(ledger, &one.invoice, day, -one.settled(), -one.amount);
        discount(ledger, one, true);
    }
}

/// What is taken back is gone from the payment.
fn taken(ledger: &mut Ledger, id: &Identifier, back: &Taken) {
    take(ledger, id, &back.allocations);
    if let Some(payment) = ledger.payments.get_mut(id) {
        payment.unapplied -= back.unapplied;
        payment.overpayment -= back.overpayment;
    }
}

/// Takes parts off the allocations of a payment, the latest of an invoice first.
fn take(ledger: &mut Ledger, id: &Identifier, parts: &[PaymentAllocation]) {
    let Some(payment) = ledger.payments.get_mut(id) else { return };
    for part in parts {
        let mut left = part.clone();
        for known in payment.allocations.iter_mut().rev() {
            if known.invoice != part.invoice {
                continue;
            }
            for (from, off) in [
                (&mut known.amount, &mut left.amount),
                (&mut known.small_balance, &mut left.small_balance),
                (&mut known.cash_discount, &mut left.cash_discount),
                (&mut known.cash_discount_tax, &mut left.cash_discount_tax),
            ] {
                let moved = (*from).min(*off);
                *from -= moved;
                *off -= moved;
            }
        }
    }
    payment.allocations.retain(|one| !one.settled().is_zero());
}
