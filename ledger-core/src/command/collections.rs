//! Commands of collections: customers on hold, promises to pay, reminders.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::id::Identifier;
use crate::money::{Amount, Currency};

/// Changes a customer: what is named changes, everything else stays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateCustomer {
    /// The customer's id.
    pub customer: Identifier,
    /// The customer's name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// The currency of the customer's documents where they name none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub currency: Option<Currency>,
    /// Days from issue to due date, of invoices that are issued from now on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub payment_terms_days: Option<u32>,
    /// Shown beside what is overdue; blocks nothing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub credit_limit: Option<Amount>,
    /// The customer above this one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parent: Option<Identifier>,
    /// E-mail address.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub email: Option<String>,
    /// Postal address.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub address: Option<String>,
    /// ISO 3166 country code.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub country: Option<String>,
    /// Tax number.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tax_id: Option<String>,
    /// Language of documents, for example `de-DE`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub locale: Option<String>,
    /// Name of the dunning policy; `none` for no reminders.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub dunning: Option<String>,
    /// Name of the schedule by which a processor collects; `none` for no processor.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub collection: Option<String>,
    /// What the processor calls the customer, for example `cus_...`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub payer: Option<String>,
    /// What the processor calls the card or mandate, for example `pm_...`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub payment_method: Option<String>,
}

/// What a hold stops.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
    BorshSerialize,
    BorshDeserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Block {
    /// New orders, amendments and renewals.
    Orders,
    /// New invoices, those of billing runs included.
    Invoices,
}

impl Block {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Invoices => "invoices",
        }
    }
}

/// Puts a customer on hold: nothing of the named kinds is accepted until the release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldCustomer {
    /// The customer.
    pub customer: Identifier,
    /// What is stopped; orders and invoices where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub blocks: Option<BTreeSet<Block>>,
}

/// Ends a hold, or a part of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseCustomer {
    /// The customer.
    pub customer: Identifier,
    /// What may go on; everything that is stopped where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub blocks: Option<BTreeSet<Block>>,
}

/// Records that the customer has promised to pay an invoice; a later promise replaces it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PromisePayment {
    /// The invoice.
    pub invoice: Identifier,
    /// The last day on which the promise is kept by paying.
    pub date: Day,
    /// How much is promised; all that is open where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub amount: Option<Amount>,
}

/// Issues each reminder that is due by the customer's dunning policy, once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunDunning {
    /// The day on which invoices are looked at, and the date of the reminders.
    pub through: Day,
    /// Only this customer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub customer: Option<Identifier>,
}
