//! The invariants of the books (accounting, section 7), checked over folded views.

use std::collections::BTreeSet;

use ledger_core::calendar::Day;
use ledger_core::id::Identifier;
use ledger_core::money::Amount;

use crate::reports::{Cell, Filters, untied, wanted};
use crate::views::{Contract, Line, Views};

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The event at which it shows, where one can be named.
    pub sequence: Option<u64>,
    /// Which one.
    pub invariant: &'static str,
    /// What was found.
    pub message: String,
}

/// Checks every invariant that applies, at every month's end and at the last day.
pub fn check(views: &Views) -> Vec<Violation> {
    let mut violations = Vec::new();
    entries_balance(views, &mut violations);
    open_amounts(views, &mut violations);
    lines_sum(views, &mut violations);
    for day in days(views) {
        control_accounts(views, day, &mut violations);
    }
    violations
}

/// What is left to check behind the last event of a log whose every prefix was checked: the trial
/// balance, at its last day, and where documents have other currencies at every month's end.
pub(crate) fn at_end(views: &Views) -> Vec<Violation> {
    let mut violations = Vec::new();
    let days = days(views);
    let last = days.len().saturating_sub(1);
    let first = if views.rates.is_empty() { last } else { 0 };
    for day in days.into_iter().skip(first) {
        control_accounts(views, day, &mut violations);
    }
    violations
}

/// Every month's end between the first and the last entry, and the day of the last.
fn days(views: &Views) -> BTreeSet<Day> {
    let dates = views.receivables.entries.iter().map(|entry| entry.date);
    let mut days: BTreeSet<Day> = dates.clone().map(|date| date.month().last()).collect();
    days.extend(dates.max());
    days
}

fn entries_balance(views: &Views, violations: &mut Vec<Violation>) {
    for entry in &views.receivables.entries {
        let sum: Amount = entry.legs.iter().map(|leg| leg.amount).sum();
        let value: Amount = entry.book_legs().map(|leg| leg.amount).sum();
        if !(sum.is_zero() && value.is_zero()) {
            let off = if sum.is_zero() { value } else { sum };
            violations.push(Violation {
                sequence: Some(entry.sequence),
                invariant: "debits equal credits",
                message: format!("the entry of {} is off by {off}", entry.document),
            });
        }
    }
}

fn open_amounts(views: &Views, violations: &mut Vec<Violation>) {
    let mut negative = |sequence: u64, what: String, amount: Amount| {
        if amount.is_negative() {
            violations.push(Violation {
                sequence: Some(sequence),
                invariant: "nothing is settled beyond what is open",
                message: format!("{what} stands at {amount}"),
            });
        }
    };
    for (id, fact) in &views.receivables.invoices {
        let mut open = fact.issued.total;
        for one in &fact.settlements {
            open -= one.amount;
            negative(one.sequence, format!("invoice {id}"), open);
        }
    }
    for (id, fact) in &views.receivables.payments {
        let mut left = fact.received.amount;
        for one in &fact.uses {
            left -= one.amount;
            negative(one.sequence, format!("payment {id}"), left);
        }
    }
    for (id, fact) in &views.receivables.credits {
        let mut left = fact.issued.total;
        for one in &fact.uses {
            left -= one.amount;
            negative(one.sequence, format!("credit {id}"), left);
        }
    }
}

/// Recognised and still to recognise are each line's price: at its end nothing is left over.
fn lines_sum(views: &Views, violations: &mut Vec<Violation>) {
    for contract in views.deferred_revenue.contracts.values() {
        for (name, line) in &contract.lines {
            if let Some(message) = line_sum(views, contract, name, line) {
                let sequence = line.versions.last().map(|(at, _)| *at);
                violations.push(Violation { sequence, invariant: LINES_SUM, message });
            }
        }
    }
}

/// The invariant of [`line_sum`].
pub(crate) const LINES_SUM: &str = "recognised and to come are the allocated price";

/// What a line earns in all where that is not its price.
pub(crate) fn line_sum(
    views: &Views,
    contract: &Contract,
    name: &Identifier,
    line: &Line,
) -> Option<String> {
    // What deliveries earn is bounded by what is recorded; a rest that waits has no day.
    let dated = line.latest(views.sequence);
    let latest = dated.filter(|one| one.progress.is_none() && !one.is_paused)?;
    // What was late for closed days is earned on the first open one.
    let at = views.deferred_revenue.at(views.sequence);
    let caught_up = at.last_catch_up().filter(|day| *day > latest.end);
    // What recurs behind the last day of a version has no total.
    if latest.recurring.is_some() && (caught_up.is_some() || latest.from > latest.end) {
        return None;
    }
    let far = latest.end.max(latest.from).max(caught_up.unwrap_or(latest.from));
    let earned = line.earned(far, at, contract.currency);
    let total = latest.total();
    (earned != total).then(|| format!("line {name} of {:?} earns {earned} of {total}", contract.id))
}

/// The trial balance is zero, and its control accounts equal the documents.
fn control_accounts(views: &Views, day: Day, violations: &mut Vec<Violation>) {
    let mut filters = Filters::default();
    filters.set("as_of", day.to_string());
    let made = untied("trial-balance", &filters, views, day)
        .and_then(|table| Ok((table, wanted(views, day)?)));
    let (table, figures) = match made {
        Ok(made) => made,
        Err(rejection) => {
            violations.push(Violation {
                sequence: None,
                invariant: "the trial balance can be made",
                message: format!("on {day}: {rejection}"),
            });
            return;
        }
    };
    let place = |name: &str| table.columns.iter().position(|(column, _)| column == name);
    let (role, balance) = (place("role"), place("balance"));
    let text = |row: &[Cell], at: Option<usize>| {
        at.and_then(|at| row.get(at)).map(Cell::text).unwrap_or_default()
    };
    // A balance that is no amount would not tie.
    let sum = |keep: &[&str]| -> Amount {
        let rows = table
            .rows
            .iter()
            .filter(|row| keep.is_empty() || keep.contains(&text(row, role).as_str()));
        rows.filter_map(|row| balance.and_then(|at| row.get(at))).map(Cell::amount).sum()
    };
    let pairs = [
        ("the trial balance is zero", sum(&[]), Amount::ZERO),
        (
            "accounts_receivable is the sum of the open items",
            sum(&["accounts_receivable"]),
            figures.receivable,
        ),
        (
            "deferred less unbilled is billed less recognised",
            -sum(&["deferred_revenue", "unbilled_receivable"]),
            figures.contracts,
        ),
        (
            "unapplied cash and customer credits are what is left of payments and credits",
            -sum(&["unapplied_cash", "customer_credits"]),
            figures.unapplied,
        ),
    ];
    for (invariant, found, wanted) in pairs {
        if found != wanted {
            violations.push(Violation {
                sequence: None,
                invariant,
                message: format!("on {day}: {found} against {wanted}"),
            });
        }
    }
}
