//! Events of payments.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::invoice::DecidedPolicy;
use crate::id::Identifier;
use crate::money::{Amount, Currency};

/// Money was received.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentAllocation {
    /// The invoice.
    pub invoice: Identifier,
    /// Money that settles it.
    pub amount: Amount,
    /// What was left of it within the tolerance and was written off.
    #[serde(default)]
    pub small_balance: Amount,
}
