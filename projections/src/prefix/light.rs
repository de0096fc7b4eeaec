//! The checks without views: what they need of a book in one currency whose days are all open.

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::id::Identifier;
use ledger_core::money::{Amount, Currency};
use ledger_core::posting::{ContractId, Posting, Role, Target};
use ledger_core::revenue::schedule::Schedule;
use rust_decimal::Decimal;

use crate::facts::{DeferredFact, EventFacts, Folder, ProjectionError, ReceivablesFact, Written};
use crate::prefix::moves::Documents;
use crate::prefix::names::{Commands, Names};
use crate::prefix::trim;
use crate::replay::Fold;

/// Finds out whether all is well, where it can; it knows no more than that. What it cannot judge, and
/// what is wrong, the views have to tell ([`Checked`](crate::prefix::Checked)).
#[derive(Debug, Default)]
pub struct Light {
    folder: Folder,
    names: Names,
    documents: Documents,
    commands: Commands,
    book: Option<Currency>,
    /// What entries post to each role.
    roles: BTreeMap<Role, Amount>,
    billed: Amount,
    /// Lines that earn by usage.
    metered: BTreeSet<(ContractId, Identifier)>,
    is_in_doubt: bool,
}

impl Fold for Light {
    const WRITES: bool = false;

    type Needs = EventFacts;

    fn sequence(&self) -> u64 {
        self.folder.sequence()
    }

    fn pick(facts: EventFacts) -> EventFacts {
        trim(facts)
    }

    fn is_done(&self) -> bool {
        self.is_in_doubt
    }

    fn take(&mut self, facts: &EventFacts, written: Written<'_>) -> Result<(), ProjectionError> {
        self.folder.take(facts, written)?;
        self.commands.take(facts);
        let is_well = self.names.take(facts).is_none()
            && self.documents.take(facts).is_none()
            && facts.receivables.iter().all(|fact| self.receivable(fact))
            && facts.deferred_revenue.iter().all(|fact| self.deferred(fact))
            && self.lines(facts);
        self.is_in_doubt |= !is_well;
        Ok(())
    }
}

impl Light {
    /// Whether every prefix through the last event is right for sure, and nothing was closed.
    pub fn finish(&mut self) -> bool {
        !self.is_in_doubt && self.ties() && self.commands.again().is_none()
    }

    /// The trial balance is zero, and its control accounts equal what is left of documents. What
    /// contracts earned stands on both sides, and is left out.
    fn ties(&self) -> bool {
        let of = |role: Role| self.roles.get(&role).copied().unwrap_or_default();
        let left = self.folder.open.left();
        self.roles.values().copied().sum::<Amount>() == self.billed
            && of(Role::AccountsReceivable) == left.invoices
            && -(of(Role::UnappliedCash) + of(Role::CustomerCredits)) == left.beside
            && (of(Role::DeferredRevenue) + of(Role::UnbilledReceivable)).is_zero()
    }

    /// Takes a fact; whether it is one that can be judged here.
    fn receivable(&mut self, fact: &ReceivablesFact) -> bool {
        match fact {
            ReceivablesFact::Book(book) => self.book.replace(book.currency).is_none(),
            ReceivablesFact::Invoice(data) => self.is_own(data.currency),
            ReceivablesFact::Payment(data) => self.is_own(data.currency),
            ReceivablesFact::Credit(data) => self.is_own(data.currency),
            ReceivablesFact::Entry { currency, legs, functional, .. } => {
                self.post(legs);
                self.is_own(*currency) && functional.is_none()
            }
            ReceivablesFact::Settlement { invoice, .. }
            | ReceivablesFact::Dispute { invoice, .. } => self.names.invoices.contains(invoice),
            ReceivablesFact::Use { of, document, .. } if of.is_of_payment() => {
                self.names.payments.contains(document)
            }
            ReceivablesFact::Use { document, .. } => self.names.credits.contains(document),
            // What days were closed over, and what is worth what, only the views know.
            ReceivablesFact::Closed { .. } | ReceivablesFact::FxRate(_) => false,
            ReceivablesFact::RevenueAccount { .. }
            | ReceivablesFact::Customer(_)
            | ReceivablesFact::Collections(_)
            | ReceivablesFact::PaidBack { .. } => true,
        }
    }

    fn deferred(&mut self, fact: &DeferredFact) -> bool {
        match fact {
            DeferredFact::Contract { currency, .. } => self.is_own(*currency),
            DeferredFact::Metered { contract, line, .. } => {
                self.metered.insert((contract.clone(), line.clone()));
                true
            }
            DeferredFact::Billed { amount, valued, .. } => {
                self.billed += *amount;
                valued.is_none()
            }
            DeferredFact::Closed { .. } => false,
            DeferredFact::Version { .. }
            | DeferredFact::Delivered { .. }
            | DeferredFact::Used { .. }
            | DeferredFact::Contra { .. }
            | DeferredFact::Shaped { .. } => true,
        }
    }

    /// Whether recognised and to come are the price of each line that the event changes.
    fn lines(&self, facts: &EventFacts) -> bool {
        facts.deferred_revenue.iter().all(|fact| {
            let DeferredFact::Version { contract, line, schedule, .. } = fact else { return true };
            self.earns_its_price(schedule) && !self.is_metered(contract, line)
        })
    }

    fn is_metered(&self, contract: &ContractId, line: &Identifier) -> bool {
        !self.metered.is_empty() && self.metered.contains(&(contract.clone(), line.clone()))
    }

    /// The same as `invariants::line_sum` says of a line whose last version this is: while no day is
    /// closed, the last version is the one in force from its first day on.
    fn earns_its_price(&self, last: &Schedule) -> bool {
        if last.progress.is_some()
            || last.is_paused
            || last.recurring.is_some() && last.from > last.end
        {
            return true;
        }
        let Some(currency) = self.book else { return false };
        let earned = last.earned_through(last.end.max(last.from), Decimal::ZERO, currency);
        earned == last.total()
    }

    fn is_own(&self, currency: Currency) -> bool {
        self.book == Some(currency)
    }

    fn post(&mut self, legs: &[Posting]) {
        for leg in legs {
            if let Target::Role(role) = leg.target {
                *self.roles.entry(role).or_default() += leg.amount;
            }
        }
    }
}
