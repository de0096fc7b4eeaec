//! Payments and their allocation (accounting, section 5).

use std::collections::BTreeMap;

use crate::calendar::Day;
use crate::command::payment::{Allocate, AllocatePayment, AllocateRule, RecordPayment};
use crate::command::shared::Allocation;
use crate::decide::{customer, fx, invoice, policy, requests, text};
use crate::event::EventData;
use crate::event::payment::{PaymentAllocated, PaymentAllocation, PaymentReceived};
use crate::id::Identifier;
use crate::money::{Amount, Currency};
use crate::policy::AllocationOrder;
use crate::rejection::{Code, Rejection};
use crate::state::{Book, Invoice, Ledger};

mod back;
mod chargeback;
mod discount;

pub(super) use back::{deallocate, fail, refund};
pub(super) use chargeback::{charge_back, win};
pub(super) use discount::{issued as discounts, offered};

/// Records money received, and settles invoices with it.
pub(super) fn record(
    state: &Ledger,
    book: &Book,
    effective: Day,
    data: &RecordPayment,
) -> Result<Vec<EventData>, Rejection> {
    let owner = customer::find(state, &data.customer, "data.customer")?;
    if state.payments.contains_key(&data.payment) {
        return Err(Rejection::at(
            Code::PaymentExists,
            "data.payment",
            format!("the payment {} exists already", data.payment),
        ));
    }
    fx::rate(state, book, data.currency, effective)?;
    let amount = data.currency.exact(data.amount, "data.amount")?;
    if !amount.is_positive() {
        return Err(Rejection::at(
            Code::AmountNotPositive,
            "data.amount",
            format!("a payment of {amount} is none; an amount received is above zero"),
        ));
    }
    let fee = match data.fee {
        Some(fee) => data.currency.exact(fee, "data.fee")?,
        None => data.currency.zero(),
    };
    if fee.is_negative() || fee > amount {
        return Err(Rejection::at(
            Code::AmountInvalid,
            "data.fee",
            format!("a fee of {fee} on {amount} makes no sense"),
        ));
    }
    text::check_optional("data.method", data.method.as_ref())?;
    text::check_optional("data.reference", data.reference.as_ref())?;
    let request = data.request.as_deref();
    let requested = request.map(|one| requests::paying(state, one, &data.customer)).transpose()?;
    let mut events = vec![EventData::PaymentReceived(PaymentReceived {
        payment: data.payment.clone(),
        customer: data.customer.clone(),
        amount,
        currency: data.currency,
        method: data.method.clone(),
        reference: data.reference.clone(),
        fee,
        request: data.request.clone(),
    })];
    let payer = Payer {
        customer: &data.customer,
        currency: data.currency,
        available: amount,
        day: effective,
        field: "data.amount",
    };
    let allocations = match &data.allocate {
        Allocate::Rule(AllocateRule::None) => Vec::new(),
        Allocate::Rule(AllocateRule::Auto) => {
            let all = &owner.open_invoices;
            let open = match &requested {
                // What a processor collected for one invoice is for no other.
                Some(one) => candidates(state, all.get(one).into_iter(), effective, data),
                None => candidates(state, all.iter(), effective, data),
            };
            automatic(book, data.reference.as_deref().unwrap_or(""), open, (effective, amount))
        }
        Allocate::To(list) => {
            settle(state, &payer, list, "data.allocate", Code::PaymentOverAllocated)?
        }
    };
    if !allocations.is_empty() {
        let taking = requests::taking(state, data.request.as_deref(), effective);
        let (money, payment) = ((&payer, taking), &data.payment);
        events.push(allocated(state, book, payment, money, allocations));
    }
    Ok(events)
}

/// The invoices of the list that money may settle by rule.
fn candidates<'a, 'b>(
    state: &'a Ledger,
    open: impl Iterator<Item = &'b Identifier>,
    effective: Day,
    data: &RecordPayment,
) -> Vec<(&'a Identifier, &'a Invoice)> {
    let known = open.filter_map(|id| state.invoices.get_key_value(id));
    known.filter(|(_, one)| one.currency == data.currency && one.issued <= effective).collect()
}

/// Settles invoices with unapplied money.
pub(super) fn allocate(
    state: &Ledger,
    book: &Book,
    effective: Day,
    data: &AllocatePayment,
) -> Result<Vec<EventData>, Rejection> {
    let payment = back::find(state, &data.payment, effective)?;
    let payer = Payer {
        customer: &payment.customer,
        currency: payment.currency,
        available: payment.unapplied,
        day: effective,
        field: "data.payment",
    };
    let code = Code::PaymentOverAllocated;
    let allocations = settle(state, &payer, &data.allocations, "data.allocations", code)?;
    if allocations.is_empty() {
        return Err(Rejection::at(
            Code::CommandMissingField,
            "data.allocations",
            "name at least one invoice",
        ));
    }
    // The money was there when it was received.
    let money = (&payer, payment.received);
    Ok(vec![allocated(state, book, &data.payment, money, allocations)])
}

/// Whose money (or credit) it is, and how much there is.
pub(super) struct Payer<'a> {
    /// The customer.
    pub(super) customer: &'a Identifier,
    /// The currency.
    pub(super) currency: Currency,
    /// What is left to allocate.
    pub(super) available: Amount,
    /// The day on which it is allocated.
    pub(super) day: Day,
    /// The field that is at fault where more is allocated than that.
    pub(super) field: &'static str,
}

/// Checks a list of allocations against both sides: what is `available`, and what is open.
pub(super) fn settle(
    state: &Ledger,
    payer: &Payer<'_>,
    list: &[Allocation],
    field: &str,
    code: Code,
) -> Result<Vec<Allocation>, Rejection> {
    invoice::check_line_count(list.len().max(1))?;
    let mut left = payer.available;
    let mut taken: BTreeMap<&Identifier, Amount> = BTreeMap::new();
    let mut settled = Vec::with_capacity(list.len());
    for (index, one) in list.iter().enumerate() {
        let at = |name: &str| format!("{field}[{index}].{name}");
        let found = invoice::find(state, &one.invoice, &at("invoice"))?;
        if found.customer != *payer.customer {
            return Err(Rejection::at(
                Code::CustomerMismatch,
                at("invoice"),
                format!("the invoice {} is {}'s", one.invoice, found.customer),
            ));
        }
        if found.voided {
            return Err(Rejection::at(
                Code::InvoiceVoid,
                at("invoice"),
                format!("the invoice {} is void: nothing is owed on it", one.invoice),
            ));
        }
        if found.currency != payer.currency {
            return Err(Rejection::at(
                Code::CurrencyMismatch,
                at("invoice"),
                format!("the invoice {} is in {}", one.invoice, found.currency),
            ));
        }
        let amount = payer.currency.exact(one.amount, &at("amount"))?;
        if !amount.is_positive() {
            return Err(Rejection::at(
                Code::AmountNotPositive,
                at("amount"),
                "an allocation is above zero",
            ));
        }
        let before = taken.entry(&one.invoice).or_default();
        if payer.day < found.issued {
            return Err(Rejection::at(
                Code::DateEndBeforeStart,
                at("invoice"),
                format!("{} was issued on {}, after {}", one.invoice, found.issued, payer.day),
            ));
        }
        let open = found.open_from(payer.day) - *before;
        if amount > open {
            let message =
                format!("{amount} is more than the {open} that is open on {}", one.invoice);
            return Err(Rejection::at(code, at("amount"), message));
        }
        // The field says which side has too little (readings, 27).
        if amount > left {
            let message =
                format!("{amount} for {} is more than the {left} that is left", one.invoice);
            return Err(Rejection::at(code, payer.field, message));
        }
        *before += amount;
        left -= amount;
        settled.push(Allocation { invoice: one.invoice.clone(), amount });
    }
    Ok(settled)
}

/// Invoices that the reference names first, then the policy's order (readings, 53).
fn automatic(
    book: &Book,
    reference: &str,
    mut open: Vec<(&Identifier, &Invoice)>,
    (day, amount): (Day, Amount),
) -> Vec<Allocation> {
    open.sort_by_key(|(id, invoice)| {
        let named = !reference.contains(id.as_str());
        let by_due = (invoice.due, invoice.issued);
        let by_issue = (invoice.issued, invoice.due);
        let (size, dates) = match book.policies.allocation_order {
            AllocationOrder::OldestDueFirst => (Amount::ZERO, by_due),
            AllocationOrder::OldestIssuedFirst => (Amount::ZERO, by_issue),
            AllocationOrder::LargestFirst => (-invoice.open, by_due),
        };
        (named, size, dates, invoice.sequence)
    });
    let mut left = amount;
    let mut settled = Vec::new();
    for (id, invoice) in open {
        let open = invoice.open_from(day);
        let part = left.min(open.min(invoice.open - offered(book, invoice, day)));
        if !part.is_positive() {
            break;
        }
        left -= part;
        settled.push(Allocation { invoice: id.clone(), amount: part });
    }
    settled
}

/// The event, with the early-payment discounts that the money takes, and small balances within
/// the book's tolerances closed (readings, 22).
fn allocated(
    state: &Ledger,
    book: &Book,
    payment: &Identifier,
    (payer, day): (&Payer<'_>, Day),
    allocations: Vec<Allocation>,
) -> EventData {
    let zero = payer.currency.zero();
    let mut left = payer.available;
    let mut merged: Vec<PaymentAllocation> = Vec::new();
    for one in allocations {
        left -= one.amount;
        match merged.iter_mut().find(|known| known.invoice == one.invoice) {
            Some(known) => known.amount += one.amount,
            None => merged.push(PaymentAllocation {
                invoice: one.invoice,
                amount: one.amount,
                small_balance: zero,
                cash_discount: zero,
                cash_discount_tax: zero,
            }),
        }
    }
    for one in &mut merged {
        let Some(invoice) = state.invoices.get(&one.invoice) else { continue };
        let open = invoice.open_from(payer.day);
        (one.cash_discount, one.cash_discount_tax) =
            discount::taken(book, invoice, day, (one.amount, open));
        let rest = open - one.settled();
        if rest.is_positive() && rest <= book.policies.tolerance {
            one.small_balance = rest;
        }
    }
    let within = left.is_positive() && left <= book.policies.tolerance_over;
    EventData::PaymentAllocated(PaymentAllocated {
        payment: payment.clone(),
        customer: payer.customer.clone(),
        currency: payer.currency,
        allocations: merged,
        overpayment: if within { left } else { zero },
        policy: policy::decided(&[
            ("tolerance", book.policies.tolerance.to_string()),
            ("tolerance_over", book.policies.tolerance_over.to_string()),
            ("cash_discount_tax", book.policies.cash_discount_tax.as_str().to_owned()),
        ]),
    })
}
