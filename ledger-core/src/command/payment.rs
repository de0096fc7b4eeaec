//! Commands on payments.

use borsh::{BorshDeserialize, BorshSerialize};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::command::shared::Allocation;
use crate::id::Identifier;
use crate::money::{Amount, Currency};

/// Records money received on the command's effective date.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordPayment {
    /// The payment's id.
    pub payment: Identifier,
    /// Who paid.
    pub customer: Identifier,
    /// What was received, fees included.
    pub amount: Amount,
    /// Its currency.
    pub currency: Currency,
    /// How it was paid, for example `card`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub method: Option<String>,
    /// What the payer wrote; `auto` settles invoices named in it first.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reference: Option<String>,
    /// What the processor kept.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fee: Option<Amount>,
    /// The request to a processor that it came of; `auto` settles that request's invoice as far as
    /// it is open, and no other.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request: Option<String>,
    /// Which invoices it settles; `auto` where nothing is said.
    #[serde(default)]
    pub allocate: Allocate,
}

/// How a payment is allocated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Allocate {
    /// By rule, or not at all.
    Rule(AllocateRule),
    /// To these invoices.
    To(Vec<Allocation>),
}

impl Default for Allocate {
    fn default() -> Self {
        Self::Rule(AllocateRule::Auto)
    }
}

/// The two words for `allocate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AllocateRule {
    /// Invoices that the reference names, then the policy's order.
    Auto,
    /// All of it stays unapplied.
    None,
}

/// Settles invoices with unapplied money.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AllocatePayment {
    /// The payment.
    pub payment: Identifier,
    /// Which invoices, and how much of each.
    pub allocations: Vec<Allocation>,
}

/// Takes money off invoices: it is unapplied again, and they are open again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeallocatePayment {
    /// The payment.
    pub payment: Identifier,
    /// Which invoices, and how much of each.
    pub allocations: Vec<Allocation>,
}

/// Records that an attempt to collect an invoice failed. Where the payment was recorded as received
/// before, its money is taken back and what it had settled is open again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FailPayment {
    /// The invoice that was to be paid.
    pub invoice: Identifier,
    /// Why, in the processor's own word, for example `insufficient_funds`.
    pub code: String,
    /// The payment or attempt.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub payment: Option<Identifier>,
    /// The request to a processor that failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request: Option<String>,
}

/// Pays money back. Unapplied money goes first, then the latest allocation, which is open again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundPayment {
    /// The payment.
    pub payment: Identifier,
    /// How much; all that is left of it where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub amount: Option<Amount>,
}

/// Records that the payer's bank took money back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChargeBackPayment {
    /// The payment.
    pub payment: Identifier,
    /// How much; all that is left of it where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub amount: Option<Amount>,
    /// What the processor asks for it besides.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fee: Option<Amount>,
    /// What happens to the receivable; `reopen_receivable` where nothing is said.
    #[serde(default)]
    pub treatment: ChargebackTreatment,
}

/// What a chargeback does to what the payment had settled.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    Serialize,
    Deserialize,
    JsonSchema,
    BorshSerialize,
    BorshDeserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum ChargebackTreatment {
    /// The customer owes it again.
    #[default]
    ReopenReceivable,
    /// Revenue, what is unearned, and tax are taken back in proportion; nothing is owed again.
    ReverseRevenue,
}

/// Records that the bank gave back what the last chargeback of a payment had taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WinChargeback {
    /// The payment.
    pub payment: Identifier,
}
