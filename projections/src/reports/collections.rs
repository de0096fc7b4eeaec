//! Collections: whom to call first, which reminders were issued, and what processors were asked for.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use ledger_core::calendar::Day;
use ledger_core::dunning;
use ledger_core::event::customer::CustomerRegistered;
use ledger_core::id::Identifier;
use ledger_core::money::{Amount, Currency, multiply_divide};
use ledger_core::rejection::{Code, Rejection};
use rust_decimal::Decimal;

use crate::facts::RequestEnd;
use crate::reports::open_items::{disputed, open};
use crate::reports::{Cell, Query, Table};
use crate::views::InvoiceFact;
use crate::views::collections::at;

/// What is to be done about an invoice, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum NextStep {
    /// A promise was broken.
    CallBrokenPromise,
    /// Every attempt to collect failed.
    CallFailed,
    /// Every reminder of the policy was issued.
    Decide,
    /// A reminder is due: run the dunning.
    Remind,
    /// All that is open is disputed.
    ResolveDispute,
    /// The processor was asked on that day and has not answered.
    Requested(Day),
    /// The processor is asked again on that day.
    Attempt(Day),
    /// The next reminder is due on that day.
    Reminder(Day),
    /// A promise to pay by that day.
    AwaitPromise(Day),
    /// The customer gets no reminders.
    Call,
}

impl NextStep {
    fn text(self) -> String {
        match self {
            Self::CallBrokenPromise => "call: promise broken".to_owned(),
            Self::CallFailed => "call: every payment attempt failed".to_owned(),
            Self::Decide => "decide: all reminders sent".to_owned(),
            Self::Remind => "remind: due now".to_owned(),
            Self::ResolveDispute => "resolve the dispute".to_owned(),
            Self::Requested(day) => format!("payment requested on {day}"),
            Self::Attempt(day) => format!("payment attempt on {day}"),
            Self::Reminder(day) => format!("reminder on {day}"),
            Self::AwaitPromise(day) => format!("promised by {day}"),
            Self::Call => "call: no reminders".to_owned(),
        }
    }
}

/// What is to be collected: an invoice, or all of a customer in one currency.
#[derive(Debug)]
struct Item {
    overdue: Amount,
    oldest_days: u32,
    invoices: u64,
    disputed: Amount,
    promised: Amount,
    promise_broken: Amount,
    last_reminder: Option<Day>,
    next_step: NextStep,
    /// Amount times days overdue, without what is disputed or promised.
    weight: Amount,
}

impl Item {
    fn add(&mut self, other: &Self) {
        self.overdue += other.overdue;
        self.oldest_days = self.oldest_days.max(other.oldest_days);
        self.invoices += other.invoices;
        self.disputed += other.disputed;
        self.promised += other.promised;
        self.promise_broken += other.promise_broken;
        self.last_reminder = self.last_reminder.max(other.last_reminder);
        self.next_step = self.next_step.min(other.next_step);
        self.weight += other.weight;
    }
}

/// Customers with overdue invoices, or each such invoice, in the order in which to see to them:
/// broken promises first, then by amount times days.
pub(super) fn worklist(query: &Query<'_>) -> Result<Table, Rejection> {
    let is_by_invoice = match query.filters.get("by") {
        None | Some("customer") => false,
        Some("invoice") => true,
        Some(other) => {
            let message = format!("{other:?} is no way to group; by is customer or invoice");
            return Err(Rejection::at(Code::ReportFilter, "by", message));
        }
    };
    let mut items: BTreeMap<(&Identifier, Currency, Option<&Identifier>), Item> = BTreeMap::new();
    for (id, fact) in &query.views.receivables.invoices {
        let customer = &fact.issued.customer;
        if !query.keeps("customer", Some(customer.as_str())) {
            continue;
        }
        let Some(item) = item(query, id, fact) else { continue };
        let key = (customer, fact.issued.currency, is_by_invoice.then_some(id));
        if let Some(known) = items.get_mut(&key) {
            known.add(&item);
        } else {
            items.insert(key, item);
        }
    }
    let mut items: Vec<_> = items.into_iter().collect();
    // A stable sort: customers stay in the order of their ids where nothing else tells.
    items.sort_by_key(|(_, item)| {
        let is_broken = item.promise_broken.is_positive();
        (Reverse(is_broken), Reverse(item.weight), Reverse(item.oldest_days))
    });
    Ok(table(query, items, is_by_invoice))
}

type Key<'a> = (&'a Identifier, Currency, Option<&'a Identifier>);

fn table(query: &Query<'_>, items: Vec<(Key<'_>, Item)>, is_by_invoice: bool) -> Table {
    let mut columns = vec!["customer"];
    if is_by_invoice {
        columns.push("invoice");
    }
    columns.extend([
        "currency",
        "overdue:amount",
        "oldest_days:integer",
        "invoices:integer",
        "disputed:amount",
        "promised:amount",
        "promise_broken:amount",
        "last_reminder",
        "on_hold",
        "credit_limit:amount",
        "next_step",
    ]);
    let mut table = Table::new(&columns);
    for ((customer, currency, invoice), item) in items {
        let collections = &query.views.collections;
        let limit = record(query, customer).and_then(|record| record.credit_limit);
        let mut row: Vec<Cell> = vec![customer.as_str().into()];
        row.extend(invoice.map(|invoice| invoice.as_str().into()));
        row.extend([
            currency.code().into(),
            item.overdue.into(),
            Cell::Integer(item.oldest_days.into()),
            item.invoices.into(),
            item.disputed.into(),
            item.promised.into(),
            item.promise_broken.into(),
            item.last_reminder.map_or(Cell::Empty, Cell::from),
            collections.on_hold(customer, query.as_of, query.sequence).into(),
            limit.map_or(Cell::Empty, Cell::Amount),
            item.next_step.text().into(),
        ]);
        table.rows.push(row);
    }
    table
}

fn record<'a>(query: &'a Query<'_>, customer: &Identifier) -> Option<&'a CustomerRegistered> {
    query.views.collections.customer(customer, query.as_of, query.sequence)
}

/// An invoice that is overdue, or of which a promise was broken.
fn item(query: &Query<'_>, id: &Identifier, fact: &InvoiceFact) -> Option<Item> {
    let (day, sequence) = (query.as_of, query.sequence);
    let open = open(fact, day, sequence).filter(|open| open.is_positive())?;
    let zero = fact.issued.currency.zero();
    let promise = query.views.collections.promise(id, day, sequence);
    let missing = promise.map_or(zero, |promise| promise.missing(open));
    let is_past = promise.is_some_and(|promise| promise.date < day);
    let (promised, promise_broken) = if is_past { (zero, missing) } else { (missing, zero) };
    let days = dunning::days_overdue(fact.issued.due, day);
    if days == 0 && !promise_broken.is_positive() {
        return None;
    }
    let disputed = disputed(fact, day, sequence, open);
    let collectable = open - disputed;
    let reminded = query.views.collections.reminders(id, day, sequence);
    let (last_day, last_stage) = reminded.fold((None, None), |(on, stage), one| {
        (on.max(Some(one.effective)), stage.max(Some(one.value.issued.after_days)))
    });
    let next_step = if promise_broken.is_positive() {
        NextStep::CallBrokenPromise
    } else if !collectable.is_positive() {
        NextStep::ResolveDispute
    } else if let Some(promise) = promise.filter(|_| promised.is_positive()) {
        NextStep::AwaitPromise(promise.date)
    } else {
        attempt(query, id, fact).unwrap_or_else(|| reminder(query, fact, last_stage))
    };
    let waits = !matches!(next_step, NextStep::CallBrokenPromise) && promised.is_positive();
    let weighs = if waits { zero } else { collectable };
    Some(Item {
        overdue: if days == 0 { zero } else { open },
        oldest_days: days,
        invoices: 1,
        disputed,
        promised,
        promise_broken,
        last_reminder: last_day,
        next_step,
        weight: Amount::from_decimal(multiply_divide(
            weighs.decimal(),
            Decimal::from(days),
            Decimal::ONE,
        )),
    })
}

/// Where the invoice stands with the processor that collects the customer's; none where none does,
/// or where it has nothing to do with what is open.
fn attempt(query: &Query<'_>, id: &Identifier, fact: &InvoiceFact) -> Option<NextStep> {
    let collections = &query.views.collections;
    let named = record(query, &fact.issued.customer).and_then(|one| one.collection.as_deref());
    let (request, end) = collections.request(id, query.as_of, query.sequence)?;
    match end {
        None => Some(NextStep::Requested(request.effective)),
        Some(RequestEnd::Failed { next_attempt: None, .. }) => Some(NextStep::CallFailed),
        Some(RequestEnd::Failed { next_attempt: Some(day), .. }) => {
            let still = query.views.policies.collection.named(named);
            still.map(|_| NextStep::Attempt(*day))
        }
        Some(RequestEnd::Paid { .. } | RequestEnd::Canceled { .. }) => None,
    }
}

/// Where the invoice stands in the customer's dunning policy.
fn reminder(query: &Query<'_>, fact: &InvoiceFact, reminded: Option<u32>) -> NextStep {
    let named = record(query, &fact.issued.customer).and_then(|one| one.dunning.as_deref());
    let Some((_, stages)) = query.views.policies.dunning.named(named) else {
        return NextStep::Call;
    };
    match dunning::next(stages, reminded) {
        None => NextStep::Decide,
        Some((_, stage)) => {
            let days = i32::try_from(stage.after_days).unwrap_or(i32::MAX);
            let due = fact.issued.due.plus_days(days);
            if due <= query.as_of { NextStep::Remind } else { NextStep::Reminder(due) }
        }
    }
}

/// The reminders that were issued.
pub(super) fn reminders(query: &Query<'_>) -> Result<Table, Rejection> {
    let (from, to) = (query.from()?, query.to()?.min(query.as_of));
    let mut rows = Vec::new();
    for (invoice, reminders) in &query.views.collections.reminders {
        for one in reminders {
            let issued = &one.value.issued;
            if one.sequence <= query.sequence
                && one.effective <= to
                && from.is_none_or(|from| one.effective >= from)
                && query.keeps("customer", Some(issued.customer.as_str()))
                && query.keeps("invoice", Some(invoice.as_str()))
            {
                rows.push((one.effective, one.sequence, issued));
            }
        }
    }
    rows.sort_by_key(|row| (row.0, row.1));
    let mut table = Table::new(&[
        "date",
        "customer",
        "invoice",
        "stage:integer",
        "notice",
        "days_overdue:integer",
        "currency",
        "open:amount",
    ]);
    for (date, _, issued) in rows {
        table.rows.push(vec![
            date.into(),
            issued.customer.as_str().into(),
            issued.invoice.as_str().into(),
            Cell::Integer(issued.stage.into()),
            issued.notice.as_str().into(),
            Cell::Integer(issued.days_overdue.into()),
            issued.currency.code().into(),
            issued.open.into(),
        ]);
    }
    Ok(table)
}

/// What processors were asked for, and what came of it.
pub(super) fn payment_requests(query: &Query<'_>) -> Result<Table, Rejection> {
    let (from, to) = (query.from()?, query.to()?.min(query.as_of));
    let mut rows = Vec::new();
    for (invoice, requests) in &query.views.collections.requests {
        for one in requests {
            let asked = &one.value.asked;
            let end = at(&one.value.ends, query.as_of, query.sequence);
            if one.sequence <= query.sequence
                && one.effective <= to
                && from.is_none_or(|from| one.effective >= from)
                && query.keeps("customer", Some(asked.customer.as_str()))
                && query.keeps("invoice", Some(invoice.as_str()))
                && query.keeps("status", Some(status(end)))
            {
                rows.push((one.effective, one.sequence, asked, end));
            }
        }
    }
    rows.sort_by_key(|row| (row.0, row.1));
    let mut table = Table::new(&[
        "date",
        "request",
        "invoice",
        "customer",
        "currency",
        "amount:amount",
        "attempt:integer",
        "processor",
        "status",
        "payment",
        "code",
        "next_attempt",
    ]);
    for (date, _, asked, end) in rows {
        let (payment, code, next) = match end {
            None => (None, None, None),
            Some(RequestEnd::Paid { payment }) => (Some(payment.as_str()), None, None),
            Some(RequestEnd::Failed { code, next_attempt }) => {
                (None, Some(code.as_str()), *next_attempt)
            }
            Some(RequestEnd::Canceled { code }) => (None, code.as_deref(), None),
        };
        table.rows.push(vec![
            date.into(),
            asked.request.as_str().into(),
            asked.invoice.as_str().into(),
            asked.customer.as_str().into(),
            asked.currency.code().into(),
            asked.amount.into(),
            Cell::Integer(asked.attempt.into()),
            asked.processor.as_str().into(),
            status(end).into(),
            payment.map_or(Cell::Empty, Cell::from),
            code.map_or(Cell::Empty, Cell::from),
            next.map_or(Cell::Empty, Cell::from),
        ]);
    }
    Ok(table)
}

/// How a request stands, in a word.
fn status(end: Option<&RequestEnd>) -> &'static str {
    match end {
        None => "in_flight",
        Some(RequestEnd::Paid { .. }) => "paid",
        Some(RequestEnd::Failed { .. }) => "failed",
        Some(RequestEnd::Canceled { .. }) => "canceled",
    }
}
