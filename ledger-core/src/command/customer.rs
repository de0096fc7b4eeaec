//! Commands on customers.

use borsh::{BorshDeserialize, BorshSerialize};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::Identifier;
use crate::money::{Amount, Currency};

/// Adds a customer.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, BorshSerialize, BorshDeserialize,
)]
#[serde(deny_unknown_fields)]
pub struct RegisterCustomer {
    /// The customer's id.
    pub customer: Identifier,
    /// The customer's name.
    pub name: String,
    /// The currency of the customer's documents where they name none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub currency: Option<Currency>,
    /// Days from issue to due date.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub payment_terms_days: Option<u32>,
    /// Recorded; blocks nothing yet.
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
    /// Name of the dunning policy.
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
