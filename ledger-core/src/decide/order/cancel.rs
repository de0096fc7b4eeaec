//! Cancellation: what was earned by then, and what becomes of what is billed beyond it
//! (accounting, section 3; readings, 6, 8 and 39).

mod unbilled;

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use crate::calendar::Day;
use crate::command::order::{CancelOrder, Unearned};
use crate::command::shared::Method;
use crate::decide::credit::give_back;
use crate::decide::order::allocate::{shares, ssp_weight};
use crate::decide::order::change::{Change, Changed};
use crate::decide::order::{find_in_term, first_day_of_new_terms};
use crate::decide::policy;
use crate::event::order::{OrderCancelled, PlacedLine};
use crate::event::{EventData, NewEvent};
use crate::money::{Amount, Currency, multiply_divide, over_one_denominator};
use crate::rejection::Rejection;
use crate::revenue::schedule::Schedule;
use crate::state::order::{Costs, Order, OrderLine};
use crate::state::{Book, Ledger};

/// A line at its end.
struct Final<'a> {
    line: &'a OrderLine,
    after: PlacedLine,
    /// What it earns in all.
    earned: Amount,
    /// What it costs in all.
    price: Amount,
    /// Billed and not earned, net.
    beyond: Amount,
}

/// Ends an order.
pub(in crate::decide) fn cancel(
    state: &Ledger,
    book: &Book,
    effective: Day,
    data: &CancelOrder,
) -> Result<Vec<NewEvent>, Rejection> {
    let order = find_in_term(state, &data.order, effective)?;
    let last_day = first_day_of_new_terms(book, effective).previous();
    let finals = reckon(book, order, last_day);
    let beyond: Amount = order.currency.zero() + finals.iter().map(|one| one.beyond).sum();
    let gives_back: Vec<(&OrderLine, Amount)> = finals
        .iter()
        .filter(|one| one.beyond.is_positive())
        .map(|one| (one.line, one.beyond))
        .collect();
    let returned = match data.unearned {
        Unearned::Credit | Unearned::Refund => {
            let is_refund = data.unearned == Unearned::Refund;
            give_back(state, book, (&data.order, order, effective), &gives_back, is_refund)?
        }
        Unearned::Forfeit | Unearned::None => Vec::new(),
    };
    let settled = finals.iter().filter(|one| one.is_settled());
    let settled = settled.map(|one| one.line.placed.line.clone()).collect();
    let adjustments = finals
        .iter()
        .filter(|one| !one.is_settled())
        .flat_map(|one| unbilled::adjustments(book, order, one, effective))
        .collect();
    let forfeits = data.unearned == Unearned::Forfeit;
    let lines: Vec<PlacedLine> =
        finals.into_iter().map(|one| ended(one, order.currency, effective, forfeits)).collect();
    let cancelled = EventData::OrderCancelled(OrderCancelled {
        order: data.order.clone(),
        customer: order.customer.clone(),
        currency: order.currency,
        last_day,
        unearned: data.unearned,
        unearned_amount: beyond,
        transaction_price: order.price_with(&lines),
        lines,
        adjustments,
        settled,
        policy: policy::of_revenue(&book.policies),
    });
    let cancelled = NewEvent::new(effective, cancelled);
    Ok(std::iter::once(cancelled).chain(returned).collect())
}

impl Final<'_> {
    /// Whether nothing is to be billed or given back any more: what was billed beyond is given back
    /// now, or a credit or a write-off took it before.
    fn is_settled(&self) -> bool {
        let is_even = self.line.lowered.is_some() && self.price == self.line.billed.net;
        self.beyond.is_positive() || is_even
    }
}

/// Every line that has not ended: the price of its periods up to the last day, the last one
/// prorated as billing does.
fn reckon<'a>(book: &'a Book, order: &'a Order, last_day: Day) -> Vec<Final<'a>> {
    let change = Change {
        book,
        currency: order.currency,
        from: last_day.next(),
        due: last_day.next(),
        is_catch_up: false,
        description: "cancellation",
    };
    // A line that is removed from a later day on runs until then: it ends with its order, too.
    let running = |line: &&OrderLine| line.placed.ended.is_none_or(|ended| ended > last_day);
    let lines: Vec<&OrderLine> = order.lines.iter().filter(running).collect();
    let changed: Vec<Changed<'_>> = lines
        .iter()
        .map(|line| {
            let ended = Some(line.placed.last().map_or(last_day, |last| last.min(last_day)));
            change.of(line, PlacedLine { ended, ..line.placed.clone() }, None)
        })
        .collect();
    // Also of those that have ended: what they shared, the others still do.
    let named = order.lines.iter().filter(|line| line.placed.ssp.is_some());
    let bundles: BTreeSet<Bundle> = named.filter_map(|line| bundle(order, &line.placed)).collect();
    let prices: Vec<Amount> =
        changed.iter().map(|one| price(book, order, one, &bundles, last_day)).collect();
    let own = |(one, price): (&Changed<'_>, &Amount)| match is_endless_share(order, one.line) {
        true => one.earned + one.rest,
        false => *price,
    };
    let own: Vec<Amount> = changed.iter().zip(&prices).map(own).collect();
    let mut earned = by_ssp(book, order, &changed, (&bundles, &own), last_day);
    even(order, &changed, &prices, &mut earned);
    let finals = changed.into_iter().zip(prices).zip(earned).map(|((one, price), earned)| {
        // Each line is billed at its own price, whatever it earns of the one that it shares.
        let beyond = (one.line.billed.net - price).max(order.currency.zero());
        Final { line: one.line, after: one.after, earned, price, beyond }
    });
    finals.collect()
}

/// Lines that share a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Bundle {
    /// Those of the order.
    Order,
    /// Those of the renewal that begins on a day.
    Renewal(Day),
}

/// The lines with which a line shares a price where one of them names a standalone selling price;
/// none where it has one of its own.
fn bundle(order: &Order, line: &PlacedLine) -> Option<Bundle> {
    if line.recognition.method == Method::Usage || is_endless(line) {
        return None;
    }
    if !line.is_separate {
        return Some(Bundle::Order);
    }
    let mut renewed = order.lines.iter().filter(|other| other.placed.renews.is_some());
    renewed.any(|other| other.placed.start == line.start).then_some(Bundle::Renewal(line.start))
}

fn is_endless(line: &PlacedLine) -> bool {
    line.end.is_none() && line.recognition.method == Method::OverTime && !line.is_priced_once()
}

/// Whether a line without an end may earn a share of what it and others recur for.
fn is_endless_share(order: &Order, line: &OrderLine) -> bool {
    let shares = |one: &PlacedLine| is_endless(one) && !one.is_separate;
    let names = |one: &OrderLine| shares(&one.placed) && one.placed.ssp.is_some();
    shares(&line.placed) && order.lines.iter().any(names)
}

/// What credits and write-offs took of what runs billed of a line.
fn credited(line: &OrderLine) -> Amount {
    let billed = &line.billed;
    if billed.periods.is_empty() {
        return Amount::ZERO;
    }
    let adjusted: Amount = billed.adjusted.values().copied().sum();
    billed.periods.values().map(|one| one.amount).sum::<Amount>() + adjusted - billed.net
}

/// What a line costs in all, at its own price.
fn price(
    book: &Book,
    order: &Order,
    changed: &Changed<'_>,
    bundles: &BTreeSet<Bundle>,
    last_day: Day,
) -> Amount {
    let line = changed.line;
    if let (Some(meter), Some(terms)) = (&line.meter, changed.after.meter_terms()) {
        let mut meter = meter.clone();
        // The latest terms with another end: what holds from when does not change.
        let from = line.terms.last().map_or(terms.from, |last| last.from);
        meter.amend(u64::MAX, crate::revenue::usage::MeterTerms { from, ..terms });
        return meter.earned_through(last_day, u64::MAX);
    }
    if is_endless_share(order, line) {
        let costs = Costs::new(&changed.after, line.terms.clone(), &book.policies, order.currency);
        return costs.total() - credited(line);
    }
    let is_shared = bundle(order, &line.placed).is_some_and(|one| bundles.contains(&one));
    // What it earns is a share of the price of its bundle.
    let is_reallocated = is_shared && line.placed.allocated != line.placed.amount;
    match line.placed.recognition.method {
        Method::PointInTime | Method::Milestone => {
            let earned = line.earned_before(last_day, order.currency);
            let part = |amount: Amount| delivered_part(book, order, (line, amount), last_day);
            let own = || part(line.placed.amount) - part(share(line));
            if is_reallocated { earned + own() } else { earned }
        }
        Method::OverTime | Method::Usage | Method::OnInvoice => {
            let own = if is_reallocated { line.placed.amount - share(line) } else { Amount::ZERO };
            let by_price = changed.earned + changed.rest + own;
            // What a credit or a write-off took of days to come is not given back once more; and
            // nothing is earned that is neither billed nor to be billed.
            let lowered = line.lowered.map(|_| line.earned_through(last_day, order.currency));
            lowered.map_or(by_price, |earned| earned.min(line.billed.net).max(by_price))
        }
    }
}

/// What a line earns of the price that it shares, before credits.
fn share(line: &OrderLine) -> Amount {
    match line.versions.last() {
        Some(last) if !line.billed.periods.is_empty() => last.total() + credited(line),
        Some(_) | None => line.placed.allocated,
    }
}

/// The part of an amount for what was delivered.
fn delivered_part(
    book: &Book,
    order: &Order,
    (line, amount): (&OrderLine, Amount),
    day: Day,
) -> Amount {
    let (done, whole) = line.delivered(day);
    let exact = multiply_divide(amount.decimal(), done, whole);
    order.currency.round(exact, book.policies.rounding)
}

/// What lines that share earned of one another beyond their prices, or short of them, is settled with
/// the last of them: no other one will earn it.
fn even(order: &Order, changed: &[Changed<'_>], prices: &[Amount], earned: &mut [Amount]) {
    let is_priced = |line: &OrderLine| line.meter.is_none() && !line.versions.is_empty();
    let names = |line: &OrderLine| is_priced(line) && line.placed.ssp.is_some();
    if !order.lines.iter().any(names) {
        return;
    }
    // What an invoice billed by hand has no price of its own.
    let is_over = |line: &&OrderLine| {
        is_priced(line)
            && (line.billed.net.is_zero() || !line.billed.periods.is_empty())
            && changed.iter().all(|one| one.line.placed.line != line.placed.line)
    };
    let over: Amount = order
        .lines
        .iter()
        .filter(is_over)
        .map(|line| {
            let total = line.versions.last().map_or(Amount::ZERO, Schedule::total);
            line.placed.amount - credited(line) - total
        })
        .sum();
    let left = over + prices.iter().copied().sum::<Amount>() - earned.iter().copied().sum();
    let mut lines = changed.iter().zip(earned).rev();
    if let Some((_, last)) = lines.find(|(one, _)| is_priced(one.line)) {
        *last += left;
    }
}

/// The price of what was delivered, over the lines of each bundle that names standalone selling
/// prices by those of what was delivered.
fn by_ssp(
    book: &Book,
    order: &Order,
    changed: &[Changed<'_>],
    (bundles, prices): (&BTreeSet<Bundle>, &[Amount]),
    last_day: Day,
) -> Vec<Amount> {
    let mut earned = prices.to_vec();
    for of in bundles {
        let is_in = |one: &Changed<'_>| bundle(order, &one.line.placed) == Some(*of);
        let weight = |one: &Changed<'_>| {
            if is_in(one) {
                delivered_weight(book, order, one.line, last_day)
            } else {
                (Decimal::ZERO, Decimal::ONE)
            }
        };
        let weights = over_one_denominator(&changed.iter().map(weight).collect::<Vec<_>>());
        if weights.iter().all(Decimal::is_zero) {
            continue;
        }
        let shared = changed.iter().zip(prices).filter(|(one, _)| is_in(one));
        let total: Amount = order.currency.zero() + shared.map(|(_, price)| *price).sum();
        let parts = shares(book, order.currency, total, &weights);
        for ((earned, part), one) in earned.iter_mut().zip(parts).zip(changed) {
            if is_in(one) {
                *earned = part;
            }
        }
    }
    earned
}

/// The standalone selling price of what is delivered of a line: the first number over the second.
fn delivered_weight(
    book: &Book,
    order: &Order,
    line: &OrderLine,
    last_day: Day,
) -> (Decimal, Decimal) {
    let placed = &line.placed;
    let (whole, over) = ssp_weight(book, order.currency, placed);
    let (done, of) = match placed.recognition.method {
        Method::PointInTime | Method::Milestone => line.delivered(last_day),
        Method::OverTime | Method::Usage | Method::OnInvoice => {
            let days = |to: Day| Decimal::from((to.days_since(placed.start) + 1).max(0));
            let end = placed.end.unwrap_or(last_day);
            (days(end.min(last_day)), days(end))
        }
    };
    (whole * done, over * of)
}

/// The line as it stands afterwards: nothing is earned from the effective date on.
fn ended(one: Final<'_>, currency: Currency, effective: Day, forfeits: bool) -> PlacedLine {
    let earned = if forfeits { one.earned + one.beyond } else { one.earned };
    let last = one.line.versions.last();
    let schedule = last.map(|last| last.stopped(effective, earned, currency));
    let mut after = one.after;
    if one.line.is_billed_on_delivery() {
        // All that was billed of it, before credits, and what is left to bill.
        let billed = &one.line.billed;
        let of_runs = billed.periods.values().map(|period| period.amount).sum::<Amount>()
            + billed.adjusted.values().copied().sum::<Amount>();
        after.amount = currency.zero() + of_runs + (one.price - billed.net).max(Amount::ZERO);
    }
    after.allocated = if schedule.is_some() { earned } else { after.allocated };
    after.schedule = schedule;
    // Usage is metered up to its last day under the terms that it had.
    after.terms_from =
        after.meter_terms().and_then(|_| one.line.terms.last()).map(|terms| terms.from);
    after
}
