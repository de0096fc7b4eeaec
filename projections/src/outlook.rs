//! What some contracts earn by month, past and to come, and where they stand on a day: figures
//! that two states of the views are compared by.

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::calendar::{Day, YearMonth};
use ledger_core::money::{Amount, Currency};
use ledger_core::posting::ContractId;

use crate::views::{Contract, Views};

pub mod billing;
pub mod orders;

/// Which revenue is meant.
#[derive(Debug, Clone)]
pub struct Scope {
    /// Of these contracts.
    pub contracts: BTreeSet<ContractId>,
    /// Contra revenue of no contract counts where it was learned after this sequence.
    pub since: u64,
    /// Of a line without an end: through this day.
    pub horizon: Day,
}

/// Where a contract stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stand {
    /// Billed net of credits.
    pub billed: Amount,
    /// Earned.
    pub recognised: Amount,
    /// Billed and not earned.
    pub deferred: Amount,
    /// Earned and not billed.
    pub unbilled: Amount,
}

/// Revenue by month, net of contra revenue; months without any are left out.
pub fn revenue_by_month(views: &Views, scope: &Scope) -> BTreeMap<(YearMonth, Currency), Amount> {
    let view = &views.deferred_revenue;
    let mut sums = BTreeMap::new();
    for contract in scope.contracts.iter().filter_map(|id| view.contracts.get(id)) {
        earned_by_month(views, contract, scope.horizon, &mut sums);
    }
    for fact in &view.contra {
        let is_meant = match &fact.contract {
            Some(contract) => scope.contracts.contains(contract),
            None => fact.sequence > scope.since,
        };
        if is_meant {
            *sums.entry((fact.date.month(), fact.currency)).or_insert(fact.currency.zero()) -=
                fact.amount;
        }
    }
    sums.retain(|_, amount: &mut Amount| !amount.is_zero());
    sums
}

fn earned_by_month(
    views: &Views,
    contract: &Contract,
    horizon: Day,
    sums: &mut BTreeMap<(YearMonth, Currency), Amount>,
) {
    let at = views.deferred_revenue.at(views.sequence);
    let currency = contract.currency;
    for line in contract.lines.values() {
        let Some((first, last)) = line.reach(at, horizon) else { continue };
        let mut before = line.earned(first.previous(), at, currency);
        let mut month = first.month();
        while month.first() <= last {
            let through = line.earned(month.last().min(last), at, currency);
            *sums.entry((month, currency)).or_insert(currency.zero()) += through - before;
            before = through;
            month = month.plus(1);
        }
    }
}

/// Where a contract stands at the end of a day; nothing where there is none.
pub fn stand(views: &Views, contract: &ContractId, day: Day) -> Option<(Currency, Stand)> {
    let contract = views.deferred_revenue.contracts.get(contract)?;
    let zero = contract.currency.zero();
    let billed = contract.billed(day, views.sequence);
    let recognised = contract.recognised(day, views.deferred_revenue.at(views.sequence));
    let stand = Stand {
        billed,
        recognised,
        deferred: (billed - recognised).max(zero),
        unbilled: (recognised - billed).max(zero),
    };
    Some((contract.currency, stand))
}
