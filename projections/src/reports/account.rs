//! One account: its movements with the balance before, after each of them, and at the end.

use std::collections::BTreeMap;

use ledger_core::calendar::Day;
use ledger_core::chart::role;
use ledger_core::money::Amount;
use ledger_core::posting::Role;
use ledger_core::rejection::{Code, Rejection};

use crate::reports::general_ledger::{GeneralLedger, Recognition};
use crate::reports::ledger::who;
use crate::reports::{Cell, Query, Range, Table};

/// Which account is asked for.
struct Wanted<'a> {
    account: Option<&'a str>,
    role: Option<Role>,
}

impl Wanted<'_> {
    fn takes(&self, role: Role, account: &str) -> bool {
        self.account.is_none_or(|wanted| wanted == account)
            && self.role.is_none_or(|wanted| wanted == role)
    }

    /// The sum of what is asked for.
    fn of(&self, balances: &BTreeMap<(Role, &str), Amount>) -> Amount {
        let wanted = balances.iter().filter(|((role, account), _)| self.takes(*role, account));
        wanted.map(|(_, balance)| *balance).sum()
    }
}

/// The movements of one account, or of the accounts of a role.
pub(super) fn account(query: &Query<'_>) -> Result<Table, Rejection> {
    let Range { from, to, .. } = query.range()?;
    let mut table = Table::new(&[
        "date",
        "entry",
        "account",
        "role",
        "currency",
        "debit:amount",
        "credit:amount",
        "balance:amount",
        "document",
        "customer",
        "sequence:integer",
        "type",
        "actor",
        "command_id",
        "reason",
        "late:amount",
    ]);
    let Some(ledger) = query.general_ledger() else { return Ok(table) };
    let wanted = wanted(query, &ledger)?;
    let start = from.or_else(|| ledger.first_day(to)).unwrap_or(to);
    let zero = ledger.currency().zero();
    let mut balance = zero + wanted.of(&ledger.balances(start.previous()));
    table.rows.push(standing(&ledger, &wanted, ("opening", start), balance));
    for entry in ledger.entries(Some(start), to, Recognition::Daily) {
        for leg in entry.legs.iter().filter(|leg| wanted.takes(leg.role, leg.account)) {
            balance += leg.amount;
            let mut row = vec![
                entry.date.into(),
                entry.id().into(),
                leg.account.into(),
                leg.role.as_str().into(),
                ledger.currency().code().into(),
                leg.amount.max(zero).into(),
                (-leg.amount).max(zero).into(),
                balance.into(),
                entry.document.as_ref().into(),
                entry.customer.map_or(Cell::Empty, |customer| customer.as_str().into()),
                entry.sequence.into(),
            ];
            row.extend(who(&entry));
            row.push(leg.late.into());
            table.rows.push(row);
        }
    }
    let closing = wanted.of(&ledger.balances(to));
    if closing != balance {
        let message = format!(
            "the movements from {start} through {to} end at {balance}, the trial balance at {closing}"
        );
        return Err(Rejection::new(Code::ReportDoesNotTie, message));
    }
    table.rows.push(standing(&ledger, &wanted, ("closing", to), balance));
    Ok(table)
}

/// A row that is no movement: what the balance is before the first one, or behind the last.
fn standing(
    ledger: &GeneralLedger<'_>,
    wanted: &Wanted<'_>,
    (name, date): (&str, Day),
    balance: Amount,
) -> Vec<Cell> {
    let mut row = vec![
        date.into(),
        name.into(),
        wanted.account.map_or(Cell::Empty, Cell::from),
        wanted.role.map_or(Cell::Empty, |role| role.as_str().into()),
        ledger.currency().code().into(),
        Cell::Empty,
        Cell::Empty,
        balance.into(),
    ];
    row.resize(16, Cell::Empty);
    row
}

fn wanted<'a>(query: &'a Query<'_>, ledger: &GeneralLedger<'_>) -> Result<Wanted<'a>, Rejection> {
    let name = query.filters.get("role");
    let role = match name {
        None => None,
        Some(name) => Some(role(name).ok_or_else(|| {
            let names: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
            let message = format!("there is no role {name:?}; there are {}", names.join(", "));
            Rejection::at(Code::ReportFilter, "role", message)
        })?),
    };
    let account = query.filters.get("account");
    match account {
        None if role.is_none() => {
            query.needs("account")?;
        }
        Some(code) if !ledger.chart().accounts().contains_key(code) => {
            let message = format!(
                "the chart has no account {code:?}; the codes are those of OpenBook and of \
                 DefineProduct, and a role that is not mapped is an account of its own name"
            );
            return Err(Rejection::at(Code::AccountUnknown, "account", message));
        }
        Some(_) | None => {}
    }
    Ok(Wanted { account, role })
}
