//! Commands on the book and its catalog.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::closing::Check;
use crate::collection;
use crate::command::accounts::RoleAccount;
use crate::command::shared::{Price, Recognition};
use crate::dunning;
use crate::fx::RateType;
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
    /// The account of each role, by the role's name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub accounts: BTreeMap<String, RoleAccount>,
    /// Who sells: what stands at the head of printed invoices and credit notes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seller: Option<Seller>,
}

/// Who sells, as printed invoices and credit notes name it.
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
pub struct Seller {
    /// The full name.
    pub name: String,
    /// Postal address.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub address: Option<SellerAddress>,
    /// Tax number; a VAT number with the prefix of its country, for example `DE123456789`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tax_id: Option<String>,
    /// E-mail address.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub email: Option<String>,
    /// The account to pay to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub iban: Option<String>,
    /// The bank of that account.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bic: Option<String>,
    /// Number in the register of companies.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub registration: Option<String>,
}

/// Where the seller is.
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
pub struct SellerAddress {
    /// Street and number.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub street: Option<String>,
    /// City.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub city: Option<String>,
    /// Postal code.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub postal_code: Option<String>,
    /// ISO 3166 alpha-2 code of the country, for example `DE`.
    pub country: String,
}

/// A policy's value: a word or amount, a list of days, or dunning policies or schedules by name.
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
#[serde(
    untagged,
    expecting = "a policy is a word, a number, a list of days, words by reason, for dunning, \
                 lists of {after_days, notice, hold?} by name, or, for collection, {processor, \
                 when?, retry_after_days?, final?} by name"
)]
pub enum PolicyValue {
    /// A word, or an amount.
    Text(String),
    /// A number of days.
    Number(u32),
    /// Lower ends of the ageing buckets.
    Days(Vec<u32>),
    /// Values by reason, for `credit_revenue` and `approvals`, or by check, for `close_checks`.
    Map(BTreeMap<String, String>),
    /// Stages by name, for `dunning`.
    Dunning(BTreeMap<String, Vec<dunning::Stage>>),
    /// Schedules by name, for `collection`.
    Collection(BTreeMap<String, collection::Schedule>),
}

/// Adds a product to the catalog.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, BorshSerialize, BorshDeserialize,
)]
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
    /// The account of its revenue, where the book's own mapping has none for the product.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub revenue_account: Option<String>,
    /// Its price where an order line names none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub price: Option<Price>,
}

/// Adds a tax rate.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, BorshSerialize, BorshDeserialize,
)]
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
    /// Why tax is charged or not; by the rate where nothing is said: `S` above zero, `Z` at zero.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub category: Option<TaxCategory>,
    /// Why no tax is charged, as the document says it; category `E` needs it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exemption_reason: Option<String>,
}

/// Why tax is charged or not, by the codes of UNCL 5305.
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
pub enum TaxCategory {
    /// Taxed at a rate above zero.
    S,
    /// Taxed at the rate zero.
    Z,
    /// Exempt from tax.
    E,
    /// Reverse charge: the customer owes the tax.
    #[serde(rename = "AE")]
    ReverseCharge,
}

impl TaxCategory {
    /// The code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::S => "S",
            Self::Z => "Z",
            Self::E => "E",
            Self::ReverseCharge => "AE",
        }
    }
}

/// Why a line is taxed as it is, as it was decided.
#[derive(
    Debug,
    Clone,
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
pub struct TaxTreatment {
    /// The category.
    pub category: TaxCategory,
    /// Why no tax is charged.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exemption_reason: Option<String>,
}

/// Adds an exchange rate: from its date on, until a later one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordFxRate {
    /// One unit of this currency ...
    pub from: Currency,
    /// ... is worth `rate` units of this one.
    pub to: Currency,
    /// Above zero, at most 12 decimals.
    pub rate: Amount,
    /// The first day on which it holds.
    pub date: Day,
    /// What it is for: `spot` (the default) for documents and earnings, `closing` for balances at
    /// the end of its date, `average` for the income of its month in a consolidation.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none", default)]
    pub kind: Option<RateType>,
    /// Who published it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<String>,
}

/// Closes all days up to one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClosePeriod {
    /// The last day to close.
    pub through: Day,
    /// Checks that the book refuses and the closer accepts, for the command's `reason`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub accept: Vec<Check>,
}

/// Opens closed days again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReopenPeriod {
    /// The first day to open.
    pub from: Day,
}
