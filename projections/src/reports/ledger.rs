//! Double entry: the trial balance and the journal (accounting, section 2).

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::calendar::Day;
use ledger_core::command::book::AccountName;
use ledger_core::money::Amount;
use ledger_core::posting::{Posting, Role, Target};
use ledger_core::rejection::Rejection;

use crate::reports::{Query, Table, functional, late};
use crate::views::Contract;

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
        match &entry.functional {
            None => roles(&entry.legs).for_each(|(role, amount)| add(role, amount)),
            Some(own) => roles(&own.legs()).for_each(|(role, amount)| add(role, amount)),
        }
    }
    for contract in query.views.deferred_revenue.contracts.values() {
        let stands = functional::standing(query, contract, day);
        add(Role::DeferredRevenue, -stands.deferred);
        add(Role::UnbilledReceivable, stands.unbilled);
        add(Role::Revenue, -stands.recognised);
        if !stands.loss.is_zero() {
            add(Role::FxGainLoss, stands.loss);
        }
    }
    for (role, _, amount) in functional::revaluation(query, day) {
        add(role, amount);
        add(Role::FxGainLoss, -amount);
    }
    sums
}

fn roles(legs: &[Posting]) -> impl Iterator<Item = (Role, Amount)> {
    legs.iter().filter_map(|leg| match leg.target {
        Target::Role(role) => Some((role, leg.amount)),
        Target::Contract(_) => None,
    })
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
    fn place(&self) -> (Day, u64, &str, Role) {
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
        for leg in entry.book_legs() {
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
    revaluations(query, (from, to), &mut legs);
    legs.sort_by(|one, other| one.place().cmp(&other.place()));
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
    let late = late::in_book(query, contract, &steps);
    let mut walk = functional::walk(query, contract);
    for date in days(query, contract, from, to) {
        let mut stand = |day: Day| match &mut walk {
            Some(walk) => walk.through(day),
            None => functional::own_standing(query, contract, day),
        };
        let before = stand(date.previous());
        let stands = stand(date);
        let billed = functional::billed(query, contract, date)
            - functional::billed(query, contract, date.previous());
        let late = late.get(&date).copied().unwrap_or_default();
        let moves = [
            (Role::Revenue, before.recognised - stands.recognised, -late),
            (Role::DeferredRevenue, billed - (stands.deferred - before.deferred), late),
            (Role::UnbilledReceivable, stands.unbilled - before.unbilled, Amount::ZERO),
            (Role::FxGainLoss, stands.loss - before.loss, Amount::ZERO),
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

/// What open items in other currencies are revalued by at each month's end, where the book's policy
/// says so, and taken back by on the next day.
fn revaluations(query: &Query<'_>, (from, to): (Option<Day>, Day), legs: &mut Vec<Leg>) {
    let entries = &query.views.receivables.entries;
    let foreign = entries.iter().filter(|entry| entry.functional.is_some());
    let Some(first) = foreign.map(|entry| entry.date).min() else { return };
    let is_in = |day: Day| day <= to && from.is_none_or(|from| day >= from);
    let mut end = first.max(from.map_or(first, Day::previous)).month().last();
    while end <= to {
        for (role, currency, amount) in functional::revaluation(query, end) {
            let mut post = |date: Day, amount: Amount| {
                if !is_in(date) {
                    return;
                }
                let entry = format!("V{date}-{}-{}", currency.code(), role.as_str());
                for (role, amount) in [(role, amount), (Role::FxGainLoss, -amount)] {
                    legs.push(Leg {
                        date,
                        sequence: query.at().known(date),
                        entry: entry.clone(),
                        role,
                        amount,
                        late: Amount::ZERO,
                        document: currency.code().to_owned(),
                    });
                }
            };
            post(end, amount);
            post(end.next(), -amount);
        }
        end = end.next().month().last();
    }
}
