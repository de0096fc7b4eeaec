//! Facts of receivables, and what is open.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger_core::calendar::Day;
use ledger_core::command::book::DefineProduct;
use ledger_core::command::shared::Allocation;
use ledger_core::event::book::{BookOpened, FxRateRecorded, ProductDefined};
use ledger_core::event::credit::CreditIssued;
use ledger_core::event::customer::CustomerRegistered;
use ledger_core::event::invoice::InvoiceIssued;
use ledger_core::event::payment::PaymentReceived;
use ledger_core::event::{DocumentReference, EventData};
use ledger_core::id::Identifier;
use ledger_core::money::{Amount, Currency};
use ledger_core::posting::{Functional, Posting};
use serde::Serialize;

use crate::facts::collections::{self, CollectionsFact};

mod money;

/// What lowers the open amount of an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, BorshSerialize, BorshDeserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settles {
    /// Money.
    Payment,
    /// A credit.
    Credit,
    /// A rest that the policy writes off.
    SmallBalance,
    /// An early-payment discount.
    CashDiscount,
    /// A write-off, or below zero its recovery.
    WriteOff,
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
            Self::CashDiscount => "cash_discount",
            Self::WriteOff => "write_off",
            Self::Void => "void",
        }
    }
}

/// Whose amount is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Used {
    /// A payment's, by an allocation.
    Payment,
    /// A payment's, by closing an overpayment within the tolerance.
    Overpayment,
    /// A payment's, by paying it back.
    PaymentRefund,
    /// A payment's, because it failed after all.
    PaymentFailed,
    /// A payment's, by a chargeback; below zero by winning it.
    ChargeBack,
    /// A credit's, by an application.
    Credit,
    /// A credit's, by paying it back.
    CreditRefund,
    /// A credit's, by voiding it.
    CreditVoid,
}

impl Used {
    /// Whether it is a payment's amount, not a credit's.
    pub const fn is_of_payment(self) -> bool {
        match self {
            Self::Payment
            | Self::Overpayment
            | Self::PaymentRefund
            | Self::PaymentFailed
            | Self::ChargeBack => true,
            Self::Credit | Self::CreditRefund | Self::CreditVoid => false,
        }
    }
}

/// Which movement of a contract's balance an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub enum Movement {
    /// An invoice, or its voiding.
    #[default]
    Billed,
    /// A credit, its voiding, or a chargeback that reverses revenue.
    Credited,
    /// A write-off.
    WrittenOff,
}

/// One fact.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub enum ReceivablesFact {
    /// The book was opened.
    Book(BookOpened),
    /// A product's revenue has an account of its own.
    RevenueAccount {
        /// The product.
        product: Identifier,
        /// The account's code.
        account: String,
    },
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
    /// Money of a payment went back to the payer or the payer's bank; below zero it came again.
    PaidBack {
        /// The payment.
        payment: Identifier,
        /// Whose.
        customer: Identifier,
        /// Its currency.
        currency: Currency,
        /// How much.
        amount: Amount,
        /// What the processor asked besides.
        fee: Amount,
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
        /// Which movement of a contract's balance it is.
        movement: Movement,
        /// Its legs: they sum to zero.
        legs: Vec<Posting>,
        /// The entry in the book's currency, where its own is another one.
        functional: Option<Box<Functional>>,
    },
    /// An exchange rate was added.
    FxRate(FxRateRecorded),
}

/// The facts of one event, whose entry has these legs.
pub(super) fn facts(
    data: EventData,
    legs: Vec<Posting>,
    functional: Option<Box<Functional>>,
) -> Vec<ReceivablesFact> {
    let document = data.document();
    let movement = movement(&data);
    let entry = |currency| {
        let DocumentReference { id, customer, .. } = document;
        ReceivablesFact::Entry { document: id, customer, currency, movement, legs, functional }
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
        | EventData::PaymentRequested(_)
        | EventData::PaymentRequestCanceled(_)
        | EventData::PaymentRequestsCompleted(_)
        | EventData::DunningRunCompleted(_) => collections::facts(&data),
        EventData::InvoiceIssued(data) => {
            let entry = entry(data.currency);
            vec![ReceivablesFact::Invoice(data), entry]
        }
        EventData::FxRateRecorded(data) => vec![ReceivablesFact::FxRate(data)],
        EventData::PeriodClosed(data) => vec![ReceivablesFact::Closed { through: data.through }],
        EventData::PeriodReopened(data) => {
            vec![ReceivablesFact::Closed { through: data.from.previous() }]
        }
        EventData::PaymentReceived(data) => {
            let (entry, paid) = (entry(data.currency), collections::paid(&data));
            [ReceivablesFact::Payment(data), entry].into_iter().chain(paid).collect()
        }
        EventData::InvoiceVoided(_)
        | EventData::PaymentAllocated(_)
        | EventData::PaymentDeallocated(_)
        | EventData::PaymentFailed(_)
        | EventData::PaymentRefunded(_)
        | EventData::PaymentChargedBack(_)
        | EventData::ChargebackWon(_)
        | EventData::InvoiceWrittenOff(_)
        | EventData::WriteOffRecovered(_)
        | EventData::AllowanceRecorded(_)
        | EventData::CreditApplied(_)
        | EventData::CreditRefunded(_)
        | EventData::CreditVoided(_) => match money::facts(&data) {
            Some((mut facts, currency)) => {
                facts.push(entry(currency));
                facts.extend(collections::failed(&data));
                facts
            }
            None => collections::failed(&data).into_iter().collect(),
        },
        EventData::CreditIssued(data) => {
            let entry = entry(data.currency);
            vec![ReceivablesFact::Credit(data), entry]
        }
        EventData::ProductDefined(data) => revenue_account(data).into_iter().collect(),
        EventData::TaxRateDefined(_)
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

fn revenue_account(data: ProductDefined) -> Option<ReceivablesFact> {
    let DefineProduct { product, revenue_account, .. } = data;
    revenue_account.map(|account| ReceivablesFact::RevenueAccount { product, account })
}

/// Which movement of a contract's balance an event's entry is: no other events but these, invoices
/// and their voiding move one.
fn movement(data: &EventData) -> Movement {
    if matches!(data, EventData::InvoiceWrittenOff(_)) {
        return Movement::WrittenOff;
    }
    let is_credit = matches!(
        data,
        EventData::CreditIssued(_) | EventData::CreditVoided(_) | EventData::PaymentChargedBack(_)
    );
    if is_credit { Movement::Credited } else { Movement::Billed }
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
