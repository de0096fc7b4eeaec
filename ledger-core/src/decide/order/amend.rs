//! Contract modifications (ASC 606-10-25-10 to 25-13; accounting, section 3).

use rust_decimal::Decimal;

use crate::billing::{Terms, period_price, periods, prorated};
use crate::calendar::Day;
use crate::command::order::{AmendOrder, Change, Proration, Treatment};
use crate::command::shared::{Method, Per};
use crate::decide::order::{Term, check_term, placed, schedule, ssp_weight};
use crate::decide::{invoice, policy};
use crate::event::EventData;
use crate::event::order::{OrderAmended, PlacedLine};
use crate::id::Identifier;
use crate::money::{Amount, allocate, multiply_divide};
use crate::policy::ChangeDay;
use crate::rejection::{Code, Rejection};
use crate::revenue::schedule::{Schedule, earned_through};
use crate::state::{Book, Ledger, Order, OrderLine};

/// A line whose terms change: before, after, and what it had earned.
struct Changed<'a> {
    line: &'a OrderLine,
    after: PlacedLine,
    earned: Amount,
    /// What the line is to earn in all, before and after.
    total: Amount,
    new_total: Amount,
    is_removed: bool,
}

/// Changes an order.
pub(in crate::decide) fn amend(
    state: &Ledger,
    book: &Book,
    effective: Day,
    data: &AmendOrder,
) -> Result<Vec<EventData>, Rejection> {
    let order = find(state, data, effective)?;
    invoice::check_line_count(data.changes.len())?;
    let from = match book.policies.change_day {
        ChangeDay::New => effective,
        ChangeDay::Old => effective.next(),
    };
    let context = Context { book, order, from, data };
    let mut changed = Vec::new();
    let mut added = Vec::new();
    for (index, change) in data.changes.iter().enumerate() {
        let field = format!("data.changes[{index}]");
        match (&change.line, &change.add, &change.remove) {
            (Some(line), None, None) => {
                changed.push(context.change(line, change, false, &field)?);
            }
            (None, None, Some(line)) => changed.push(context.change(line, change, true, &field)?),
            (None, Some(line), None) => {
                let known = order.lines.iter().any(|known| known.placed.line == line.line)
                    || added.iter().any(|other: &PlacedLine| other.line == line.line);
                if known {
                    return Err(Rejection::at(
                        Code::LineDuplicate,
                        format!("{field}.add.line"),
                        format!("the order has a line {} already", line.line),
                    ));
                }
                let term = Term { start: from, end: order.end, currency: order.currency };
                added.push(placed(state, book, &term, line, &format!("{field}.add"))?);
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
    let (treatment, reason) = treatment(data, &changed, &added);
    context.finish(changed, added, treatment, reason)
}

fn find<'a>(state: &'a Ledger, data: &AmendOrder, effective: Day) -> Result<&'a Order, Rejection> {
    let Some(order) = state.orders.get(&data.order) else {
        return Err(Rejection::at(
            Code::OrderUnknown,
            "data.order",
            format!("there is no order {}", data.order),
        ));
    };
    if order.amendments.contains(&data.amendment) {
        return Err(Rejection::at(
            Code::AmendmentExists,
            "data.amendment",
            format!("the order has an amendment {} already", data.amendment),
        ));
    }
    if effective < order.start || order.end.is_some_and(|end| effective > end) {
        return Err(Rejection::at(
            Code::OrderOutsideTerm,
            "effective",
            format!("{effective} is outside the order's term, which starts on {}", order.start),
        ));
    }
    Ok(order)
}

/// The treatment that was asked for, or the one that the rule gives, with its reason.
fn treatment(
    data: &AmendOrder,
    changed: &[Changed<'_>],
    added: &[PlacedLine],
) -> (Treatment, String) {
    let asked = data.treatment.unwrap_or_default();
    if asked != Treatment::Auto {
        return (asked, "as the command asked".to_owned());
    }
    if changed.is_empty() && !added.is_empty() {
        let reason = "added lines at their standalone selling price (606-10-25-12)";
        return (Treatment::Separate, reason.to_owned());
    }
    let is_series = changed.iter().all(|one| one.after.recognition.method == Method::OverTime);
    if is_series {
        let reason = "a series of distinct services (606-10-25-13a)";
        (Treatment::Prospective, reason.to_owned())
    } else {
        (Treatment::CatchUp, "not distinct from what was delivered (606-10-25-13b)".to_owned())
    }
}

/// What deciding the changes of one amendment shares.
struct Context<'a> {
    book: &'a Book,
    order: &'a Order,
    /// The first day of the new terms.
    from: Day,
    data: &'a AmendOrder,
}

impl<'a> Context<'a> {
    fn change(
        &self,
        id: &Identifier,
        change: &Change,
        is_removed: bool,
        field: &str,
    ) -> Result<Changed<'a>, Rejection> {
        let known = self.order.lines.iter().find(|line| line.placed.line == *id && !line.removed);
        let Some(line) = known else {
            return Err(Rejection::at(
                Code::LineUnknown,
                format!("{field}.{}", if is_removed { "remove" } else { "line" }),
                format!("the order has no line {id}"),
            ));
        };
        let before = &line.placed;
        let mut after = before.clone();
        after.quantity = change.quantity.unwrap_or(before.quantity);
        after.price = change.price.clone().unwrap_or_else(|| before.price.clone());
        after.discount = change.discount.or(before.discount);
        after.end = change.end.or(before.end);
        if let Some(end) = after.end {
            check_term(after.start, end, &format!("{field}.end"))?;
            if end < self.from.previous() {
                return Err(Rejection::at(
                    Code::DateEndBeforeStart,
                    format!("{field}.end"),
                    format!("the line would end on {end}, before the change on {}", self.from),
                ));
            }
        }
        let currency = self.order.currency;
        let earned = earned_through(line.versions.iter(), self.from.previous(), currency);
        let total = line.versions.last().map_or(before.allocated, Schedule::total);
        let new_total = if is_removed {
            after.end = after.end.map(|end| end.min(self.from.previous()).max(after.start));
            earned
        } else {
            after.amount = self.new_amount(before, &after, field)?;
            total + (after.amount - before.amount)
        };
        Ok(Changed { line, after, earned, total, new_total, is_removed })
    }

    /// The line's price with the new terms from the change on: the running period costs
    /// old + (new - old) × days left / days of the period (readings, 50).
    fn new_amount(
        &self,
        before: &PlacedLine,
        after: &PlacedLine,
        field: &str,
    ) -> Result<Amount, Rejection> {
        let currency = self.order.currency;
        let Some(end) = after.end else { return Ok(currency.zero()) };
        let old_terms =
            Terms { price: &before.price, quantity: before.quantity, discount: before.discount };
        let new_terms =
            Terms { price: &after.price, quantity: after.quantity, discount: after.discount };
        let old = period_price(&old_terms, field)?;
        let new = period_price(&new_terms, &format!("{field}.price"))?;
        let per = after.price.per.unwrap_or(Per::Once);
        let whole_prices = matches!(per, Per::Term | Per::Once);
        let keeps_period = self.data.proration == Some(Proration::None);
        let mut sum = currency.zero();
        for period in periods(per, after.start, end) {
            let exact = if period.start >= self.from {
                prorated(new, &period, period.start)
            } else if period.end < self.from {
                prorated(old, &period, period.start)
            } else if keeps_period && whole_prices {
                prorated(new, &period, period.start)
            } else if keeps_period {
                prorated(old, &period, period.start)
            } else {
                prorated(old, &period, period.start) + prorated(new - old, &period, self.from)
            };
            sum += currency.round(exact, self.book.policies.rounding);
        }
        Ok(sum)
    }

    fn finish(
        &self,
        changed: Vec<Changed<'_>>,
        mut added: Vec<PlacedLine>,
        treatment: Treatment,
        treatment_reason: String,
    ) -> Result<Vec<EventData>, Rejection> {
        for line in &mut added {
            line.schedule = schedule(self.book, self.order.currency, line);
        }
        let removed =
            changed.iter().filter(|one| one.is_removed).map(|one| one.after.line.clone()).collect();
        let mut lines = match treatment {
            Treatment::CatchUp => changed.into_iter().map(|one| self.catch_up(one)).collect(),
            Treatment::Auto | Treatment::Separate | Treatment::Prospective => {
                self.prospective(changed)?
            }
        };
        lines.extend(added);
        let end = lines
            .iter()
            .map(|line: &PlacedLine| line.end)
            .fold(self.order.end, |end, line| end.zip(line).map(|(one, other)| one.max(other)));
        let untouched = self.order.lines.iter().filter(|known| {
            !known.removed && !lines.iter().any(|line| line.line == known.placed.line)
        });
        let transaction_price = untouched.map(|line| line.placed.allocated).sum::<Amount>()
            + lines.iter().map(|line| line.allocated).sum();
        Ok(vec![EventData::OrderAmended(OrderAmended {
            order: self.data.order.clone(),
            customer: self.order.customer.clone(),
            currency: self.order.currency,
            amendment: self.data.amendment.clone(),
            treatment,
            treatment_reason,
            end,
            transaction_price: self.order.currency.zero() + transaction_price,
            lines,
            removed,
            policy: policy::decided(&[
                ("rounding", policy::rounding_word(self.book.policies.rounding)),
                (
                    "change_day",
                    match self.book.policies.change_day {
                        ChangeDay::New => "new",
                        ChangeDay::Old => "old",
                    }
                    .to_owned(),
                ),
            ]),
        })])
    }

    /// What is not yet recognised, and the change, over what is still to be delivered: by
    /// standalone selling price where a line names one, else each line its own (readings, 42).
    fn prospective(&self, changed: Vec<Changed<'_>>) -> Result<Vec<PlacedLine>, Rejection> {
        let currency = self.order.currency;
        let names_ssp = changed.iter().any(|one| one.after.ssp.is_some() && !one.is_removed);
        let rests: Vec<Amount> = changed.iter().map(|one| one.new_total - one.earned).collect();
        let shares = if names_ssp && changed.len() > 1 {
            let weights = changed
                .iter()
                .map(|one| self.undelivered_weight(one))
                .collect::<Result<Vec<_>, _>>()?;
            let rest = rests.iter().copied().sum();
            allocate(rest, &weights, currency, self.book.policies.rounding)
        } else {
            rests
        };
        let lines = changed.into_iter().zip(shares).map(|(one, share)| {
            let version = one.line.versions.last().map(|last| Schedule {
                from: self.from,
                recognised: one.earned,
                amount: share,
                start: last.start.max(self.from),
                end: one.after.end.unwrap_or(last.end).max(last.start.max(self.from)),
                ..last.clone()
            });
            let allocated = version.as_ref().map_or(one.after.amount, Schedule::total);
            PlacedLine { allocated, schedule: version, ..one.after }
        });
        Ok(lines.collect())
    }

    fn undelivered_weight(&self, one: &Changed<'_>) -> Result<Decimal, Rejection> {
        if one.is_removed {
            return Ok(Decimal::ZERO);
        }
        let mut rest = one.after.clone();
        rest.start = rest.start.max(self.from);
        ssp_weight(self.book, self.order.currency, &rest)
    }

    /// Progress times the new price, the difference on the effective date (606-10-25-13b).
    fn catch_up(&self, one: Changed<'_>) -> PlacedLine {
        let currency = self.order.currency;
        let version = one.line.versions.last().map(|last| {
            let exact =
                multiply_divide(one.new_total.decimal(), one.earned.decimal(), one.total.decimal());
            let recognised = if one.total.is_zero() || one.is_removed {
                one.earned
            } else {
                currency.round(exact, self.book.policies.rounding)
            };
            let start = last.start.max(self.from);
            Schedule {
                from: self.from,
                recognised,
                amount: one.new_total - recognised,
                start,
                end: one.after.end.unwrap_or(last.end).max(start),
                ..last.clone()
            }
        });
        let allocated = version.as_ref().map_or(one.after.amount, Schedule::total);
        PlacedLine { allocated, schedule: version, ..one.after }
    }
}
