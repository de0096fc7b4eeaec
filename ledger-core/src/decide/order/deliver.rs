//! Deliveries: units more, or the percentage complete (readings, 12 and 41).

use rust_decimal::Decimal;

use crate::calendar::Day;
use crate::command::order::RecordDelivery;
use crate::command::shared::{Method, Timing};
use crate::decide::order::{find, find_line};
use crate::event::EventData;
use crate::event::order::DeliveryRecorded;
use crate::money::{Amount, multiply_divide};
use crate::rejection::{Code, Rejection};
use crate::revenue::progress::Step;
use crate::revenue::schedule::{Measure, Schedule};
use crate::state::Ledger;
use crate::state::order::{Order, OrderLine};

/// Records a delivery on the effective date.
pub(in crate::decide) fn deliver(
    state: &Ledger,
    effective: Day,
    data: &RecordDelivery,
) -> Result<Vec<EventData>, Rejection> {
    let order = find(state, &data.order)?;
    if effective < order.start {
        return Err(Rejection::at(
            Code::OrderOutsideTerm,
            "effective",
            format!("{effective} is before the order's start on {}", order.start),
        ));
    }
    let line = find_line(order, &data.line, effective, "data.line")?;
    let (step, delivered, whole) = step(line, effective, data)?;
    Ok(vec![EventData::DeliveryRecorded(DeliveryRecorded {
        order: data.order.clone(),
        customer: order.customer.clone(),
        currency: order.currency,
        line: line.placed.line.clone(),
        step,
        delivered,
        whole,
        schedule: by_delivery(order, line, effective),
    })])
}

/// The step in the line's own measure, what it comes to, and the whole.
fn step(
    line: &OrderLine,
    effective: Day,
    data: &RecordDelivery,
) -> Result<(Step, Amount, Amount), Rejection> {
    let invalid = |message: &str| Rejection::at(Code::DeliveryInvalid, "data.line", message);
    let placed = &line.placed;
    let by_percent = match placed.recognition.method {
        Method::Milestone => true,
        Method::PointInTime => false,
        Method::OverTime | Method::Usage | Method::OnInvoice => {
            let on_delivery =
                placed.billing.as_ref().is_some_and(|one| one.timing == Some(Timing::OnDelivery));
            if !on_delivery {
                return Err(invalid(
                    "the line is not earned by deliveries: it is neither point_in_time nor milestone",
                ));
            }
            false
        }
    };
    let quantity = placed.quantity.decimal();
    let units = if quantity.is_zero() { Decimal::ONE } else { quantity };
    let done = line.progress.done(effective);
    match (data.quantity, data.percent_complete) {
        (Some(added), None) if !added.is_positive() => Err(Rejection::at(
            Code::AmountNotPositive,
            "data.quantity",
            "a delivered quantity is above zero; take one back with percent_complete or a credit",
        )),
        (Some(added), None) if by_percent => {
            let share = multiply_divide(added.decimal(), Decimal::ONE_HUNDRED, units);
            let most = line.progress.most_from(effective);
            if most + share > Decimal::ONE_HUNDRED {
                let message =
                    format!("{added} more would be above the whole; {done} % are complete");
                return Err(Rejection::at(Code::MilestoneExceedsWhole, "data.quantity", message));
            }
            let reached = Amount::from_decimal(done + share);
            Ok((Step::Reached(reached), reached, hundred()))
        }
        (Some(added), None) => {
            let most = line.progress.most_from(effective);
            if most + added.decimal() > units {
                let message =
                    format!("{added} more are above the {units} ordered; {most} are delivered");
                return Err(Rejection::at(Code::DeliveryExceedsQuantity, "data.quantity", message));
            }
            let delivered = Amount::from_decimal(done + added.decimal());
            Ok((Step::Added(added), delivered, Amount::from_decimal(units)))
        }
        (None, Some(percent)) if percent.is_negative() => Err(Rejection::at(
            Code::DeliveryInvalid,
            "data.percent_complete",
            format!("{percent} % is no progress; use 0 to 100"),
        )),
        (None, Some(percent)) if percent.decimal() > Decimal::ONE_HUNDRED => Err(Rejection::at(
            Code::MilestoneExceedsWhole,
            "data.percent_complete",
            format!("{percent} % is more than the whole; use 0 to 100"),
        )),
        (None, Some(percent)) if by_percent => Ok((Step::Reached(percent), percent, hundred())),
        (None, Some(percent)) => {
            let reached = multiply_divide(units, percent.decimal(), Decimal::ONE_HUNDRED);
            let reached = Amount::from_decimal(reached.normalize());
            let added = reached - Amount::from_decimal(done);
            Ok((Step::Added(added), reached, Amount::from_decimal(units)))
        }
        (Some(_), Some(_)) | (None, None) => Err(Rejection::at(
            Code::DeliveryInvalid,
            "data.quantity",
            "a delivery names a quantity or percent_complete, one of them",
        )),
    }
}

fn hundred() -> Amount {
    Amount::from_decimal(Decimal::ONE_HUNDRED)
}

/// With its first delivery a line that its start would have earned is earned by deliveries only.
fn by_delivery(order: &Order, line: &OrderLine, effective: Day) -> Option<Schedule> {
    let last = line.versions.last()?;
    if last.progress.is_some() || line.placed.recognition.method != Method::PointInTime {
        return None;
    }
    let quantity = line.placed.quantity;
    let whole = if quantity.is_zero() { Amount::from_decimal(Decimal::ONE) } else { quantity };
    Some(Schedule {
        from: order.start.min(line.placed.start).min(effective),
        recognised: order.currency.zero(),
        amount: last.total(),
        progress: Some(Measure { base: Amount::ZERO, whole }),
        ..last.clone()
    })
}
