//! Suspension: from the effective date to the day before the resumption nothing is billed and
//! nothing earned (readings, 38).

use crate::calendar::Day;
use crate::command::order::{ResumeOrder, SuspendOrder};
use crate::command::shared::Method;
use crate::decide::order::change::{Change, Edit};
use crate::decide::order::renew::is_periodic;
use crate::decide::order::{check_awake, find_in_term};
use crate::decide::policy;
use crate::event::EventData;
use crate::event::order::{OrderPaused, PlacedLine};
use crate::id::Identifier;
use crate::rejection::{Code, Rejection};
use crate::state::order::{Order, OrderLine};
use crate::state::{Book, Ledger};

/// Lets an order rest.
pub(in crate::decide) fn suspend(
    state: &Ledger,
    book: &Book,
    effective: Day,
    data: &SuspendOrder,
) -> Result<Vec<EventData>, Rejection> {
    let order = find_in_term(state, &data.order, effective)?;
    check_awake(order, &data.order)?;
    let lines = change(book, order, effective, true);
    Ok(vec![EventData::OrderSuspended(event(book, order, &data.order, effective, lines))])
}

/// Lets an order that rests go on.
pub(in crate::decide) fn resume(
    state: &Ledger,
    book: &Book,
    effective: Day,
    data: &ResumeOrder,
) -> Result<Vec<EventData>, Rejection> {
    let order = find_in_term(state, &data.order, effective)?;
    let Some(since) = order.suspended else {
        return Err(Rejection::at(
            Code::OrderNotSuspended,
            "data.order",
            format!("the order {} is not suspended", data.order),
        ));
    };
    if effective < since {
        return Err(Rejection::at(
            Code::DateEndBeforeStart,
            "effective",
            format!("the order would go on on {effective}, before it rests from {since}"),
        ));
    }
    let lines = change(book, order, effective, false);
    Ok(vec![EventData::OrderResumed(event(book, order, &data.order, effective, lines))])
}

type Paused = (Vec<PlacedLine>, Vec<crate::event::order::Adjustment>);

/// The lines that are served over time: their days cost and earn nothing while the order rests.
/// A price for the whole term stays; only its recognition waits.
fn change(book: &Book, order: &Order, from: Day, is_suspended: bool) -> Paused {
    let description = if is_suspended { "suspension" } else { "resumption" };
    let change =
        Change { book, currency: order.currency, from, due: from, is_catch_up: false, description };
    let is_served = |line: &OrderLine| {
        matches!(line.placed.recognition.method, Method::OverTime | Method::Usage)
    };
    // A line that is removed from a later day on rests until then, too.
    let is_over = |line: &OrderLine| {
        line.placed.last().is_some_and(|last| last < from.max(line.placed.start))
    };
    // One that is over when the order goes on is woken, too: what waited for that is earned, and its
    // end may be moved.
    let changes = |line: &&OrderLine| {
        line.placed.is_suspended != is_suspended
            && is_served(line)
            && !(is_suspended && is_over(line))
    };
    let (mut lines, mut adjustments) = (Vec::new(), Vec::new());
    for line in order.lines.iter().filter(changes) {
        let edit = Edit { is_suspended: Some(is_suspended), ..Edit::default() };
        let day = from.max(line.placed.start);
        if line.terms.last().is_some_and(|one| one.from > day) {
            let (versions, differences) = change.before_later(line, &edit, day);
            lines.extend(versions);
            adjustments.extend(differences);
            continue;
        }
        let terms_from = is_periodic(&line.placed).then_some(day);
        let changed = change.of(line, edit.of(line.placed.clone()), terms_from);
        adjustments.extend(changed.adjustments.iter().cloned());
        let rest = changed.rest;
        lines.push(change.prospective(changed, rest));
    }
    (lines, adjustments)
}

fn event(
    book: &Book,
    order: &Order,
    id: &Identifier,
    from: Day,
    (lines, adjustments): Paused,
) -> OrderPaused {
    OrderPaused {
        order: id.clone(),
        customer: order.customer.clone(),
        currency: order.currency,
        from,
        transaction_price: order.price_with(&lines),
        lines,
        adjustments,
        policy: policy::of_revenue(&book.policies),
    }
}
