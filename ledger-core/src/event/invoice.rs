//! Events of invoices.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::command::invoice::DisputeOutcome;
use crate::id::Identifier;
use crate::money::{Amount, Currency};
use crate::revenue::schedule::Schedule;

/// Policies in force that shaped an event, by name (contract, section 5).
pub type DecidedPolicy = BTreeMap<String, String>;

/// An invoice was issued.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceIssued {
    /// The invoice's id.
    pub invoice: Identifier,
    /// Its number in the book's series, where the series named it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub number: Option<u64>,
    /// Who owes it.
    pub customer: Identifier,
    /// The order that it bills.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub order: Option<Identifier>,
    /// Currency of all its money.
    pub currency: Currency,
    /// Issue date.
    pub issued: Day,
    /// Due date.
    pub due: Day,
    /// Before tax.
    pub net: Amount,
    /// Tax.
    pub tax: Amount,
    /// Net and tax: what is owed.
    pub total: Amount,
    /// What is billed.
    pub lines: Vec<IssuedLine>,
    /// The policies that shaped it.
    pub policy: DecidedPolicy,
}

/// A line of an invoice as it was decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IssuedLine {
    /// The line's id within the invoice.
    pub line: Identifier,
    /// The order line that it bills; it has no schedule of its own then.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub order_line: Option<Identifier>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    /// Units.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub quantity: Option<Amount>,
    /// Price of a unit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit_price: Option<Amount>,
    /// Discounts of the line and of the document, before tax.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub discount: Option<Amount>,
    /// After discounts, before tax.
    pub net: Amount,
    /// Its share of the tax.
    pub tax: Amount,
    /// Tax code.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tax_code: Option<String>,
    /// Tax rate in percent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tax_rate: Option<Amount>,
    /// First day of service.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub service_start: Option<Day>,
    /// Last day of service.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub service_end: Option<Day>,
    /// What it earns when; none where it bills an order line.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub schedule: Option<Schedule>,
}

/// An invoice was disputed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DisputeOpened {
    /// The invoice.
    pub invoice: Identifier,
    /// Who disputes it.
    pub customer: Identifier,
    /// Its currency.
    pub currency: Currency,
    /// The amount in dispute; where the whole open amount is, none: it moves with the invoice.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub amount: Option<Amount>,
    /// Why.
    pub reason: String,
}

/// A dispute ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DisputeResolved {
    /// The invoice.
    pub invoice: Identifier,
    /// Who disputed it.
    pub customer: Identifier,
    /// Who was right.
    pub outcome: DisputeOutcome,
}
