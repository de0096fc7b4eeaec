//! Allocation of the transaction price by relative standalone selling price (ASC 606-10-32-31).

use rust_decimal::Decimal;

use crate::billing::grid::Length;
use crate::command::shared::{Method, PriceModel};
use crate::event::order::PlacedLine;
use crate::money::{Amount, Currency, allocate, allocate_each, over_one_denominator};
use crate::policy::Residual;
use crate::rejection::{Code, Rejection};
use crate::revenue::schedule::Schedule;
use crate::state::Book;
use crate::state::order::{Costs, terms_of};

/// Lines that share their price: those with a term, or those without an end whose prices are for
/// periods of one length, and which are billed, and so earned, in periods of one length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pool {
    Term,
    Endless { priced: Length, billed: Length },
}

fn pool(line: &PlacedLine) -> Option<Pool> {
    match (line.recognition.method, line.end) {
        (Method::Usage, _) => None,
        (Method::OverTime, None) if !line.is_priced_once() => {
            let priced = Length::from(line.per());
            let billed = line.billing.as_ref().map(|billing| Length::from(billing.every));
            Some(Pool::Endless { priced, billed: billed.unwrap_or(priced) })
        }
        _ => Some(Pool::Term),
    }
}

/// Allocates the transaction price over the lines; where no line of a pool names a standalone
/// selling price, each keeps its own price.
pub(super) fn allocate_price(
    book: &Book,
    currency: Currency,
    lines: &mut [PlacedLine],
) -> Result<(), Rejection> {
    let mut done: Vec<Pool> = Vec::new();
    for index in 0..lines.len() {
        let Some(this) = lines.get(index).and_then(pool) else { continue };
        if done.contains(&this) {
            continue;
        }
        done.push(this);
        let members: Vec<&mut PlacedLine> =
            lines.iter_mut().filter(|line| pool(line) == Some(this)).collect();
        if members.iter().any(|line| line.ssp.is_some()) {
            allocate_pool(book, currency, this, members)?;
        }
    }
    Ok(())
}

fn allocate_pool(
    book: &Book,
    currency: Currency,
    pool: Pool,
    mut members: Vec<&mut PlacedLine>,
) -> Result<(), Rejection> {
    let weights: Vec<(Decimal, Decimal)> =
        members.iter().map(|line| ssp_weight(book, currency, line)).collect();
    let weights = over_one_denominator(&weights);
    if weights.iter().all(Decimal::is_zero) {
        return Err(Rejection::at(
            Code::SspZero,
            "data.lines",
            "the standalone selling prices sum to zero: there is nothing to allocate by",
        ));
    }
    let schedules = || members.iter().filter_map(|line| line.schedule.as_ref());
    let first: Amount = currency.zero() + schedules().map(|one| one.amount).sum();
    let firsts = shares(book, currency, first, &weights);
    let each = |one: &Schedule| one.recurring.map(|recurring| recurring.amount).unwrap_or_default();
    let recurring: Amount = currency.zero() + schedules().map(each).sum();
    let recurrings = match pool {
        Pool::Term => Vec::new(),
        Pool::Endless { .. } => shares(book, currency, recurring, &weights),
    };
    for (index, line) in members.iter_mut().enumerate() {
        let share = firsts.get(index).copied().unwrap_or_default();
        if let Some(schedule) = &mut line.schedule {
            schedule.amount = share;
            if let (Some(recurring), Some(share)) = (&mut schedule.recurring, recurrings.get(index))
            {
                recurring.amount = *share;
            }
        }
        line.allocated = share;
    }
    Ok(())
}

/// Shares by the book's rounding of parts (readings, 28).
pub(super) fn shares(
    book: &Book,
    currency: Currency,
    total: Amount,
    weights: &[Decimal],
) -> Vec<Amount> {
    match book.policies.residual {
        Residual::Cumulative => allocate(total, weights, currency, book.policies.rounding),
        Residual::Last => allocate_each(total, weights, currency, book.policies.rounding),
    }
}

/// Standalone selling price in the terms of the price: times quantity, times its periods, before
/// any rounding, for the ratios are exact: the first number over the second. A line without one
/// weighs what it costs (readings, 43).
pub(super) fn ssp_weight(book: &Book, currency: Currency, line: &PlacedLine) -> (Decimal, Decimal) {
    let Some(ssp) = line.ssp else {
        let is_endless = pool(line).is_some_and(|pool| pool != Pool::Term);
        let own = line.amount.decimal();
        return (if is_endless { terms_of(line, line.start).whole() } else { own }, Decimal::ONE);
    };
    let mut weighed = line.clone();
    weighed.price.model = PriceModel::PerUnit;
    weighed.price.unit_price = Some(ssp);
    weighed.price.free = None;
    weighed.price.minimum = None;
    weighed.discount = None;
    weighed.is_suspended = false;
    weighed.contained_tax = None;
    let terms = terms_of(&weighed, weighed.start);
    if line.is_priced_once() {
        return (terms.whole(), Decimal::ONE);
    }
    let costs = Costs::new(&weighed, Vec::new(), &book.policies, currency);
    costs.pricing.exact_total(&terms)
}
