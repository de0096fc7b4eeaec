//! Usage readings: rated in their period, and billed anew where that was billed before.

use crate::calendar::Day;
use crate::command::order::RecordUsage;
use crate::decide::order::{find, find_line};
use crate::event::EventData;
use crate::event::order::{Adjustment, UsageRecorded};
use crate::rejection::{Code, Rejection};
use crate::state::{Book, Ledger};

/// Records a reading.
pub(in crate::decide) fn record(
    state: &Ledger,
    book: &Book,
    effective: Day,
    data: &RecordUsage,
) -> Result<Vec<EventData>, Rejection> {
    let order = find(state, &data.order)?;
    let day = match data.at {
        Some(at) => day_in(&book.time_zone, at).unwrap_or(effective),
        None => effective,
    };
    let line = find_line(order, &data.line, day, "data.line")?;
    let Some(meter) = &line.meter else {
        return Err(Rejection::at(
            Code::UsageInvalid,
            "data.line",
            format!("the line {} is not recognised by usage", data.line),
        ));
    };
    if data.quantity.is_negative() {
        return Err(Rejection::at(
            Code::AmountNotPositive,
            "data.quantity",
            format!("a reading of {} is below zero; correct usage with a credit", data.quantity),
        ));
    }
    if let Some(usage) = data.usage.as_ref().filter(|usage| line.readings.contains(*usage)) {
        return Err(Rejection::at(
            Code::UsageExists,
            "data.usage",
            format!("the reading {usage} was recorded before"),
        ));
    }
    let placed = &line.placed;
    if day < placed.start || placed.last().is_some_and(|last| day > last) {
        return Err(Rejection::at(
            Code::OrderOutsideTerm,
            if data.at.is_some() { "data.at" } else { "effective" },
            format!("{day} is outside the line's term, which starts on {}", placed.start),
        ));
    }
    let Some(period) = meter.period(day) else {
        return Err(Rejection::new(
            Code::UsageInvalid,
            format!("{day} is in no period of the line"),
        ));
    };
    let before = meter.period_price(&period);
    let mut read = meter.of_period(&period);
    read.record(u64::MAX, day, data.quantity);
    let amount = read.period_price(&period) - before;
    let adjustments = line.billed.periods.contains_key(&period.start).then(|| Adjustment {
        line: placed.line.clone(),
        due: effective.max(period.end.next()),
        period_start: period.start,
        period_end: period.end,
        amount,
        description: format!("late usage of {day}"),
    });
    Ok(vec![EventData::UsageRecorded(UsageRecorded {
        order: data.order.clone(),
        customer: order.customer.clone(),
        currency: order.currency,
        line: placed.line.clone(),
        quantity: data.quantity,
        day,
        at: data.at,
        usage: data.usage.clone(),
        period_start: period.start,
        amount,
        adjustments: adjustments.filter(|one| !one.amount.is_zero()).into_iter().collect(),
    })])
}

/// The day of an instant in a time zone of the book.
fn day_in(zone: &str, at: time::OffsetDateTime) -> Option<Day> {
    use time_tz::OffsetDateTimeExt;
    let zone = time_tz::timezones::get_by_name(zone)?;
    Some(Day::new(at.to_timezone(zone).date()))
}
