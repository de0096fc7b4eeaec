//! Parts that several commands share: prices, recognition, billing, allocations.

use borsh::{BorshDeserialize, BorshSerialize};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::id::Identifier;
use crate::money::Amount;
use crate::policy::Basis;

/// A price model (contract, section 3).
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, BorshSerialize, BorshDeserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// How units become money.
    pub model: PriceModel,
    /// Of `flat`: the price of one period.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub amount: Option<Amount>,
    /// Of `per_unit`: the price of one unit for one period.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit_price: Option<Amount>,
    /// The period that the price is for; `once` where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub per: Option<Per>,
    /// Tiers of graduated and volume prices.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tiers: Option<Vec<Tier>>,
    /// How the readings of a period combine.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub aggregate: Option<Aggregate>,
    /// Units of one package.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub package_size: Option<Amount>,
    /// Units left out first.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub free: Option<Amount>,
    /// Percent, of model `percent`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rate: Option<Amount>,
    /// What a period costs at least.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub minimum: Option<Amount>,
}

/// The models of the contract.
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
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the contract's, section 3")]
pub enum PriceModel {
    Flat,
    PerUnit,
    Graduated,
    Volume,
    Package,
    Percent,
    UsageFlat,
    UsagePerUnit,
    UsageGraduated,
    UsageVolume,
    UsagePackage,
    UsagePercent,
}

/// One tier of a price.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, BorshSerialize, BorshDeserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// The upper end; none for the last.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub up_to: Option<Amount>,
    /// The price of a unit in the tier.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit_price: Option<Amount>,
    /// A fixed price of the tier.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub flat: Option<Amount>,
    /// Percent, of model `percent`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rate: Option<Amount>,
}

/// The period of a price.
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
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the contract's, section 3")]
pub enum Per {
    Week,
    Month,
    Quarter,
    Year,
    Term,
    Once,
    #[serde(untagged)]
    Days {
        days: u32,
    },
}

/// How a period's usage readings combine.
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
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the contract's, section 3")]
pub enum Aggregate {
    Sum,
    Max,
    Last,
    LastEver,
}

/// When a line is billed (contract, section 3).
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, BorshSerialize, BorshDeserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Billing {
    /// The length of a billing period.
    pub every: Per,
    /// Advance where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub timing: Option<Timing>,
    /// The day of the month (1 to 31) or a date on which a period starts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub anchor: Option<Anchor>,
}

/// Where the periods of a line begin: a day of the month, or a date.
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
#[serde(untagged)]
pub enum Anchor {
    /// 1 to 31; in a shorter month its last day.
    DayOfMonth(u8),
    /// A day on which a period starts.
    Date(Day),
}

/// When a period is billed.
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
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the contract's, section 3")]
pub enum Timing {
    Advance,
    Arrears,
    OnDelivery,
}

/// How a line is recognised (contract, section 4).
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
#[serde(deny_unknown_fields)]
pub struct Recognition {
    /// The method.
    pub method: Method,
    /// The basis of `over_time`; the book's where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub basis: Option<Basis>,
}

/// The recognition methods.
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
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Over the service dates.
    OverTime,
    /// On delivery, else on the line's start.
    PointInTime,
    /// When the usage is recorded.
    Usage,
    /// By cumulative percent complete.
    Milestone,
    /// On the invoice's date.
    OnInvoice,
}

/// A discount: an amount before tax, or a percentage.
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
#[serde(untagged)]
pub enum Discount {
    /// An amount before tax.
    Amount(Amount),
    /// A share of the price.
    Percent {
        /// 0 to 100.
        percent: Amount,
    },
}

/// So much of a payment or credit for one invoice.
#[derive(
    Debug,
    Clone,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
    BorshSerialize,
    BorshDeserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Allocation {
    /// The invoice to settle.
    pub invoice: Identifier,
    /// In the invoice's currency.
    pub amount: Amount,
}
