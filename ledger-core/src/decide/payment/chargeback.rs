//! Chargebacks, lost and won (accounting, section 2).

use crate::calendar::Day;
use crate::command::payment::{ChargeBackPayment, ChargebackTreatment, WinChargeback};
use crate::decide::credit::{Lowered, Worked, lower};
use crate::decide::payment::back::{find, take};
use crate::event::EventData;
use crate::event::credit::CreditedLine;
use crate::event::payment::{
    ChargebackWon, PaymentAllocation, PaymentChargedBack, ReversedInvoice, Taken,
};
use crate::money::Amount;
use crate::rejection::{Code, Rejection};
use crate::state::{Book, Ledger};

/// The payer's bank takes money back.
pub(in crate::decide) fn charge_back(
    state: &Ledger,
    book: &Book,
    effective: Day,
    data: &ChargeBackPayment,
) -> Result<Vec<EventData>, Rejection> {
    let payment = find(state, &data.payment, effective)?;
    let fee = match data.fee {
        Some(fee) => payment.currency.exact(fee, "data.fee")?,
        None => payment.currency.zero(),
    };
    if fee.is_negative() {
        let message = format!("a fee of {fee} is below zero");
        return Err(Rejection::at(Code::AmountNotPositive, "data.fee", message));
    }
    let taken = take(state, &data.payment, payment, data.amount, false)?;
    let (reversed, recoveries) = match data.treatment {
        ChargebackTreatment::ReopenReceivable => (Vec::new(), payment.currency.zero()),
        ChargebackTreatment::ReverseRevenue => reverse(state, book, effective, &taken)?,
    };
    Ok(vec![EventData::PaymentChargedBack(PaymentChargedBack {
        payment: data.payment.clone(),
        customer: payment.customer.clone(),
        currency: payment.currency,
        fee,
        treatment: data.treatment,
        taken,
        reversed,
        recoveries,
    })])
}

/// What the money that is taken back takes of its invoices, and what exceeds them.
fn reverse(
    state: &Ledger,
    book: &Book,
    effective: Day,
    taken: &Taken,
) -> Result<(Vec<ReversedInvoice>, Amount), Rejection> {
    let mut reversed = Vec::new();
    // Several of its invoices can bill one order line.
    let mut worked = Worked::default();
    let mut recoveries = Amount::ZERO;
    for one in &taken.allocations {
        let Some(invoice) = state.invoices.get(&one.invoice) else { continue };
        let (lines, excess) =
            lower(state, book, (invoice, effective), (one.amount, true), &mut worked)?;
        recoveries += excess;
        let lines = lines.into_iter().map(credited).collect();
        reversed.push(ReversedInvoice { invoice: one.invoice.clone(), lines });
    }
    Ok((reversed, recoveries))
}

fn credited(line: Lowered) -> CreditedLine {
    CreditedLine {
        invoice_line: Some(line.invoice_line),
        order: line.order,
        order_line: line.order_line,
        description: None,
        net: line.net,
        tax: line.tax,
        contra_revenue: line.earned,
        contract_balance: line.net - line.earned,
        schedule: line.schedule,
        later: line.later,
        adjustment: None,
        period: None,
    }
}

/// The bank gives back what the last chargeback had taken: it settles the same invoices again, as
/// far as they are open.
pub(in crate::decide) fn win(
    state: &Ledger,
    effective: Day,
    data: &WinChargeback,
) -> Result<Vec<EventData>, Rejection> {
    let payment = find(state, &data.payment, effective)?;
    let Some(back) = payment.chargebacks.last() else {
        return Err(Rejection::at(
            Code::ChargebackUnknown,
            "data.payment",
            format!("no chargeback of the payment {} is still to be decided", data.payment),
        ));
    };
    let zero = payment.currency.zero();
    let mut left = back.taken.amount;
    let mut allocations: Vec<PaymentAllocation> = Vec::new();
    let mut recoveries = zero;
    match back.treatment {
        ChargebackTreatment::ReverseRevenue => {
            recoveries = back.taken.allocations.iter().map(|one| one.amount).sum();
        }
        ChargebackTreatment::ReopenReceivable => {
            // What was taken names each invoice once.
            for one in back.taken.allocations.iter().rev() {
                let open = state
                    .invoices
                    .get(&one.invoice)
                    .map_or(zero, |invoice| invoice.open_from(effective));
                let again = again(one, open);
                left -= again.amount;
                if again.amount.is_positive() {
                    allocations.push(again);
                }
            }
        }
    }
    Ok(vec![EventData::ChargebackWon(ChargebackWon {
        payment: data.payment.clone(),
        customer: payment.customer.clone(),
        currency: payment.currency,
        amount: back.taken.amount,
        treatment: back.treatment,
        allocations,
        unapplied: left - recoveries,
        recoveries: zero + recoveries,
    })])
}

/// The same allocation again, where all of it is open; else money alone, up to what is open.
fn again(one: &PaymentAllocation, open: Amount) -> PaymentAllocation {
    if one.settled() <= open {
        return one.clone();
    }
    PaymentAllocation {
        amount: one.amount.min(open),
        small_balance: Amount::ZERO,
        cash_discount: Amount::ZERO,
        cash_discount_tax: Amount::ZERO,
        ..one.clone()
    }
}
