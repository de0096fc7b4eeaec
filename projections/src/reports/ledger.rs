//! Double entry: the trial balance and the journal (accounting, section 2).

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::calendar::Day;
use ledger_core::command::book::AccountName;
use ledger_core::money::Amount;
use ledger_core::posting::{Role, Target};
use ledger_core::rejection::Rejection;

use crate::reports::{Query, Table, late};
use crate::views::{At, Contract};

/// The code of a role's account.
fn account(query: &Query<'_>, role: Role) -> String {
    let named = query.views.book.as_ref().and_then(|book| book.accounts.get(role.as_str()));
    match named {
        Some(AccountName::Code(code) | AccountName::Named { code, .. }) => code.clone(),
        None => role.as_str().to_owned(),
    }
}

/// The balance of every role at the end of a day, debit-positive, as known at a sequence.
pub(super) fn balances(query: &Query<'_>, day: Day) -> BTreeMap<Role, Amount> {
    let zero = query.views.currency().map_or(Amount::ZERO, |currency| currency.zero());
    let mut sums: BTreeMap<Role, Amount> = BTreeMap::new();
    let mut add = |role: Role, amount: Amount| *sums.entry(role).or_insert(zero) += amount;
    for entry in &query.views.receivables.entries {
        if entry.date > day || entry.sequence > query.sequence {
            continue;
        }
        for leg in &entry.legs {
            if let Target::Role(role) = leg.target {
                add(role, leg.amount);
            }
        }
    }
    for contract in query.views.deferred_revenue.contracts.values() {
        let (deferred, unbilled, recognised) = stand(contract, day, query.at());
        add(Role::DeferredRevenue, -deferred);
        add(Role::UnbilledReceivable, unbilled);
        add(Role::Revenue, -recognised);
    }
    sums
}

/// Deferred, unbilled (never both) and recognised of a contract at the end of a day.
fn stand(contract: &Contract, day: Day, at: At<'_>) -> (Amount, Amount, Amount) {
    let recognised = contract.recognised(day, at);
    let balance = contract.billed(day, at.sequence) - recognised;
    let zero = contract.currency.zero();
    (balance.max(zero), (-balance).max(zero), recognised)
}

/// The balance of each account.
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
    let Some(currency) = query.views.currency() else { return Ok(table) };
    let zero = currency.zero();
    let late = late::balances(query, query.as_of);
    for (role, balance) in balances(query, query.as_of) {
        let late = zero + late.get(&role).copied().unwrap_or_default();
        let is_empty = balance.is_zero() && late.is_zero();
        if is_empty || !query.keeps("role", Some(role.as_str())) {
            continue;
        }
        table.rows.push(vec![
            account(query, role).into(),
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

/// One leg of the journal before it is printed.
struct Leg {
    date: Day,
    sequence: u64,
    entry: String,
    role: Role,
    amount: Amount,
    late: Amount,
    document: String,
}

impl Leg {
    /// Its place in the journal.
    fn key(&self) -> (Day, u64, &str, Role) {
        (self.date, self.sequence, &self.entry, self.role)
    }
}

/// Every entry. A document's contract legs go to deferred_revenue; the contract's own entry of
/// the day recognises, and moves what belongs to unbilled_receivable, so that the journal sums
/// to the trial balance.
pub(super) fn journal(query: &Query<'_>) -> Result<Table, Rejection> {
    let (from, to) = (query.from()?, query.to()?);
    let mut legs = Vec::new();
    for entry in &query.views.receivables.entries {
        if entry.date > to
            || from.is_some_and(|from| entry.date < from)
            || entry.sequence > query.sequence
        {
            continue;
        }
        let mut by_role: BTreeMap<Role, Amount> = BTreeMap::new();
        for leg in &entry.legs {
            let role = match &leg.target {
                Target::Role(role) => *role,
                Target::Contract(_) => Role::DeferredRevenue,
            };
            *by_role.entry(role).or_default() += leg.amount;
        }
        legs.extend(by_role.into_iter().map(|(role, amount)| Leg {
            date: entry.date,
            sequence: entry.sequence,
            entry: format!("E{}", entry.sequence),
            role,
            amount,
            late: if entry.is_late() { amount } else { Amount::ZERO },
            document: entry.document.to_string(),
        }));
    }
    for contract in query.views.deferred_revenue.contracts.values() {
        recognition(query, contract, from, to, &mut legs);
    }
    legs.sort_by(|one, other| one.key().cmp(&other.key()));
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
        "late:amount",
    ]);
    let Some(currency) = query.views.currency() else { return Ok(table) };
    let zero = currency.zero();
    for leg in legs {
        if (leg.amount.is_zero() && leg.late.is_zero())
            || !query.keeps("role", Some(leg.role.as_str()))
            || !query.keeps("document", Some(&leg.document))
        {
            continue;
        }
        table.rows.push(vec![
            leg.date.into(),
            leg.entry.into(),
            account(query, leg.role).into(),
            leg.role.as_str().into(),
            currency.code().into(),
            (zero + leg.amount).max(zero).into(),
            (zero - leg.amount).max(zero).into(),
            leg.document.into(),
            leg.sequence.into(),
            (zero + leg.late).into(),
        ]);
    }
    Ok(table)
}

/// The days on which a contract's balance can move.
fn days(query: &Query<'_>, contract: &Contract, from: Option<Day>, to: Day) -> BTreeSet<Day> {
    let mut days: BTreeSet<Day> = contract.billed.iter().map(|one| one.date).collect();
    for line in contract.lines.values() {
        let Some((first, last)) = line.reach(query.at(), to) else { continue };
        let mut day = from.map_or(first, |from| first.max(from));
        while day <= last.min(to) {
            days.insert(day);
            day = day.next();
        }
    }
    days.retain(|day| *day <= to && from.is_none_or(|from| *day >= from));
    days
}

fn recognition(
    query: &Query<'_>,
    contract: &Contract,
    from: Option<Day>,
    to: Day,
    legs: &mut Vec<Leg>,
) {
    let document = match &contract.id {
        ledger_core::posting::ContractId::Order(id)
        | ledger_core::posting::ContractId::Invoice(id) => id.to_string(),
    };
    let steps = query.at().steps();
    for date in days(query, contract, from, to) {
        let (deferred, unbilled, recognised) = stand(contract, date, query.at());
        let before = stand(contract, date.previous(), query.at());
        let billed = contract.billed(date, query.sequence)
            - contract.billed(date.previous(), query.sequence);
        let late = late::caught_up_on(contract, &steps, date);
        let moves = [
            (Role::Revenue, before.2 - recognised, -late),
            (Role::DeferredRevenue, billed - (deferred - before.0), late),
            (Role::UnbilledReceivable, unbilled - before.1, Amount::ZERO),
        ];
        legs.extend(moves.into_iter().map(|(role, amount, late)| Leg {
            date,
            // Nothing behind it changes the entry any more.
            sequence: query.at().known(date),
            late,
            entry: format!("R{date}-{document}"),
            role,
            amount,
            document: document.clone(),
        }));
    }
}
