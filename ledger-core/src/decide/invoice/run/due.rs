//! What of an order's lines falls due through a date, and when.

use std::collections::BTreeMap;

use crate::billing::grid::Length;
use crate::calendar::Day;
use crate::command::collections::Block;
use crate::command::invoice::RunBilling;
use crate::decide::tax;
use crate::event::order::{Adjustment, PlacedLine};
use crate::id::Identifier;
use crate::limits::RUN_DOCUMENTS_MAX;
use crate::money::{Amount, Currency, multiply_divide};
use crate::paged::PagedMap;
use crate::rejection::Rejection;
use crate::state::order::{Order, OrderLine};
use crate::state::{Book, Ledger};

use super::too_large;

/// Lines that one run looks at, at most, before it is refused as too large.
const DUES_MAX: usize = 2 * RUN_DOCUMENTS_MAX;

/// Bytes of an invoice's line as JSON, without its names and texts, at most.
const LINE_BYTES_MAX: usize = 512;

/// Something of an order's line that falls due. Small: a run keeps all of them from its start.
#[derive(Debug, Clone)]
pub(super) struct Due {
    pub(super) order: Identifier,
    /// The line's place in the order.
    pub(super) line: usize,
    pub(super) service: (Day, Day),
    pub(super) currency: Currency,
    pub(super) net: Amount,
    /// Bytes of the invoice's line as JSON, at most.
    pub(super) bytes: usize,
    /// The difference of a billed period; none where a period or a delivery is billed first.
    pub(super) adjustment: Option<Box<Adjustment>>,
}

/// What an invoice's line says of it.
pub(super) fn description(placed: &PlacedLine, adjustment: Option<&Adjustment>) -> Option<String> {
    match adjustment {
        Some(adjustment) => {
            let name = placed.description.as_deref().unwrap_or(placed.line.as_str());
            Some(format!("{name}: {}", adjustment.description))
        }
        None => placed.description.clone(),
    }
}

/// Bytes of the names and texts of an invoice's line as JSON, without an exemption's reason.
fn text_bytes(
    (order, placed): (&Identifier, &PlacedLine),
    adjustment: Option<&Adjustment>,
) -> usize {
    let of_adjustment = adjustment.map_or(0, |adjustment| {
        let said = description(placed, Some(adjustment));
        said.as_deref().map_or(0, escaped)
            + escaped(&adjustment.description)
            + escaped(adjustment.line.as_str())
    });
    let own = if adjustment.is_none() { placed.description.as_deref() } else { None };
    of_adjustment
        + escaped(order.as_str())
        + escaped(placed.line.as_str())
        + [own, placed.tax_code.as_deref()].into_iter().flatten().map(escaped).sum::<usize>()
}

/// Bytes of a text in JSON.
fn escaped(text: &str) -> usize {
    let is_escaped = |byte: &u8| matches!(byte, b'"' | b'\\' | b'\n' | b'\t');
    text.len() + text.as_bytes().iter().filter(|byte| is_escaped(byte)).count()
}

/// What falls due, by date and customer, in the order of the orders and of their lines.
pub(super) type Dues = BTreeMap<(Day, Identifier), Vec<Due>>;

/// Everything that falls due through the date of a run, of the orders that it is for.
pub(super) fn dues(state: &Ledger, book: &Book, data: &RunBilling) -> Result<Dues, Rejection> {
    let mut dues = Dues::new();
    let mut count = 0;
    let wanted = |id: &Identifier, order: &Order| {
        data.order.as_ref().is_none_or(|wanted| wanted == id)
            && data.customer.as_ref().is_none_or(|wanted| *wanted == order.customer)
    };
    let one = data.order.as_ref().and_then(|id| state.orders.get_key_value(id));
    let all = data.order.is_none().then_some(&state.orders);
    let orders = one.into_iter().chain(all.into_iter().flat_map(PagedMap::iter));
    for (id, order) in orders.filter(|(id, order)| wanted(id, order)) {
        let is_held = state.collections.is_held(&order.customer, Block::Invoices);
        for (at, line) in order.lines.iter().enumerate() {
            let (placed, currency) = (&line.placed, order.currency);
            let mut add = |date: Day,
                           (service, net): ((Day, Day), Amount),
                           adjustment: Option<Box<Adjustment>>| {
                count += 1;
                let mut bytes = LINE_BYTES_MAX + text_bytes((id, placed), adjustment.as_deref());
                if let Some(code) =
                    placed.tax_code.as_deref().filter(|_| !is_held && !net.is_negative())
                {
                    tax::rate_on(state, code, date, "data.through")?;
                    let treatment = tax::treatment(state, code, date);
                    let reason = treatment.and_then(|one| one.exemption_reason);
                    bytes += reason.as_deref().map_or(0, escaped);
                }
                let due =
                    Due { order: id.clone(), line: at, service, currency, net, bytes, adjustment };
                dues.entry((date, order.customer.clone())).or_default().push(due);
                if count > DUES_MAX { Err(too_large()) } else { Ok(()) }
            };
            adjustments(line, data.through, &mut add)?;
            if placed.billing.is_none() || line.billed.is_settled {
                continue;
            }
            if line.is_billed_on_delivery() {
                deliveries(book, order, line, data.through, &mut add)?;
            } else {
                periods(book, order, line, data.through, &mut add)?;
            }
        }
    }
    Ok(dues)
}

type Add<'f> =
    &'f mut dyn FnMut(Day, ((Day, Day), Amount), Option<Box<Adjustment>>) -> Result<(), Rejection>;

/// Differences that changes made to periods that were billed before.
fn adjustments(line: &OrderLine, through: Day, add: Add<'_>) -> Result<(), Rejection> {
    for one in line.billed.pending.iter().filter(|one| one.due <= through) {
        let service = (one.period_start, one.period_end);
        add(one.due, (service, one.amount), Some(Box::new(one.clone())))?;
    }
    Ok(())
}

/// Periods that no run has billed.
fn periods(
    book: &Book,
    order: &Order,
    line: &OrderLine,
    through: Day,
    add: Add<'_>,
) -> Result<(), Rejection> {
    let costs = line.costs(&book.policies, order.currency);
    let first = line.billed.next.unwrap_or(line.placed.start);
    let every = line.placed.billing.as_ref().map(|billing| Length::from(billing.every));
    let is_at_once = every == Some(Length::Term) && line.placed.last().is_some();
    for one in costs.grid().from(first) {
        let Some(date) = line.billing_date(&one, book.policies.month_end) else { break };
        if date > through {
            // What is billed at once falls due on one day, also behind a rest that does later.
            if one.start > through && !is_at_once {
                break;
            }
            continue;
        }
        if line.billed.periods.contains_key(&one.start) || one.end < first {
            continue;
        }
        let price = match &line.meter {
            Some(meter) => meter.period_price(&one),
            None => costs.period(&one),
        };
        let before = line.billed.adjusted.get(&one.start).copied().unwrap_or_default();
        let net = order.currency.zero() + price - before;
        if !net.is_zero() {
            add(date, ((one.start, one.end), net), None)?;
        }
    }
    Ok(())
}

/// What was delivered and not billed, on the days of the deliveries.
fn deliveries(
    book: &Book,
    order: &Order,
    line: &OrderLine,
    through: Day,
    add: Add<'_>,
) -> Result<(), Rejection> {
    let mut days: Vec<Day> = line.progress.days(u64::MAX).filter(|day| *day <= through).collect();
    days.dedup();
    let of_days = |days: &mut dyn Iterator<Item = &Day>| -> Amount {
        days.map(|day| line.billed.of_period(*day)).sum()
    };
    let mut billed = order.currency.zero() + of_days(&mut line.billed.periods.keys());
    for day in days.into_iter().filter(|day| !line.billed.periods.contains_key(day)) {
        let price = line.price_of_delivered(day, order.currency).unwrap_or_else(|| {
            let (done, whole) = line.delivered(day);
            let exact = multiply_divide(line.placed.amount.decimal(), done, whole);
            order.currency.round(exact, book.policies.rounding)
        });
        let later = of_days(&mut line.billed.periods.range(day..).map(|(day, _)| day));
        let net = price - (billed - later);
        if net.is_zero() {
            continue;
        }
        billed += net;
        add(day, ((day, day), net), None)?;
    }
    Ok(())
}
