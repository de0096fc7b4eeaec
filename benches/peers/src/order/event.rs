//! The events of an order, as the peers store them: the fields of the ledger's own.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// What happened to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum OrderEvent {
    /// It was placed.
    OrderPlaced(OrderPlaced),
    /// It was invoiced.
    InvoiceIssued(InvoiceIssued),
    /// Money came in.
    PaymentReceived(PaymentReceived),
}

/// Who did it, when, and by which command: what an auditor asks of every event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trail {
    /// Who.
    pub(crate) actor: String,
    /// By which command.
    pub(crate) command_id: String,
    /// Because of which command.
    pub(crate) correlation_id: String,
    /// When.
    pub(crate) recorded_at: String,
}

/// An order was placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OrderPlaced {
    /// Its audit trail.
    pub(crate) trail: Trail,
    /// Its number.
    pub(crate) order: String,
    /// Whose it is.
    pub(crate) customer: String,
    /// The currency of all of its amounts.
    pub(crate) currency: String,
    /// Its first day.
    pub(crate) start: String,
    /// Its last day.
    pub(crate) end: String,
    /// The customer's own number.
    pub(crate) purchase_order: String,
    /// The sum of its lines.
    pub(crate) transaction_price: Decimal,
    /// Its lines.
    pub(crate) lines: Vec<OrderLine>,
}

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OrderLine {
    /// Its number.
    pub(crate) line: String,
    /// What is sold.
    pub(crate) description: String,
    /// How many.
    pub(crate) quantity: Decimal,
    /// For how much each.
    pub(crate) price: Price,
    /// Its first day.
    pub(crate) start: String,
    /// Its last day.
    pub(crate) end: String,
    /// How it is earned.
    pub(crate) recognition: Recognition,
    /// How it is billed.
    pub(crate) billing: Billing,
    /// Its amount.
    pub(crate) amount: Decimal,
    /// What is earned when.
    pub(crate) schedule: Schedule,
}

/// A price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Price {
    /// Its model.
    pub(crate) model: String,
    /// Its amount.
    pub(crate) amount: Decimal,
    /// For which time.
    pub(crate) per: String,
}

/// How a line is earned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recognition {
    /// Over time or at a point in it.
    pub(crate) method: String,
}

/// How a line is billed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Billing {
    /// How often.
    pub(crate) every: String,
    /// In advance or in arrears.
    pub(crate) timing: String,
}

/// What of a line is earned from a day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Schedule {
    /// The day.
    pub(crate) from: String,
    /// What was earned before.
    pub(crate) recognised: Decimal,
    /// What is to be earned.
    pub(crate) amount: Decimal,
}

/// An invoice was issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InvoiceIssued {
    /// Its audit trail.
    pub(crate) trail: Trail,
    /// Its number.
    pub(crate) invoice: String,
    /// Whose it is.
    pub(crate) customer: String,
    /// The order that it bills.
    pub(crate) order: String,
    /// The currency of all of its amounts.
    pub(crate) currency: String,
    /// Its date.
    pub(crate) issued: String,
    /// When it is due.
    pub(crate) due: String,
    /// What its lines sum up to.
    pub(crate) net: Decimal,
    /// The tax on them.
    pub(crate) tax: Decimal,
    /// Both.
    pub(crate) total: Decimal,
    /// Its lines.
    pub(crate) lines: Vec<InvoiceLine>,
}

/// A line of an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InvoiceLine {
    /// Its number.
    pub(crate) line: String,
    /// The line of the order that it bills.
    pub(crate) order_line: String,
    /// What is billed.
    pub(crate) description: String,
    /// Its amount.
    pub(crate) net: Decimal,
    /// The tax on it.
    pub(crate) tax: Decimal,
    /// The percentage of tax.
    pub(crate) tax_rate: Decimal,
}

/// A payment was received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PaymentReceived {
    /// Its audit trail.
    pub(crate) trail: Trail,
    /// Its number.
    pub(crate) payment: String,
    /// Whose it is.
    pub(crate) customer: String,
    /// How much.
    pub(crate) amount: Decimal,
    /// In which currency.
    pub(crate) currency: String,
    /// How it was paid.
    pub(crate) method: String,
    /// What the customer wrote on it.
    pub(crate) reference: String,
    /// What its processor kept.
    pub(crate) fee: Decimal,
    /// Its date.
    pub(crate) received: String,
    /// What it settles.
    pub(crate) allocations: Vec<Allocation>,
    /// What is left of it.
    pub(crate) overpayment: Decimal,
}

/// A part of a payment that settles an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Allocation {
    /// The invoice.
    pub(crate) invoice: String,
    /// How much.
    pub(crate) amount: Decimal,
    /// What is let go with it.
    pub(crate) small_balance: Decimal,
}
