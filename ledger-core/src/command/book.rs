//! Commands on the book and its catalog.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::command::shared::{Price, Recognition};
use crate::dunning;
use crate::id::Identifier;
use crate::money::{Amount, Currency};

/// Opens the book.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenBook {
    /// The book's functional currency.
    pub currency: Currency,
    /// An IANA name such as `Europe/Berlin`; UTC where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub time_zone: Option<String>,
    /// The month (1 to 12) in which the fiscal year starts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fiscal_year_start: Option<u8>,
    /// Policies that differ from their defaults, each with its value as JSON text would hold it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub policies: BTreeMap<String, PolicyValue>,
    /// Account code and name of each role.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub accounts: BTreeMap<String, AccountName>,
}

/// A policy's value: a word or amount, a list of days, or dunning policies by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a policy is a word, a number, a list of days, words by reason, or, for dunning, \
                 lists of {after_days, notice, hold?} by name"
)]
pub enum PolicyValue {
    /// A word, or an amount.
    Text(String),
    /// A number of days.
    Number(u32),
    /// Lower ends of the ageing buckets.
    Days(Vec<u32>),
    /// Values by reason, for `credit_revenue` and `approvals`.
    Map(BTreeMap<String, String>),
    /// Stages by name, for `dunning`.
    Dunning(BTreeMap<String, Vec<dunning::Stage>>),
}

/// How the book calls the account of a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum AccountName {
    /// The code alone.
    Code(String),
    /// Code and name.
    Named {
        /// The account's code.
        code: String,
        /// The account's name.
        name: String,
    },
}

/// Adds a product to the catalog.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DefineProduct {
    /// The product's id.
    pub product: Identifier,
    /// Its name.
    pub name: String,
    /// How it is recognised where a line does not say.
    pub recognition: Recognition,
    /// Standalone selling price of one unit, in the terms of the price.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ssp: Option<Amount>,
    /// Its tax code.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tax_code: Option<String>,
    /// The account of its revenue.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub revenue_account: Option<String>,
    /// Its price where an order line names none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub price: Option<Price>,
}

/// Adds a tax rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DefineTaxRate {
    /// The code that lines name.
    pub tax_code: Identifier,
    /// Whose tax it is; rates of one code in several jurisdictions add up.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub jurisdiction: Option<Identifier>,
    /// Percent.
    pub rate: Amount,
    /// The first day on which it holds, until a later one does.
    pub from: Day,
    /// Whether prices of the code contain the tax.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub inclusive: Option<bool>,
}

/// Closes all days up to one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClosePeriod {
    /// The last day to close.
    pub through: Day,
}

/// Opens closed days again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReopenPeriod {
    /// The first day to open.
    pub from: Day,
}
