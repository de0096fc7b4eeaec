//! Invoices and disputes.

use std::collections::BTreeMap;
use std::str::FromStr;

use rust_decimal::Decimal;

use crate::calendar::Day;
use crate::command::collections::Block;
use crate::command::invoice::{InvoiceLine, IssueInvoice};
use crate::command::shared::Method;
use crate::decide::invoice::price::{Priced, price_lines};
use crate::decide::tax::{self, Rate, TaxBase};
use crate::decide::{collections, credit, customer, fx, payment, policy};
use crate::event::EventData;
use crate::event::invoice::{INVOICE_SERIES, InvoiceIssued, IssuedLine};
use crate::id::Identifier;
use crate::limits::DOCUMENT_LINES_MAX;
use crate::money::{Amount, allocate};
use crate::policy::Basis;
use crate::rejection::{Code, Rejection};
use crate::revenue::schedule::Schedule;
use crate::state::order::Order;
use crate::state::{Book, Customer, Invoice, Ledger};

mod dispute;
mod price;
mod run;
mod void;

pub(super) use dispute::{open_dispute, resolve_dispute};
pub(super) use price::discount;
pub use run::{RunPlan, plan_run};
pub(super) use run::{run, unbilled};
pub(super) use void::void;

/// Issues an invoice on the effective date.
pub(super) fn issue(
    state: &Ledger,
    book: &Book,
    effective: Day,
    data: &IssueInvoice,
) -> Result<Vec<EventData>, Rejection> {
    let owner = customer::find(state, &data.customer, "data.customer")?;
    collections::check_not_held(state, &data.customer, Block::Invoices, "data.customer")?;
    fx::rate(state, book, data.currency, effective)?;
    let order = order(state, data)?;
    let (invoice, number) = name(state, book, data)?;
    check_line_count(data.lines.len())?;
    let due = data.due.unwrap_or(due_date(effective, order, owner));
    if due < effective {
        return Err(Rejection::at(
            Code::DateEndBeforeStart,
            "data.due",
            format!("the due date {due} is before the issue date {effective}"),
        ));
    }
    let mut priced = price_lines(book, data)?;
    discount_document(book, data, &mut priced)?;
    let lines = finish_lines(state, book, effective, order, data, &priced)?;
    let net: Amount = lines.iter().map(|line| line.net).sum();
    let tax: Amount = lines.iter().map(|line| line.tax).sum();
    let total = net + tax;
    if net.is_negative() || total.is_negative() {
        return Err(Rejection::at(
            Code::AmountNotPositive,
            "data.lines",
            format!(
                "the lines sum to {net}, {total} with tax; give money back with IssueCredit instead"
            ),
        ));
    }
    let of_total = (effective, total);
    let cash_discounts = payment::discounts(book, data.currency, of_total, &data.cash_discounts)?;
    let issued = InvoiceIssued {
        invoice,
        number,
        customer: data.customer.clone(),
        order: data.order.clone(),
        currency: data.currency,
        issued: effective,
        due,
        net,
        tax,
        total,
        lines,
        cash_discounts,
        policy: tax_policy(book),
    };
    let applied = credit::applied_to(state, book, effective, &issued, &mut BTreeMap::new());
    Ok(std::iter::once(EventData::InvoiceIssued(issued)).chain(applied).collect())
}

/// The policies that shape an invoice.
fn tax_policy(book: &Book) -> crate::event::invoice::DecidedPolicy {
    policy::decided(&[
        ("rounding", policy::rounding_word(book.policies.rounding)),
        ("tax_rounding", book.policies.tax_rounding.as_str().to_owned()),
    ])
}

/// Issue date plus terms: the order's, else the customer's.
fn due_date(issued: Day, order: Option<&Order>, owner: &Customer) -> Day {
    let terms = order
        .and_then(|order| order.payment_terms_days)
        .or(owner.registered.payment_terms_days)
        .unwrap_or(0);
    issued.plus_days(i32::try_from(terms).unwrap_or(0))
}

/// Refuses a document without lines, or with more than the limit.
pub(super) fn check_line_count(count: usize) -> Result<(), Rejection> {
    if count == 0 {
        return Err(Rejection::at(
            Code::DocumentNoLines,
            "data.lines",
            "a document has at least one line",
        ));
    }
    if count > DOCUMENT_LINES_MAX {
        return Err(Rejection::at(
            Code::DocumentTooManyLines,
            "data.lines",
            format!(
                "{count} lines are above the limit of {DOCUMENT_LINES_MAX}; split the document"
            ),
        ));
    }
    Ok(())
}

fn order<'a>(state: &'a Ledger, data: &IssueInvoice) -> Result<Option<&'a Order>, Rejection> {
    let Some(id) = &data.order else { return Ok(None) };
    let Some(order) = state.orders.get(id) else {
        return Err(Rejection::at(
            Code::OrderUnknown,
            "data.order",
            format!("there is no order {id}"),
        ));
    };
    if order.customer != data.customer {
        return Err(Rejection::at(
            Code::CustomerMismatch,
            "data.order",
            format!("the order {id} is {}'s, not {}'s", order.customer, data.customer),
        ));
    }
    if order.currency != data.currency {
        return Err(Rejection::at(
            Code::CurrencyMismatch,
            "data.currency",
            format!("the order {id} is in {}, not in {}", order.currency, data.currency),
        ));
    }
    Ok(Some(order))
}

/// The invoice's id: the caller's, or the next of the book's gapless series.
fn name(
    state: &Ledger,
    book: &Book,
    data: &IssueInvoice,
) -> Result<(Identifier, Option<u64>), Rejection> {
    if let Some(invoice) = &data.invoice {
        if state.invoices.contains_key(invoice) {
            return Err(Rejection::at(
                Code::InvoiceExists,
                "data.invoice",
                format!("the invoice {invoice} exists already"),
            ));
        }
        return Ok((invoice.clone(), None));
    }
    let (invoice, number) = next_name(state, book.last_invoice_number)?;
    Ok((invoice, Some(number)))
}

/// The next name of the book's series behind a number.
fn next_name(state: &Ledger, last: u64) -> Result<(Identifier, u64), Rejection> {
    let mut number = last;
    // A caller may have used a name of the series: it stands in the place of that number.
    loop {
        number += 1;
        let invoice = Identifier::from_str(&format!("{INVOICE_SERIES}{number}"))?;
        if !state.invoices.contains_key(&invoice) {
            return Ok((invoice, number));
        }
    }
}

/// Spreads the document's discount over the lines by net amount, before tax (readings, 31).
fn discount_document(
    book: &Book,
    data: &IssueInvoice,
    priced: &mut [Priced<'_>],
) -> Result<(), Rejection> {
    let net: Amount = priced.iter().map(|line| line.net).sum();
    let off = discount(book, data.currency, net, data.discount, "data.discount")?;
    let weights: Vec<Decimal> = priced.iter().map(|line| line.net.decimal()).collect();
    let shares = allocate(off, &weights, data.currency, book.policies.rounding);
    for (line, share) in priced.iter_mut().zip(shares) {
        line.net -= share;
    }
    Ok(())
}

fn finish_lines(
    state: &Ledger,
    book: &Book,
    issued: Day,
    order: Option<&Order>,
    data: &IssueInvoice,
    priced: &[Priced<'_>],
) -> Result<Vec<IssuedLine>, Rejection> {
    let bases = priced
        .iter()
        .enumerate()
        .map(|(index, line)| {
            Ok(TaxBase {
                amount: line.net,
                code: line.line.tax_code.as_deref(),
                rate: tax_rate(state, issued, index, line.line)?,
            })
        })
        .collect::<Result<Vec<_>, Rejection>>()?;
    let taxed = tax::on_lines(&bases, data.currency, book);
    let mut lines = Vec::with_capacity(priced.len());
    for (index, (priced, (net, tax))) in priced.iter().zip(taxed).enumerate() {
        let line = priced.line;
        let discount = priced.gross - priced.net;
        let looked_up = bases.get(index).filter(|base| base.code.is_some());
        lines.push(IssuedLine {
            line: priced.id.clone(),
            order_line: line.order_line.clone(),
            order: None,
            description: line.description.clone(),
            quantity: line.quantity,
            unit_price: line.unit_price,
            discount: (!discount.is_zero()).then_some(discount),
            net,
            tax,
            tax_code: line.tax_code.clone(),
            tax_rate: line.tax_rate.or(looked_up.map(|base| base.rate.percent)),
            // A rate that the line names is its own: the code's reasons do not go with it.
            tax_treatment: match (&line.tax_rate, &line.tax_code) {
                (None, Some(code)) => tax::treatment(state, code, issued),
                (_, None) | (Some(_), Some(_)) => None,
            },
            service_start: line.service_start,
            service_end: line.service_end,
            schedule: schedule(book, issued, order, index, (line, net))?,
            run: None,
        });
    }
    Ok(lines)
}

/// The rate that the line names, or the one of its tax code on the issue date.
fn tax_rate(
    state: &Ledger,
    issued: Day,
    index: usize,
    line: &InvoiceLine,
) -> Result<Rate, Rejection> {
    let field = |name: &str| format!("data.lines[{index}].{name}");
    match (line.tax_rate, &line.tax_code) {
        (Some(rate), _) if rate.is_negative() || rate.decimal() > Decimal::ONE_THOUSAND => {
            let message = format!("{rate} % is not a tax rate");
            Err(Rejection::at(Code::TaxInvalid, field("tax_rate"), message))
        }
        (Some(percent), _) => Ok(Rate { percent, is_inclusive: false }),
        (None, Some(code)) => tax::rate_on(state, code, issued, &field("tax_code")),
        (None, None) => Ok(Rate::NONE),
    }
}

/// The service dates of a line: both or none, in order.
fn service(
    line: &InvoiceLine,
    field: &impl Fn(&str) -> String,
) -> Result<Option<(Day, Day)>, Rejection> {
    match (line.service_start, line.service_end) {
        (Some(start), Some(end)) if end < start => Err(Rejection::at(
            Code::DateEndBeforeStart,
            field("service_end"),
            format!("the service ends on {end}, before it starts on {start}"),
        )),
        (Some(start), Some(end)) => Ok(Some((start, end))),
        (None, None) => Ok(None),
        (Some(_), None) | (None, Some(_)) => Err(Rejection::at(
            Code::RecognitionInvalid,
            field("service_end"),
            "a line has both service dates or none",
        )),
    }
}

/// How the line earns (contract, section 4); none where it bills an order line.
fn schedule(
    book: &Book,
    issued: Day,
    order: Option<&Order>,
    index: usize,
    (line, net): (&InvoiceLine, Amount),
) -> Result<Option<Schedule>, Rejection> {
    let field = |name: &str| format!("data.lines[{index}].{name}");
    if let Some(order_line) = &line.order_line {
        let known = order
            .is_some_and(|order| order.lines.iter().any(|known| known.placed.line == *order_line));
        if !known {
            return Err(Rejection::at(
                Code::LineUnknown,
                field("order_line"),
                format!("the order has no line {order_line}; name the order and one of its lines"),
            ));
        }
        return Ok(None);
    }
    let service = service(line, &field)?;
    let (method, basis) = match (line.recognition, service) {
        (Some(named), _) => (named.method, named.basis),
        (None, Some(_)) => (Method::OverTime, None),
        (None, None) => (Method::OnInvoice, None),
    };
    let basis = basis.unwrap_or(book.policies.recognition_basis);
    let (start, end, basis) = match (method, service) {
        (Method::OverTime, Some((start, end))) => (start, end, basis),
        (Method::OverTime, None) => {
            return Err(Rejection::at(
                Code::RecognitionInvalid,
                field("service_start"),
                "a line recognised over time needs its service dates",
            ));
        }
        (Method::OnInvoice, _) => (issued, issued, Basis::Day),
        (Method::PointInTime, service) => {
            let day = service.map_or(issued, |(start, _)| start);
            (day, day, Basis::Day)
        }
        (Method::Usage | Method::Milestone, _) => {
            return Err(Rejection::at(
                Code::RecognitionInvalid,
                field("recognition"),
                "usage and milestones are recognised on order lines; bill the order line",
            ));
        }
    };
    Ok(Some(Schedule {
        from: start,
        recognised: book.currency.zero(),
        amount: net,
        method,
        basis,
        start,
        end,
        rounding: book.policies.rounding,
        residual: book.policies.residual,
        progress: None,
        recurring: None,
        is_paused: false,
    }))
}

/// The invoice of that id.
pub(super) fn find<'a>(
    state: &'a Ledger,
    id: &Identifier,
    field: &str,
) -> Result<&'a Invoice, Rejection> {
    state.invoices.get(id).ok_or_else(|| {
        Rejection::at(Code::InvoiceUnknown, field, format!("there is no invoice {id}"))
    })
}
