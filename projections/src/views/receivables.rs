//! Receivables: open items, money, credit, and the entries that documents post.

use std::collections::BTreeMap;

use ledger_core::calendar::Day;
use ledger_core::event::credit::CreditIssued;
use ledger_core::event::invoice::InvoiceIssued;
use ledger_core::event::payment::PaymentReceived;
use ledger_core::event::{Event, EventData};
use ledger_core::id::Identifier;
use ledger_core::money::{Amount, Currency};
use ledger_core::posting::{Posting, postings};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::views::{Projection, ProjectionError, digest_rows};

/// Something that lowered the open amount of an invoice.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Settlement {
    /// When it counts.
    pub effective: Day,
    /// When the ledger learned it.
    pub sequence: u64,
    /// `payment`, `credit` or `small_balance`.
    pub kind: &'static str,
    /// The payment or credit.
    pub document: Identifier,
    /// In the invoice's currency.
    pub amount: Amount,
}

/// A dispute that began or ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DisputeFact {
    /// When it counts.
    pub effective: Day,
    /// When the ledger learned it.
    pub sequence: u64,
    /// Whether it began.
    pub is_open: bool,
    /// The disputed amount; none: all that is open.
    pub amount: Option<Amount>,
}

/// An invoice and all that happened to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InvoiceFact {
    /// As issued.
    pub issued: InvoiceIssued,
    /// When the ledger learned it.
    pub sequence: u64,
    /// What lowered its open amount.
    pub settlements: Vec<Settlement>,
    /// Its disputes.
    pub disputes: Vec<DisputeFact>,
}

/// A use of a payment's or a credit's amount.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Use {
    /// When it counts.
    pub effective: Day,
    /// When the ledger learned it.
    pub sequence: u64,
    /// What was used.
    pub amount: Amount,
    /// Whether it was paid back.
    pub is_refund: bool,
}

/// A payment and its uses.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PaymentFact {
    /// As received.
    pub received: PaymentReceived,
    /// When it counts.
    pub effective: Day,
    /// When the ledger learned it.
    pub sequence: u64,
    /// Its allocations.
    pub uses: Vec<Use>,
}

/// A credit and its uses.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CreditFact {
    /// As issued.
    pub issued: CreditIssued,
    /// When it counts.
    pub effective: Day,
    /// When the ledger learned it.
    pub sequence: u64,
    /// What it settled, and what was paid back.
    pub uses: Vec<Use>,
}

/// The entry of one event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// When it counts.
    pub date: Day,
    /// The event.
    pub sequence: u64,
    /// Its document.
    pub document: Identifier,
    /// Its customer.
    pub customer: Option<Identifier>,
    /// Its currency.
    pub currency: Currency,
    /// Its legs: they sum to zero.
    pub legs: Vec<Posting>,
}

/// Open items, money and credit.
#[derive(Debug, Clone, Default)]
pub struct Receivables {
    /// Invoices by id.
    pub invoices: BTreeMap<Identifier, InvoiceFact>,
    /// Payments by id.
    pub payments: BTreeMap<Identifier, PaymentFact>,
    /// Credits by id.
    pub credits: BTreeMap<Identifier, CreditFact>,
    /// Entries in order of sequence.
    pub entries: Vec<Entry>,
}

impl Projection for Receivables {
    const NAME: &'static str = "receivables";
    const VERSION: u32 = 1;

    fn fold(&mut self, event: &Event) -> Result<(), ProjectionError> {
        self.entry(event);
        match &event.data {
            EventData::InvoiceIssued(data) => {
                let fact = InvoiceFact {
                    issued: data.clone(),
                    sequence: event.sequence,
                    settlements: Vec::new(),
                    disputes: Vec::new(),
                };
                self.invoices.insert(data.invoice.clone(), fact);
            }
            EventData::DisputeOpened(data) => {
                self.dispute(event, &data.invoice, true, data.amount)?;
            }
            EventData::DisputeResolved(data) => self.dispute(event, &data.invoice, false, None)?,
            EventData::PaymentReceived(data) => {
                let fact = PaymentFact {
                    received: data.clone(),
                    effective: event.effective,
                    sequence: event.sequence,
                    uses: Vec::new(),
                };
                self.payments.insert(data.payment.clone(), fact);
            }
            EventData::PaymentAllocated(data) => {
                let mut used = data.overpayment;
                for one in &data.allocations {
                    used += one.amount;
                    self.settle(event, &one.invoice, "payment", &data.payment, one.amount)?;
                    let small = one.small_balance;
                    self.settle(event, &one.invoice, "small_balance", &data.payment, small)?;
                }
                let payment = self.payments.get_mut(&data.payment);
                payment
                    .ok_or_else(|| unknown(event, &data.payment))?
                    .uses
                    .push(used_by(event, used));
            }
            EventData::CreditIssued(data) => {
                let fact = CreditFact {
                    issued: data.clone(),
                    effective: event.effective,
                    sequence: event.sequence,
                    uses: Vec::new(),
                };
                self.credits.insert(data.credit.clone(), fact);
            }
            EventData::CreditApplied(data) => {
                let mut used = Amount::ZERO;
                for one in &data.allocations {
                    used += one.amount;
                    self.settle(event, &one.invoice, "credit", &data.credit, one.amount)?;
                }
                let credit = self.credits.get_mut(&data.credit);
                credit.ok_or_else(|| unknown(event, &data.credit))?.uses.push(used_by(event, used));
            }
            EventData::CreditRefunded(data) => {
                let credit = self.credits.get_mut(&data.credit);
                let used = Use { is_refund: true, ..used_by(event, data.amount) };
                credit.ok_or_else(|| unknown(event, &data.credit))?.uses.push(used);
            }
            EventData::BookOpened(_)
            | EventData::ProductDefined(_)
            | EventData::CustomerRegistered(_)
            | EventData::OrderPlaced(_)
            | EventData::OrderAmended(_) => {}
        }
        Ok(())
    }

    fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        digest_rows(self.invoices.values(), &mut hash);
        digest_rows(self.payments.values(), &mut hash);
        digest_rows(self.credits.values(), &mut hash);
        digest_rows(self.entries.iter(), &mut hash);
        hash.finalize().into()
    }
}

impl Receivables {
    fn entry(&mut self, event: &Event) {
        let currency = match &event.data {
            EventData::InvoiceIssued(data) => data.currency,
            EventData::PaymentReceived(data) => data.currency,
            EventData::PaymentAllocated(data) => data.currency,
            EventData::CreditIssued(data) => data.currency,
            EventData::CreditApplied(data) => data.currency,
            EventData::CreditRefunded(data) => data.currency,
            EventData::BookOpened(_)
            | EventData::ProductDefined(_)
            | EventData::CustomerRegistered(_)
            | EventData::OrderPlaced(_)
            | EventData::OrderAmended(_)
            | EventData::DisputeOpened(_)
            | EventData::DisputeResolved(_) => return,
        };
        let document = event.data.document();
        self.entries.push(Entry {
            date: event.effective,
            sequence: event.sequence,
            document: document.id,
            customer: document.customer,
            currency,
            legs: postings(&event.data),
        });
    }

    fn dispute(
        &mut self,
        event: &Event,
        invoice: &Identifier,
        is_open: bool,
        amount: Option<Amount>,
    ) -> Result<(), ProjectionError> {
        let fact = self.invoices.get_mut(invoice).ok_or_else(|| unknown(event, invoice))?;
        let (effective, sequence) = (event.effective, event.sequence);
        fact.disputes.push(DisputeFact { effective, sequence, is_open, amount });
        Ok(())
    }

    fn settle(
        &mut self,
        event: &Event,
        invoice: &Identifier,
        kind: &'static str,
        document: &Identifier,
        amount: Amount,
    ) -> Result<(), ProjectionError> {
        let fact = self.invoices.get_mut(invoice).ok_or_else(|| unknown(event, invoice))?;
        if !amount.is_zero() {
            fact.settlements.push(Settlement {
                effective: event.effective,
                sequence: event.sequence,
                kind,
                document: document.clone(),
                amount,
            });
        }
        Ok(())
    }
}

fn used_by(event: &Event, amount: Amount) -> Use {
    Use { effective: event.effective, sequence: event.sequence, amount, is_refund: false }
}

fn unknown(event: &Event, document: &Identifier) -> ProjectionError {
    ProjectionError {
        projection: Receivables::NAME,
        sequence: event.sequence,
        reason: format!("it names {document}, which no event before it made"),
    }
}
