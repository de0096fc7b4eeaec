//! What an event does to what is open: all that the fold needs of its facts to judge the next ones.

use ledger_core::id::Identifier;
use ledger_core::money::Amount;
use ledger_core::posting::{ContractId, Functional, Posting};

use super::deferred_revenue::{DeferredFact, KnownContracts};
use super::open_documents::{Change, Kind, OpenDocuments};
use super::receivables::ReceivablesFact;
use super::{EventFacts, Projection, ProjectionError, stop};

/// What one event does to documents and contracts. It depends on nothing but the event: other threads
/// can pick it from the facts before the fold comes there.
#[derive(Debug)]
pub struct Effects {
    sequence: u64,
    list: Vec<Effect>,
}

#[derive(Debug)]
enum Effect {
    Document(Kind, Identifier, Change),
    /// A contract begins.
    Begins(ContractId),
    /// A contract is named that must have begun.
    Names(ContractId),
    /// The event contradicts itself, whatever is open.
    Wrong(String),
}

impl Effects {
    /// Those of an event's facts, in their order.
    pub fn of(facts: &EventFacts) -> Self {
        // Most events name no more than one contract.
        let mut list = Vec::with_capacity(facts.receivables.len() + 1);
        list.extend(facts.receivables.iter().filter_map(receivable));
        let mut named: Option<&ContractId> = None;
        for fact in &facts.deferred_revenue {
            if let DeferredFact::Contract { id, .. } = fact {
                list.push(Effect::Begins(id.clone()));
            } else if let Some(contract) = fact.contract().filter(|one| named != Some(one)) {
                list.push(Effect::Names(contract.clone()));
            }
            named = fact.contract().or(named);
        }
        Self { sequence: facts.sequence, list }
    }

    /// The event's place in the log.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Takes them into what is open.
    ///
    /// # Errors
    /// [`ProjectionError`] where they do not fit it.
    pub(super) fn settle(
        &self,
        open: &mut OpenDocuments,
        contracts: &mut KnownContracts,
    ) -> Result<(), ProjectionError> {
        for effect in &self.list {
            let (projection, taken) = match effect {
                Effect::Document(kind, document, change) => {
                    (Projection::Receivables, open.take(*kind, document, *change))
                }
                Effect::Wrong(reason) => (Projection::Receivables, Err(reason.clone())),
                Effect::Begins(contract) => {
                    contracts.begin(contract);
                    continue;
                }
                Effect::Names(contract) if contracts.has(contract) => continue,
                Effect::Names(contract) => {
                    let reason = format!(
                        "it names the contract {contract:?}, which no event before it made"
                    );
                    (Projection::DeferredRevenue, Err(reason))
                }
            };
            taken.map_err(|reason| stop(projection, self.sequence, reason))?;
        }
        Ok(())
    }
}

fn receivable(fact: &ReceivablesFact) -> Option<Effect> {
    let of = |kind, document: &Identifier, change| {
        Some(Effect::Document(kind, document.clone(), change))
    };
    match fact {
        ReceivablesFact::Invoice(data) => {
            of(Kind::Invoice, &data.invoice, Change::Opens(data.total))
        }
        ReceivablesFact::Payment(data) => {
            of(Kind::Payment, &data.payment, Change::Opens(data.amount))
        }
        ReceivablesFact::Credit(data) => of(Kind::Credit, &data.credit, Change::Opens(data.total)),
        ReceivablesFact::Settlement { invoice, amount, .. } => {
            of(Kind::Invoice, invoice, Change::Takes(*amount))
        }
        ReceivablesFact::Use { of: used, document, amount } => {
            let kind = if used.is_of_payment() { Kind::Payment } else { Kind::Credit };
            of(kind, document, Change::Takes(*amount))
        }
        ReceivablesFact::Entry { legs, functional, .. } => {
            balances(legs, functional.as_deref()).err().map(Effect::Wrong)
        }
        ReceivablesFact::Book(_)
        | ReceivablesFact::Customer(_)
        | ReceivablesFact::RevenueAccount { .. }
        | ReceivablesFact::Collections(_)
        | ReceivablesFact::Closed { .. }
        | ReceivablesFact::FxRate(_)
        | ReceivablesFact::PaidBack { .. }
        | ReceivablesFact::Dispute { .. } => None,
    }
}

/// The legs of an entry sum to zero, in its own currency and in the book's.
fn balances(legs: &[Posting], functional: Option<&Functional>) -> Result<(), String> {
    let sum: Amount = legs.iter().map(|leg| leg.amount).sum();
    let valued = functional.iter().flat_map(|own| &own.postings);
    let value: Amount = valued.map(|one| one.amount).sum();
    match (sum.is_zero(), value.is_zero()) {
        (true, true) => Ok(()),
        (true, false) => Err(format!("in the book's currency it is off by {value}")),
        (false, _) => Err(format!("its entry is off by {sum}")),
    }
}
