//! Closes and what came late for them: who closed what when and why with which figures, and every
//! event that was recorded for closed days.

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::calendar::Day;
use ledger_core::event::close::{ContractRoll, Finding, ReceivablesRoll, Seal};
use ledger_core::money::{Amount, multiply_divide};
use ledger_core::posting::{Role, Target};
use ledger_core::rejection::Rejection;
use schemas::record::instant;
use serde_json::{Value, json};

use crate::facts::Closing;
use crate::reports::late::{self, flag};
use crate::reports::{Cell, Query, Table};
use crate::seals;
use crate::views::{AuditEntry, Contract, Line, Step};

/// Every close and reopening, with what was sealed and what was still open.
pub(super) fn closes(query: &Query<'_>) -> Result<Table, Rejection> {
    let mut table = Table::new(&[
        "sequence:integer",
        "type",
        "through",
        "recorded_at",
        "effective",
        "actor",
        "reason",
        "stands",
        "warnings",
        "log_position:integer",
        "from",
        "currency",
        "receivables_opening:amount",
        "invoiced:amount",
        "paid:amount",
        "receivables_credited:amount",
        "receivables_written_off:amount",
        "receivables_closing:amount",
        "liability_opening:amount",
        "billed:amount",
        "recognised:amount",
        "liability_credited:amount",
        "liability_written_off:amount",
        "liability_fx:amount",
        "liability_closing:amount",
    ]);
    let stands: BTreeSet<u64> = seals::closes(query.views, query.sequence)
        .into_iter()
        .filter(|one| one.reopened.is_none())
        .map(|one| one.sequence)
        .collect();
    let mut details: Vec<Value> = Vec::new();
    for (sequence, closing) in &query.views.audit_trail.closings {
        let Some(row) = row_of(query, *sequence) else { continue };
        let (through, seal, warnings, standing) = match closing {
            Closing::Closed(closed) => (
                closed.through,
                closed.seal.as_deref(),
                closed.warnings.as_slice(),
                flag(stands.contains(sequence)),
            ),
            Closing::Reopened(reopened) => (reopened.from.previous(), None, [].as_slice(), ""),
        };
        let mut cells: Vec<Cell> = vec![
            (*sequence).into(),
            row.kind.as_ref().into(),
            through.into(),
            instant(row.recorded_at).into(),
            row.effective.into(),
            row.actor.as_str().into(),
            row.reason.as_deref().unwrap_or("").into(),
            standing.into(),
            told(warnings).into(),
        ];
        cells.extend(sealed(seal));
        table.rows.push(cells);
        details.push(json!({"sequence": sequence, "seal": seal, "warnings": warnings}));
    }
    table.details = Some(json!({"closes": details}));
    Ok(table)
}

fn told(warnings: &[Finding]) -> String {
    let all: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    all.join("; ")
}

/// The cells of a seal; empty ones where there is none.
fn sealed(seal: Option<&Seal>) -> Vec<Cell> {
    let Some(seal) = seal else { return vec![Cell::Empty; 16] };
    let from = seal.from.map_or(Cell::Empty, Cell::from);
    let mut cells = vec![seal.sequence.into(), from, seal.currency.code().into()];
    let ReceivablesRoll { opening, invoiced, paid, credited, written_off, closing } =
        seal.receivables;
    cells.extend([opening, invoiced, paid, credited, written_off, closing].map(Cell::Amount));
    let ContractRoll { opening, billed, recognised, credited, written_off, fx, closing } =
        seal.contract_liability;
    // A seal leaves it out where it is nothing.
    let fx = seal.currency.zero() + fx;
    let contracts = [opening, billed, recognised, credited, written_off, fx, closing];
    cells.extend(contracts.map(Cell::Amount));
    cells
}

/// The audit row of an event that the question knows.
fn row_of<'a>(query: &Query<'a>, sequence: u64) -> Option<&'a AuditEntry> {
    let place = usize::try_from(sequence).ok()?.checked_sub(1)?;
    query.views.audit_trail.rows().get(place).filter(|row| row.sequence <= query.sequence)
}

/// What an event that came late did.
#[derive(Default)]
struct Correction {
    posted: Option<Day>,
    roles: BTreeMap<Role, Amount>,
    /// On balances of contracts.
    contract: Amount,
}

/// Every event of an order, or that posts, that was recorded for days that were closed by then, with
/// its effect by role, debit-positive: what was posted, or is caught up, on the first open day.
pub(super) fn corrections(query: &Query<'_>) -> Result<Table, Rejection> {
    let (from, to) = (query.from()?, query.filters.day("to")?);
    let mut table = Table::new(&[
        "sequence:integer",
        "recorded_at",
        "effective",
        "posted",
        "type",
        "document",
        "customer",
        "actor",
        "reason",
        "currency",
        "receivable:amount",
        "revenue:amount",
        "deferred:amount",
        "tax:amount",
        "cash:amount",
        "unapplied:amount",
        "other:amount",
    ]);
    let Some(currency) = query.views.currency() else { return Ok(table) };
    for (sequence, found) in found(query) {
        let (Some(row), Some(posted)) = (row_of(query, sequence), found.posted) else { continue };
        if from.is_some_and(|from| posted < from)
            || to.is_some_and(|to| posted > to)
            || !query.keeps("customer", row.customer.as_ref().map(|id| id.as_str()))
            || !query.keeps("document", Some(row.document.as_str()))
            || !query.keeps("actor", Some(&row.actor))
            || !query.keeps("type", Some(&row.kind))
        {
            continue;
        }
        let mut cells: Vec<Cell> = vec![
            sequence.into(),
            instant(row.recorded_at).into(),
            row.effective.into(),
            posted.into(),
            row.kind.as_ref().into(),
            row.document.as_str().into(),
            row.customer.as_ref().map_or("", |id| id.as_str()).into(),
            row.actor.as_str().into(),
            row.reason.as_deref().unwrap_or("").into(),
            currency.code().into(),
        ];
        let amounts = effects(&found);
        cells.extend(amounts.map(|amount| Cell::Amount(currency.zero() + amount)));
        table.rows.push(cells);
    }
    Ok(table)
}

/// receivable, revenue, deferred, tax, cash, unapplied, other.
fn effects(found: &Correction) -> [Amount; 7] {
    let of = |roles: &[Role]| -> Amount {
        roles.iter().map(|role| found.roles.get(role).copied().unwrap_or_default()).sum()
    };
    let receivable = of(&[Role::AccountsReceivable]);
    let revenue = of(&[Role::Revenue, Role::ContraRevenue]);
    let tax = of(&[Role::TaxPayable]);
    let cash = of(&[Role::Cash]);
    let unapplied = of(&[Role::UnappliedCash, Role::CustomerCredits]);
    let all: Amount = found.roles.values().copied().sum();
    let other = all - (receivable + revenue + tax + cash + unapplied);
    [receivable, revenue, found.contract, tax, cash, unapplied, other]
}

fn found(query: &Query<'_>) -> BTreeMap<u64, Correction> {
    let mut all: BTreeMap<u64, Correction> = BTreeMap::new();
    let closes = &query.views.deferred_revenue.closes;
    if closes.is_empty() {
        return all;
    }
    for row in query.views.audit_trail.rows().iter().filter(|row| row.sequence <= query.sequence) {
        // Of orders also what changes nothing of the closed days; reminders and the like never do.
        let closed = closes.closed_before(row.sequence).filter(|day| row.effective <= *day);
        if let Some(closed) = closed.filter(|_| row.document_kind == "order") {
            all.entry(row.sequence).or_default().posted = Some(closed.next());
        }
    }
    for entry in &query.views.receivables.entries {
        if !entry.is_late() || entry.sequence > query.sequence {
            continue;
        }
        let correction = all.entry(entry.sequence).or_default();
        correction.posted = Some(entry.date);
        for leg in entry.book_legs() {
            match &leg.target {
                Target::Role(role) => *correction.roles.entry(*role).or_default() += leg.amount,
                Target::Contract(_) => correction.contract += leg.amount,
            }
        }
    }
    let steps = query.at().steps();
    for contract in query.views.deferred_revenue.contracts.values() {
        let valued = Valued::new(query, contract, &steps);
        for line in contract.lines.values() {
            for step in &steps {
                for (sequence, amount) in caught_up_by(line, step, contract.currency) {
                    let amount = valued.part(query, step.closed.next(), amount);
                    let correction = all.entry(sequence).or_default();
                    correction.posted.get_or_insert(step.closed.next());
                    *correction.roles.entry(Role::Revenue).or_default() -= amount;
                    correction.contract += amount;
                }
            }
        }
    }
    all
}

/// What a contract catches up by day, in its own currency and in the book's.
struct Valued {
    own: BTreeMap<Day, Amount>,
    in_book: BTreeMap<Day, Amount>,
}

impl Valued {
    fn new(query: &Query<'_>, contract: &Contract, steps: &[Step]) -> Self {
        let mut own: BTreeMap<Day, Amount> = BTreeMap::new();
        if query.views.currency() != Some(contract.currency) {
            let lines = contract.lines.values();
            for (day, amount) in
                lines.flat_map(|line| late::caught_up(line, steps, contract.currency))
            {
                *own.entry(day).or_default() += amount;
            }
        }
        let in_book =
            if own.is_empty() { BTreeMap::new() } else { late::in_book(query, contract, steps) };
        Self { own, in_book }
    }

    /// A part of what a day catches up, in the book's currency.
    fn part(&self, query: &Query<'_>, day: Day, amount: Amount) -> Amount {
        let whole = self.own.get(&day).copied().unwrap_or_default();
        let (Some(value), Some(valuing)) = (self.in_book.get(&day), query.views.valuing()) else {
            return amount;
        };
        if whole.is_zero() {
            return Amount::ZERO;
        }
        let exact = multiply_divide(value.decimal(), amount.decimal(), whole.decimal());
        valuing.currency.round(exact, valuing.rounding)
    }
}

/// What a line catches up behind a step, by the event that made it so.
fn caught_up_by(
    line: &Line,
    step: &Step,
    currency: ledger_core::money::Currency,
) -> Vec<(u64, Amount)> {
    let mut before = None;
    let mut all = Vec::new();
    for sequence in line.learned_at(step.before, step.after) {
        let earned = |at: u64| line.earned_as_known(step.closed, at, currency);
        let was = before.unwrap_or_else(|| earned(step.before));
        let is = earned(sequence);
        if is != was {
            all.push((sequence, is - was));
        }
        before = Some(is);
    }
    all
}
