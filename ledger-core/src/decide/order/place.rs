//! Placing an order: its lines priced, its price allocated, its revenue scheduled.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use crate::billing::grid::Length;
use crate::billing::price::{check, check_discount, of_units};
use crate::calendar::Day;
use crate::command::collections::Block;
use crate::command::order::{OrderLine, PlaceOrder};
use crate::command::shared::{Anchor, Billing, Discount, Method, Price, Recognition, Timing};
use crate::decide::invoice::check_line_count;
use crate::decide::order::allocate::allocate_price;
use crate::decide::order::{check_term, discount};
use crate::decide::{collections, customer, fx, policy, tax, text};
use crate::event::book::ProductDefined;
use crate::event::order::{OrderPlaced, PlacedLine};
use crate::event::{EventData, NewEvent};
use crate::limits::{INTEGER_DIGITS_MAX, TERM_YEARS_MAX};
use crate::money::{Amount, Currency};
use crate::policy::Basis;
use crate::rejection::{Code, Rejection};
use crate::revenue::recurring::Recurring;
use crate::revenue::schedule::{Measure, Schedule};
use crate::state::order::{Costs, terms_of};
use crate::state::{Book, Ledger};

/// Places an order.
pub(in crate::decide) fn place(
    state: &Ledger,
    book: &Book,
    effective: Day,
    data: &PlaceOrder,
) -> Result<Vec<NewEvent>, Rejection> {
    customer::find(state, &data.customer, "data.customer")?;
    collections::check_not_held(state, &data.customer, Block::Orders, "data.customer")?;
    if state.orders.contains_key(&data.order) {
        return Err(Rejection::at(
            Code::OrderExists,
            "data.order",
            format!("the order {} exists already", data.order),
        ));
    }
    // What it earns before it is billed has the rate of each day.
    fx::rate(state, book, data.currency, effective)?;
    check_line_count(data.lines.len())?;
    text::check_optional("data.purchase_order", data.purchase_order.as_ref())?;
    if data.needs_approval == Some(true) {
        return Err(Rejection::at(
            Code::CommandNotSupported,
            "data.needs_approval",
            "approvals are not part of this release; leave the field out",
        ));
    }
    if let Some(renewal) = data.renewal.as_deref()
        && !["none", "same_terms"].contains(&renewal)
    {
        return Err(Rejection::at(
            Code::CommandMalformed,
            "data.renewal",
            format!("{renewal:?} is no renewal; use \"none\" or \"same_terms\""),
        ));
    }
    let end = end_of(data.start, data.end, data.term_months)?;
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
    allocate_price(book, data.currency, &mut lines)?;
    let placed = EventData::OrderPlaced(OrderPlaced {
        order: data.order.clone(),
        customer: data.customer.clone(),
        currency: data.currency,
        start: data.start,
        end,
        payment_terms_days: data.payment_terms_days,
        purchase_order: data.purchase_order.clone(),
        renewal: data.renewal.clone(),
        transaction_price: data.currency.zero() + lines.iter().map(|line| line.allocated).sum(),
        lines,
        policy: policy::of_revenue(&book.policies),
    });
    let placed = NewEvent::new(effective, placed);
    let ends = discount::ends(state, book, data, &placed)?;
    Ok(std::iter::once(placed).chain(ends).collect())
}

/// The last day of a term, from its end or its months.
pub(super) fn end_of(
    start: Day,
    end: Option<Day>,
    term_months: Option<u32>,
) -> Result<Option<Day>, Rejection> {
    let by_months = term_months.map(|months| {
        // A year more than what is refused, wherever in its year the term starts.
        let months = i32::try_from(months).unwrap_or(i32::MAX).min(12 * (TERM_YEARS_MAX + 2));
        start.plus_months(months, start.day()).previous()
    });
    let end = match (end, by_months) {
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
        check_term(start, end, if by_months.is_some() { "data.term_months" } else { "data.end" })?;
    }
    Ok(end)
}

/// What lines take from their order.
pub(super) struct Term {
    pub(super) start: Day,
    pub(super) end: Option<Day>,
    pub(super) currency: Currency,
}

/// The product that a line names.
fn product<'a>(
    state: &'a Ledger,
    line: &OrderLine,
    field: &str,
) -> Result<Option<&'a ProductDefined>, Rejection> {
    let Some(id) = &line.product else { return Ok(None) };
    let found = state.products.get(id).ok_or_else(|| {
        Rejection::at(
            Code::ProductUnknown,
            format!("{field}.product"),
            format!("there is no product {id}; send DefineProduct first"),
        )
    });
    found.map(Some)
}

/// How a line is recognised: as it says, as its product does, or over time.
fn recognition(
    line: &OrderLine,
    product: Option<&ProductDefined>,
    field: &str,
) -> Result<Recognition, Rejection> {
    let named = line.recognition.or(product.map(|product| product.recognition));
    let recognition = named.unwrap_or(Recognition { method: Method::OverTime, basis: None });
    if recognition.method == Method::OnInvoice {
        return Err(Rejection::at(
            Code::RecognitionInvalid,
            format!("{field}.recognition"),
            "an order line is not recognised on its invoice; use point_in_time, or bill it \
             without an order line",
        ));
    }
    Ok(recognition)
}

/// A line with its terms resolved and its own price; allocation and schedule come after.
pub(super) fn placed(
    state: &Ledger,
    book: &Book,
    term: &Term,
    line: &OrderLine,
    field: &str,
) -> Result<PlacedLine, Rejection> {
    let at = |name: &str| format!("{field}.{name}");
    let product = product(state, line, field)?;
    text::check_optional(&at("description"), line.description.as_ref())?;
    let price = line.price.clone().or(product.and_then(|product| product.price.clone()));
    let Some(price) = price else {
        return Err(Rejection::at(
            Code::PriceInvalid,
            at("price"),
            "neither the line nor its product names a price",
        ));
    };
    let recognition = recognition(line, product, field)?;
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
    let tax_code = line.tax_code.clone().or(product.and_then(|product| product.tax_code.clone()));
    if let Some(code) = &tax_code {
        tax::known(state, code, &at("tax_code"))?;
    }
    let placed = PlacedLine {
        line: line.line.clone(),
        product: line.product.clone(),
        description: line.description.clone(),
        quantity: line.quantity.unwrap_or(Amount::from_decimal(Decimal::ONE)),
        price,
        discount: line.discount,
        ssp,
        start,
        end,
        recognition,
        billing: line.billing.clone(),
        tax_code,
        amount: term.currency.zero(),
        allocated: term.currency.zero(),
        schedule: None,
        terms_from: None,
        ended: None,
        is_separate: false,
        renews: None,
        is_suspended: false,
        contained_tax: None,
    };
    let contained_tax = tax::contained(state, book, placed.tax_code.as_deref(), placed.start);
    let placed = PlacedLine { contained_tax, ..placed };
    finish(book, term.currency, placed, field)
}

/// Checks the terms of a new line, and gives it its own price and schedule.
pub(super) fn finish(
    book: &Book,
    currency: Currency,
    mut placed: PlacedLine,
    field: &str,
) -> Result<PlacedLine, Rejection> {
    check_terms(&placed.price, placed.quantity, placed.discount, placed.recognition.method, field)?;
    if let Some(billing) = &placed.billing {
        check_billing(&placed, billing, &format!("{field}.billing"))?;
    }
    placed.amount = own_price(book, currency, &placed);
    if placed.amount.decimal().trunc().mantissa().unsigned_abs() >= 10_u128.pow(INTEGER_DIGITS_MAX)
    {
        return Err(Rejection::at(
            Code::AmountTooLarge,
            format!("{field}.price"),
            format!("the line's price {} has more than {INTEGER_DIGITS_MAX} digits", placed.amount),
        ));
    }
    placed.schedule = schedule(book, currency, &placed);
    placed.allocated = placed.schedule.as_ref().map_or(placed.amount, Schedule::total);
    Ok(placed)
}

/// Refuses a price, a quantity or a discount that makes no sense.
pub(super) fn check_terms(
    price: &Price,
    quantity: Amount,
    discount: Option<Discount>,
    method: Method,
    field: &str,
) -> Result<(), Rejection> {
    check(price, &format!("{field}.price"))?;
    if quantity.is_negative() {
        return Err(Rejection::at(
            Code::PriceInvalid,
            format!("{field}.quantity"),
            format!("a quantity of {quantity} is below zero"),
        ));
    }
    let whole = (method != Method::Usage).then(|| {
        let minimum = price.minimum.map_or(Decimal::ZERO, Amount::decimal);
        of_units(price, quantity.decimal()).max(minimum)
    });
    check_discount(discount, whole, &format!("{field}.discount"))
}

/// Refuses billing periods that do not fit the line.
fn check_billing(placed: &PlacedLine, billing: &Billing, field: &str) -> Result<(), Rejection> {
    let invalid = |name: &str, message: &str| {
        Err(Rejection::at(Code::BillingInvalid, format!("{field}.{name}"), message))
    };
    let (every, per) = (Length::from(billing.every), Length::from(placed.per()));
    match (billing.anchor, every) {
        (Some(Anchor::DayOfMonth(day)), _) if !(1..=31).contains(&day) => {
            return invalid("anchor", "an anchor is a day of the month, 1 to 31, or a date");
        }
        (Some(Anchor::DayOfMonth(_)), Length::Days(_)) => {
            return invalid("anchor", "weeks and days are anchored by a date");
        }
        _ => {}
    }
    let delivers = matches!(placed.recognition.method, Method::PointInTime | Method::Milestone);
    let on_delivery = billing.timing == Some(Timing::OnDelivery);
    if on_delivery && !delivers {
        return invalid("timing", "only what is delivered or reached is billed on delivery");
    }
    if delivers && placed.end.is_none() && per != Length::Term && !on_delivery {
        return invalid(
            "every",
            "a line without an end that is earned on delivery costs its price once: bill it on delivery, or give \
             it an end, or a price per once",
        );
    }
    let method = placed.recognition.method;
    let is_at_once = every == Length::Term && !on_delivery;
    if placed.end.is_none() && is_at_once && per != Length::Term && method != Method::Usage {
        return invalid("every", "a line without an end has no term to bill at once");
    }
    if placed.end.is_none() && method == Method::OverTime {
        match (per, every) {
            (Length::Months(_), Length::Days(_)) | (Length::Days(_), Length::Months(_)) => {
                return invalid(
                    "every",
                    "a line without an end is billed in the periods of its price, or in parts or \
                     multiples of them",
                );
            }
            _ => {}
        }
    }
    Ok(())
}

/// A line's own price over its term. Usage is priced when it happens; a line without an end has
/// no term to price.
fn own_price(book: &Book, currency: Currency, placed: &PlacedLine) -> Amount {
    if placed.recognition.method == Method::Usage {
        return currency.zero();
    }
    let terms = terms_of(placed, placed.start);
    let is_dated = placed.end.is_some() || placed.is_priced_once();
    if placed.recognition.method != Method::OverTime && !is_dated {
        // What is delivered once costs one period.
        return currency.round(terms.whole(), book.policies.rounding);
    }
    Costs::new(placed, vec![terms], &book.policies, currency).total()
}

/// What the line earns when; none where usage earns it.
pub(super) fn schedule(book: &Book, currency: Currency, line: &PlacedLine) -> Option<Schedule> {
    let basis = line.recognition.basis.unwrap_or(book.policies.recognition_basis);
    let mut schedule = Schedule {
        from: line.start,
        recognised: currency.zero(),
        amount: line.amount,
        method: line.recognition.method,
        basis,
        start: line.start,
        end: line.end.unwrap_or(line.start),
        rounding: book.policies.rounding,
        residual: book.policies.residual,
        progress: None,
        recurring: None,
        is_paused: false,
    };
    match (line.recognition.method, line.end) {
        (Method::Usage | Method::OnInvoice, _) => return None,
        (Method::OverTime, Some(_)) => {}
        (Method::PointInTime, _) => {
            schedule.basis = Basis::Day;
            schedule.end = line.start;
        }
        (Method::Milestone, _) => {
            schedule.progress = Some(Measure { base: Amount::ZERO, whole: hundred() });
        }
        (Method::OverTime, None) => endless(book, currency, line, &mut schedule),
    }
    Some(schedule)
}

/// One hundred percent.
pub(super) fn hundred() -> Amount {
    Amount::from_decimal(Decimal::ONE_HUNDRED)
}

/// The schedule of a line without an end: its first period, and what recurs after it.
fn endless(book: &Book, currency: Currency, line: &PlacedLine, schedule: &mut Schedule) {
    let terms = terms_of(line, line.start);
    let costs = Costs::new(line, vec![terms], &book.policies, currency);
    let Some(first) = costs.grid().at(line.start) else { return };
    schedule.end = first.end;
    if line.is_priced_once() {
        return;
    }
    schedule.amount = costs.period(&first);
    schedule.recurring = Some(recurring(line, &costs, first.end.next(), costs.cycle()));
}

/// What recurs from a day on.
pub(super) fn recurring(line: &PlacedLine, costs: &Costs, start: Day, amount: Amount) -> Recurring {
    let parts = costs.pricing.parts();
    // Without an end it is billed in the periods of its costs.
    let every = line.billing.as_ref().map_or(line.per(), |billing| billing.every);
    Recurring {
        start,
        every,
        anchor: costs.grid().anchor_day(),
        amount,
        parts,
        first_part: costs.grid().index(start).rem_euclid(parts),
    }
}
