//! Cancellation: what was earned by then, and what becomes of what is billed beyond it
//! (accounting, section 3; readings, 6, 8 and 39).

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
use crate::event::order::{Adjustment, OrderCancelled, PlacedLine};
use crate::event::{EventData, NewEvent};
use crate::money::{Amount, Currency, multiply_divide, over_one_denominator};
use crate::rejection::Rejection;
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
        .flat_map(|one| unbilled(book, order, one, effective))
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
    let named = lines.iter().filter(|line| line.placed.ssp.is_some());
    let bundles: BTreeSet<Bundle> = named.filter_map(|line| bundle(order, &line.placed)).collect();
    let (prices, own): (Vec<Amount>, Vec<Amount>) =
        changed.iter().map(|one| price(book, order, one, &bundles, last_day)).unzip();
    let mut earned = prices.clone();
    by_ssp(book, order, &changed, (&bundles, &own, &mut earned), last_day);
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
    if line.recognition.method == Method::Usage
        || line.end.is_none() && line.recognition.method == Method::OverTime
    {
        return None;
    }
    if !line.is_separate {
        return Some(Bundle::Order);
    }
    let mut renewed = order.lines.iter().filter(|other| other.placed.renews.is_some());
    renewed.any(|other| other.placed.start == line.start).then_some(Bundle::Renewal(line.start))
}

/// What a line costs in all, at its own price, and what it earns in all as things stand: in a bundle
/// its lines earn together what they cost together, less what lines that ended before earned of it.
fn price(
    book: &Book,
    order: &Order,
    changed: &Changed<'_>,
    bundles: &BTreeSet<Bundle>,
    last_day: Day,
) -> (Amount, Amount) {
    let line = changed.line;
    if let (Some(meter), Some(terms)) = (&line.meter, changed.after.meter_terms()) {
        let mut meter = meter.clone();
        // The latest terms with another end: what holds from when does not change.
        let from = line.terms.last().map_or(terms.from, |last| last.from);
        meter.amend(u64::MAX, crate::revenue::usage::MeterTerms { from, ..terms });
        let used = meter.earned_through(last_day, u64::MAX);
        return (used, used);
    }
    let is_shared = bundle(order, &line.placed).is_some_and(|one| bundles.contains(&one));
    // What it earns is a share of the price of its bundle.
    let is_reallocated = is_shared && line.placed.allocated != line.placed.amount;
    match line.placed.recognition.method {
        Method::PointInTime | Method::Milestone => {
            let earned = line.earned_through(last_day, order.currency);
            if is_reallocated {
                (delivered_price(book, order, line, last_day), changed.earned + changed.rest)
            } else {
                (earned, earned)
            }
        }
        Method::OverTime | Method::Usage | Method::OnInvoice => {
            let shared = if is_reallocated {
                line.placed.amount - line.placed.allocated
            } else {
                Amount::ZERO
            };
            let by_price = changed.earned + changed.rest + shared;
            // What a credit or a write-off took of days to come is not given back once more; and
            // nothing is earned that is neither billed nor to be billed.
            let lowered = line.lowered.map(|_| line.earned_through(last_day, order.currency));
            let price =
                lowered.map_or(by_price, |earned| earned.min(line.billed.net).max(by_price));
            (price, price - shared)
        }
    }
}

/// The stated price of what was delivered.
fn delivered_price(book: &Book, order: &Order, line: &OrderLine, day: Day) -> Amount {
    let (done, whole) = line.delivered(day);
    let exact = multiply_divide(line.placed.amount.decimal(), done, whole);
    order.currency.round(exact, book.policies.rounding)
}

/// What the lines of each bundle that names standalone selling prices earn together, over them by
/// those of what was delivered.
fn by_ssp(
    book: &Book,
    order: &Order,
    changed: &[Changed<'_>],
    (bundles, own, earned): (&BTreeSet<Bundle>, &[Amount], &mut [Amount]),
    last_day: Day,
) {
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
        let shared = changed.iter().zip(own).filter(|(one, _)| is_in(one));
        let total: Amount = order.currency.zero() + shared.map(|(_, own)| *own).sum();
        let parts = shares(book, order.currency, total, &weights);
        for ((earned, part), one) in earned.iter_mut().zip(parts).zip(changed) {
            if is_in(one) {
                *earned = part;
            }
        }
    }
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

/// What is still to be billed of periods that were billed before.
fn unbilled(book: &Book, order: &Order, one: &Final<'_>, effective: Day) -> Vec<Adjustment> {
    let line = one.line;
    let costs = Costs::new(&one.after, line.terms.clone(), &book.policies, order.currency);
    let grid = *costs.grid();
    let periods = line.billed.periods.iter().filter_map(|(start, billed)| {
        let before = line.billed.adjusted.get(start).copied().unwrap_or_default();
        let period = grid.at(*start).filter(|period| period.start == *start);
        let price = match (&line.meter, period) {
            (Some(meter), Some(period)) => meter.period_price(&period),
            (None, Some(period)) => costs.period(&period),
            (_, None) => order.currency.zero(),
        };
        let amount = price - billed.amount - before;
        (!amount.is_zero()).then(|| Adjustment {
            line: line.placed.line.clone(),
            due: effective.max(billed.issued),
            period_start: *start,
            period_end: period.map_or(*start, |period| period.end),
            amount,
            description: "cancellation".to_owned(),
        })
    });
    periods.collect()
}

/// The line as it stands afterwards: nothing is earned from the effective date on.
fn ended(one: Final<'_>, currency: Currency, effective: Day, forfeits: bool) -> PlacedLine {
    let earned = if forfeits { one.earned + one.beyond } else { one.earned };
    let last = one.line.versions.last();
    let schedule = last.map(|last| last.stopped(effective, earned, currency));
    let mut after = one.after;
    after.allocated = if schedule.is_some() { earned } else { after.allocated };
    after.schedule = schedule;
    // Usage is metered up to its last day under the terms that it had.
    after.terms_from =
        after.meter_terms().and_then(|_| one.line.terms.last()).map(|terms| terms.from);
    after
}
