//! Renewal: each line that reaches the order's end goes on as a line of its own (readings, 51).

use crate::billing::grid::Length;
use crate::calendar::Day;
use crate::command::collections::Block;
use crate::command::order::{Change as Asked, RenewOrder};
use crate::command::shared::{Method, Per};
use crate::decide::order::allocate::allocate_price;
use crate::decide::order::discount;
use crate::decide::order::place::{Term, end_of, finish, placed};
use crate::decide::order::{check_awake, find};
use crate::decide::{collections, policy};
use crate::event::EventData;
use crate::event::order::{OrderRenewed, PlacedLine};
use crate::id::Identifier;
use crate::rejection::{Code, Rejection};
use crate::state::order::{Order, OrderLine};
use crate::state::{Book, Ledger};

/// Renews an order.
pub(in crate::decide) fn renew(
    state: &Ledger,
    book: &Book,
    _: Day,
    data: &RenewOrder,
) -> Result<Vec<EventData>, Rejection> {
    let order = find(state, &data.order)?;
    collections::check_not_held(state, &order.customer, Block::Orders, "data.order")?;
    check_awake(order, &data.order)?;
    let Some(old_end) = order.end else {
        return Err(Rejection::at(
            Code::OrderNotRenewable,
            "data.order",
            format!("the order {} has no end: it goes on by itself", data.order),
        ));
    };
    let start = old_end.next();
    let Some(end) = end_of(start, data.end, data.term_months)? else {
        return Err(Rejection::at(
            Code::CommandMissingField,
            "data.end",
            "a renewal names its end or its term_months",
        ));
    };
    let is_removed = |line: &OrderLine| {
        data.changes.iter().any(|one| one.remove.as_ref() == Some(&line.placed.line))
    };
    let mut lines = Vec::new();
    for line in order.lines.iter().filter(|line| goes_on(line, old_end) && !is_removed(line)) {
        let mut renewed = renewed(order, line, start, end)?;
        let mut field = "data.order".to_owned();
        for (index, change) in data.changes.iter().enumerate() {
            if change.line.as_ref() == Some(&line.placed.line) {
                field = format!("data.changes[{index}]");
                apply(&mut renewed, change);
            }
        }
        lines.push(finish(book, order.currency, renewed, &field)?);
    }
    add(state, book, order, (start, end), data, &mut lines)?;
    if lines.is_empty() {
        return Err(Rejection::at(
            Code::OrderNotRenewable,
            "data.order",
            format!("no line of the order runs until its end on {old_end}"),
        ));
    }
    allocate_price(book, order.currency, &mut lines)?;
    Ok(vec![EventData::OrderRenewed(OrderRenewed {
        order: data.order.clone(),
        customer: order.customer.clone(),
        currency: order.currency,
        old_end,
        end,
        transaction_price: order.price_with(&lines),
        lines,
        policy: policy::of_revenue(&book.policies),
    })])
}

/// Whether a line runs until the order's end, and is bought for a time: what is bought once does
/// not come again.
fn goes_on(line: &OrderLine, old_end: Day) -> bool {
    let placed = &line.placed;
    let is_for_a_time = matches!(placed.recognition.method, Method::OverTime | Method::Usage);
    !line.removed && is_for_a_time && placed.per() != Per::Once && placed.last() == Some(old_end)
}

/// The line at the terms in force, under a name of its own: the old one and its start.
fn renewed(order: &Order, line: &OrderLine, start: Day, end: Day) -> Result<PlacedLine, Rejection> {
    let old = &line.placed;
    let root = old.renews.as_ref().and_then(|_| old.line.as_str().rsplit_once('@'));
    let root = root.map_or(old.line.as_str(), |(root, _)| root);
    let name: Identifier = format!("{root}@{start}").parse()?;
    if order.lines.iter().any(|other| other.placed.line == name) {
        return Err(Rejection::at(
            Code::LineDuplicate,
            "data.order",
            format!("the order has a line {name} already"),
        ));
    }
    Ok(PlacedLine {
        line: name,
        start,
        end: Some(end),
        terms_from: None,
        is_separate: true,
        renews: Some(old.line.clone()),
        is_suspended: false,
        ..old.clone()
    })
}

/// Terms that change with the renewal.
fn apply(line: &mut PlacedLine, change: &Asked) {
    line.quantity = change.quantity.unwrap_or(line.quantity);
    if let Some(price) = &change.price {
        line.price = price.clone();
    }
    line.discount = change.discount.or(line.discount);
    line.end = change.end.or(line.end);
}

/// Lines that begin with the renewal; and every other change must name a line that goes on.
fn add(
    state: &Ledger,
    book: &Book,
    order: &Order,
    (start, end): (Day, Day),
    data: &RenewOrder,
    lines: &mut Vec<PlacedLine>,
) -> Result<(), Rejection> {
    for (index, change) in data.changes.iter().enumerate() {
        let field = format!("data.changes[{index}]");
        let is_known = |id: &Identifier| {
            order.lines.iter().any(|line| line.placed.line == *id && !line.removed)
        };
        match (&change.line, &change.add, &change.remove) {
            (Some(id), None, None) | (None, None, Some(id)) if is_known(id) => {}
            (Some(id), None, None) | (None, None, Some(id)) => {
                let message = format!("the order has no line {id}");
                return Err(Rejection::at(Code::LineUnknown, field, message));
            }
            (None, Some(line), None) => {
                let is_taken = order.lines.iter().map(|line| &line.placed.line);
                if is_taken.chain(lines.iter().map(|line| &line.line)).any(|id| *id == line.line) {
                    let message = format!("the order has a line {} already", line.line);
                    return Err(Rejection::at(Code::LineDuplicate, field, message));
                }
                let term = Term { start, end: Some(end), currency: order.currency };
                discount::check_no_end(line, &format!("{field}.add"))?;
                let added = placed(state, book, &term, line, &format!("{field}.add"))?;
                lines.push(PlacedLine { is_separate: true, ..added });
            }
            _ => {
                return Err(Rejection::at(
                    Code::CommandMalformed,
                    field,
                    "a change names exactly one of line, add and remove",
                ));
            }
        }
    }
    Ok(())
}

/// Whether a line is priced for each of its periods.
pub(super) fn is_periodic(line: &PlacedLine) -> bool {
    Length::from(line.per()) != Length::Term
}
