//! Commands on what will not be paid: write-offs, recoveries, and the allowance.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::Identifier;
use crate::money::Amount;

/// Gives up an invoice, or a part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteOffInvoice {
    /// The invoice.
    pub invoice: Identifier,
    /// How much of it, tax included; all that is open where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub amount: Option<Amount>,
}

/// Takes back a write-off, because the customer pays after all: the amount is owed again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecoverWriteOff {
    /// The invoice.
    pub invoice: Identifier,
    /// How much of it, tax included.
    pub amount: Amount,
}

/// Brings the allowance for doubtful accounts to what the open items need: either `rates` or
/// `amount`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordAllowance {
    /// Percent of what is open, by ageing bucket.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rates: Option<BTreeMap<String, Amount>>,
    /// What the allowance is to be afterwards, in the book's currency.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub amount: Option<Amount>,
}
