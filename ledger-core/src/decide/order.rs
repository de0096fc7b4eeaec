//! Orders: placing them, and their modification.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use crate::billing::{Terms, line_price, period_price};
use crate::calendar::Day;
use crate::command::order::{OrderLine, PlaceOrder};
use crate::command::shared::{Method, Recognition};
use crate::decide::invoice::check_line_count;
use crate::decide::{book_currency, customer, policy, text};
use crate::event::EventData;
use crate::event::order::{OrderPlaced, PlacedLine};
use crate::limits::TERM_YEARS_MAX;
use crate::money::{Amount, Currency, allocate};
use crate::policy::Basis;
use crate::rejection::{Code, Rejection};
use crate::revenue::schedule::Schedule;
use crate::state::{Book, Ledger};

mod amend;

pub(super) use amend::amend;

/// Places an order.
pub(super) fn place(
    state: &Ledger,
    book: &Book,
    _: Day,
    data: &PlaceOrder,
) -> Result<Vec<EventData>, Rejection> {
    customer::find(state, &data.customer, "data.customer")?;
    if state.orders.contains_key(&data.order) {
        return Err(Rejection::at(
            Code::OrderExists,
            "data.order",
            format!("the order {} exists already", data.order),
        ));
    }
    book_currency(book, data.currency)?;
    check_line_count(data.lines.len())?;
    text::check_optional("data.purchase_order", data.purchase_order.as_ref())?;
    if data.needs_approval == Some(true) {
        return Err(Rejection::at(
            Code::CommandNotSupported,
            "data.needs_approval",
            "approvals are not part of this release; leave the field out",
        ));
    }
    let end = end(data)?;
    let mut ids = BTreeSet::new();
    let mut lines = Vec::with_capacity(data.lines.len());
    for (index, line) in data.lines.iter().enumerate() {
        if !ids.insert(&line.line) {
            return Err(Rejection::at(
                Code::LineDuplicate,
                format!("data.lines[{index}].line"),
                format!("the line {} stands twice", line.line),
            ));
        }
        let term = Term { start: data.start, end, currency: data.currency };
        lines.push(placed(state, book, &term, line, &format!("data.lines[{index}]"))?);
    }
    let transaction_price = allocate_price(book, data.currency, &mut lines)?;
    for line in &mut lines {
        line.schedule = schedule(book, data.currency, line);
    }
    Ok(vec![EventData::OrderPlaced(OrderPlaced {
        order: data.order.clone(),
        customer: data.customer.clone(),
        currency: data.currency,
        start: data.start,
        end,
        payment_terms_days: data.payment_terms_days,
        purchase_order: data.purchase_order.clone(),
        renewal: data.renewal.clone(),
        transaction_price,
        lines,
        policy: policy::decided(&[("rounding", policy::rounding_word(book.policies.rounding))]),
    })])
}

/// The last day of the order's term.
fn end(data: &PlaceOrder) -> Result<Option<Day>, Rejection> {
    let by_months = data.term_months.map(|months| {
        let months = i32::try_from(months).unwrap_or(i32::MAX).min(12 * (TERM_YEARS_MAX + 1));
        data.start.plus_months(months, data.start.day()).previous()
    });
    let end = match (data.end, by_months) {
        (Some(end), Some(by_months)) if end != by_months => {
            return Err(Rejection::at(
                Code::DateInvalid,
                "data.end",
                format!("the end is {end}, but term_months says {by_months}; name one of them"),
            ));
        }
        (end, by_months) => end.or(by_months),
    };
    if let Some(end) = end {
        check_term(data.start, end, "data.end")?;
    }
    Ok(end)
}

/// Refuses an end before its start, and a term that is absurdly long.
fn check_term(start: Day, end: Day, field: &str) -> Result<(), Rejection> {
    if end < start {
        return Err(Rejection::at(
            Code::DateEndBeforeStart,
            field,
            format!("the term ends on {end}, before it starts on {start}"),
        ));
    }
    if end.month().year - start.month().year > TERM_YEARS_MAX {
        return Err(Rejection::at(
            Code::DateInvalid,
            field,
            format!("the term from {start} to {end} is longer than {TERM_YEARS_MAX} years"),
        ));
    }
    Ok(())
}

/// What lines take from their order.
struct Term {
    start: Day,
    end: Option<Day>,
    currency: Currency,
}

/// A line with its terms resolved and its own price; allocation and schedule come after.
fn placed(
    state: &Ledger,
    book: &Book,
    term: &Term,
    line: &OrderLine,
    field: &str,
) -> Result<PlacedLine, Rejection> {
    let at = |name: &str| format!("{field}.{name}");
    let product = match &line.product {
        None => None,
        Some(id) => Some(state.products.get(id).ok_or_else(|| {
            Rejection::at(
                Code::ProductUnknown,
                at("product"),
                format!("there is no product {id}; send DefineProduct first"),
            )
        })?),
    };
    text::check_optional(&at("description"), line.description.as_ref())?;
    let price = line.price.clone().or(product.and_then(|product| product.price.clone()));
    let Some(price) = price else {
        return Err(Rejection::at(
            Code::PriceInvalid,
            at("price"),
            "neither the line nor its product names a price",
        ));
    };
    let named = line.recognition.or(product.map(|product| product.recognition));
    let recognition = named.unwrap_or(Recognition { method: Method::OverTime, basis: None });
    if recognition.method == Method::OnInvoice {
        return Err(Rejection::at(
            Code::RecognitionInvalid,
            at("recognition"),
            "an order line is not recognised on its invoice; use point_in_time, or bill it \
             without an order line",
        ));
    }
    let ssp = line.ssp.or(product.and_then(|product| product.ssp));
    if ssp.is_some_and(Amount::is_negative) {
        return Err(Rejection::at(
            Code::PriceInvalid,
            at("ssp"),
            "a standalone selling price is not negative",
        ));
    }
    let start = line.start.unwrap_or(term.start);
    let end = line.end.or(term.end);
    if let Some(end) = end {
        check_term(start, end, &at("end"))?;
    }
    let quantity = line.quantity.unwrap_or(Amount::from_decimal(Decimal::ONE));
    let terms = Terms { price: &price, quantity, discount: line.discount };
    let span = (start, end);
    let amount = own_price(book, term.currency, &terms, recognition.method, span, &at("price"))?;
    Ok(PlacedLine {
        line: line.line.clone(),
        product: line.product.clone(),
        description: line.description.clone(),
        quantity,
        price,
        discount: line.discount,
        ssp,
        start,
        end,
        recognition,
        billing: line.billing.clone(),
        tax_code: line.tax_code.clone(),
        amount,
        allocated: amount,
        schedule: None,
    })
}

/// A line's own price over its term. Usage is priced when it happens; a line without an end has
/// no term to price.
fn own_price(
    book: &Book,
    currency: Currency,
    terms: &Terms<'_>,
    method: Method,
    (start, end): (Day, Option<Day>),
    field: &str,
) -> Result<Amount, Rejection> {
    if method == Method::Usage {
        return Ok(currency.zero());
    }
    period_price(terms, field)?;
    let rounding = book.policies.rounding;
    match (method, end) {
        (_, Some(end)) => line_price(terms, start, end, currency, rounding),
        (Method::PointInTime | Method::Milestone, None) => {
            line_price(terms, start, start, currency, rounding)
        }
        (Method::OverTime | Method::OnInvoice | Method::Usage, None) => Ok(currency.zero()),
    }
}

/// Allocates the transaction price over the lines by relative standalone selling price
/// (ASC 606-10-32-31); where no line names one, each line keeps its own price.
fn allocate_price(
    book: &Book,
    currency: Currency,
    lines: &mut [PlacedLine],
) -> Result<Amount, Rejection> {
    let transaction_price: Amount = currency.zero() + lines.iter().map(|line| line.amount).sum();
    let is_priced = |line: &PlacedLine| line.recognition.method != Method::Usage;
    if !lines.iter().any(|line| line.ssp.is_some() && is_priced(line)) {
        return Ok(transaction_price);
    }
    let weights = lines
        .iter()
        .map(
            |line| {
                if is_priced(line) { ssp_weight(book, currency, line) } else { Ok(Decimal::ZERO) }
            },
        )
        .collect::<Result<Vec<_>, _>>()?;
    if weights.iter().all(Decimal::is_zero) {
        return Err(Rejection::at(
            Code::SspZero,
            "data.lines",
            "the standalone selling prices sum to zero: there is nothing to allocate by",
        ));
    }
    let shares = allocate(transaction_price, &weights, currency, book.policies.rounding);
    for (line, share) in lines.iter_mut().zip(shares) {
        line.allocated = share;
    }
    Ok(transaction_price)
}

/// Standalone selling price in the terms of the price: times quantity, times its periods.
fn ssp_weight(book: &Book, currency: Currency, line: &PlacedLine) -> Result<Decimal, Rejection> {
    let Some(ssp) = line.ssp else { return Ok(line.amount.decimal()) };
    let mut price = line.price.clone();
    price.model = crate::command::shared::PriceModel::PerUnit;
    price.unit_price = Some(ssp);
    let terms = Terms { price: &price, quantity: line.quantity, discount: None };
    let end = line.end.unwrap_or(line.start);
    let amount = line_price(&terms, line.start, end, currency, book.policies.rounding)?;
    Ok(amount.decimal())
}

/// What the line earns when; none where it earns by events of its own, or has no term.
fn schedule(book: &Book, currency: Currency, line: &PlacedLine) -> Option<Schedule> {
    let (end, basis) = match (line.recognition.method, line.end) {
        (Method::OverTime, Some(end)) => {
            (end, line.recognition.basis.unwrap_or(book.policies.recognition_basis))
        }
        (Method::PointInTime, _) => (line.start, Basis::Day),
        (Method::OverTime, None) | (Method::Usage | Method::Milestone | Method::OnInvoice, _) => {
            return None;
        }
    };
    Some(Schedule {
        from: line.start,
        recognised: currency.zero(),
        amount: line.allocated,
        method: line.recognition.method,
        basis,
        start: line.start,
        end,
        rounding: book.policies.rounding,
    })
}
