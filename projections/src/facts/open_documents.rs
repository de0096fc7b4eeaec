//! What is open of documents, and what an event does to it.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use ledger_core::id::Identifier;
use ledger_core::money::Amount;

/// What is left of each document that has something left: all that the fold has to remember.
#[derive(Debug, Clone, Default, BorshSerialize, BorshDeserialize)]
pub struct OpenDocuments {
    invoices: BTreeMap<Identifier, Amount>,
    payments: BTreeMap<Identifier, Amount>,
    credits: BTreeMap<Identifier, Amount>,
}

/// What is left of documents.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left {
    /// Open items.
    pub(crate) invoices: Amount,
    /// Money and credit.
    pub(crate) beside: Amount,
}

impl OpenDocuments {
    /// Invoices with an open amount.
    pub fn invoices(&self) -> usize {
        self.invoices.len()
    }

    /// What is left of all of them, whatever their currencies.
    pub(crate) fn left(&self) -> Left {
        let beside = self.payments.values().chain(self.credits.values());
        Left { invoices: self.invoices.values().copied().sum(), beside: beside.copied().sum() }
    }

    /// Takes what an event does to one document.
    ///
    /// # Errors
    /// Why it does not fit what is open.
    pub(super) fn take(
        &mut self,
        kind: Kind,
        document: &Identifier,
        change: Change,
    ) -> Result<(), String> {
        let documents = match kind {
            Kind::Invoice => &mut self.invoices,
            Kind::Payment => &mut self.payments,
            Kind::Credit => &mut self.credits,
        };
        match change {
            Change::Opens(amount) => {
                open(documents, document, amount);
                Ok(())
            }
            Change::Takes(amount) => lower(documents, kind.name(), document, amount),
        }
    }
}

/// A document that can have something left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Invoice,
    Payment,
    Credit,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::Payment => "payment",
            Self::Credit => "credit",
        }
    }
}

/// What becomes of what is left of a document, in its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// So much is left of a new one.
    Opens(Amount),
    /// So much less is left; below zero it is given back.
    Takes(Amount),
}

fn open(documents: &mut BTreeMap<Identifier, Amount>, document: &Identifier, amount: Amount) {
    if !amount.is_zero() {
        documents.insert(document.clone(), amount);
    }
}

/// Takes an amount off what is left; a document with nothing left is forgotten.
fn lower(
    documents: &mut BTreeMap<Identifier, Amount>,
    kind: &str,
    document: &Identifier,
    amount: Amount,
) -> Result<(), String> {
    if amount.is_zero() {
        return Ok(());
    }
    if amount.is_negative() {
        // It is given back: the document may have been forgotten meanwhile.
        *documents.entry(document.clone()).or_default() -= amount;
        return Ok(());
    }
    let left = documents.get_mut(document);
    let left = left.ok_or_else(|| {
        format!("it takes {amount} of the {kind} {document}, which no event before it left open")
    })?;
    if *left < amount {
        return Err(format!("it takes {amount} of the {kind} {document}, of which {left} is left"));
    }
    *left -= amount;
    if left.is_zero() {
        documents.remove(document);
    }
    Ok(())
}
