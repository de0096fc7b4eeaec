//! Receivables: open items, money, credit, and the entries that documents post.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use ledger_core::calendar::Day;
use ledger_core::event::credit::CreditIssued;
use ledger_core::event::invoice::InvoiceIssued;
use ledger_core::event::payment::PaymentReceived;
use ledger_core::id::Identifier;
use ledger_core::money::{Amount, Currency};
use ledger_core::posting::{Functional, Posting};
use serde::Serialize;

use crate::facts::{
    EventFacts, Movement, Projection, ProjectionError, ReceivablesFact, Settles, Used,
};
use crate::views::Closes;

/// Something that lowered the open amount of an invoice.
#[derive(Debug, Clone, PartialEq, Serialize, BorshSerialize, BorshDeserialize)]
pub struct Settlement {
    /// When it is posted: when it counts, or on the first open day where that was closed.
    pub effective: Day,
    /// When the ledger learned it.
    pub sequence: u64,
    /// By what.
    pub kind: Settles,
    /// The payment or credit.
    pub document: Identifier,
    /// In the invoice's currency.
    pub amount: Amount,
    /// Whether it came late for closed days.
    pub late: bool,
}

/// A dispute that began or ended.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
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
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct InvoiceFact {
    /// As issued.
    pub issued: InvoiceIssued,
    /// When it is posted.
    pub posted: Day,
    /// When the ledger learned it.
    pub sequence: u64,
    /// What lowered its open amount.
    pub settlements: Vec<Settlement>,
    /// Its disputes.
    pub disputes: Vec<DisputeFact>,
}

/// A use of a payment's or a credit's amount.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct Use {
    /// When it is posted.
    pub effective: Day,
    /// When the ledger learned it.
    pub sequence: u64,
    /// What was used.
    pub amount: Amount,
    /// By what.
    pub of: Used,
    /// Whether it came late for closed days.
    pub late: bool,
}

/// Money of a payment that went back; below zero it came again.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct PaidBack {
    /// When it is posted.
    pub effective: Day,
    /// When the ledger learned it.
    pub sequence: u64,
    /// The payment.
    pub payment: Identifier,
    /// Whose.
    pub customer: Identifier,
    /// Its currency.
    pub currency: Currency,
    /// How much.
    pub amount: Amount,
    /// What the processor asked besides.
    pub fee: Amount,
    /// Whether it came late for closed days.
    pub late: bool,
}

/// A payment and its uses.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct PaymentFact {
    /// As received.
    pub received: PaymentReceived,
    /// When it is posted.
    pub effective: Day,
    /// When the ledger learned it.
    pub sequence: u64,
    /// Its allocations.
    pub uses: Vec<Use>,
    /// Whether it came late for closed days.
    pub late: bool,
}

/// A credit and its uses.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct CreditFact {
    /// As issued.
    pub issued: CreditIssued,
    /// When it is posted.
    pub effective: Day,
    /// When the ledger learned it.
    pub sequence: u64,
    /// What it settled, and what was paid back.
    pub uses: Vec<Use>,
    /// Whether it came late for closed days.
    pub late: bool,
}

/// The entry of one event.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct Entry {
    /// When it is posted.
    pub date: Day,
    /// When it counts.
    pub effective: Day,
    /// The event.
    pub sequence: u64,
    /// Its document.
    pub document: Identifier,
    /// Its customer.
    pub customer: Option<Identifier>,
    /// Its currency.
    pub currency: Currency,
    /// Which movement of a contract's balance it is.
    pub movement: Movement,
    /// Its legs: they sum to zero.
    pub legs: Vec<Posting>,
    /// The entry in the book's currency, where its own is another one.
    pub functional: Option<Box<Functional>>,
}

impl Entry {
    /// The entry of a fact that is one.
    fn of(fact: &ReceivablesFact, date: Day, facts: &EventFacts) -> Option<Self> {
        let ReceivablesFact::Entry { document, customer, currency, movement, legs, functional } =
            fact
        else {
            return None;
        };
        Some(Self {
            date,
            effective: facts.effective,
            sequence: facts.sequence,
            document: document.clone(),
            customer: customer.clone(),
            currency: *currency,
            movement: *movement,
            legs: legs.clone(),
            functional: functional.clone(),
        })
    }

    /// The legs in the book's currency.
    pub fn book_legs(&self) -> impl Iterator<Item = Posting> {
        let own = self.functional.is_none().then_some(&self.legs);
        let valued = self.functional.iter().flat_map(|functional| functional.legs());
        own.into_iter().flatten().cloned().chain(valued)
    }
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
    /// Money of payments that went back, in order of sequence.
    pub paid_back: Vec<PaidBack>,
    /// Entries in order of sequence.
    pub entries: Vec<Entry>,
    /// Which days were closed when.
    pub closes: Closes,
}

impl Receivables {
    /// The entry of an event.
    pub fn entry(&self, sequence: u64) -> Option<&Entry> {
        let found = self.entries.binary_search_by_key(&sequence, |entry| entry.sequence);
        found.ok().and_then(|index| self.entries.get(index))
    }

    /// Takes the facts of one event.
    pub(super) fn apply(&mut self, facts: &EventFacts) -> Result<(), ProjectionError> {
        let (effective, sequence) = (self.closes.posted(facts.effective), facts.sequence);
        let late = effective != facts.effective;
        for fact in &facts.receivables {
            match fact {
                ReceivablesFact::Book(_)
                | ReceivablesFact::Customer(_)
                | ReceivablesFact::RevenueAccount { .. }
                | ReceivablesFact::FxRate(_)
                | ReceivablesFact::Collections(_) => {}
                ReceivablesFact::Invoice(issued) => {
                    let fact = InvoiceFact {
                        issued: issued.clone(),
                        posted: effective,
                        sequence,
                        settlements: Vec::new(),
                        disputes: Vec::new(),
                    };
                    self.invoices.insert(issued.invoice.clone(), fact);
                }
                ReceivablesFact::Settlement { invoice, kind, document, amount } => {
                    let (document, amount, kind) = (document.clone(), *amount, *kind);
                    let one = Settlement { effective, sequence, kind, document, amount, late };
                    self.invoice(facts, invoice)?.settlements.push(one);
                }
                ReceivablesFact::Dispute { invoice, is_open, amount } => {
                    let (is_open, amount) = (*is_open, *amount);
                    let one = DisputeFact { effective, sequence, is_open, amount };
                    self.invoice(facts, invoice)?.disputes.push(one);
                }
                ReceivablesFact::Payment(received) => {
                    let (received, id) = (received.clone(), received.payment.clone());
                    let fact =
                        PaymentFact { received, effective, sequence, uses: Vec::new(), late };
                    self.payments.insert(id, fact);
                }
                ReceivablesFact::Credit(issued) => {
                    let (issued, id) = (issued.clone(), issued.credit.clone());
                    let fact = CreditFact { issued, effective, sequence, uses: Vec::new(), late };
                    self.credits.insert(id, fact);
                }
                ReceivablesFact::Use { of, document, amount } => {
                    let one = Use { effective, sequence, amount: *amount, of: *of, late };
                    self.uses(facts, *of, document)?.push(one);
                }
                ReceivablesFact::Closed { through } => self.closes.take(sequence, *through),
                ReceivablesFact::PaidBack { payment, customer, currency, amount, fee } => {
                    self.paid_back.push(PaidBack {
                        effective,
                        sequence,
                        payment: payment.clone(),
                        customer: customer.clone(),
                        currency: *currency,
                        amount: *amount,
                        fee: *fee,
                        late,
                    });
                }
                ReceivablesFact::Entry { .. } => {
                    self.entries.extend(Entry::of(fact, effective, facts));
                }
            }
        }
        Ok(())
    }

    fn invoice(
        &mut self,
        facts: &EventFacts,
        invoice: &Identifier,
    ) -> Result<&mut InvoiceFact, ProjectionError> {
        self.invoices.get_mut(invoice).ok_or_else(|| unknown(facts, invoice))
    }

    fn uses(
        &mut self,
        facts: &EventFacts,
        of: Used,
        document: &Identifier,
    ) -> Result<&mut Vec<Use>, ProjectionError> {
        let uses = if of.is_of_payment() {
            self.payments.get_mut(document).map(|fact| &mut fact.uses)
        } else {
            self.credits.get_mut(document).map(|fact| &mut fact.uses)
        };
        uses.ok_or_else(|| unknown(facts, document))
    }
}

fn unknown(facts: &EventFacts, document: &Identifier) -> ProjectionError {
    ProjectionError {
        projection: Projection::Receivables.name(),
        sequence: facts.sequence,
        reason: format!("it names {document}, which no event before it made"),
    }
}
