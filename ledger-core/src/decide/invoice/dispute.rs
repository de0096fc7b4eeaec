//! Disputes.

use crate::command::invoice::{OpenDispute, ResolveDispute};
use crate::decide::invoice::find;
use crate::decide::text;
use crate::event::EventData;
use crate::event::invoice::{DisputeOpened, DisputeResolved};
use crate::rejection::{Code, Rejection};
use crate::state::Ledger;

/// Marks an invoice, or a part of it, as disputed.
pub(in crate::decide) fn open_dispute(
    state: &Ledger,
    data: &OpenDispute,
) -> Result<Vec<EventData>, Rejection> {
    let invoice = find(state, &data.invoice, "data.invoice")?;
    text::check("data.reason", &data.reason)?;
    if invoice.voided {
        return Err(Rejection::at(
            Code::InvoiceVoid,
            "data.invoice",
            format!("the invoice {} is void: there is nothing to dispute", data.invoice),
        ));
    }
    if invoice.disputed {
        return Err(Rejection::at(
            Code::DisputeInvalid,
            "data.invoice",
            format!("the invoice {} is in dispute already", data.invoice),
        ));
    }
    let amount = match data.amount {
        None => None,
        Some(amount) => {
            let amount = invoice.currency.exact(amount, "data.amount")?;
            if !amount.is_positive() || amount > invoice.open {
                return Err(Rejection::at(
                    Code::DisputeInvalid,
                    "data.amount",
                    format!("{amount} is not within the open amount {}", invoice.open),
                ));
            }
            Some(amount)
        }
    };
    Ok(vec![EventData::DisputeOpened(DisputeOpened {
        invoice: data.invoice.clone(),
        customer: invoice.customer.clone(),
        currency: invoice.currency,
        amount,
        reason: data.reason.clone(),
    })])
}

/// Ends a dispute.
pub(in crate::decide) fn resolve_dispute(
    state: &Ledger,
    data: &ResolveDispute,
) -> Result<Vec<EventData>, Rejection> {
    let invoice = find(state, &data.invoice, "data.invoice")?;
    if !invoice.disputed {
        return Err(Rejection::at(
            Code::DisputeInvalid,
            "data.invoice",
            format!("the invoice {} is not in dispute", data.invoice),
        ));
    }
    Ok(vec![EventData::DisputeResolved(DisputeResolved {
        invoice: data.invoice.clone(),
        customer: invoice.customer.clone(),
        outcome: data.outcome,
    })])
}
