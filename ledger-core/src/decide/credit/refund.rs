//! Credits that are paid back, or that new invoices use by themselves.

use std::collections::BTreeMap;

use crate::calendar::Day;
use crate::command::credit::RefundCredit;
use crate::command::shared::Allocation;
use crate::decide::credit::find_on;
use crate::event::EventData;
use crate::event::credit::{CreditApplied, CreditRefunded};
use crate::event::invoice::InvoiceIssued;
use crate::id::Identifier;
use crate::money::Amount;
use crate::policy::ApplyCredits;
use crate::rejection::{Code, Rejection};
use crate::state::{Book, Ledger};

/// Pays unused credit back; of a credit on an invoice, no more than was paid of that.
pub(in crate::decide) fn refund(
    state: &Ledger,
    effective: Day,
    data: &RefundCredit,
) -> Result<Vec<EventData>, Rejection> {
    let credit = find_on(state, &data.credit, effective)?;
    let amount = match data.amount {
        Some(amount) => credit.currency.exact(amount, "data.amount")?,
        None => credit.unused,
    };
    let at = |code: Code, message: String| Err(Rejection::at(code, "data.amount", message));
    if amount > credit.unused || credit.unused.is_zero() {
        return at(
            Code::CreditOverApplied,
            format!(
                "{amount} is more than the {} that is unused of {}",
                credit.unused, data.credit
            ),
        );
    }
    if !amount.is_positive() {
        return at(Code::AmountNotPositive, format!("a refund of {amount} is none"));
    }
    let paid = credit.invoice.as_ref().and_then(|id| state.invoices.get(id)).map(|one| one.paid);
    if let Some(paid) = paid.filter(|paid| amount > *paid) {
        return at(
            Code::RefundExceedsPaid,
            format!("{amount} is more than the {paid} that was paid of the invoice and kept"),
        );
    }
    Ok(vec![EventData::CreditRefunded(CreditRefunded {
        credit: data.credit.clone(),
        customer: credit.customer.clone(),
        currency: credit.currency,
        amount,
    })])
}

/// The unused credits that a new invoice uses by itself, the oldest first (readings, 40). `used` is
/// what invoices of the same command took before.
pub(in crate::decide) fn applied_to(
    state: &Ledger,
    book: &Book,
    date: Day,
    invoice: &InvoiceIssued,
    used: &mut BTreeMap<Identifier, Amount>,
) -> Vec<EventData> {
    if book.policies.apply_credits == ApplyCredits::Manual {
        return Vec::new();
    }
    let Some(customer) = state.customers.get(&invoice.customer) else { return Vec::new() };
    let mut open = invoice.total;
    let mut events = Vec::new();
    let credits = customer.open_credits.values();
    let mut credits: Vec<_> = credits.filter_map(|id| state.credits.get_key_value(id)).collect();
    // One that was recorded late can be older than those that were there.
    credits.sort_by_key(|(_, credit)| (credit.issued, credit.sequence));
    for (id, credit) in credits {
        if credit.currency != invoice.currency || credit.issued > date {
            continue;
        }
        let before = used.entry(id.clone()).or_insert(credit.currency.zero());
        let amount = (credit.unused - *before).min(open);
        if !amount.is_positive() {
            continue;
        }
        *before += amount;
        open -= amount;
        events.push(EventData::CreditApplied(CreditApplied {
            credit: id.clone(),
            customer: invoice.customer.clone(),
            currency: invoice.currency,
            allocations: vec![Allocation { invoice: invoice.invoice.clone(), amount }],
        }));
    }
    events
}
