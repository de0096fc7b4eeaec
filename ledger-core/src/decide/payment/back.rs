//! Money that goes back: off invoices, to the payer, or to the payer's bank.

use std::collections::BTreeMap;

use crate::calendar::Day;
use crate::command::payment::{DeallocatePayment, FailPayment, RefundPayment};
use crate::decide::{invoice, requests, text};
use crate::event::EventData;
use crate::event::payment::{
    PaymentAllocation, PaymentDeallocated, PaymentFailed, PaymentRefunded, Taken,
};
use crate::id::Identifier;
use crate::money::{Amount, Rounding, multiply_divide};
use crate::rejection::{Code, Rejection};
use crate::state::{Book, Ledger, Payment};

/// The payment of that id, if it was received by then.
pub(super) fn find<'a>(
    state: &'a Ledger,
    id: &Identifier,
    effective: Day,
) -> Result<&'a Payment, Rejection> {
    let Some(payment) = state.payments.get(id) else {
        let message = format!("there is no payment {id}");
        return Err(Rejection::at(Code::PaymentUnknown, "data.payment", message));
    };
    // What happened to it since stands: going back before that would undo what was not done yet.
    if effective < payment.touched {
        return Err(Rejection::at(
            Code::DateEndBeforeStart,
            "effective",
            format!(
                "the payment {id} was received, or used last, on {}, after {effective}; use that \
                 day or a later one",
                payment.touched
            ),
        ));
    }
    Ok(payment)
}

/// Takes money off invoices: it is unapplied again.
pub(in crate::decide) fn deallocate(
    state: &Ledger,
    effective: Day,
    data: &DeallocatePayment,
) -> Result<Vec<EventData>, Rejection> {
    let payment = find(state, &data.payment, effective)?;
    if data.allocations.is_empty() {
        let message = "name at least one invoice";
        return Err(Rejection::at(Code::CommandMissingField, "data.allocations", message));
    }
    let mut wanted: BTreeMap<&Identifier, Amount> = BTreeMap::new();
    for (index, one) in data.allocations.iter().enumerate() {
        let at = |name: &str| format!("data.allocations[{index}].{name}");
        let found = invoice::find(state, &one.invoice, &at("invoice"))?;
        let amount = payment.currency.exact(one.amount, &at("amount"))?;
        if !amount.is_positive() {
            let message = "what is taken off is above zero";
            return Err(Rejection::at(Code::AmountNotPositive, at("amount"), message));
        }
        let sum = wanted.entry(&one.invoice).or_insert(payment.currency.zero());
        *sum += amount;
        let settled = settled(payment, &one.invoice).min(found.paid);
        if *sum > settled {
            return Err(Rejection::at(
                Code::PaymentOverDeallocated,
                at("amount"),
                format!(
                    "{sum} is more than the {settled} of the payment {} that settles {}",
                    data.payment, one.invoice
                ),
            ));
        }
    }
    let parts = wanted.into_iter().map(|(invoice, amount)| part(payment, invoice, amount));
    Ok(vec![EventData::PaymentDeallocated(PaymentDeallocated {
        payment: data.payment.clone(),
        customer: payment.customer.clone(),
        currency: payment.currency,
        allocations: parts.collect(),
        overpayment: payment.currency.zero(),
    })])
}

/// Pays money back: unapplied money first, then the latest allocation (readings, 47).
pub(in crate::decide) fn refund(
    state: &Ledger,
    effective: Day,
    data: &RefundPayment,
) -> Result<Vec<EventData>, Rejection> {
    let payment = find(state, &data.payment, effective)?;
    let taken = take(state, &data.payment, payment, data.amount, true)?;
    let (customer, currency) = (payment.customer.clone(), payment.currency);
    let mut events = Vec::new();
    if !taken.allocations.is_empty() || !taken.overpayment.is_zero() {
        events.push(EventData::PaymentDeallocated(PaymentDeallocated {
            payment: data.payment.clone(),
            customer: customer.clone(),
            currency,
            allocations: taken.allocations,
            overpayment: taken.overpayment,
        }));
    }
    let (payment, amount) = (data.payment.clone(), taken.amount);
    let refunded = PaymentRefunded { payment, customer, currency, amount };
    events.push(EventData::PaymentRefunded(refunded));
    Ok(events)
}

/// Records that an attempt failed, and takes back what had been recorded as received.
pub(in crate::decide) fn fail(
    state: &Ledger,
    book: &Book,
    effective: Day,
    data: &FailPayment,
) -> Result<Vec<EventData>, Rejection> {
    let found = invoice::find(state, &data.invoice, "data.invoice")?;
    text::check("data.code", &data.code)?;
    let recorded = data.payment.as_ref().filter(|id| state.payments.contains_key(*id));
    let taken = match recorded {
        None => None,
        Some(id) => {
            let payment = find(state, id, effective)?;
            if payment.customer != found.customer {
                return Err(Rejection::at(
                    Code::CustomerMismatch,
                    "data.payment",
                    format!("the payment {id} is {}'s", payment.customer),
                ));
            }
            // The entry is in one currency: that of the payment, of which it takes.
            if payment.currency != found.currency {
                return Err(Rejection::at(
                    Code::CurrencyMismatch,
                    "data.payment",
                    format!(
                        "the payment {id} is in {}, the invoice {} in {}",
                        payment.currency, data.invoice, found.currency
                    ),
                ));
            }
            let settles_it = payment.allocations.iter().any(|one| one.invoice == data.invoice);
            if !settles_it && !payment.unapplied.is_positive() {
                return Err(Rejection::at(
                    Code::PaymentOverDeallocated,
                    "data.invoice",
                    format!("the payment {id} settles nothing of the invoice {}", data.invoice),
                ));
            }
            Some(take(state, id, payment, None, false)?)
        }
    };
    let failing = requests::failing(state, book, effective, data, taken.is_some())?;
    let failed = EventData::PaymentFailed(PaymentFailed {
        invoice: data.invoice.clone(),
        customer: found.customer.clone(),
        currency: found.currency,
        code: data.code.clone(),
        payment: data.payment.clone(),
        taken,
        request: failing.request,
        next_attempt: failing.next_attempt,
    });
    Ok([failed].into_iter().chain(failing.held).collect())
}

/// Takes an amount (or all) of what is left of a payment: unapplied money, then the latest
/// allocation, then what had been closed as an overpayment. `is_ours`: the book decides, and does not
/// give back what a credit of the invoice gave back already; a bank takes all the same.
pub(super) fn take(
    state: &Ledger,
    id: &Identifier,
    payment: &Payment,
    amount: Option<Amount>,
    is_ours: bool,
) -> Result<Taken, Rejection> {
    let zero = payment.currency.zero();
    let amount = match amount {
        Some(amount) => Some(payment.currency.exact(amount, "data.amount")?),
        None => None,
    };
    if amount.is_some_and(|amount| !amount.is_positive()) {
        let message = "what goes back is above zero";
        return Err(Rejection::at(Code::AmountNotPositive, "data.amount", message));
    }
    let mut latest: Vec<(&Identifier, Amount)> = Vec::new();
    for one in payment.allocations.iter().rev() {
        if latest.iter().any(|(known, _)| **known == one.invoice) {
            continue;
        }
        let settled = settled(payment, &one.invoice);
        let paid = state.invoices.get(&one.invoice).map_or(zero, |invoice| invoice.paid);
        let available = if is_ours { settled.min(paid).max(zero) } else { settled };
        latest.push((&one.invoice, available));
    }
    let allocated: Amount = latest.iter().map(|(_, amount)| *amount).sum();
    let all = payment.unapplied + allocated + payment.overpayment;
    if !all.is_positive() {
        let message = format!("nothing is left of the payment {id}");
        return Err(Rejection::at(Code::RefundExceedsPaid, "data.payment", message));
    }
    let amount = amount.unwrap_or(all);
    if amount > all {
        return Err(Rejection::at(
            Code::RefundExceedsPaid,
            "data.amount",
            format!("{amount} is more than the {all} that is left of the payment {id}"),
        ));
    }
    let unapplied = payment.unapplied.min(amount);
    let mut left = amount - unapplied;
    let mut allocations = Vec::new();
    for (invoice, available) in latest {
        let taken = left.min(available);
        if taken.is_positive() {
            allocations.push(part(payment, invoice, taken));
            left -= taken;
        }
    }
    Ok(Taken { amount, unapplied, overpayment: left, allocations })
}

/// How much of a payment settles an invoice.
fn settled(payment: &Payment, invoice: &Identifier) -> Amount {
    let of_it = payment.allocations.iter().filter(|one| one.invoice == *invoice);
    payment.currency.zero() + of_it.map(|one| one.amount).sum::<Amount>()
}

/// A part of what settles an invoice, with its share of the early-payment discount. With the last of
/// it goes the rest that the tolerance closed.
fn part(payment: &Payment, invoice: &Identifier, amount: Amount) -> PaymentAllocation {
    let zero = payment.currency.zero();
    let is_last = settled(payment, invoice) == amount;
    let all = |part: fn(&PaymentAllocation) -> Amount| {
        let of_it = payment.allocations.iter().filter(|one| one.invoice == *invoice);
        zero + of_it.map(part).sum::<Amount>()
    };
    // A discount was taken in proportion to the money that came in time.
    let share = |whole: Amount| {
        let money = settled(payment, invoice).decimal();
        let exact = multiply_divide(whole.decimal(), amount.decimal(), money);
        payment.currency.round(exact, Rounding::HalfEven)
    };
    PaymentAllocation {
        invoice: invoice.clone(),
        amount,
        small_balance: if is_last { all(|one| one.small_balance) } else { zero },
        cash_discount: share(all(|one| one.cash_discount)),
        cash_discount_tax: share(all(|one| one.cash_discount_tax)),
    }
}
