//! Facts of receivables, and what is open.

use std::collections::BTreeMap;

use ledger_core::calendar::Day;
use ledger_core::command::shared::Allocation;
use ledger_core::event::book::BookOpened;
use ledger_core::event::credit::CreditIssued;
use ledger_core::event::customer::CustomerRegistered;
use ledger_core::event::invoice::InvoiceIssued;
use ledger_core::event::payment::{PaymentAllocated, PaymentReceived};
use ledger_core::event::{DocumentReference, EventData};
use ledger_core::id::Identifier;
use ledger_core::money::{Amount, Currency};
use ledger_core::posting::Posting;
use serde::{Deserialize, Serialize};

use crate::facts::collections::{self, CollectionsFact};

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
    /// The voiding of the invoice.
    Void,
}

impl Settles {
    /// The name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Credit => "credit",
            Self::SmallBalance => "small_balance",
            Self::Void => "void",
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
    /// A credit's, by voiding it.
    CreditVoid,
}

/// One fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceivablesFact {
    /// The book was opened.
    Book(BookOpened),
    /// A customer was added, or is so now.
    Customer(CustomerRegistered),
    /// Of collections.
    Collections(CollectionsFact),
    /// An invoice was issued.
    Invoice(InvoiceIssued),
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
    Payment(PaymentReceived),
    /// A credit was issued.
    Credit(CreditIssued),
    /// A payment's or a credit's amount was used.
    Use {
        /// Whose.
        of: Used,
        /// The payment or credit.
        document: Identifier,
        /// How much, in its currency.
        amount: Amount,
    },
    /// All days up to one are closed now.
    Closed {
        /// The last closed day.
        through: Day,
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

/// The facts of one event, whose entry has these legs.
pub(super) fn facts(data: EventData, legs: Vec<Posting>) -> Vec<ReceivablesFact> {
    let document = data.document();
    let entry = |currency| {
        let DocumentReference { id, customer, .. } = document;
        ReceivablesFact::Entry { document: id, customer, currency, legs }
    };
    match data {
        EventData::BookOpened(data) => vec![ReceivablesFact::Book(data)],
        EventData::CustomerRegistered(data) => vec![ReceivablesFact::Customer(data)],
        EventData::CustomerUpdated(_)
        | EventData::CustomerHeld(_)
        | EventData::CustomerReleased(_)
        | EventData::PaymentPromised(_)
        | EventData::ReminderIssued(_)
        | EventData::DisputeOpened(_)
        | EventData::DisputeResolved(_)
        | EventData::DunningRunCompleted(_) => collections::facts(&data),
        EventData::InvoiceIssued(data) => {
            let entry = entry(data.currency);
            vec![ReceivablesFact::Invoice(data), entry]
        }
        EventData::InvoiceVoided(data) => {
            let mut facts = Vec::new();
            settle(&mut facts, &data.invoice, Settles::Void, &data.invoice, data.total);
            facts.push(entry(data.currency));
            facts
        }
        EventData::PeriodClosed(data) => vec![ReceivablesFact::Closed { through: data.through }],
        EventData::PeriodReopened(data) => {
            vec![ReceivablesFact::Closed { through: data.from.previous() }]
        }
        EventData::PaymentReceived(data) => {
            let entry = entry(data.currency);
            vec![ReceivablesFact::Payment(data), entry]
        }
        EventData::PaymentAllocated(data) => {
            let mut facts = allocated(&data);
            facts.push(entry(data.currency));
            facts
        }
        EventData::CreditIssued(data) => {
            let entry = entry(data.currency);
            vec![ReceivablesFact::Credit(data), entry]
        }
        EventData::CreditApplied(data) => {
            let mut facts = applied(&data.credit, &data.allocations, false);
            facts.push(entry(data.currency));
            facts
        }
        EventData::CreditRefunded(data) => {
            vec![using(Used::CreditRefund, &data.credit, data.amount), entry(data.currency)]
        }
        EventData::CreditVoided(data) => {
            let mut facts = applied(&data.credit, &data.reopened, true);
            facts.push(using(Used::CreditVoid, &data.credit, data.total));
            facts.push(entry(data.currency));
            facts
        }
        EventData::ProductDefined(_)
        | EventData::TaxRateDefined(_)
        | EventData::OrderPlaced(_)
        | EventData::OrderAmended(_)
        | EventData::EstimateRevised(_)
        | EventData::OrderRenewed(_)
        | EventData::OrderCancelled(_)
        | EventData::OrderSuspended(_)
        | EventData::OrderResumed(_)
        | EventData::DeliveryRecorded(_)
        | EventData::UsageRecorded(_)
        | EventData::BillingRunCompleted(_) => Vec::new(),
    }
}

/// What an allocation of money settles and uses.
fn allocated(data: &PaymentAllocated) -> Vec<ReceivablesFact> {
    let mut facts = Vec::new();
    let mut used = data.overpayment;
    for one in &data.allocations {
        used += one.amount;
        settle(&mut facts, &one.invoice, Settles::Payment, &data.payment, one.amount);
        let rest = one.small_balance;
        settle(&mut facts, &one.invoice, Settles::SmallBalance, &data.payment, rest);
    }
    facts.push(using(Used::Payment, &data.payment, used));
    facts
}

/// What a credit settles and uses, or gives back where it is voided.
fn applied(credit: &Identifier, list: &[Allocation], is_back: bool) -> Vec<ReceivablesFact> {
    let sign = |amount: Amount| if is_back { -amount } else { amount };
    let mut facts = Vec::new();
    let mut used = Amount::ZERO;
    for one in list {
        used += sign(one.amount);
        settle(&mut facts, &one.invoice, Settles::Credit, credit, sign(one.amount));
    }
    facts.push(using(Used::Credit, credit, used));
    facts
}

fn settle(
    facts: &mut Vec<ReceivablesFact>,
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

fn using(of: Used, document: &Identifier, amount: Amount) -> ReceivablesFact {
    ReceivablesFact::Use { of, document: document.clone(), amount }
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
    pub(super) fn take(&mut self, fact: &ReceivablesFact) -> Result<(), String> {
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
            | ReceivablesFact::Collections(_)
            | ReceivablesFact::Closed { .. }
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
