//! Facts of receivables, and what is open.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ledger_core::event::book::BookOpened;
use ledger_core::event::credit::CreditIssued;
use ledger_core::event::customer::CustomerRegistered;
use ledger_core::event::invoice::InvoiceIssued;
use ledger_core::event::payment::PaymentReceived;
use ledger_core::event::{Event, EventData};
use ledger_core::id::Identifier;
use ledger_core::money::{Amount, Currency};
use ledger_core::posting::{Posting, postings};
use serde::{Deserialize, Serialize};

/// What lowers the open amount of an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settles {
    /// Money.
    Payment,
    /// A credit.
    Credit,
    /// A rest that the policy writes off.
    SmallBalance,
}

impl Settles {
    /// The name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Credit => "credit",
            Self::SmallBalance => "small_balance",
        }
    }
}

/// Whose amount is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Used {
    /// A payment's, by an allocation.
    Payment,
    /// A credit's, by an application.
    Credit,
    /// A credit's, by paying it back.
    CreditRefund,
}

/// One fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceivablesFact<'a> {
    /// The book was opened.
    Book(Cow<'a, BookOpened>),
    /// A customer was added.
    Customer(Cow<'a, CustomerRegistered>),
    /// An invoice was issued.
    Invoice(Cow<'a, InvoiceIssued>),
    /// An invoice's open amount went down.
    Settlement {
        /// The invoice.
        invoice: Identifier,
        /// By what.
        kind: Settles,
        /// The payment or credit.
        document: Identifier,
        /// In the invoice's currency.
        amount: Amount,
    },
    /// A dispute began or ended.
    Dispute {
        /// The invoice.
        invoice: Identifier,
        /// Whether it began.
        is_open: bool,
        /// The disputed amount; none: all that is open.
        amount: Option<Amount>,
    },
    /// Money was received.
    Payment(Cow<'a, PaymentReceived>),
    /// A credit was issued.
    Credit(Cow<'a, CreditIssued>),
    /// A payment's or a credit's amount was used.
    Use {
        /// Whose.
        of: Used,
        /// The payment or credit.
        document: Identifier,
        /// How much, in its currency.
        amount: Amount,
    },
    /// The event's own entry.
    Entry {
        /// Its document.
        document: Identifier,
        /// Its customer.
        customer: Option<Identifier>,
        /// Its currency.
        currency: Currency,
        /// Its legs: they sum to zero.
        legs: Vec<Posting>,
    },
}

/// The facts of one event.
pub(super) fn facts(event: &Event) -> Vec<ReceivablesFact<'_>> {
    let mut facts = Vec::new();
    match &event.data {
        EventData::BookOpened(data) => facts.push(ReceivablesFact::Book(Cow::Borrowed(data))),
        EventData::CustomerRegistered(data) => {
            facts.push(ReceivablesFact::Customer(Cow::Borrowed(data)));
        }
        EventData::InvoiceIssued(data) => {
            facts.push(ReceivablesFact::Invoice(Cow::Borrowed(data)));
            entry(event, data.currency, &mut facts);
        }
        EventData::DisputeOpened(data) => {
            let (invoice, amount) = (data.invoice.clone(), data.amount);
            facts.push(ReceivablesFact::Dispute { invoice, is_open: true, amount });
        }
        EventData::DisputeResolved(data) => {
            let invoice = data.invoice.clone();
            facts.push(ReceivablesFact::Dispute { invoice, is_open: false, amount: None });
        }
        EventData::PaymentReceived(data) => {
            facts.push(ReceivablesFact::Payment(Cow::Borrowed(data)));
            entry(event, data.currency, &mut facts);
        }
        EventData::PaymentAllocated(data) => {
            let mut used = data.overpayment;
            for one in &data.allocations {
                used += one.amount;
                settle(&mut facts, &one.invoice, Settles::Payment, &data.payment, one.amount);
                let rest = one.small_balance;
                settle(&mut facts, &one.invoice, Settles::SmallBalance, &data.payment, rest);
            }
            facts.push(using(Used::Payment, &data.payment, used));
            entry(event, data.currency, &mut facts);
        }
        EventData::CreditIssued(data) => {
            facts.push(ReceivablesFact::Credit(Cow::Borrowed(data)));
            entry(event, data.currency, &mut facts);
        }
        EventData::CreditApplied(data) => {
            let mut used = Amount::ZERO;
            for one in &data.allocations {
                used += one.amount;
                settle(&mut facts, &one.invoice, Settles::Credit, &data.credit, one.amount);
            }
            facts.push(using(Used::Credit, &data.credit, used));
            entry(event, data.currency, &mut facts);
        }
        EventData::CreditRefunded(data) => {
            facts.push(using(Used::CreditRefund, &data.credit, data.amount));
            entry(event, data.currency, &mut facts);
        }
        EventData::ProductDefined(_) | EventData::OrderPlaced(_) | EventData::OrderAmended(_) => {}
    }
    facts
}

fn settle(
    facts: &mut Vec<ReceivablesFact<'_>>,
    invoice: &Identifier,
    kind: Settles,
    document: &Identifier,
    amount: Amount,
) {
    if !amount.is_zero() {
        let (invoice, document) = (invoice.clone(), document.clone());
        facts.push(ReceivablesFact::Settlement { invoice, kind, document, amount });
    }
}

fn using(of: Used, document: &Identifier, amount: Amount) -> ReceivablesFact<'static> {
    ReceivablesFact::Use { of, document: document.clone(), amount }
}

fn entry(event: &Event, currency: Currency, facts: &mut Vec<ReceivablesFact<'_>>) {
    let document = event.data.document();
    facts.push(ReceivablesFact::Entry {
        document: document.id,
        customer: document.customer,
        currency,
        legs: postings(&event.data),
    });
}

/// What is left of each document that has something left: all that the fold has to remember.
#[derive(Debug, Clone, Default)]
pub struct OpenDocuments {
    invoices: BTreeMap<Identifier, Amount>,
    payments: BTreeMap<Identifier, Amount>,
    credits: BTreeMap<Identifier, Amount>,
}

impl OpenDocuments {
    /// Invoices with an open amount.
    pub fn invoices(&self) -> usize {
        self.invoices.len()
    }

    /// Takes one fact.
    ///
    /// # Errors
    /// Why it does not fit what is open.
    pub(super) fn take(&mut self, fact: &ReceivablesFact<'_>) -> Result<(), String> {
        match fact {
            ReceivablesFact::Invoice(data) => {
                open(&mut self.invoices, &data.invoice, data.total);
                Ok(())
            }
            ReceivablesFact::Payment(data) => {
                open(&mut self.payments, &data.payment, data.amount);
                Ok(())
            }
            ReceivablesFact::Credit(data) => {
                open(&mut self.credits, &data.credit, data.total);
                Ok(())
            }
            ReceivablesFact::Settlement { invoice, amount, .. } => {
                lower(&mut self.invoices, "invoice", invoice, *amount)
            }
            ReceivablesFact::Use { of: Used::Payment, document, amount } => {
                lower(&mut self.payments, "payment", document, *amount)
            }
            ReceivablesFact::Use { document, amount, .. } => {
                lower(&mut self.credits, "credit", document, *amount)
            }
            ReceivablesFact::Entry { legs, .. } => {
                let sum: Amount = legs.iter().map(|leg| leg.amount).sum();
                if sum.is_zero() { Ok(()) } else { Err(format!("its entry is off by {sum}")) }
            }
            ReceivablesFact::Book(_)
            | ReceivablesFact::Customer(_)
            | ReceivablesFact::Dispute { .. } => Ok(()),
        }
    }
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
