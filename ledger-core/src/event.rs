//! What has happened: immutable facts with the numbers that were decided (contract, section 6).

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::calendar::Day;
use crate::content_hash::ContentHash;
use crate::id::Identifier;
use crate::money::Currency;
use crate::posting::Functional;

pub mod book;
mod bound;
pub mod close;
pub mod collections;
pub mod credit;
pub mod customer;
pub mod invoice;
pub mod loss;
pub mod order;
pub mod payment;
pub mod request;
pub mod words;

/// A decided event that has no place in the log yet: the writer adds id, time and headers.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// The business date.
    pub effective: Day,
    /// What happened.
    pub data: EventData,
    /// Its entry in the book's currency, where its document has another one.
    pub functional: Option<Box<Functional>>,
}

impl NewEvent {
    /// An event of a document whose entry is still to be valued.
    pub fn new(effective: Day, data: EventData) -> Self {
        Self { effective, data, functional: None }
    }

    /// The event as a state takes it that is used to decide more of the same command, and then
    /// thrown away.
    pub(crate) fn provisional(self, sequence: u64, command: &Identifier) -> Event {
        Event {
            sequence,
            id: String::new(),
            effective: self.effective,
            recorded_at: OffsetDateTime::UNIX_EPOCH,
            actor: String::new(),
            command_id: command.clone(),
            command_hash: ContentHash::default(),
            correlation_id: command.clone(),
            reason: None,
            data: self.data,
            functional: self.functional,
        }
    }
}

/// An event of the log with its envelope.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its place in the book's log, dense from 1.
    pub sequence: u64,
    /// Unique in all logs; the `Nats-Msg-Id`.
    pub id: String,
    /// The business date.
    pub effective: Day,
    /// When the ledger learned it (UTC), never before the event in front of it.
    pub recorded_at: OffsetDateTime,
    /// Who asked.
    pub actor: String,
    /// The command that caused it.
    pub command_id: Identifier,
    /// SHA-256 of that command's content.
    pub command_hash: ContentHash,
    /// The story that it belongs to.
    pub correlation_id: Identifier,
    /// Free text of the command.
    pub reason: Option<String>,
    /// What happened.
    pub data: EventData,
    /// Its entry in the book's currency, where its document has another one.
    pub functional: Option<Box<Functional>>,
}

/// What an event is about: the tail of its subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentReference {
    /// The customer, `_book` for events of the whole book.
    pub customer: Option<Identifier>,
    /// One of [`DocumentReference::KINDS`].
    pub kind: &'static str,
    /// The document's id.
    pub id: Identifier,
}

impl DocumentReference {
    /// The kinds of documents (contract, section 6).
    pub const KINDS: &'static [&'static str] = &[
        "customer", "order", "invoice", "payment", "credit", "book", "product", "tax_rate",
        "fx_rate", "period",
    ];
}

/// Whether an amount of an event is left out, because there is none.
pub(crate) fn is_zero(amount: &crate::money::Amount) -> bool {
    amount.is_zero()
}

macro_rules! events {
    ($($(#[doc = $doc:literal])* $name:ident($data:ty) = $version:literal),+ $(,)?) => {
        /// What happened, by the event's type.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(tag = "type", content = "data")]
        pub enum EventData { $($(#[doc = $doc])* $name($data)),+ }

        impl EventData {
            /// Types and current versions of all events of this release.
            pub const TYPES: &'static [(&'static str, u32)] = &[$((stringify!($name), $version)),+];

            /// The event's type on the wire.
            pub fn type_name(&self) -> &'static str {
                match self { $(Self::$name(_) => stringify!($name)),+ }
            }

            /// The version of the type that this release writes.
            pub fn version(&self) -> u32 {
                match self { $(Self::$name(_) => $version),+ }
            }

            /// Serializes the data alone, as the body's `data` field holds it.
            pub fn serialize_data<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self { $(Self::$name(data) => data.serialize(serializer)),+ }
            }

            /// Reads the data of the named type; `None` where there is no such type.
            pub fn deserialize<'de, D: serde::Deserializer<'de>>(
                name: &str,
                deserializer: D,
            ) -> Option<Result<Self, D::Error>> {
                match name {
                    $(stringify!($name) => Some(<$data>::deserialize(deserializer).map(Self::$name)),)+
                    _ => None,
                }
            }

            /// The JSON Schema of each type's data, by name.
            pub fn schemas(generator: &mut schemars::SchemaGenerator) -> Vec<(&'static str, schemars::Schema)> {
                vec![$((stringify!($name), generator.subschema_for::<$data>())),+]
            }
        }
    };
}

// A macro, so that the list of types and the match by type cannot drift apart.
events! {
    /// The book was opened.
    BookOpened(book::BookOpened) = 1,
    /// A product was added to the catalog.
    ProductDefined(book::ProductDefined) = 1,
    /// A tax rate was added.
    TaxRateDefined(book::TaxRateDefined) = 1,
    /// An exchange rate was added.
    FxRateRecorded(book::FxRateRecorded) = 1,
    /// Days were closed.
    PeriodClosed(close::PeriodClosed) = 1,
    /// Closed days were opened again.
    PeriodReopened(close::PeriodReopened) = 1,
    /// A customer was added.
    CustomerRegistered(customer::CustomerRegistered) = 1,
    /// A customer was changed.
    CustomerUpdated(collections::CustomerUpdated) = 1,
    /// A customer was put on hold.
    CustomerHeld(collections::CustomerHeld) = 1,
    /// A customer's hold has ended.
    CustomerReleased(collections::CustomerReleased) = 1,
    /// The customer has promised to pay.
    PaymentPromised(collections::PaymentPromised) = 1,
    /// A reminder was issued.
    ReminderIssued(collections::ReminderIssued) = 1,
    /// A dunning run ended.
    DunningRunCompleted(collections::DunningRun) = 1,
    /// A processor is to collect money.
    PaymentRequested(request::PaymentRequested) = 1,
    /// A request ended without an attempt.
    PaymentRequestCanceled(request::PaymentRequestCanceled) = 1,
    /// A run of requests ended.
    PaymentRequestsCompleted(request::PaymentRequestRun) = 1,
    /// An order was placed.
    OrderPlaced(order::OrderPlaced) = 1,
    /// An order was changed.
    OrderAmended(order::OrderAmended) = 1,
    /// The estimate of a line's price was revised.
    EstimateRevised(order::EstimateRevised) = 1,
    /// An order goes on after its end.
    OrderRenewed(order::OrderRenewed) = 1,
    /// An order ended before its time.
    OrderCancelled(order::OrderCancelled) = 1,
    /// An order rests.
    OrderSuspended(order::OrderPaused) = 1,
    /// An order that rested goes on.
    OrderResumed(order::OrderPaused) = 1,
    /// Goods or services were delivered.
    DeliveryRecorded(order::DeliveryRecorded) = 1,
    /// Usage was read.
    UsageRecorded(order::UsageRecorded) = 1,
    /// An invoice was issued.
    InvoiceIssued(invoice::InvoiceIssued) = 1,
    /// An invoice was voided.
    InvoiceVoided(invoice::InvoiceVoided) = 1,
    /// A billing run ended.
    BillingRunCompleted(invoice::BillingRun) = 1,
    /// An invoice was disputed.
    DisputeOpened(invoice::DisputeOpened) = 1,
    /// A dispute ended.
    DisputeResolved(invoice::DisputeResolved) = 1,
    /// Money was received.
    PaymentReceived(payment::PaymentReceived) = 1,
    /// Money settled invoices.
    PaymentAllocated(payment::PaymentAllocated) = 1,
    /// Money was taken off invoices.
    PaymentDeallocated(payment::PaymentDeallocated) = 1,
    /// An attempt to collect an invoice failed.
    PaymentFailed(payment::PaymentFailed) = 1,
    /// Unapplied money was paid back.
    PaymentRefunded(payment::PaymentRefunded) = 1,
    /// The payer's bank took money back.
    PaymentChargedBack(payment::PaymentChargedBack) = 1,
    /// The bank gave back what a chargeback had taken.
    ChargebackWon(payment::ChargebackWon) = 1,
    /// An invoice, or a part of it, was given up.
    InvoiceWrittenOff(loss::InvoiceWrittenOff) = 1,
    /// A write-off was taken back.
    WriteOffRecovered(loss::WriteOffRecovered) = 1,
    /// The allowance was brought to what is needed.
    AllowanceRecorded(loss::AllowanceRecorded) = 1,
    /// A credit was issued.
    CreditIssued(credit::CreditIssued) = 1,
    /// A credit settled invoices.
    CreditApplied(credit::CreditApplied) = 1,
    /// A credit was paid back.
    CreditRefunded(credit::CreditRefunded) = 1,
    /// A credit was voided.
    CreditVoided(credit::CreditVoided) = 1,
}

impl EventData {
    /// The types of events that post an entry of their own.
    pub const WITH_ENTRY: &'static [&'static str] = &[
        "InvoiceIssued",
        "InvoiceVoided",
        "PaymentReceived",
        "PaymentAllocated",
        "PaymentDeallocated",
        "PaymentFailed",
        "PaymentRefunded",
        "PaymentChargedBack",
        "ChargebackWon",
        "InvoiceWrittenOff",
        "WriteOffRecovered",
        "AllowanceRecorded",
        "CreditIssued",
        "CreditApplied",
        "CreditRefunded",
        "CreditVoided",
    ];

    /// The currency of the entry that the event posts by itself; none where it posts nothing.
    pub fn entry_currency(&self) -> Option<Currency> {
        match self {
            Self::InvoiceIssued(data) => Some(data.currency),
            Self::InvoiceVoided(data) => Some(data.currency),
            Self::PaymentReceived(data) => Some(data.currency),
            Self::PaymentAllocated(data) => Some(data.currency),
            Self::PaymentDeallocated(data) => Some(data.currency),
            Self::PaymentFailed(data) => data.taken.as_ref().map(|_| data.currency),
            Self::PaymentRefunded(data) => Some(data.currency),
            Self::PaymentChargedBack(data) => Some(data.currency),
            Self::ChargebackWon(data) => Some(data.currency),
            Self::InvoiceWrittenOff(data) => Some(data.currency),
            Self::WriteOffRecovered(data) => Some(data.currency),
            Self::AllowanceRecorded(data) => Some(data.currency),
            Self::CreditIssued(data) => Some(data.currency),
            Self::CreditApplied(data) => Some(data.currency),
            Self::CreditRefunded(data) => Some(data.currency),
            Self::CreditVoided(data) => Some(data.currency),
            Self::BookOpened(_)
            | Self::ProductDefined(_)
            | Self::TaxRateDefined(_)
            | Self::FxRateRecorded(_)
            | Self::PeriodClosed(_)
            | Self::PeriodReopened(_)
            | Self::CustomerRegistered(_)
            | Self::CustomerUpdated(_)
            | Self::CustomerHeld(_)
            | Self::CustomerReleased(_)
            | Self::PaymentPromised(_)
            | Self::ReminderIssued(_)
            | Self::DunningRunCompleted(_)
            | Self::PaymentRequested(_)
            | Self::PaymentRequestCanceled(_)
            | Self::PaymentRequestsCompleted(_)
            | Self::OrderPlaced(_)
            | Self::OrderAmended(_)
            | Self::EstimateRevised(_)
            | Self::OrderRenewed(_)
            | Self::OrderCancelled(_)
            | Self::OrderSuspended(_)
            | Self::OrderResumed(_)
            | Self::DeliveryRecorded(_)
            | Self::UsageRecorded(_)
            | Self::BillingRunCompleted(_)
            | Self::DisputeOpened(_)
            | Self::DisputeResolved(_) => None,
        }
    }

    /// The document on whose subject the event stands.
    pub fn document(&self) -> DocumentReference {
        let of = |customer: &Identifier, kind, id: &Identifier| DocumentReference {
            customer: Some(customer.clone()),
            kind,
            id: id.clone(),
        };
        let of_book =
            |kind, id: &Identifier| DocumentReference { customer: None, kind, id: id.clone() };
        match self {
            Self::BookOpened(data) => of_book("book", &data.book),
            Self::ProductDefined(data) => of_book("product", &data.product),
            Self::TaxRateDefined(data) => of_book("tax_rate", &data.tax_code),
            Self::FxRateRecorded(data) => of_book("fx_rate", &data.pair()),
            Self::PeriodClosed(data) => of_book("period", &data.book),
            Self::PeriodReopened(data) => of_book("period", &data.book),
            Self::BillingRunCompleted(data) => of_book("book", &data.book),
            Self::CustomerRegistered(data) => of(&data.customer, "customer", &data.customer),
            Self::CustomerUpdated(data) => of(&data.customer, "customer", &data.customer),
            Self::CustomerHeld(data) => of(&data.customer, "customer", &data.customer),
            Self::CustomerReleased(data) => of(&data.customer, "customer", &data.customer),
            Self::PaymentPromised(data) => of(&data.customer, "invoice", &data.invoice),
            Self::ReminderIssued(data) => of(&data.customer, "invoice", &data.invoice),
            Self::DunningRunCompleted(data) => of_book("book", &data.book),
            Self::PaymentRequested(data) => of(&data.customer, "invoice", &data.invoice),
            Self::PaymentRequestCanceled(data) => of(&data.customer, "invoice", &data.invoice),
            Self::PaymentRequestsCompleted(data) => of_book("book", &data.book),
            Self::OrderPlaced(data) => of(&data.customer, "order", &data.order),
            Self::OrderAmended(data) => of(&data.customer, "order", &data.order),
            Self::EstimateRevised(data) => of(&data.customer, "order", &data.order),
            Self::OrderRenewed(data) => of(&data.customer, "order", &data.order),
            Self::OrderCancelled(data) => of(&data.customer, "order", &data.order),
            Self::OrderSuspended(data) | Self::OrderResumed(data) => {
                of(&data.customer, "order", &data.order)
            }
            Self::DeliveryRecorded(data) => of(&data.customer, "order", &data.order),
            Self::UsageRecorded(data) => of(&data.customer, "order", &data.order),
            Self::InvoiceVoided(data) => of(&data.customer, "invoice", &data.invoice),
            Self::InvoiceIssued(data) => of(&data.customer, "invoice", &data.invoice),
            Self::DisputeOpened(data) => of(&data.customer, "invoice", &data.invoice),
            Self::DisputeResolved(data) => of(&data.customer, "invoice", &data.invoice),
            Self::PaymentReceived(data) => of(&data.customer, "payment", &data.payment),
            Self::PaymentAllocated(data) => of(&data.customer, "payment", &data.payment),
            Self::PaymentDeallocated(data) => of(&data.customer, "payment", &data.payment),
            Self::PaymentFailed(data) => of(&data.customer, "invoice", &data.invoice),
            Self::PaymentRefunded(data) => of(&data.customer, "payment", &data.payment),
            Self::PaymentChargedBack(data) => of(&data.customer, "payment", &data.payment),
            Self::ChargebackWon(data) => of(&data.customer, "payment", &data.payment),
            Self::InvoiceWrittenOff(data) => of(&data.customer, "invoice", &data.invoice),
            Self::WriteOffRecovered(data) => of(&data.customer, "invoice", &data.invoice),
            Self::AllowanceRecorded(data) => of_book("book", &data.book),
            Self::CreditIssued(data) => of(&data.customer, "credit", &data.credit),
            Self::CreditApplied(data) => of(&data.customer, "credit", &data.credit),
            Self::CreditRefunded(data) => of(&data.customer, "credit", &data.credit),
            Self::CreditVoided(data) => of(&data.customer, "credit", &data.credit),
        }
    }
}
