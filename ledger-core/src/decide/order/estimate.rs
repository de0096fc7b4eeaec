//! Estimates of variable consideration, revised with a cumulative catch-up (ASC 606-10-32-14).

use crate::calendar::Day;
use crate::command::order::ReviseEstimate;
use crate::command::shared::{Method, Per, Price, PriceModel};
use crate::decide::order::change::Change;
use crate::decide::order::pool::{Pool, is_pooled};
use crate::decide::order::{check_awake, find_in_term, find_line};
use crate::decide::policy;
use crate::event::EventData;
use crate::event::order::{EstimateRevised, PlacedLine};
use crate::money::Amount;
use crate::rejection::{Code, Rejection};
use crate::state::order::{Order, OrderLine};
use crate::state::{Book, Ledger};

/// Gives a line a new price, as if it had been known from the start.
pub(in crate::decide) fn revise(
    state: &Ledger,
    book: &Book,
    effective: Day,
    data: &ReviseEstimate,
) -> Result<Vec<EventData>, Rejection> {
    let order = find_in_term(state, &data.order, effective)?;
    check_awake(order, &data.order)?;
    let line = find_line(order, &data.line, effective, "data.line")?;
    let amount = estimated(order, line, data)?;
    let placed = &line.placed;
    let description = format!("estimate revised to {amount}");
    let change = Change {
        book,
        currency: order.currency,
        from: effective,
        due: effective,
        is_catch_up: true,
        description: &description,
    };
    // Units stay what they are: deliveries are counted in them.
    let after = PlacedLine { price: whole_price(amount), discount: None, ..placed.clone() };
    let changed = vec![change.of(line, after, Some(placed.start))];
    let adjustments = changed.iter().flat_map(|one| one.adjustments.clone()).collect();
    // A change of the transaction price is allocated as the contract was at its start
    // (606-10-32-43): by standalone selling price over all its lines.
    let lines = if is_pooled(placed) {
        Pool { change: &change, order, effective }.catch_up(changed, &mut [])
    } else {
        changed.into_iter().map(|one| change.catch_up(one)).collect()
    };
    Ok(vec![EventData::EstimateRevised(EstimateRevised {
        order: data.order.clone(),
        customer: order.customer.clone(),
        currency: order.currency,
        line: placed.line.clone(),
        before: placed.amount,
        amount,
        transaction_price: order.price_with(&lines),
        lines,
        adjustments,
        policy: policy::of_revenue(&book.policies),
    })])
}

/// The new price, if it is one and the line has a price as a whole.
fn estimated(order: &Order, line: &OrderLine, data: &ReviseEstimate) -> Result<Amount, Rejection> {
    let amount = order.currency.exact(data.amount, "data.amount")?;
    if amount.is_negative() {
        return Err(Rejection::at(
            Code::PriceInvalid,
            "data.amount",
            format!("an estimate of {amount} is below zero"),
        ));
    }
    let placed = &line.placed;
    let is_endless = placed.last().is_none() && placed.recognition.method == Method::OverTime;
    if placed.recognition.method == Method::Usage || is_endless {
        return Err(Rejection::at(
            Code::RecognitionInvalid,
            "data.line",
            "usage and lines without an end have no price as a whole to estimate",
        ));
    }
    Ok(amount)
}

/// A price for the whole line.
fn whole_price(amount: Amount) -> Price {
    Price {
        model: PriceModel::Flat,
        amount: Some(amount),
        unit_price: None,
        per: Some(Per::Term),
        tiers: None,
        aggregate: None,
        package_size: None,
        free: None,
        rate: None,
        minimum: None,
    }
}
