//! Commands on credits.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::command::shared::Allocation;
use crate::id::Identifier;
use crate::money::{Amount, Currency};
use crate::policy::CreditRevenue;

/// Issues a credit note on the command's effective date.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueCredit {
    /// The credit's id.
    pub credit: Identifier,
    /// Who gets it.
    pub customer: Identifier,
    /// The invoice whose lines it credits.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub invoice: Option<Identifier>,
    /// Currency of all its money.
    pub currency: Currency,
    /// What is credited, before tax.
    pub lines: Vec<CreditLine>,
    /// What it is used for.
    pub apply: Apply,
    /// Why; the policy `credit_revenue` may map it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// What it does to revenue; the book's policy where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub revenue: Option<CreditRevenue>,
}

/// One line of a credit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreditLine {
    /// The invoice line that it credits.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub invoice_line: Option<Identifier>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    /// Before tax.
    pub amount: Amount,
    /// Its tax, where the caller knows it better.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tax: Option<Amount>,
}

/// What a credit is used for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Apply {
    /// All of it in one way.
    All(ApplyRule),
    /// Parts that sum to the credit.
    Parts(ApplyParts),
}

/// The three ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApplyRule {
    /// It settles its invoice; what the invoice does not need stays on the account.
    Invoice,
    /// It stays on the customer's account.
    Account,
    /// It is paid back.
    Refund,
}

/// Parts of a credit by use.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyParts {
    /// Settles its invoice.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub invoice: Option<Amount>,
    /// Is paid back.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refund: Option<Amount>,
    /// Stays on the account.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub account: Option<Amount>,
}

/// Settles invoices with unused credit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyCredit {
    /// The credit.
    pub credit: Identifier,
    /// Which invoices, and how much of each.
    pub allocations: Vec<Allocation>,
}

/// Voids a credit that was not paid back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VoidCredit {
    /// The credit.
    pub credit: Identifier,
}

/// Pays unused credit back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundCredit {
    /// The credit.
    pub credit: Identifier,
    /// How much; all that is unused where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub amount: Option<Amount>,
}
