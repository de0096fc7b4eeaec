//! Facts of money that settles, goes back, or is given up.

use ledger_core::command::payment::ChargebackTreatment;
use ledger_core::event::EventData;
use ledger_core::event::payment::{
    ChargebackWon, PaymentAllocated, PaymentAllocation, PaymentChargedBack, PaymentDeallocated,
    PaymentFailed, PaymentRefunded, Taken,
};
use ledger_core::id::Identifier;
use ledger_core::money::{Amount, Currency};

use crate::facts::receivables::{ReceivablesFact, Settles, Used, applied, settle, using};

/// The facts of such an event besides its entry, and the entry's currency; none of another event,
/// or of one without an entry.
pub(super) fn facts(data: &EventData) -> Option<(Vec<ReceivablesFact>, Currency)> {
    if let EventData::PaymentAllocated(data) = data {
        return Some((allocated(data), data.currency));
    }
    if let EventData::PaymentDeallocated(data) = data {
        return Some((deallocated(data), data.currency));
    }
    if let EventData::PaymentRefunded(data) = data {
        return Some((refunded(data), data.currency));
    }
    if let EventData::PaymentFailed(data) = data {
        return data.taken.as_ref().map(|_| (failed(data), data.currency));
    }
    if let EventData::PaymentChargedBack(data) = data {
        return Some((charged_back(data), data.currency));
    }
    if let EventData::ChargebackWon(data) = data {
        return Some((won(data), data.currency));
    }
    if let EventData::InvoiceVoided(data) = data {
        return Some((given_up(Settles::Void, &data.invoice, data.total), data.currency));
    }
    if let EventData::InvoiceWrittenOff(data) = data {
        return Some((given_up(Settles::WriteOff, &data.invoice, data.amount), data.currency));
    }
    if let EventData::WriteOffRecovered(data) = data {
        return Some((given_up(Settles::WriteOff, &data.invoice, -data.amount), data.currency));
    }
    if let EventData::CreditApplied(data) = data {
        return Some((applied(&data.credit, &data.allocations, false), data.currency));
    }
    if let EventData::CreditRefunded(data) = data {
        return Some((vec![using(Used::CreditRefund, &data.credit, data.amount)], data.currency));
    }
    if let EventData::CreditVoided(data) = data {
        let mut facts = applied(&data.credit, &data.reopened, true);
        facts.push(using(Used::CreditVoid, &data.credit, data.total));
        return Some((facts, data.currency));
    }
    if let EventData::AllowanceRecorded(data) = data {
        return Some((Vec::new(), data.currency));
    }
    None
}

/// What lowers an open amount without money or credit.
fn given_up(kind: Settles, invoice: &Identifier, amount: Amount) -> Vec<ReceivablesFact> {
    let mut facts = Vec::new();
    settle(&mut facts, invoice, kind, invoice, amount);
    facts
}

/// What an allocation of money settles and uses.
fn allocated(data: &PaymentAllocated) -> Vec<ReceivablesFact> {
    let mut facts = Vec::new();
    settles(&mut facts, &data.payment, &data.allocations, false);
    facts.push(using(Used::Payment, &data.payment, money(&data.allocations)));
    used(&mut facts, Used::Overpayment, &data.payment, data.overpayment);
    facts
}

/// What is open and unapplied again.
fn deallocated(data: &PaymentDeallocated) -> Vec<ReceivablesFact> {
    let mut facts = Vec::new();
    settles(&mut facts, &data.payment, &data.allocations, true);
    used(&mut facts, Used::Payment, &data.payment, -money(&data.allocations));
    used(&mut facts, Used::Overpayment, &data.payment, -data.overpayment);
    facts
}

fn refunded(data: &PaymentRefunded) -> Vec<ReceivablesFact> {
    let (payment, zero) = (&data.payment, data.currency.zero());
    let of = (&data.customer, data.currency);
    vec![using(Used::PaymentRefund, payment, data.amount), cash(of, payment, data.amount, zero)]
}

fn failed(data: &PaymentFailed) -> Vec<ReceivablesFact> {
    let (Some(payment), Some(back)) = (&data.payment, &data.taken) else { return Vec::new() };
    let mut facts = Vec::new();
    taken(&mut facts, payment, back, Used::PaymentFailed);
    facts.push(cash((&data.customer, data.currency), payment, back.amount, data.currency.zero()));
    facts
}

fn charged_back(data: &PaymentChargedBack) -> Vec<ReceivablesFact> {
    let mut facts = Vec::new();
    let (payment, back) = (&data.payment, &data.taken);
    match data.treatment {
        ChargebackTreatment::ReopenReceivable => {
            taken(&mut facts, payment, back, Used::ChargeBack);
        }
        // The invoices stay settled by money that is gone.
        ChargebackTreatment::ReverseRevenue => {
            used(&mut facts, Used::Overpayment, payment, -back.overpayment);
            let amount = back.unapplied + back.overpayment;
            used(&mut facts, Used::ChargeBack, payment, amount);
        }
    }
    facts.push(cash((&data.customer, data.currency), payment, back.amount, data.fee));
    facts
}

fn won(data: &ChargebackWon) -> Vec<ReceivablesFact> {
    let mut facts = Vec::new();
    used(&mut facts, Used::ChargeBack, &data.payment, data.recoveries - data.amount);
    settles(&mut facts, &data.payment, &data.allocations, false);
    used(&mut facts, Used::Payment, &data.payment, money(&data.allocations));
    let of = (&data.customer, data.currency);
    facts.push(cash(of, &data.payment, -data.amount, data.currency.zero()));
    facts
}

/// Money goes from a payment and its invoices back to where it came from.
fn taken(facts: &mut Vec<ReceivablesFact>, payment: &Identifier, back: &Taken, of: Used) {
    settles(facts, payment, &back.allocations, true);
    used(facts, Used::Payment, payment, -money(&back.allocations));
    used(facts, Used::Overpayment, payment, -back.overpayment);
    used(facts, of, payment, back.amount);
}

fn money(allocations: &[PaymentAllocation]) -> Amount {
    allocations.iter().map(|one| one.amount).sum()
}

fn settles(
    facts: &mut Vec<ReceivablesFact>,
    payment: &Identifier,
    allocations: &[PaymentAllocation],
    is_back: bool,
) {
    let sign = |amount: Amount| if is_back { -amount } else { amount };
    for one in allocations {
        for (kind, amount) in [
            (Settles::Payment, one.amount),
            (Settles::SmallBalance, one.small_balance),
            (Settles::CashDiscount, one.cash_discount),
        ] {
            settle(facts, &one.invoice, kind, payment, sign(amount));
        }
    }
}

fn used(facts: &mut Vec<ReceivablesFact>, of: Used, payment: &Identifier, amount: Amount) {
    if !amount.is_zero() {
        facts.push(using(of, payment, amount));
    }
}

fn cash(
    (customer, currency): (&Identifier, Currency),
    payment: &Identifier,
    paid_back: Amount,
    fee: Amount,
) -> ReceivablesFact {
    ReceivablesFact::PaidBack {
        payment: payment.clone(),
        customer: customer.clone(),
        currency,
        amount: paid_back,
        fee,
    }
}
