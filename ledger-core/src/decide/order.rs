//! Orders: placing them, what changes them, and what is delivered of them.

use crate::calendar::Day;
use crate::id::Identifier;
use crate::limits::TERM_YEARS_MAX;
use crate::rejection::{Code, Rejection};
use crate::state::order::{Order, OrderLine};
use crate::state::{Book, Ledger};

mod allocate;
mod amend;
mod cancel;
mod change;
mod deliver;
mod discount;
mod estimate;
mod pause;
mod place;
mod pool;
mod renew;
mod usage;

pub(super) use amend::amend;
pub(super) use cancel::cancel;
pub(super) use deliver::deliver;
pub(super) use estimate::revise;
pub(super) use pause::{resume, suspend};
pub(super) use place::place;
pub(super) use renew::renew;
pub(super) use usage::record as record_usage;

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

/// The order of that id, if it was not cancelled.
fn find<'a>(state: &'a Ledger, id: &Identifier) -> Result<&'a Order, Rejection> {
    let Some(order) = state.orders.get(id) else {
        return Err(Rejection::at(
            Code::OrderUnknown,
            "data.order",
            format!("there is no order {id}; send PlaceOrder first"),
        ));
    };
    if let Some(cancelled) = order.cancelled {
        return Err(Rejection::at(
            Code::OrderCancelled,
            "data.order",
            format!("the order {id} was cancelled on {cancelled}; place a new one"),
        ));
    }
    Ok(order)
}

/// The order, with the effective date inside its term.
fn find_in_term<'a>(
    state: &'a Ledger,
    id: &Identifier,
    effective: Day,
) -> Result<&'a Order, Rejection> {
    let order = find(state, id)?;
    if effective < order.start || order.end.is_some_and(|end| effective > end) {
        let end = order.end.map_or("has no end".to_owned(), |end| format!("ends on {end}"));
        return Err(Rejection::at(
            Code::OrderOutsideTerm,
            "effective",
            format!(
                "{effective} is outside the order's term, which starts on {} and {end}",
                order.start
            ),
        ));
    }
    Ok(order)
}

/// Refuses a change of an order that rests.
fn check_awake(order: &Order, id: &Identifier) -> Result<(), Rejection> {
    match order.suspended {
        None => Ok(()),
        Some(since) => Err(Rejection::at(
            Code::OrderSuspended,
            "data.order",
            format!("the order {id} is suspended since {since}; send ResumeOrder first"),
        )),
    }
}

/// The line of that name which an order has on a day.
fn find_line<'a>(
    order: &'a Order,
    id: &Identifier,
    day: Day,
    field: &str,
) -> Result<&'a OrderLine, Rejection> {
    match order.line(id, day) {
        Some((_, line)) if !line.removed => Ok(line),
        Some(_) | None => {
            let names: Vec<&str> = order
                .lines
                .iter()
                .filter(|line| !line.removed)
                .map(|line| line.placed.line.as_str())
                .collect();
            Err(Rejection::at(
                Code::LineUnknown,
                field,
                format!("the order has no line {id}; it has {}", names.join(", ")),
            ))
        }
    }
}

/// The first day of new terms that are effective on a day.
fn first_day_of_new_terms(book: &Book, effective: Day) -> Day {
    match book.policies.change_day {
        crate::policy::ChangeDay::New => effective,
        crate::policy::ChangeDay::Old => effective.next(),
    }
}
