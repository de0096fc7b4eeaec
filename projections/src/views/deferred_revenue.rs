//! Deferred revenue: what each contract was billed, and the schedules of what it earns.

use std::collections::BTreeMap;

use ledger_core::calendar::Day;
use ledger_core::id::Identifier;
use ledger_core::money::{Amount, Currency};
use ledger_core::posting::ContractId;
use ledger_core::revenue::schedule::{Schedule, earned_through};
use serde::Serialize;

use crate::facts::{DeferredFact, EventFacts, Projection, ProjectionError};

/// A movement of what a contract was billed: an invoice above zero, a credit below.
#[derive(Debug, Clone, PartialEq)]
pub struct Billed {
    /// When it counts.
    pub effective: Day,
    /// When the ledger learned it.
    pub sequence: u64,
    /// Net of tax.
    pub amount: Amount,
}

/// A line of a contract with the versions of its schedule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// Its product.
    pub product: Option<Identifier>,
    /// When it was booked.
    pub booked: Day,
    /// Schedule versions with the sequence at which the ledger learned them.
    pub versions: Vec<(u64, Schedule)>,
}

/// A contract: an order, or an invoice without one.
#[derive(Debug, Clone, PartialEq)]
pub struct Contract {
    /// Which one.
    pub id: ContractId,
    /// Whose.
    pub customer: Identifier,
    /// Its currency.
    pub currency: Currency,
    /// Its lines by id.
    pub lines: BTreeMap<Identifier, Line>,
    /// What it was billed.
    pub billed: Vec<Billed>,
}

impl Line {
    /// Earned through a day, as known at a sequence.
    pub fn earned(&self, day: Day, sequence: u64, currency: Currency) -> Amount {
        let known = self.versions.iter().filter(|(at, _)| *at <= sequence);
        earned_through(known.map(|(_, version)| version), day, currency)
    }

    /// The version that was recorded last, as known at a sequence.
    pub fn latest(&self, sequence: u64) -> Option<&Schedule> {
        let known = self.versions.iter().rev().find(|(at, _)| *at <= sequence);
        known.map(|(_, version)| version)
    }
}

impl Contract {
    /// Billed net of credits through a day, as known at a sequence.
    pub fn billed(&self, day: Day, sequence: u64) -> Amount {
        let known =
            self.billed.iter().filter(|one| one.effective <= day && one.sequence <= sequence);
        self.currency.zero() + known.map(|one| one.amount).sum()
    }

    /// Earned through a day, as known at a sequence.
    pub fn recognised(&self, day: Day, sequence: u64) -> Amount {
        let earned = self.lines.values().map(|line| line.earned(day, sequence, self.currency));
        self.currency.zero() + earned.sum()
    }
}

/// All contracts.
#[derive(Debug, Clone, Default)]
pub struct DeferredRevenue {
    /// By id: orders first.
    pub contracts: BTreeMap<ContractId, Contract>,
}

impl DeferredRevenue {
    /// Takes the facts of one event.
    pub(super) fn apply(&mut self, facts: &EventFacts) -> Result<(), ProjectionError> {
        for fact in &facts.deferred_revenue {
            match fact {
                DeferredFact::Contract { id, customer, currency } => {
                    self.contracts.entry(id.clone()).or_insert_with(|| Contract {
                        id: id.clone(),
                        customer: customer.clone(),
                        currency: *currency,
                        lines: BTreeMap::new(),
                        billed: Vec::new(),
                    });
                }
                DeferredFact::Version { contract, line, product, schedule } => {
                    let contract = self.contract(facts, contract)?;
                    let line = contract.lines.entry(line.clone()).or_insert_with(|| Line {
                        product: product.clone(),
                        booked: facts.effective,
                        versions: Vec::new(),
                    });
                    line.versions.push((facts.sequence, schedule.clone()));
                }
                DeferredFact::Billed { contract, amount } => {
                    let (effective, sequence) = (facts.effective, facts.sequence);
                    let contract = self.contract(facts, contract)?;
                    contract.billed.push(Billed { effective, sequence, amount: *amount });
                }
            }
        }
        Ok(())
    }

    fn contract(
        &mut self,
        facts: &EventFacts,
        id: &ContractId,
    ) -> Result<&mut Contract, ProjectionError> {
        self.contracts.get_mut(id).ok_or_else(|| ProjectionError {
            projection: Projection::DeferredRevenue.name(),
            sequence: facts.sequence,
            reason: format!("it names the contract {id:?}, which no event before it made"),
        })
    }
}
