//! Facts of deferred revenue, and which contracts exist.

use std::collections::BTreeSet;

use ledger_core::event::EventData;
use ledger_core::event::order::PlacedLine;
use ledger_core::id::Identifier;
use ledger_core::money::{Amount, Currency};
use ledger_core::posting::{ContractId, Posting, Target};
use ledger_core::revenue::schedule::Schedule;
use serde::{Deserialize, Serialize};

/// One fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeferredFact {
    /// A contract began: an order, or an invoice without one.
    Contract {
        /// Which one.
        id: ContractId,
        /// Whose.
        customer: Identifier,
        /// Its currency.
        currency: Currency,
    },
    /// A line of a contract got a schedule, its first one or another.
    Version {
        /// The contract.
        contract: ContractId,
        /// The line.
        line: Identifier,
        /// Its product.
        product: Option<Identifier>,
        /// From when on it earns what.
        schedule: Schedule,
    },
    /// What a contract was billed moved: up by an invoice, down by a credit.
    Billed {
        /// The contract.
        contract: ContractId,
        /// Net of tax.
        amount: Amount,
    },
}

/// The facts of one event, whose entry has these legs.
pub(super) fn facts(data: &EventData, legs: &[Posting]) -> Vec<DeferredFact> {
    let mut facts = Vec::new();
    match data {
        EventData::OrderPlaced(data) => {
            let id = ContractId::Order(data.order.clone());
            facts.push(contract(&id, &data.customer, data.currency));
            lines(&mut facts, &id, &data.lines);
        }
        EventData::OrderAmended(data) => {
            lines(&mut facts, &ContractId::Order(data.order.clone()), &data.lines);
        }
        EventData::InvoiceIssued(data) => {
            let id = ContractId::Invoice(data.invoice.clone());
            if data.lines.iter().any(|line| line.schedule.is_some()) {
                facts.push(contract(&id, &data.customer, data.currency));
            }
            for line in &data.lines {
                if let Some(schedule) = &line.schedule {
                    facts.push(version(&id, &line.line, None, schedule));
                }
            }
            billed(&mut facts, legs);
        }
        EventData::CreditIssued(data) => {
            for line in &data.lines {
                let (id, name) = match (&line.order, &line.order_line, &data.invoice) {
                    (Some(order), Some(name), _) => (ContractId::Order(order.clone()), name),
                    (_, _, Some(invoice)) => match &line.invoice_line {
                        Some(name) => (ContractId::Invoice(invoice.clone()), name),
                        None => continue,
                    },
                    (_, _, None) => continue,
                };
                if let Some(schedule) = &line.schedule {
                    facts.push(version(&id, name, None, schedule));
                }
            }
            billed(&mut facts, legs);
        }
        EventData::BookOpened(_)
        | EventData::ProductDefined(_)
        | EventData::CustomerRegistered(_)
        | EventData::DisputeOpened(_)
        | EventData::DisputeResolved(_)
        | EventData::PaymentReceived(_)
        | EventData::PaymentAllocated(_)
        | EventData::CreditApplied(_)
        | EventData::CreditRefunded(_) => {}
    }
    facts
}

fn contract(id: &ContractId, customer: &Identifier, currency: Currency) -> DeferredFact {
    DeferredFact::Contract { id: id.clone(), customer: customer.clone(), currency }
}

fn lines(facts: &mut Vec<DeferredFact>, id: &ContractId, lines: &[PlacedLine]) {
    for line in lines {
        if let Some(schedule) = &line.schedule {
            facts.push(version(id, &line.line, line.product.as_ref(), schedule));
        }
    }
}

fn version(
    contract: &ContractId,
    line: &Identifier,
    product: Option<&Identifier>,
    schedule: &Schedule,
) -> DeferredFact {
    DeferredFact::Version {
        contract: contract.clone(),
        line: line.clone(),
        product: product.cloned(),
        schedule: schedule.clone(),
    }
}

/// The contract legs of the event's own entry move what was billed.
fn billed(facts: &mut Vec<DeferredFact>, legs: &[Posting]) {
    for leg in legs {
        if let Target::Contract(contract) = &leg.target {
            let contract = contract.clone();
            facts.push(DeferredFact::Billed { contract, amount: -leg.amount });
        }
    }
}

/// Which contracts exist.
#[derive(Debug, Clone, Default)]
pub struct KnownContracts(BTreeSet<ContractId>);

impl KnownContracts {
    /// Takes one fact.
    ///
    /// # Errors
    /// Where it is about a contract that no event before it made.
    pub(super) fn take(&mut self, fact: &DeferredFact) -> Result<(), String> {
        match fact {
            DeferredFact::Contract { id, .. } => {
                self.0.insert(id.clone());
                Ok(())
            }
            DeferredFact::Version { contract, .. } | DeferredFact::Billed { contract, .. } => {
                if self.0.contains(contract) {
                    return Ok(());
                }
                Err(format!("it names the contract {contract:?}, which no event before it made"))
            }
        }
    }
}
