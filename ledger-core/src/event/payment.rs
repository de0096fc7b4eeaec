//! Events of payments.

use borsh::{BorshDeserialize, BorshSerialize};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::command::payment::ChargebackTreatment;
use crate::event::credit::CreditedLine;
use crate::event::invoice::DecidedPolicy;
use crate::id::Identifier;
use crate::money::{Amount, Currency};

/// Money was received.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, BorshSerialize, BorshDeserialize,
)]
pub struct PaymentReceived {
    /// The payment's id.
    pub payment: Identifier,
    /// Who paid.
    pub customer: Identifier,
    /// What was received, fees included.
    pub amount: Amount,
    /// Its currency.
    pub currency: Currency,
    /// How it was paid.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub method: Option<String>,
    /// What the payer wrote.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reference: Option<String>,
    /// What the processor kept.
    pub fee: Amount,
    /// The request to a processor that it came of.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request: Option<String>,
}

/// Money settled invoices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentAllocated {
    /// The payment.
    pub payment: Identifier,
    /// Who paid.
    pub customer: Identifier,
    /// Its currency.
    pub currency: Currency,
    /// Which invoices, and how much of each.
    pub allocations: Vec<PaymentAllocation>,
    /// An overpayment within `tolerance_over` that went to small_balance_write_off.
    #[serde(default)]
    pub overpayment: Amount,
    /// The policies that shaped it.
    pub policy: DecidedPolicy,
}

/// So much of a payment for one invoice.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, BorshSerialize, BorshDeserialize,
)]
pub struct PaymentAllocation {
    /// The invoice.
    pub invoice: Identifier,
    /// Money that settles it.
    pub amount: Amount,
    /// What was left of it within the tolerance and was written off.
    #[serde(default)]
    pub small_balance: Amount,
    /// The early-payment discount that was taken, tax included (readings, 32).
    #[serde(skip_serializing_if = "crate::event::is_zero", default)]
    pub cash_discount: Amount,
    /// Its tax, where the book's policy reduces it.
    #[serde(skip_serializing_if = "crate::event::is_zero", default)]
    pub cash_discount_tax: Amount,
}

impl PaymentAllocation {
    /// What it takes off what is open of the invoice.
    pub fn settled(&self) -> Amount {
        self.amount + self.small_balance + self.cash_discount
    }

    /// The part of the early-payment discount that lowers revenue.
    pub fn cash_discount_net(&self) -> Amount {
        self.cash_discount - self.cash_discount_tax
    }
}

/// Money was taken off invoices: they are open again, with the rests and discounts that had gone
/// with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentDeallocated {
    /// The payment.
    pub payment: Identifier,
    /// Who paid.
    pub customer: Identifier,
    /// Its currency.
    pub currency: Currency,
    /// Which invoices, and how much of each.
    pub allocations: Vec<PaymentAllocation>,
    /// An overpayment that had gone to small_balance_write_off and is unapplied again.
    #[serde(skip_serializing_if = "crate::event::is_zero", default)]
    pub overpayment: Amount,
}

/// Unapplied money was paid back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentRefunded {
    /// The payment.
    pub payment: Identifier,
    /// Who gets it.
    pub customer: Identifier,
    /// Its currency.
    pub currency: Currency,
    /// How much.
    pub amount: Amount,
}

/// An attempt to collect an invoice failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentFailed {
    /// The invoice that was to be paid.
    pub invoice: Identifier,
    /// Who owes it.
    pub customer: Identifier,
    /// Its currency.
    pub currency: Currency,
    /// Why, in the processor's word.
    pub code: String,
    /// The payment or attempt.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub payment: Option<Identifier>,
    /// What was taken back of a payment that had been recorded as received.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub taken: Option<Taken>,
    /// The request to a processor that failed, or whose money was taken back.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request: Option<String>,
    /// The day of the next attempt, where the customer's schedule has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_attempt: Option<Day>,
}

/// What is taken back of a payment.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, BorshSerialize, BorshDeserialize,
)]
pub struct Taken {
    /// All of it.
    pub amount: Amount,
    /// The part that was unapplied.
    pub unapplied: Amount,
    /// The part that had gone to small_balance_write_off as an overpayment.
    #[serde(skip_serializing_if = "crate::event::is_zero", default)]
    pub overpayment: Amount,
    /// The part that had settled invoices, the latest first.
    pub allocations: Vec<PaymentAllocation>,
}

/// The payer's bank took money back.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, BorshSerialize, BorshDeserialize,
)]
pub struct PaymentChargedBack {
    /// The payment.
    pub payment: Identifier,
    /// Who paid.
    pub customer: Identifier,
    /// Its currency.
    pub currency: Currency,
    /// What the processor asks besides.
    pub fee: Amount,
    /// What happens to what it had settled.
    pub treatment: ChargebackTreatment,
    /// What was taken back.
    pub taken: Taken,
    /// With `reverse_revenue`: what it takes of each invoice.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub reversed: Vec<ReversedInvoice>,
    /// With `reverse_revenue`: what exceeds the net revenue, the balance and the tax of the
    /// contracts.
    #[serde(skip_serializing_if = "crate::event::is_zero", default)]
    pub recoveries: Amount,
}

/// What a chargeback takes of an invoice's revenue, contract balance and tax.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, BorshSerialize, BorshDeserialize,
)]
pub struct ReversedInvoice {
    /// The invoice.
    pub invoice: Identifier,
    /// Its lines.
    pub lines: Vec<CreditedLine>,
}

/// The bank gave back what a chargeback had taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChargebackWon {
    /// The payment.
    pub payment: Identifier,
    /// Who paid.
    pub customer: Identifier,
    /// Its currency.
    pub currency: Currency,
    /// What comes back.
    pub amount: Amount,
    /// How it had been treated.
    pub treatment: ChargebackTreatment,
    /// What settles invoices again.
    pub allocations: Vec<PaymentAllocation>,
    /// What is unapplied.
    pub unapplied: Amount,
    /// What goes to recoveries, where revenue had been reversed.
    pub recoveries: Amount,
}
