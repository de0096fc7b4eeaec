//! Recognition: the entries that contracts make by themselves, by the day or by the month.

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::calendar::{Day, YearMonth};
use ledger_core::chart::Dimensions;
use ledger_core::id::Identifier;
use ledger_core::money::Amount;
use ledger_core::posting::{ContractId, Role};
use ledger_core::revenue::schedule::Schedule;

use crate::general_ledger::entry::{Entry, EntryKind, Policy};
use crate::general_ledger::{GeneralLedger, Leg};
use crate::views::{At, Contract, Line};

/// How finely recognition is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recognition {
    /// An entry for each contract and day.
    Daily,
    /// An entry for each contract and month, on the month's last day or that of the range.
    Monthly,
}

/// What a contract stands at, at the end of a day.
pub(super) struct Stand {
    pub(super) deferred: Amount,
    pub(super) unbilled: Amount,
    /// What each line earned, in their order.
    pub(super) earned: Vec<Amount>,
    billed: Amount,
}

impl Stand {
    pub(super) fn of(contract: &Contract, day: Day, at: At<'_>) -> Self {
        let lines = contract.lines.values();
        let earned: Vec<Amount> =
            lines.map(|line| line.earned(day, at, contract.currency)).collect();
        let billed = contract.billed(day, at.sequence);
        let zero = contract.currency.zero();
        let balance = billed - (zero + earned.iter().copied().sum());
        Self { deferred: balance.max(zero), unbilled: (-balance).max(zero), earned, billed }
    }
}

impl<'a> GeneralLedger<'a> {
    /// Splits what lines earned over the accounts of revenue.
    pub(super) fn revenue<'b>(
        &'b self,
        contract: &'b Contract,
        earned: &[Amount],
    ) -> BTreeMap<&'b str, Amount> {
        let mut sums: BTreeMap<&str, Amount> = BTreeMap::new();
        for (line, earned) in contract.lines.values().zip(earned) {
            let of = Dimensions {
                product: line.product.as_ref(),
                customer: Some(&contract.customer),
                currency: contract.currency,
            };
            *sums.entry(self.chart.account(Role::Revenue, of)).or_default() += *earned;
        }
        sums
    }

    /// Adds the entries of a contract in a range of days.
    pub(super) fn recognised<'b>(
        &'b self,
        contract: &'a Contract,
        (from, to): (Option<Day>, Day),
        recognition: Recognition,
        entries: &mut Vec<Entry<'b>>,
    ) {
        let mut last: Option<(Day, Stand)> = None;
        for (before, date, kind) in self.steps(contract, (from, to), recognition) {
            let opening = match last.take() {
                Some((day, stand)) if day == before => stand,
                Some(_) | None => Stand::of(contract, before, self.at()),
            };
            let closing = Stand::of(contract, date, self.at());
            let (legs, lines) = self.movement(contract, &opening, &closing);
            if !legs.is_empty() {
                let (event, policy) = self.origin(contract, date);
                entries.push(Entry {
                    kind,
                    date,
                    sequence: self.sequence,
                    document: match &contract.id {
                        ContractId::Order(id) | ContractId::Invoice(id) => id,
                    },
                    customer: Some(&contract.customer),
                    event: event.and_then(|event| self.views.audit_trail.event(event)),
                    policy,
                    lines,
                    legs,
                });
            }
            last = Some((date, closing));
        }
    }

    /// The days at whose ends the contract is looked at, each with the one before.
    fn steps(
        &self,
        contract: &Contract,
        (from, to): (Option<Day>, Day),
        recognition: Recognition,
    ) -> Vec<(Day, Day, EntryKind)> {
        let days = self.days(contract, from, to);
        match recognition {
            Recognition::Daily => {
                days.into_iter().map(|day| (day.previous(), day, EntryKind::Day)).collect()
            }
            Recognition::Monthly => {
                let months: BTreeSet<_> = days.into_iter().map(Day::month).collect();
                let step = |month: YearMonth| {
                    let first = from.map_or(month.first(), |from| from.max(month.first()));
                    (first.previous(), month.last().min(to), EntryKind::Month(month))
                };
                months.into_iter().map(step).collect()
            }
        }
    }

    /// The days on which a contract's balance can move.
    fn days(&self, contract: &Contract, from: Option<Day>, to: Day) -> BTreeSet<Day> {
        let mut days: BTreeSet<Day> = contract.billed.iter().map(|one| one.date).collect();
        for line in contract.lines.values() {
            let Some((first, last)) = line.reach(self.at(), to) else { continue };
            let mut day = from.map_or(first, |from| first.max(from));
            while day <= last.min(to) {
                days.insert(day);
                day = day.next();
            }
        }
        days.retain(|day| *day <= to && from.is_none_or(|from| *day >= from));
        days
    }

    /// What moved between two days, and the lines that earned.
    fn movement<'b>(
        &'b self,
        contract: &'b Contract,
        opening: &Stand,
        closing: &Stand,
    ) -> (Vec<Leg<'b>>, Vec<&'b Identifier>) {
        let earned: Vec<Amount> =
            closing.earned.iter().zip(&opening.earned).map(|(one, other)| *one - *other).collect();
        let mut sums: BTreeMap<(Role, &str), Amount> = BTreeMap::new();
        for (account, amount) in self.revenue(contract, &earned) {
            sums.insert((Role::Revenue, account), -amount);
        }
        let of = Dimensions {
            product: None,
            customer: Some(&contract.customer),
            currency: contract.currency,
        };
        // The entries of the bills themselves have gone to deferred_revenue.
        let billed = closing.billed - opening.billed;
        let moves = [
            (Role::DeferredRevenue, billed - (closing.deferred - opening.deferred)),
            (Role::UnbilledReceivable, closing.unbilled - opening.unbilled),
        ];
        for (role, amount) in moves {
            *sums.entry((role, self.chart.account(role, of))).or_default() += amount;
        }
        let lines = contract.lines.keys().zip(earned);
        let lines = lines.filter(|(_, earned)| !earned.is_zero()).map(|(line, _)| line);
        (self.legs(sums), lines.collect())
    }

    /// The event that made the newest schedule which is in force on a day, and what shaped it.
    fn origin<'b>(&'b self, contract: &'b Contract, day: Day) -> (Option<u64>, Policy<'b>) {
        let known = self.at().known(day);
        let versions = contract
            .lines
            .values()
            .filter_map(|line| version(line, day, known))
            .max_by_key(|(at, _)| *at);
        let shaped = |at: u64| contract.policies.range(..=at).next_back();
        match versions {
            Some((at, schedule)) => {
                let decided = contract.policies.get(&at).map(Policy::Decided);
                (Some(at), decided.unwrap_or(Policy::Schedule(schedule)))
            }
            None => shaped(known)
                .map_or((None, Policy::None), |(at, policy)| (Some(*at), Policy::Decided(policy))),
        }
    }
}

/// The version of a line that is in force on a day, as known at a sequence.
fn version(line: &Line, day: Day, known: u64) -> Option<(u64, &Schedule)> {
    let schedule = line.in_force(day, known)?;
    let of = |(_, one): &&(u64, Schedule)| std::ptr::eq(one, schedule);
    line.versions.iter().find(of).map(|(at, one)| (*at, one))
}
