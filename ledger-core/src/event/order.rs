//! Events of orders.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::command::order::Treatment;
use crate::command::shared::{Billing, Discount, Price, Recognition};
use crate::event::invoice::DecidedPolicy;
use crate::id::Identifier;
use crate::money::{Amount, Currency};
use crate::revenue::schedule::Schedule;

/// An order was placed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrderPlaced {
    /// The order: one contract.
    pub order: Identifier,
    /// Who ordered.
    pub customer: Identifier,
    /// Currency of all its money.
    pub currency: Currency,
    /// First day of the term.
    pub start: Day,
    /// Last day of the term; none where it is open.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub end: Option<Day>,
    /// Days from issue to due date of its invoices.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub payment_terms_days: Option<u32>,
    /// The customer's reference.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub purchase_order: Option<String>,
    /// `none` or `same_terms`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub renewal: Option<String>,
    /// The sum of the lines' amounts (the transaction price).
    pub transaction_price: Amount,
    /// Its performance obligations.
    pub lines: Vec<PlacedLine>,
    /// The policies that shaped it.
    pub policy: DecidedPolicy,
}

/// A line as it was decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlacedLine {
    /// The line's id within the order.
    pub line: Identifier,
    /// Its product.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub product: Option<Identifier>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    /// Units.
    pub quantity: Amount,
    /// The price in force.
    pub price: Price,
    /// Off each period's price.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub discount: Option<Discount>,
    /// Standalone selling price of a unit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ssp: Option<Amount>,
    /// First day of service.
    pub start: Day,
    /// Last day of service; none where it is open.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub end: Option<Day>,
    /// How it is recognised.
    pub recognition: Recognition,
    /// When it is billed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub billing: Option<Billing>,
    /// Its tax code.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tax_code: Option<String>,
    /// Its stated price over its term.
    pub amount: Amount,
    /// The part of the transaction price allocated to it (ASC 606-10-32-28).
    pub allocated: Amount,
    /// What it earns when; none where it earns by events of its own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub schedule: Option<Schedule>,
}

/// An order was changed: a contract modification.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrderAmended {
    /// The order.
    pub order: Identifier,
    /// Who ordered.
    pub customer: Identifier,
    /// Currency of all its money.
    pub currency: Currency,
    /// The amendment's id.
    pub amendment: Identifier,
    /// The treatment that was asked for or chosen by rule; never `auto`.
    pub treatment: Treatment,
    /// Why that treatment.
    pub treatment_reason: String,
    /// The order's last day afterwards.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub end: Option<Day>,
    /// The transaction price afterwards.
    pub transaction_price: Amount,
    /// Every line that is new or other than before, as it stands afterwards; its schedule is the
    /// new version.
    pub lines: Vec<PlacedLine>,
    /// Lines that end with the amendment (their remaining price is gone).
    pub removed: Vec<Identifier>,
    /// The policies that shaped it.
    pub policy: DecidedPolicy,
}
