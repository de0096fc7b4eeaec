//! Voiding an invoice: the reverse of what it posted, on the void's date, with what it earned.

use crate::calendar::Day;
use crate::command::invoice::VoidInvoice;
use crate::decide::invoice::find;
use crate::event::EventData;
use crate::event::invoice::{InvoiceVoided, VoidedLine};
use crate::money::Amount;
use crate::posting::ContractId;
use crate::rejection::{Code, Rejection};
use crate::state::Ledger;

/// Voids an invoice that nothing was applied to.
pub(in crate::decide) fn void(
    state: &Ledger,
    effective: Day,
    data: &VoidInvoice,
) -> Result<Vec<EventData>, Rejection> {
    let invoice = find(state, &data.invoice, "data.invoice")?;
    let at = |code: Code, message: String| Err(Rejection::at(code, "data.invoice", message));
    if invoice.voided {
        return at(Code::InvoiceVoid, format!("the invoice {} is void already", data.invoice));
    }
    let is_credited = invoice.lines.iter().any(|line| !line.credited_net.is_zero());
    if is_credited || invoice.open_from(effective) != invoice.total {
        return at(
            Code::InvoiceHasApplications,
            format!(
                "money, a credit or a write-off is applied to the invoice {}; take it off first",
                data.invoice
            ),
        );
    }
    if effective < invoice.issued {
        return Err(Rejection::at(
            Code::DateEndBeforeStart,
            "effective",
            format!("the invoice was issued on {}, after {effective}", invoice.issued),
        ));
    }
    let zero = invoice.currency.zero();
    let lines = invoice.lines.iter().map(|line| VoidedLine {
        line: line.line.clone(),
        order: match &line.contract {
            ContractId::Order(order) => Some(order.clone()),
            ContractId::Invoice(_) => None,
        },
        net: line.net,
        schedule: line.versions.last().map(|last| last.stopped(effective, zero, invoice.currency)),
    });
    Ok(vec![EventData::InvoiceVoided(InvoiceVoided {
        invoice: data.invoice.clone(),
        customer: invoice.customer.clone(),
        currency: invoice.currency,
        net: zero + invoice.lines.iter().map(|line| line.net).sum::<Amount>(),
        tax: zero + invoice.lines.iter().map(|line| line.tax).sum::<Amount>(),
        total: invoice.total,
        lines: lines.collect(),
    })])
}
