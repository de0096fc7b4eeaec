//! Figures in the book's currency of documents in other ones (accounting, section 6): what
//! contracts, open items and money stand at, each by a route of its own beside the entries.

use ledger_core::calendar::Day;
use ledger_core::money::{Amount, Currency, multiply_divide};
use ledger_core::policy::FxRevaluation;
use ledger_core::posting::Role;

use crate::reports::Query;
use crate::views::{Contract, Standing, Walk};

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
    let mut add = |role, currency: Currency, sequence, (left, total): (Amount, Amount), sign| {
        if currency != book && !left.is_zero() {
            all.extend(item(query, (role, currency), sequence, (left, total, sign), day));
        }
    };
    let counts = |posted: Day, sequence: u64| posted <= day && sequence <= query.sequence;
    for fact in receivables.invoices.values() {
        if counts(fact.posted, fact.sequence) {
            let settled = fact.settlements.iter().filter(|one| counts(one.effective, one.sequence));
            let total = fact.issued.total;
            let left = total - settled.map(|one| one.amount).sum();
            let currency = fact.issued.currency;
            add(Role::AccountsReceivable, currency, fact.sequence, (left, total), true);
        }
    }
    for fact in receivables.payments.values() {
        if counts(fact.effective, fact.sequence) {
            let used = fact.uses.iter().filter(|one| counts(one.effective, one.sequence));
            let total = fact.received.amount;
            let left = total - used.map(|one| one.amount).sum();
            add(Role::UnappliedCash, fact.received.currency, fact.sequence, (left, total), false);
        }
    }
    for fact in receivables.credits.values() {
        if counts(fact.effective, fact.sequence) {
            let used = fact.uses.iter().filter(|one| counts(one.effective, one.sequence));
            let total = fact.issued.total;
            let left = total - used.map(|one| one.amount).sum();
            add(Role::CustomerCredits, fact.issued.currency, fact.sequence, (left, total), false);
        }
    }
    all
}

/// One document: what is left of it keeps its proportion of what the whole was worth.
fn item(
    query: &Query<'_>,
    (role, currency): (Role, Currency),
    sequence: u64,
    (left, total, is_debit): (Amount, Amount, bool),
    day: Day,
) -> Option<Monetary> {
    let valuing = query.views.valuing()?;
    let entry = query.views.receivables.entry(sequence)?;
    let whole = entry.functional.as_ref()?.role(role).abs();
    let exact = multiply_divide(whole.decimal(), left.decimal(), total.decimal());
    let value = valuing.currency.round(exact, valuing.rounding);
    let known = query.at().known(day);
    let rate = valuing.rates.closing(currency, valuing.currency, day, known);
    let closing = rate.map_or(value, |rate| rate.value(left, valuing.rounding));
    let sign = |amount: Amount| if is_debit { amount } else { -amount };
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
