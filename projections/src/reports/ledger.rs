//! Double entry: the trial balance and the journal (accounting, section 2).

use ledger_core::money::Currency;
use ledger_core::rejection::Rejection;

use crate::reports::general_ledger::{Entry, GeneralLedger, Leg, Recognition};
use crate::reports::{Cell, Query, Table};

impl<'a> Query<'a> {
    /// The general ledger as it is asked for; none before the book was opened.
    pub(super) fn general_ledger(&self) -> Option<GeneralLedger<'a>> {
        GeneralLedger::of(*self)
    }
}

/// The balance of each account and role.
pub(super) fn trial_balance(query: &Query<'_>) -> Result<Table, Rejection> {
    let mut table = Table::new(&[
        "account",
        "role",
        "currency",
        "debit:amount",
        "credit:amount",
        "balance:amount",
        "late:amount",
    ]);
    let Some(ledger) = query.general_ledger() else { return Ok(table) };
    let currency = ledger.currency();
    let zero = currency.zero();
    for ((role, account), (balance, late)) in ledger.balances_with_late(query.as_of) {
        let is_nothing = balance.is_zero() && late.is_zero();
        if is_nothing || !query.keeps("role", Some(role.as_str())) {
            continue;
        }
        table.rows.push(vec![
            account.into(),
            role.as_str().into(),
            currency.code().into(),
            balance.max(zero).into(),
            (-balance).max(zero).into(),
            balance.into(),
            late.into(),
        ]);
    }
    Ok(table)
}

/// Every entry. A document's contract legs go to deferred_revenue; the contract's own entry of
/// the day recognises, and moves what belongs to unbilled_receivable, so that the journal sums
/// to the trial balance.
pub(super) fn journal(query: &Query<'_>) -> Result<Table, Rejection> {
    let (from, to) = (query.from()?, query.to()?);
    let mut table = Table::new(&[
        "date",
        "entry",
        "account",
        "role",
        "currency",
        "debit:amount",
        "credit:amount",
        "document",
        "sequence:integer",
        "document_currency",
        "document_amount:amount",
        "customer",
        "line",
        "type",
        "actor",
        "command_id",
        "reason",
        "policy",
        "late:amount",
    ]);
    let Some(ledger) = query.general_ledger() else { return Ok(table) };
    let currency = ledger.currency();
    let zero = currency.zero();
    for entry in ledger.entries(from, to, Recognition::Daily) {
        if !query.keeps("document", Some(entry.document.as_ref())) {
            continue;
        }
        let legs = entry.legs.iter();
        for leg in legs.filter(|leg| query.keeps("role", Some(leg.role.as_str()))) {
            let mut row = vec![
                entry.date.into(),
                entry.id().into(),
                leg.account.into(),
                leg.role.as_str().into(),
                currency.code().into(),
                leg.amount.max(zero).into(),
                (-leg.amount).max(zero).into(),
                entry.document.as_ref().into(),
                entry.sequence.into(),
            ];
            row.extend(in_document(leg, currency));
            row.extend(origin(&entry));
            row.push(leg.late.into());
            table.rows.push(row);
        }
    }
    Ok(table)
}

/// The document's currency, and the amount in it, debit-positive.
fn in_document(leg: &Leg<'_>, book: Currency) -> [Cell; 2] {
    let (currency, amount) =
        leg.document.map_or((book, leg.amount), |own| (own.currency, own.amount));
    [currency.code().into(), amount.into()]
}

/// What leads from an entry to where it comes from.
fn origin(entry: &Entry<'_>) -> [Cell; 7] {
    let [kind, actor, command, reason] = who(entry);
    [
        entry.customer.map_or(Cell::Empty, |customer| customer.as_str().into()),
        Some(entry.line_names()).filter(|names| !names.is_empty()).map_or(Cell::Empty, Cell::from),
        kind,
        actor,
        command,
        reason,
        entry.policy().map_or(Cell::Empty, Cell::from),
    ]
}

/// An entry's type, actor, command and reason.
pub(super) fn who(entry: &Entry<'_>) -> [Cell; 4] {
    let event = entry.event;
    let reason = event.and_then(|event| event.reason.as_deref());
    [
        entry.kind_name().into(),
        event.map_or(Cell::Empty, |event| event.actor.as_str().into()),
        event.map_or(Cell::Empty, |event| event.command_id.as_str().into()),
        reason.map_or(Cell::Empty, Cell::from),
    ]
}
