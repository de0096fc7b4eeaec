//! Discounts for a time: an order whose lines say when their discount ends has an amendment for each
//! such day, from the start.

use std::collections::BTreeMap;

use crate::calendar::Day;
use crate::command::order::{AmendOrder, Change, OrderLine, PlaceOrder, Treatment};
use crate::command::shared::Discount;
use crate::decide::order::amend;
use crate::decide::period;
use crate::event::{EventData, NewEvent};
use crate::id::Identifier;
use crate::money::Amount;
use crate::policy::ChangeDay;
use crate::rejection::{Code, Rejection};
use crate::state::{Book, Ledger};

/// The amendments that end the discounts of an order that is being placed. What they change is still
/// to be delivered and distinct from what was: they are prospective (606-10-25-13a), so that each
/// period earns what it costs.
pub(super) fn ends(
    state: &Ledger,
    book: &Book,
    data: &PlaceOrder,
    placed: &NewEvent,
) -> Result<Vec<NewEvent>, Rejection> {
    let days = days(data, placed)?;
    if days.is_empty() {
        return Ok(Vec::new());
    }
    // The order is not in the book yet, and of the rest only the policies matter.
    let mut known = Ledger { book: state.book.clone(), ..Ledger::default() };
    known.apply(&placed.clone().provisional(1, &data.order));
    let mut events = Vec::new();
    for (index, (until, lines)) in (2..).zip(days) {
        let effective = match book.policies.change_day {
            ChangeDay::New => until.next(),
            ChangeDay::Old => until,
        };
        period::check_open(book, effective, "data.lines")?;
        let none = Discount::Percent { percent: Amount::ZERO };
        let change = |line: Identifier| Change {
            line: Some(line),
            quantity: None,
            price: None,
            end: None,
            discount: Some(none),
            add: None,
            remove: None,
        };
        let amendment = AmendOrder {
            order: data.order.clone(),
            amendment: format!("discount-until-{until}").parse()?,
            changes: lines.into_iter().map(change).collect(),
            treatment: Some(Treatment::Prospective),
            proration: None,
        };
        let order = data.order.clone();
        for data in amend(&known, book, effective, &amendment)? {
            let event = NewEvent::new(effective, data);
            known.apply(&event.clone().provisional(index, &order));
            events.push(event);
        }
    }
    Ok(events)
}

/// Refuses an end of the discount for a line that comes by an amendment or a renewal.
pub(super) fn check_no_end(line: &OrderLine, field: &str) -> Result<(), Rejection> {
    if line.discount_until.is_none() {
        return Ok(());
    }
    Err(Rejection::at(
        Code::DiscountInvalid,
        format!("{field}.discount_until"),
        "a line that is added to an order names no end of its discount; amend the discount with \
         the day after as the effective date",
    ))
}

/// The lines by the last day of their discount, where that is not the last one of the line.
fn days(data: &PlaceOrder, placed: &NewEvent) -> Result<BTreeMap<Day, Vec<Identifier>>, Rejection> {
    let mut days: BTreeMap<Day, Vec<Identifier>> = BTreeMap::new();
    let EventData::OrderPlaced(order) = &placed.data else { return Ok(days) };
    for (index, (line, placed)) in data.lines.iter().zip(&order.lines).enumerate() {
        let Some(until) = line.discount_until else { continue };
        let refused = |message: String| {
            let field = format!("data.lines[{index}].discount_until");
            Err(Rejection::at(Code::DiscountInvalid, field, message))
        };
        if line.discount.is_none() {
            return refused("there is no discount that could end; name it, too".to_owned());
        }
        if until < placed.start {
            let start = placed.start;
            return refused(format!(
                "the discount would end on {until}, before it starts on {start}"
            ));
        }
        if placed.is_priced_once() {
            return refused(
                "a price for the whole term has one discount; give the amount that is left, or \
                 price it by the month"
                    .to_owned(),
            );
        }
        if placed.end.is_none_or(|end| until < end) {
            days.entry(until).or_default().push(line.line.clone());
        }
    }
    Ok(days)
}
