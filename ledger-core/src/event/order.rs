//! Events of orders.

use borsh::{BorshDeserialize, BorshSerialize};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::command::order::{Treatment, Unearned};
use crate::command::shared::{Billing, Discount, Price, Recognition};
use crate::event::invoice::DecidedPolicy;
use crate::id::Identifier;
use crate::money::{Amount, Currency};
use crate::policy::TaxInclusive;
use crate::revenue::progress::Step;
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
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, BorshSerialize, BorshDeserialize,
)]
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
    /// What it earns when; none where it earns by usage.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub schedule: Option<Schedule>,
    /// The first day on which price, quantity and discount hold, where they are not those of the
    /// line from its start.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub terms_from: Option<Day>,
    /// The last day, where a removal or a cancellation cut the line short.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended: Option<Day>,
    /// Whether it is a contract of its own, by an amendment at its standalone selling price or by
    /// a renewal.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub is_separate: bool,
    /// The line that it renews.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub renews: Option<Identifier>,
    /// Whether the order is suspended: the days cost and earn nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub is_suspended: bool,
    /// The tax that its price contains: the line costs and earns the rest (readings, 43).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub contained_tax: Option<ContainedTax>,
}

/// Tax that a price contains.
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
pub struct ContainedTax {
    /// Percent.
    pub rate: Amount,
    /// How it is split off.
    pub split: TaxInclusive,
}

/// The difference that a change makes to a period that was billed before: a charge above zero, a
/// credit below.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, BorshSerialize, BorshDeserialize,
)]
pub struct Adjustment {
    /// The order line.
    pub line: Identifier,
    /// The day on which it falls due.
    pub due: Day,
    /// First day of the billed period.
    pub period_start: Day,
    /// Last day of it.
    pub period_end: Day,
    /// Before tax, in the document's currency.
    pub amount: Amount,
    /// What changed it, in words for the invoice.
    pub description: String,
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
    /// The first day of the new terms.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<Day>,
    /// What the change makes of periods that were billed before.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub adjustments: Vec<Adjustment>,
    /// The policies that shaped it.
    pub policy: DecidedPolicy,
}

/// The estimate of a line's variable consideration was revised (ASC 606-10-32-14): a cumulative
/// catch-up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EstimateRevised {
    /// The order.
    pub order: Identifier,
    /// Who ordered.
    pub customer: Identifier,
    /// Currency of all its money.
    pub currency: Currency,
    /// The line whose price was estimated anew.
    pub line: Identifier,
    /// Its whole price before.
    pub before: Amount,
    /// Its whole price now.
    pub amount: Amount,
    /// The transaction price afterwards.
    pub transaction_price: Amount,
    /// Every line whose schedule changed, as it stands afterwards.
    pub lines: Vec<PlacedLine>,
    /// What the change makes of periods that were billed before.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub adjustments: Vec<Adjustment>,
    /// The policies that shaped it.
    pub policy: DecidedPolicy,
}

/// An order goes on after its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrderRenewed {
    /// The order.
    pub order: Identifier,
    /// Who ordered.
    pub customer: Identifier,
    /// Currency of all its money.
    pub currency: Currency,
    /// The last day of the term that is renewed.
    pub old_end: Day,
    /// The order's last day afterwards.
    pub end: Day,
    /// The transaction price afterwards.
    pub transaction_price: Amount,
    /// The renewed lines, each a line of its own.
    pub lines: Vec<PlacedLine>,
    /// The policies that shaped it.
    pub policy: DecidedPolicy,
}

/// An order ended before its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrderCancelled {
    /// The order.
    pub order: Identifier,
    /// Who ordered.
    pub customer: Identifier,
    /// Currency of all its money.
    pub currency: Currency,
    /// The last day that is billed and earned.
    pub last_day: Day,
    /// What happens to what is billed and not earned.
    pub unearned: Unearned,
    /// How much that is, before tax.
    pub unearned_amount: Amount,
    /// What the order earns in all.
    pub transaction_price: Amount,
    /// The lines that the cancellation ends, as they stand afterwards.
    pub lines: Vec<PlacedLine>,
    /// What is still to be billed of periods that were billed before.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub adjustments: Vec<Adjustment>,
    /// Lines of which nothing more is billed.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub settled: Vec<Identifier>,
    /// The policies that shaped it.
    pub policy: DecidedPolicy,
}

/// An order rests, or goes on: between the two nothing is billed and nothing is earned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrderPaused {
    /// The order.
    pub order: Identifier,
    /// Who ordered.
    pub customer: Identifier,
    /// Currency of all its money.
    pub currency: Currency,
    /// The first day on which it rests, or on which it goes on.
    pub from: Day,
    /// The transaction price afterwards.
    pub transaction_price: Amount,
    /// Its lines as they stand afterwards.
    pub lines: Vec<PlacedLine>,
    /// What the change makes of periods that were billed before.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub adjustments: Vec<Adjustment>,
    /// The policies that shaped it.
    pub policy: DecidedPolicy,
}

/// Goods or services were delivered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeliveryRecorded {
    /// The order.
    pub order: Identifier,
    /// Who ordered.
    pub customer: Identifier,
    /// Currency of all its money.
    pub currency: Currency,
    /// The line.
    pub line: Identifier,
    /// What was delivered.
    pub step: Step,
    /// Delivered in all through that day: units, or percent.
    pub delivered: Amount,
    /// All that is to be delivered: units, or percent.
    pub whole: Amount,
    /// The line's new schedule version, where it is the first delivery of a line that its start
    /// would have earned (readings, 41).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub schedule: Option<Schedule>,
}

/// Usage was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsageRecorded {
    /// The order.
    pub order: Identifier,
    /// Who ordered.
    pub customer: Identifier,
    /// Currency of all its money.
    pub currency: Currency,
    /// The line.
    pub line: Identifier,
    /// The reading.
    pub quantity: Amount,
    /// The day of the reading in the book's time zone.
    pub day: Day,
    /// When it was read.
    #[serde(
        skip_serializing_if = "Option::is_none",
        default,
        with = "time::serde::rfc3339::option"
    )]
    #[schemars(with = "Option<String>")]
    pub at: Option<time::OffsetDateTime>,
    /// The caller's id of the reading.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub usage: Option<Identifier>,
    /// First day of the period that it belongs to.
    pub period_start: Day,
    /// What the reading adds to the price of its period.
    pub amount: Amount,
    /// The difference to bill, where the period was billed before.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub adjustments: Vec<Adjustment>,
}
