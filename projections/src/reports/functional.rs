//! Figures in the book's currency of documents in other ones (accounting, section 6): what
//! contracts, open items and money stand at, each by a route of its own beside the entries.

use ledger_core::calendar::Day;
use ledger_core::money::{Amount, Currency, multiply_divide};
use ledger_core::policy::FxRevaluation;
use ledger_core::posting::Role;

use crate::reports::Query;
use crate::views::{Contract, InvoiceFact, Standing, Walk};

/// Where a contract stands at the end of a day, in the book's currency.
pub(super) fn standing(query: &Query<'_>, contract: &Contract, day: Day) -> Standing {
    match walk(query, contract) {
        Some(mut walk) => walk.through(day),
        None => own_standing(query, contract, day),
    }
}

/// A walk over a contract in another currency than the book's; none for one in the book's.
pub(super) fn walk<'a>(query: &Query<'a>, contract: &'a Contract) -> Option<Walk<'a>> {
    let valuing = query.views.valuing()?;
    let at = query.views.deferred_revenue.at(query.sequence);
    (contract.currency != valuing.currency).then(|| Walk::new(contract, at, valuing))
}

/// Where a contract stands in its own currency.
pub(super) fn own_standing(query: &Query<'_>, contract: &Contract, day: Day) -> Standing {
    let recognised = contract.recognised(day, query.at());
    let balance = contract.billed(day, query.sequence) - recognised;
    let zero = contract.currency.zero();
    Standing { deferred: balance.max(zero), unbilled: (-balance).max(zero), recognised, loss: zero }
}

/// What was billed of a contract net of credits, in the book's currency.
pub(super) fn billed(query: &Query<'_>, contract: &Contract, day: Day) -> Amount {
    let bills = contract.bills(query.sequence).filter(|(date, _)| *date <= day);
    bills.map(|(_, bill)| bill.value).sum()
}

/// Whether monetary items stand at the closing rate at the end of a day: where it is asked for,
/// and at each month's end where the book's policy says so.
pub(super) fn is_revalued(query: &Query<'_>, day: Day) -> bool {
    let is_asked = query.filters.get("revalue") == Some("true") && day == query.as_of;
    let is_month_end = day == day.month().last();
    is_asked || is_month_end && query.views.policies.fx_revaluation == FxRevaluation::On
}

/// A part of an invoice or credit in the book's currency, at the rate of that document. `role` is
/// the account on which it opened.
pub(super) fn at_own_rate(
    query: &Query<'_>,
    (sequence, role): (u64, Role),
    (part, whole): (Amount, Amount),
) -> Amount {
    let functional =
        query.views.receivables.entry(sequence).and_then(|entry| entry.functional.as_ref());
    let (Some(functional), Some(valuing)) = (functional, query.views.valuing()) else {
        return part;
    };
    if whole.is_zero() {
        return Amount::ZERO;
    }
    let value = functional.role(role).abs();
    let exact = multiply_divide(value.decimal(), part.decimal(), whole.decimal());
    valuing.currency.round(exact, valuing.rounding)
}

/// What something that is open stands at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Monetary {
    /// The account's role.
    pub(super) role: Role,
    /// Its currency.
    pub(super) currency: Currency,
    /// At its own rate, in the book's currency; debit-positive.
    pub(super) value: Amount,
    /// At the closing rate of the day.
    pub(super) closing: Amount,
}

/// Every document in another currency than the book's of which something is open at the end of a
/// day: invoices, payments that are not applied, credits that are not used (readings, 48).
pub(super) fn monetary(query: &Query<'_>, day: Day) -> Vec<Monetary> {
    let Some(book) = query.views.currency() else { return Vec::new() };
    let receivables = &query.views.receivables;
    let mut all = Vec::new();
    for fact in receivables.invoices.values().filter(|fact| fact.issued.currency != book) {
        let moves = fact.settlements.iter().map(|one| (one.effective, one.sequence, one.amount));
        let opened = (fact.posted, fact.sequence, fact.issued.total);
        all.extend(item(
            query,
            (Role::AccountsReceivable, fact.issued.currency),
            opened,
            moves,
            day,
        ));
    }
    for fact in receivables.payments.values().filter(|fact| fact.received.currency != book) {
        let moves = fact.uses.iter().map(|one| (one.effective, one.sequence, one.amount));
        let opened = (fact.effective, fact.sequence, fact.received.amount);
        all.extend(item(query, (Role::UnappliedCash, fact.received.currency), opened, moves, day));
    }
    for fact in receivables.credits.values().filter(|fact| fact.issued.currency != book) {
        let moves = fact.uses.iter().map(|one| (one.effective, one.sequence, one.amount));
        let opened = (fact.effective, fact.sequence, fact.issued.total);
        all.extend(item(query, (Role::CustomerCredits, fact.issued.currency), opened, moves, day));
    }
    all
}

/// What is open of an invoice at the end of a day in the book's currency, at the invoice's own rate.
pub(super) fn open_value(query: &Query<'_>, fact: &InvoiceFact, open: Amount, day: Day) -> Amount {
    let currency = fact.issued.currency;
    if query.views.currency() == Some(currency) {
        return open;
    }
    let moves = fact.settlements.iter().map(|one| (one.effective, one.sequence, one.amount));
    let opened = (fact.posted, fact.sequence, fact.issued.total);
    let item = item(query, (Role::AccountsReceivable, currency), opened, moves, day);
    item.map_or(Amount::ZERO, |one| one.value)
}

/// One document. What is left of it after each movement, in the order of recording, keeps its
/// proportion of what the whole was worth; none where nothing was left on the day.
fn item(
    query: &Query<'_>,
    (role, currency): (Role, Currency),
    (opened, sequence, total): (Day, u64, Amount),
    moves: impl Iterator<Item = (Day, u64, Amount)>,
    day: Day,
) -> Option<Monetary> {
    let counts = |posted: Day, sequence: u64| posted <= day && sequence <= query.sequence;
    if !counts(opened, sequence) {
        return None;
    }
    let valuing = query.views.valuing()?;
    let whole = query.views.receivables.entry(sequence)?.functional.as_ref()?.role(role).abs();
    let (mut all, mut all_value) = (total, whole);
    let (mut left, mut value) = (total, whole);
    for (posted, sequence, amount) in moves {
        all -= amount;
        let exact = multiply_divide(whole.decimal(), all.decimal(), total.decimal());
        let after = valuing.currency.round(exact, valuing.rounding);
        if counts(posted, sequence) {
            left -= amount;
            value -= all_value - after;
        }
        all_value = after;
    }
    if left.is_zero() && value.is_zero() {
        return None;
    }
    let rate = valuing.rates.closing(currency, valuing.currency, day, query.at().known(day));
    let closing = rate.map_or(value, |rate| rate.value(left, valuing.rounding));
    let sign = |amount: Amount| if role == Role::AccountsReceivable { amount } else { -amount };
    Some(Monetary { role, currency, value: sign(value), closing: sign(closing) })
}

/// What the accounts of monetary items go up by on a day on which they are revalued; nothing on
/// another one.
pub(super) fn revaluation(query: &Query<'_>, day: Day) -> Vec<(Role, Currency, Amount)> {
    if !is_revalued(query, day) {
        return Vec::new();
    }
    let mut sums = std::collections::BTreeMap::new();
    for one in monetary(query, day) {
        *sums.entry((one.role, one.currency)).or_insert(Amount::ZERO) += one.closing - one.value;
    }
    let moved = sums.into_iter().filter(|(_, amount)| !amount.is_zero());
    moved.map(|((role, currency), amount)| (role, currency, amount)).collect()
}
