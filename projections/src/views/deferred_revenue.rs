//! Deferred revenue: what each contract was billed, and the schedules of what it earns.

use std::collections::BTreeMap;

use ledger_core::calendar::Day;
use ledger_core::event::order::PlacedLine;
use ledger_core::event::{Event, EventData};
use ledger_core::id::Identifier;
use ledger_core::money::{Amount, Currency};
use ledger_core::posting::{ContractId, Target, postings};
use ledger_core::revenue::schedule::{Schedule, earned_through};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::views::{Projection, ProjectionError, digest_rows};

/// A movement of what a contract was billed: an invoice above zero, a credit below.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize)]
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

impl Projection for DeferredRevenue {
    const NAME: &'static str = "deferred_revenue";
    const VERSION: u32 = 1;

    fn fold(&mut self, event: &Event) -> Result<(), ProjectionError> {
        match &event.data {
            EventData::OrderPlaced(data) => {
                let id = ContractId::Order(data.order.clone());
                self.open(&id, &data.customer, data.currency);
                self.lines(event, &id, &data.lines)?;
            }
            EventData::OrderAmended(data) => {
                self.lines(event, &ContractId::Order(data.order.clone()), &data.lines)?;
            }
            EventData::InvoiceIssued(data) => {
                let id = ContractId::Invoice(data.invoice.clone());
                if data.lines.iter().any(|line| line.schedule.is_some()) {
                    self.open(&id, &data.customer, data.currency);
                }
                for line in &data.lines {
                    if let Some(schedule) = &line.schedule {
                        self.version(event, &id, &line.line, None, schedule)?;
                    }
                }
                self.bill(event)?;
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
                        self.version(event, &id, name, None, schedule)?;
                    }
                }
                self.bill(event)?;
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
        Ok(())
    }

    fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        digest_rows(self.contracts.values(), &mut hash);
        hash.finalize().into()
    }
}

impl DeferredRevenue {
    fn open(&mut self, id: &ContractId, customer: &Identifier, currency: Currency) {
        self.contracts.entry(id.clone()).or_insert_with(|| Contract {
            id: id.clone(),
            customer: customer.clone(),
            currency,
            lines: BTreeMap::new(),
            billed: Vec::new(),
        });
    }

    fn lines(
        &mut self,
        event: &Event,
        id: &ContractId,
        lines: &[PlacedLine],
    ) -> Result<(), ProjectionError> {
        for line in lines {
            if let Some(schedule) = &line.schedule {
                self.version(event, id, &line.line, line.product.as_ref(), schedule)?;
            }
        }
        Ok(())
    }

    fn version(
        &mut self,
        event: &Event,
        id: &ContractId,
        line: &Identifier,
        product: Option<&Identifier>,
        schedule: &Schedule,
    ) -> Result<(), ProjectionError> {
        let contract = self.contracts.get_mut(id).ok_or_else(|| unknown(event, id))?;
        let line = contract.lines.entry(line.clone()).or_insert_with(|| Line {
            product: product.cloned(),
            booked: event.effective,
            versions: Vec::new(),
        });
        line.versions.push((event.sequence, schedule.clone()));
        Ok(())
    }

    /// The contract legs of the event's own entry move what was billed.
    fn bill(&mut self, event: &Event) -> Result<(), ProjectionError> {
        for leg in postings(&event.data) {
            let Target::Contract(id) = leg.target else { continue };
            let contract = self.contracts.get_mut(&id).ok_or_else(|| unknown(event, &id))?;
            contract.billed.push(Billed {
                effective: event.effective,
                sequence: event.sequence,
                amount: -leg.amount,
            });
        }
        Ok(())
    }
}

fn unknown(event: &Event, id: &ContractId) -> ProjectionError {
    ProjectionError {
        projection: DeferredRevenue::NAME,
        sequence: event.sequence,
        reason: format!("it names the contract {id:?}, which no event before it made"),
    }
}
