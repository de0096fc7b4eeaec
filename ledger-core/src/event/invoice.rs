//! Events of invoices.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::command::book::TaxTreatment;
use crate::command::invoice::DisputeOutcome;
use crate::event::order::Adjustment;
use crate::id::Identifier;
use crate::money::{Amount, Currency};
use crate::posting::ContractId;
use crate::revenue::schedule::Schedule;

/// Policies in force that shaped an event, by name (contract, section 5).
pub type DecidedPolicy = BTreeMap<String, String>;

/// What the names of the book's series of invoices begin with; the number follows.
pub const INVOICE_SERIES: &str = "INV-";

/// An invoice was issued.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, BorshSerialize, BorshDeserialize,
)]
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
    /// Early-payment discounts, as amounts of the whole invoice.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub cash_discounts: Vec<IssuedCashDiscount>,
    /// The policies that shaped it.
    pub policy: DecidedPolicy,
}

/// An early-payment discount of an invoice.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct IssuedCashDiscount {
    /// Off the whole invoice, tax included.
    pub amount: Amount,
    /// The last day on which it may be taken, the book's days of grace included.
    pub until: Day,
}

/// A line of an invoice as it was decided.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, BorshSerialize, BorshDeserialize,
)]
pub struct IssuedLine {
    /// The line's id within the invoice.
    pub line: Identifier,
    /// The order line that it bills; it has no schedule of its own then.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub order_line: Option<Identifier>,
    /// The order that the line bills, where the invoice bills several.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub order: Option<Identifier>,
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
    /// Why it is taxed as it is, where its tax code says that.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tax_treatment: Option<TaxTreatment>,
    /// First day of service.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub service_start: Option<Day>,
    /// Last day of service.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub service_end: Option<Day>,
    /// What it earns when; none where it bills an order line.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub schedule: Option<Schedule>,
    /// What a billing run bills with it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub run: Option<RunLine>,
}

impl IssuedLine {
    /// The contract whose balance the line moves, on an invoice that bills `order`.
    pub fn contract(&self, order: Option<&Identifier>, invoice: &Identifier) -> ContractId {
        match (self.order.as_ref().or(order), &self.order_line) {
            (Some(order), Some(_)) => ContractId::Order(order.clone()),
            (None, _) | (Some(_), None) => ContractId::Invoice(invoice.clone()),
        }
    }
}

/// What a line of a billing run bills.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, BorshSerialize, BorshDeserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum RunLine {
    /// A period of an order line, or what was delivered of it on a day, for the first time.
    Period {
        /// Its first day.
        start: Day,
        /// What was billed for it: the line's net.
        amount: Amount,
    },
    /// A difference that a change made to a period that was billed before.
    Adjustment(Box<Adjustment>),
}

/// An invoice was voided: the reverse of what it posted, on the void's date.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceVoided {
    /// The invoice.
    pub invoice: Identifier,
    /// Who owed it.
    pub customer: Identifier,
    /// Its currency.
    pub currency: Currency,
    /// Before tax.
    pub net: Amount,
    /// Tax.
    pub tax: Amount,
    /// What is no longer owed.
    pub total: Amount,
    /// Its lines.
    pub lines: Vec<VoidedLine>,
}

/// A line of a voided invoice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VoidedLine {
    /// The line.
    pub line: Identifier,
    /// The order whose contract balance it moves back; the invoice's own where none is named.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub order: Option<Identifier>,
    /// Before tax.
    pub net: Amount,
    /// The version that takes back what the line had earned, where it had a schedule.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub schedule: Option<Schedule>,
}

/// A billing run ended: what it issued stands before it, under the same command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BillingRun {
    /// The book.
    pub book: Identifier,
    /// The last day that it covered.
    pub through: Day,
    /// The customer that it was for, if not for all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub customer: Option<Identifier>,
    /// The order that it was for, if not for all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub order: Option<Identifier>,
    /// Invoices that it issued.
    pub invoices: u32,
    /// Credits that it issued.
    pub credits: u32,
    /// Documents that were due and left out, because their customers are on hold.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub held_back: u32,
    /// Invoiced less credited by currency, tax included.
    pub totals: BTreeMap<String, Amount>,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
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
