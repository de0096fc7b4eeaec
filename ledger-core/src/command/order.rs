//! Commands on orders: contracts and their modifications.

use borsh::{BorshDeserialize, BorshSerialize};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::command::shared::{Billing, Discount, Price, Recognition};
use crate::id::Identifier;
use crate::money::{Amount, Currency};

/// Places an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceOrder {
    /// The order's id.
    pub order: Identifier,
    /// Who ordered.
    pub customer: Identifier,
    /// Currency of all its money.
    pub currency: Currency,
    /// First day of the term.
    pub start: Day,
    /// Last day of the term.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub end: Option<Day>,
    /// The term in months, instead of `end`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub term_months: Option<u32>,
    /// What was ordered.
    pub lines: Vec<OrderLine>,
    /// Days from issue to due date of its invoices.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub payment_terms_days: Option<u32>,
    /// The customer's reference.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub purchase_order: Option<String>,
    /// `none` or `same_terms`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub renewal: Option<String>,
    /// Orders that need approval are refused as not supported yet.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub needs_approval: Option<bool>,
}

/// One line: one performance obligation.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, BorshSerialize, BorshDeserialize,
)]
#[serde(deny_unknown_fields)]
pub struct OrderLine {
    /// The line's id within the order.
    pub line: Identifier,
    /// A product of the catalog.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub product: Option<Identifier>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    /// Units; 1 where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub quantity: Option<Amount>,
    /// The price; the product's where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub price: Option<Price>,
    /// Standalone selling price of one unit, in the terms of the price.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ssp: Option<Amount>,
    /// First day of service; the order's where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub start: Option<Day>,
    /// Last day of service; the order's where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub end: Option<Day>,
    /// How it is recognised.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub recognition: Option<Recognition>,
    /// When it is billed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub billing: Option<Billing>,
    /// Off each period's price.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub discount: Option<Discount>,
    /// The last day of the discount, where it does not hold for the whole term: the order then has
    /// an amendment that ends it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub discount_until: Option<Day>,
    /// Its tax code.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tax_code: Option<String>,
}

/// Changes an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AmendOrder {
    /// The order to change.
    pub order: Identifier,
    /// The amendment's id, unique within the order.
    pub amendment: Identifier,
    /// What changes.
    pub changes: Vec<Change>,
    /// How the modification is accounted for; `auto` where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub treatment: Option<Treatment>,
    /// Whether the running period is prorated; `daily` where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub proration: Option<Proration>,
}

/// One change of an amendment: `line` with new terms, `add`, or `remove`; exactly one of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The line that changes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<Identifier>,
    /// Its new quantity.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub quantity: Option<Amount>,
    /// Its new price.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub price: Option<Price>,
    /// Its new last day.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub end: Option<Day>,
    /// Its new discount.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub discount: Option<Discount>,
    /// A new line.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub add: Option<OrderLine>,
    /// The line that ends.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub remove: Option<Identifier>,
}

/// How a contract modification is accounted for (ASC 606-10-25-12 and 25-13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Treatment {
    /// Chosen by rule (accounting, section 3).
    #[default]
    Auto,
    /// Added lines are a contract of their own.
    Separate,
    /// What is not yet recognised is allocated over what is still to be delivered.
    Prospective,
    /// Progress times the new price, the difference on the effective date.
    CatchUp,
}

/// Whether the running billing period is prorated.
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
pub enum Proration {
    /// By days.
    #[default]
    Daily,
    /// The running period keeps its price.
    None,
}

/// Lets an order go on after its end: each line that reaches it is renewed as a line of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewOrder {
    /// The order.
    pub order: Identifier,
    /// The last day of the new term.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub end: Option<Day>,
    /// The new term in months, instead of `end`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub term_months: Option<u32>,
    /// Terms that change with the renewal.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub changes: Vec<Change>,
}

/// Ends an order before its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelOrder {
    /// The order.
    pub order: Identifier,
    /// What happens to what is billed and not earned.
    pub unearned: Unearned,
}

/// What happens to what is billed and not earned when an order is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unearned {
    /// It is credited; the credit settles the invoices that billed it as far as they are open.
    Credit,
    /// What was paid of it is paid back, the rest credited.
    Refund,
    /// It is earned on the day of the cancellation.
    Forfeit,
    /// It stays in the contract balance until it is credited.
    None,
}

impl Unearned {
    /// The word of the contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Credit => "credit",
            Self::Refund => "refund",
            Self::Forfeit => "forfeit",
            Self::None => "none",
        }
    }
}

/// Lets an order rest from the effective date on: nothing is billed and nothing earned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SuspendOrder {
    /// The order.
    pub order: Identifier,
}

/// Lets an order go on from the effective date on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResumeOrder {
    /// The order.
    pub order: Identifier,
}

/// Revises the estimate of a line's variable consideration: a cumulative catch-up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviseEstimate {
    /// The order.
    pub order: Identifier,
    /// The line.
    pub line: Identifier,
    /// The whole new price of the line.
    pub amount: Amount,
}

/// Records what was delivered on the effective date: a quantity, or the percentage complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordDelivery {
    /// The order.
    pub order: Identifier,
    /// The line.
    pub line: Identifier,
    /// So many units more.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub quantity: Option<Amount>,
    /// So many percent in all; it may fall.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub percent_complete: Option<Amount>,
}

/// Records a reading of usage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordUsage {
    /// The order.
    pub order: Identifier,
    /// The line.
    pub line: Identifier,
    /// The reading.
    pub quantity: Amount,
    /// When it was read; the effective date where nothing is said.
    #[serde(
        skip_serializing_if = "Option::is_none",
        default,
        with = "time::serde::rfc3339::option"
    )]
    #[schemars(with = "Option<String>")]
    pub at: Option<time::OffsetDateTime>,
    /// The caller's id of the reading, which counts once.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub usage: Option<Identifier>,
}
