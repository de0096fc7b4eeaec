//! What may be asked of the ledger (contract, section 2).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::content_hash::ContentHash;
use crate::id::Identifier;

pub mod accounts;
pub mod book;
pub mod collections;
pub mod credit;
pub mod customer;
pub mod invoice;
pub mod loss;
pub mod order;
pub mod payment;
pub mod request;
pub mod shared;

/// One command as it was decided on: the envelope without its transport.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// The idempotency key.
    pub id: Identifier,
    /// The business date; the transport fills in today in the book's time zone.
    pub effective: Day,
    /// Free text for the audit trail.
    pub reason: Option<String>,
    /// Ties commands of one story together; the command's own id where the caller names none.
    pub correlation_id: Identifier,
    /// Who asked, from the credentials of the connection.
    pub actor: String,
    /// SHA-256 of the command's content: what `command.id_reused` compares.
    pub content_hash: ContentHash,
    /// What is asked.
    pub data: CommandData,
}

macro_rules! commands {
    ($($(#[doc = $doc:literal])* $name:ident($data:ty)),+ $(,)?) => {
        /// What is asked, by the command's name.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(tag = "command", content = "data")]
        pub enum CommandData { $($(#[doc = $doc])* $name($data)),+ }

        impl CommandData {
            /// The names of all commands of this release.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),+];

            /// The command's name on the wire.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => stringify!($name)),+ }
            }

            /// Reads the data of the named command; `None` where there is no such command.
            pub fn deserialize<'de, D: serde::Deserializer<'de>>(
                name: &str,
                deserializer: D,
            ) -> Option<Result<Self, D::Error>> {
                match name {
                    $(stringify!($name) => Some(<$data>::deserialize(deserializer).map(Self::$name)),)+
                    _ => None,
                }
            }

            /// The JSON Schema of each command's data, by name.
            pub fn schemas(generator: &mut schemars::SchemaGenerator) -> Vec<(&'static str, schemars::Schema)> {
                vec![$((stringify!($name), generator.subschema_for::<$data>())),+]
            }
        }
    };
}

// A macro, so that the list of names and the match by name cannot drift apart.
commands! {
    /// Opens the book: its currency, policies and accounts.
    OpenBook(book::OpenBook),
    /// Adds a product to the catalog.
    DefineProduct(book::DefineProduct),
    /// Adds a tax rate.
    DefineTaxRate(book::DefineTaxRate),
    /// Adds an exchange rate.
    RecordFxRate(book::RecordFxRate),
    /// Closes all days up to one.
    ClosePeriod(book::ClosePeriod),
    /// Opens closed days again.
    ReopenPeriod(book::ReopenPeriod),
    /// Adds a customer.
    RegisterCustomer(customer::RegisterCustomer),
    /// Changes a customer.
    UpdateCustomer(collections::UpdateCustomer),
    /// Puts a customer on hold.
    HoldCustomer(collections::HoldCustomer),
    /// Ends a customer's hold.
    ReleaseCustomer(collections::ReleaseCustomer),
    /// Records a promise to pay.
    PromisePayment(collections::PromisePayment),
    /// Issues each reminder that is due.
    RunDunning(collections::RunDunning),
    /// Asks processors for the money of what is due.
    RequestPayments(request::RequestPayments),
    /// Asks a processor for the money of one invoice.
    RequestPayment(request::RequestPayment),
    /// Ends a request in flight.
    CancelPaymentRequest(request::CancelPaymentRequest),
    /// Places an order: a contract with its performance obligations.
    PlaceOrder(order::PlaceOrder),
    /// Changes an order: a contract modification.
    AmendOrder(order::AmendOrder),
    /// Lets an order go on after its end.
    RenewOrder(order::RenewOrder),
    /// Ends an order before its time.
    CancelOrder(order::CancelOrder),
    /// Lets an order rest.
    SuspendOrder(order::SuspendOrder),
    /// Lets an order that rests go on.
    ResumeOrder(order::ResumeOrder),
    /// Revises the estimate of a line's price.
    ReviseEstimate(order::ReviseEstimate),
    /// Records what was delivered.
    RecordDelivery(order::RecordDelivery),
    /// Records a reading of usage.
    RecordUsage(order::RecordUsage),
    /// Issues every invoice that falls due.
    RunBilling(invoice::RunBilling),
    /// Issues an invoice.
    IssueInvoice(invoice::IssueInvoice),
    /// Voids an invoice that nothing was applied to.
    VoidInvoice(invoice::VoidInvoice),
    /// Marks an invoice, or a part of it, as disputed.
    OpenDispute(invoice::OpenDispute),
    /// Ends a dispute.
    ResolveDispute(invoice::ResolveDispute),
    /// Records money received.
    RecordPayment(payment::RecordPayment),
    /// Settles invoices with unapplied money of a payment.
    AllocatePayment(payment::AllocatePayment),
    /// Takes money off invoices.
    DeallocatePayment(payment::DeallocatePayment),
    /// Records that an attempt to collect an invoice failed.
    FailPayment(payment::FailPayment),
    /// Pays money back.
    RefundPayment(payment::RefundPayment),
    /// Records that the payer's bank took money back.
    ChargeBackPayment(payment::ChargeBackPayment),
    /// Records that the bank gave back what a chargeback had taken.
    WinChargeback(payment::WinChargeback),
    /// Gives up an invoice, or a part of it.
    WriteOffInvoice(loss::WriteOffInvoice),
    /// Takes back a write-off.
    RecoverWriteOff(loss::RecoverWriteOff),
    /// Brings the allowance for doubtful accounts to what is needed.
    RecordAllowance(loss::RecordAllowance),
    /// Issues a credit note.
    IssueCredit(credit::IssueCredit),
    /// Settles invoices with unused credit.
    ApplyCredit(credit::ApplyCredit),
    /// Pays unused credit back.
    RefundCredit(credit::RefundCredit),
    /// Voids a credit that was not paid back.
    VoidCredit(credit::VoidCredit),
}

/// Commands of the contract that a later release takes; they are told apart from typing errors.
pub const PLANNED: &[&str] = &["EraseCustomer", "ApproveOrder", "RejectOrder"];
