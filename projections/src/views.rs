//! The views: facts with both time axes, so that "as of a date" and "as known then" are filters.

use std::collections::BTreeMap;

use ledger_core::decide::policy;
use ledger_core::event::book::BookOpened;
use ledger_core::event::customer::CustomerRegistered;
use ledger_core::fx::Rates;
use ledger_core::id::Identifier;
use ledger_core::money::Currency;
use ledger_core::policy::Policies;
pub use ledger_core::revenue::closes::{At, Closes, Step};
use ledger_core::revenue::valuation;
pub use ledger_core::revenue::valuation::{BillRef, Standing, Valuing};

use crate::facts::{EventFacts, Folder, ProjectionError, ReceivablesFact, Written, WrittenFacts};

mod audit_trail;
pub mod collections;
mod deferred_revenue;
mod receivables;
mod segments;
mod snapshot;

pub use audit_trail::{AuditEntry, AuditTrail};
pub use deferred_revenue::{Billed, Contra, Contract, DeferredRevenue, Line};
pub use receivables::{
    CreditFact, DisputeFact, Entry, InvoiceFact, PaymentFact, Receivables, Settlement, Use,
};
pub use segments::{Cuts, Names, Place, Segment, Segments, Selected};

/// A walk over the days of a contract in another currency than the book's.
pub type Walk<'a> = valuation::Walk<'a, &'a Contract>;

/// All views of a book.
#[derive(Debug, Clone, Default)]
pub struct Views {
    /// How the book was opened.
    pub book: Option<BookOpened>,
    /// The policies in force.
    pub policies: Policies,
    /// Accounts of products' revenue.
    pub revenue_accounts: BTreeMap<Identifier, String>,
    /// The customers.
    pub customers: BTreeMap<Identifier, CustomerRegistered>,
    /// Open items, money and credit, and the entries that documents post.
    pub receivables: Receivables,
    /// Holds, promises and reminders.
    pub collections: collections::Collections,
    /// Contracts: what was billed, and the schedules of what is earned.
    pub deferred_revenue: DeferredRevenue,
    /// Exchange rates.
    pub rates: Rates,
    /// One row for each event.
    pub audit_trail: AuditTrail,
    /// The last event that was folded.
    pub sequence: u64,
    folder: Folder,
}

impl Views {
    /// Folds the facts of the next event into every view.
    ///
    /// # Errors
    /// [`ProjectionError`] where a view cannot apply them, or where it is not the next one. The
    /// views are of no use after it: build them again.
    pub fn take(
        &mut self,
        facts: &EventFacts,
        written: Written<'_>,
    ) -> Result<(), ProjectionError> {
        self.folder.take(facts, written)?;
        self.apply(facts)
    }

    /// The same for facts that nobody wrote ahead.
    ///
    /// # Errors
    /// As [`Views::take`].
    pub fn fold(&mut self, facts: &EventFacts) -> Result<(), ProjectionError> {
        WrittenFacts::of(facts).events().try_for_each(|written| self.take(facts, written))
    }

    fn apply(&mut self, facts: &EventFacts) -> Result<(), ProjectionError> {
        for fact in &facts.receivables {
            if let ReceivablesFact::Book(book) = fact {
                self.policies = policy::policies(&book.policies).unwrap_or_default();
                self.book = Some(book.clone());
            }
            if let ReceivablesFact::RevenueAccount { product, account } = fact {
                self.revenue_accounts.insert(product.clone(), account.clone());
            }
            if let ReceivablesFact::FxRate(data) = fact {
                let pair = (data.from, data.to, data.kind);
                self.rates.record(pair, data.date, facts.sequence, data.rate);
            }
            if let ReceivablesFact::Customer(customer) = fact {
                self.customers.insert(customer.customer.clone(), customer.clone());
            }
        }
        self.receivables.apply(facts)?;
        self.collections.apply(facts);
        self.deferred_revenue.apply(facts, &self.policies)?;
        self.audit_trail.apply(facts);
        self.sequence = facts.sequence;
        Ok(())
    }

    /// Name and digest (hex) of each projection.
    pub fn digests(&self) -> Vec<(&'static str, String)> {
        self.folder.digests()
    }

    /// How the book values what is in another currency; none before it is open.
    pub fn valuing(&self) -> Option<Valuing<'_>> {
        let (rates, rounding) = (&self.rates, self.policies.rounding);
        self.currency().map(|currency| Valuing { currency, rates, rounding })
    }

    /// The book's currency.
    pub fn currency(&self) -> Option<Currency> {
        self.book.as_ref().map(|book| book.currency)
    }
}
