//! The checklist of a close: what is still open of the days that are to be closed.

use std::collections::BTreeMap;

use crate::calendar::{Day, YearMonth};
use crate::closing::Check;
use crate::decide::invoice;
use crate::event::close::Finding;
use crate::id::Identifier;
use crate::money::{Amount, Currency};
use crate::policy::CloseCheck;
use crate::posting::Role;
use crate::state::order::OrderLine;
use crate::state::requests::Status;
use crate::state::{Book, Ledger};

/// Documents that a finding names, at most.
const FIRST_MAX: usize = 5;

/// Counts what a check finds.
struct Counter {
    found: Finding,
    /// Of what is counted by another name than each item's own: the last name.
    last: Option<String>,
}

impl Counter {
    fn new(check: Check) -> Self {
        let found = Finding {
            check,
            count: 0,
            amounts: BTreeMap::new(),
            first: Vec::new(),
            note: None,
            accepted: false,
        };
        Self { found, last: None }
    }

    fn add(&mut self, name: &str, amount: Option<(Currency, Amount)>) {
        self.found.count = self.found.count.saturating_add(1);
        if let Some((currency, amount)) = amount {
            let sums = &mut self.found.amounts;
            *sums.entry(currency.code().to_owned()).or_insert(currency.zero()) += amount;
        }
        if self.last.as_deref() != Some(name) {
            self.last = Some(name.to_owned());
            if self.found.first.len() < FIRST_MAX && !self.found.first.iter().any(|one| one == name)
            {
                self.found.first.push(name.to_owned());
            }
        }
    }

    fn done(self) -> Option<Finding> {
        (self.found.count > 0).then_some(self.found)
    }
}

/// Everything that the book wants looked at and that is open.
pub(super) fn findings(state: &Ledger, book: &Book, through: Day) -> Vec<Finding> {
    let wanted = Check::ALL
        .into_iter()
        .filter(|check| book.policies.close_checks.get(*check) != CloseCheck::Ignore);
    wanted.filter_map(|check| found(check, state, book, through)).collect()
}

fn found(check: Check, state: &Ledger, book: &Book, through: Day) -> Option<Finding> {
    match check {
        Check::Books => books(state, book),
        Check::SkippedMonths => skipped_months(book, through),
        Check::Unbilled => unbilled(state, book, through),
        Check::UsageMissing => usage_missing(state, book, through),
        Check::DeliveriesMissing => deliveries_missing(state, through),
        Check::UnappliedCash => unapplied_cash(state, through),
        Check::UnusedCredits => unused_credits(state, through),
        Check::PaymentRequests => payment_requests(state, through),
    }
}

/// Control accounts that are not what the documents say. A book with documents in other currencies
/// is not looked at here: its documents do not add up in one.
fn books(state: &Ledger, book: &Book) -> Option<Finding> {
    if has_other_currencies(state, book) {
        return None;
    }
    let sums = state.books.ever();
    let open: Amount = state.invoices.values().map(|one| one.open).sum();
    let unapplied: Amount = state.payments.values().map(|one| one.unapplied).sum();
    let unused: Amount = state.credits.values().map(|one| one.unused).sum();
    let mut counter = Counter::new(Check::Books);
    let pairs = [
        (Role::AccountsReceivable, open),
        (Role::UnappliedCash, -unapplied),
        (Role::CustomerCredits, -unused),
    ];
    for (role, documents) in pairs {
        let off = sums.role(role) - documents;
        if !off.is_zero() {
            counter.add(role.as_str(), Some((book.currency, off)));
        }
    }
    counter.done()
}

/// Whether any document has another currency than the book's.
fn has_other_currencies(state: &Ledger, book: &Book) -> bool {
    let is_other = |currency: Currency| currency != book.currency;
    state.orders.values().any(|one| is_other(one.currency))
        || state.invoices.values().any(|one| is_other(one.currency))
        || state.payments.values().any(|one| is_other(one.currency))
        || state.credits.values().any(|one| is_other(one.currency))
}

/// The month after the last closed one.
pub(super) fn next_month(closed: Day) -> YearMonth {
    closed.next().month()
}

/// Whole months between the last close and the month of this one: each would have no figures of
/// its own. A first close has no month before it.
fn skipped_months(book: &Book, through: Day) -> Option<Finding> {
    let next = book.closed_through?.next();
    let mut month = if next.day() == 1 { next.month() } else { next.month().plus(1) };
    let mut counter = Counter::new(Check::SkippedMonths);
    while month < through.month() {
        counter.add(&month.to_string(), None);
        month = month.plus(1);
    }
    counter.done()
}

fn unbilled(state: &Ledger, book: &Book, through: Day) -> Option<Finding> {
    let mut counter = Counter::new(Check::Unbilled);
    match invoice::unbilled(state, book, through) {
        Ok(list) => {
            for (order, currency, net) in list {
                counter.add(order.as_str(), Some((currency, net)));
            }
        }
        Err(rejection) => {
            counter.add("RunBilling", None);
            counter.found.note = Some(format!("a run through {through} is refused: {rejection}"));
        }
    }
    counter.done()
}

/// The lines that are in force on some of the days, with the first and the last of them.
fn lines(state: &Ledger) -> impl Iterator<Item = (&Identifier, &OrderLine, Option<Day>)> {
    state.orders.iter().filter(|(_, order)| order.suspended.is_none()).flat_map(|(id, order)| {
        let cancelled = order.cancelled;
        order.lines.iter().filter_map(move |line| {
            let last = match (line.placed.last(), cancelled) {
                (Some(last), Some(day)) => Some(last.min(day)),
                (last, day) => last.or(day),
            };
            (!line.removed).then_some((id, line, last))
        })
    })
}

fn usage_missing(state: &Ledger, book: &Book, through: Day) -> Option<Finding> {
    let mut counter = Counter::new(Check::UsageMissing);
    // A first close asks for the readings of its last month.
    let from = book.closed_through.map_or(through.month().first(), Day::next);
    for (id, line, last) in lines(state) {
        let Some(meter) = &line.meter else { continue };
        let first = line.placed.start.max(from);
        let last = last.map_or(through, |last| last.min(through));
        let is_read = meter.days(u64::MAX).any(|day| day >= first && day <= last);
        if first <= last && !is_read && !line.placed.is_suspended {
            counter.add(&format!("{id}/{}", line.placed.line), None);
        }
    }
    counter.done()
}

fn deliveries_missing(state: &Ledger, through: Day) -> Option<Finding> {
    let mut counter = Counter::new(Check::DeliveriesMissing);
    for (id, line, last) in lines(state) {
        let is_over = last.is_some_and(|last| last <= through);
        let asks = line.versions.last().is_some_and(|version| version.progress.is_some());
        let (done, whole) = line.delivered(through);
        if is_over && asks && done < whole {
            counter.add(&format!("{id}/{}", line.placed.line), None);
        }
    }
    counter.done()
}

/// Money of the closed days that still settles nothing now.
fn unapplied_cash(state: &Ledger, through: Day) -> Option<Finding> {
    let mut counter = Counter::new(Check::UnappliedCash);
    let open = state.payments.iter().filter(|(_, one)| one.received <= through);
    for (id, payment) in open.filter(|(_, one)| one.unapplied.is_positive()) {
        counter.add(id.as_str(), Some((payment.currency, payment.unapplied)));
    }
    counter.done()
}

fn unused_credits(state: &Ledger, through: Day) -> Option<Finding> {
    let mut counter = Counter::new(Check::UnusedCredits);
    let open = state.credits.iter().filter(|(_, one)| one.issued <= through);
    for (id, credit) in open.filter(|(_, one)| one.unused.is_positive()) {
        counter.add(id.as_str(), Some((credit.currency, credit.unused)));
    }
    counter.done()
}

fn payment_requests(state: &Ledger, through: Day) -> Option<Finding> {
    let mut counter = Counter::new(Check::PaymentRequests);
    let waiting = state.requests.iter().filter(|(_, track)| track.status == Status::InFlight);
    for (id, _) in waiting {
        let Some(invoice) = state.invoices.get(id).filter(|one| one.issued <= through) else {
            continue;
        };
        counter.add(id.as_str(), Some((invoice.currency, invoice.open)));
    }
    counter.done()
}
