//! Event by event into the state.

use std::collections::{BTreeMap, BTreeSet};

use crate::command::book::PolicyValue;
use crate::decide::policy;
use crate::event::Event;
use crate::event::EventData;
use crate::event::credit::{CreditApplied, CreditIssued, CreditRefunded};
use crate::event::invoice::InvoiceIssued;
use crate::event::order::{OrderAmended, OrderPlaced, PlacedLine};
use crate::event::payment::PaymentAllocated;
use crate::id::Identifier;
use crate::money::Amount;
use crate::posting::ContractId;
use crate::state::{
    Book, Credit, Customer, Invoice, InvoiceLine, Ledger, Order, OrderLine, Payment,
};

/// Folds one event.
pub(super) fn apply(ledger: &mut Ledger, event: &Event) {
    match &event.data {
        EventData::BookOpened(data) => {
            ledger.book = Some(Book {
                currency: data.currency,
                time_zone: data.time_zone.clone(),
                policies: policy::policies(&data.policies).unwrap_or_default(),
                credit_revenue_by_reason: by_reason(&data.policies),
                last_invoice_number: 0,
            });
        }
        EventData::ProductDefined(data) => {
            ledger.products.insert(data.product.clone(), data.clone());
        }
        EventData::CustomerRegistered(data) => {
            let customer = Customer { registered: data.clone(), open_invoices: BTreeSet::new() };
            ledger.customers.insert(data.customer.clone(), customer);
        }
        EventData::OrderPlaced(data) => order_placed(ledger, data),
        EventData::OrderAmended(data) => order_amended(ledger, data),
        EventData::InvoiceIssued(data) => invoice_issued(ledger, event.sequence, data),
        EventData::DisputeOpened(data) => dispute(ledger, &data.invoice, true),
        EventData::DisputeResolved(data) => dispute(ledger, &data.invoice, false),
        EventData::PaymentReceived(data) => {
            ledger.payments.insert(
                data.payment.clone(),
                Payment {
                    customer: data.customer.clone(),
                    currency: data.currency,
                    amount: data.amount,
                    unapplied: data.amount,
                },
            );
        }
        EventData::PaymentAllocated(data) => payment_allocated(ledger, data),
        EventData::CreditIssued(data) => credit_issued(ledger, data),
        EventData::CreditApplied(data) => credit_applied(ledger, data),
        EventData::CreditRefunded(data) => credit_refunded(ledger, data),
    }
}

/// `credit_revenue` by reason, where the book maps it.
fn by_reason(
    policies: &BTreeMap<String, PolicyValue>,
) -> BTreeMap<String, crate::policy::CreditRevenue> {
    match policies.get("credit_revenue") {
        Some(PolicyValue::Map(map)) => map
            .iter()
            .filter_map(|(reason, word)| Some((reason.clone(), policy::credit_revenue(word)?)))
            .collect(),
        Some(PolicyValue::Text(_) | PolicyValue::Number(_) | PolicyValue::Days(_)) | None => {
            BTreeMap::new()
        }
    }
}

fn order_placed(ledger: &mut Ledger, data: &OrderPlaced) {
    ledger.orders.insert(
        data.order.clone(),
        Order {
            customer: data.customer.clone(),
            currency: data.currency,
            start: data.start,
            end: data.end,
            payment_terms_days: data.payment_terms_days,
            amendments: BTreeSet::new(),
            lines: data.lines.iter().map(new_line).collect(),
        },
    );
}

fn new_line(placed: &PlacedLine) -> OrderLine {
    OrderLine {
        placed: placed.clone(),
        versions: placed.schedule.iter().cloned().collect(),
        removed: false,
    }
}

fn order_amended(ledger: &mut Ledger, data: &OrderAmended) {
    let Some(order) = ledger.orders.get_mut(&data.order) else { return };
    order.amendments.insert(data.amendment.clone());
    order.end = data.end;
    for changed in &data.lines {
        let known = order.lines.iter_mut().find(|line| line.placed.line == changed.line);
        match known {
            Some(line) => {
                line.versions.extend(changed.schedule.iter().cloned());
                line.placed = changed.clone();
                line.removed = data.removed.contains(&changed.line);
            }
            None => order.lines.push(new_line(changed)),
        }
    }
}

fn invoice_issued(ledger: &mut Ledger, sequence: u64, data: &InvoiceIssued) {
    let lines = data.lines.iter().map(|line| InvoiceLine {
        line: line.line.clone(),
        order_line: line.order_line.clone(),
        contract: match (&data.order, &line.order_line) {
            (Some(order), Some(_)) => ContractId::Order(order.clone()),
            (None, _) | (Some(_), None) => ContractId::Invoice(data.invoice.clone()),
        },
        net: line.net,
        tax: line.tax,
        tax_code: line.tax_code.clone(),
        tax_rate: line.tax_rate,
        credited_net: data.currency.zero(),
        credited_tax: data.currency.zero(),
        versions: line.schedule.iter().cloned().collect(),
    });
    let invoice = Invoice {
        customer: data.customer.clone(),
        order: data.order.clone(),
        currency: data.currency,
        issued: data.issued,
        due: data.due,
        sequence,
        total: data.total,
        open: data.total,
        paid: data.currency.zero(),
        disputed: false,
        lines: lines.collect(),
    };
    if invoice.open.is_positive()
        && let Some(customer) = ledger.customers.get_mut(&data.customer)
    {
        customer.open_invoices.insert(data.invoice.clone());
    }
    ledger.invoices.insert(data.invoice.clone(), invoice);
    if let (Some(book), Some(number)) = (&mut ledger.book, data.number) {
        book.last_invoice_number = number;
    }
}

fn dispute(ledger: &mut Ledger, invoice: &Identifier, disputed: bool) {
    if let Some(invoice) = ledger.invoices.get_mut(invoice) {
        invoice.disputed = disputed;
    }
}

/// Lowers what is open of an invoice by `settled`, of which `paid` was money or credit.
fn settle(ledger: &mut Ledger, id: &Identifier, settled: Amount, paid: Amount) {
    let Some(invoice) = ledger.invoices.get_mut(id) else { return };
    invoice.open -= settled;
    invoice.paid += paid;
    if !invoice.open.is_positive()
        && let Some(customer) = ledger.customers.get_mut(&invoice.customer)
    {
        customer.open_invoices.remove(id);
    }
}

fn payment_allocated(ledger: &mut Ledger, data: &PaymentAllocated) {
    let mut used = data.overpayment;
    for one in &data.allocations {
        used += one.amount;
        settle(ledger, &one.invoice, one.amount + one.small_balance, one.amount);
    }
    if let Some(payment) = ledger.payments.get_mut(&data.payment) {
        payment.unapplied -= used;
    }
}

fn credit_issued(ledger: &mut Ledger, data: &CreditIssued) {
    ledger.credits.insert(
        data.credit.clone(),
        Credit {
            customer: data.customer.clone(),
            invoice: data.invoice.clone(),
            currency: data.currency,
            amount: data.total,
            unused: data.total,
        },
    );
    for credited in &data.lines {
        if let (Some(order), Some(order_line)) = (&credited.order, &credited.order_line)
            && let Some(order) = ledger.orders.get_mut(order)
            && let Some(line) = order.lines.iter_mut().find(|line| line.placed.line == *order_line)
        {
            line.versions.extend(credited.schedule.iter().cloned());
        }
        let Some(invoice) = data.invoice.as_ref().and_then(|id| ledger.invoices.get_mut(id)) else {
            continue;
        };
        let named = credited.invoice_line.as_ref();
        if let Some(line) = invoice.lines.iter_mut().find(|line| Some(&line.line) == named) {
            line.credited_net += credited.net;
            line.credited_tax += credited.tax;
            if credited.order_line.is_none() {
                line.versions.extend(credited.schedule.iter().cloned());
            }
        }
    }
}

fn credit_applied(ledger: &mut Ledger, data: &CreditApplied) {
    for one in &data.allocations {
        settle(ledger, &one.invoice, one.amount, Amount::ZERO);
        if let Some(credit) = ledger.credits.get_mut(&data.credit) {
            credit.unused -= one.amount;
        }
    }
}

fn credit_refunded(ledger: &mut Ledger, data: &CreditRefunded) {
    let Some(credit) = ledger.credits.get_mut(&data.credit) else { return };
    credit.unused -= data.amount;
    if let Some(invoice) = credit.invoice.as_ref().and_then(|id| ledger.invoices.get_mut(id)) {
        invoice.paid -= data.amount;
    }
}
