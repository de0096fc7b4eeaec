//! Events of the book and its catalog.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::command::accounts::RoleAccount;
use crate::command::book::{DefineProduct, DefineTaxRate, PolicyValue, RecordFxRate, Seller};
use crate::fx::RateType;
use crate::id::Identifier;
use crate::money::{Amount, Currency};

/// The book was opened.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, BorshSerialize, BorshDeserialize,
)]
pub struct BookOpened {
    /// The book's name.
    pub book: Identifier,
    /// Its functional currency.
    pub currency: Currency,
    /// Its time zone (IANA).
    pub time_zone: String,
    /// The month in which its fiscal year starts.
    pub fiscal_year_start: u8,
    /// All policies that differ from their defaults.
    pub policies: BTreeMap<String, PolicyValue>,
    /// The account of each role that has one, by the role's name.
    pub accounts: BTreeMap<String, RoleAccount>,
    /// Who sells, as printed documents name it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seller: Option<Seller>,
}

/// A product was added to the catalog: the command's own fields.
pub type ProductDefined = DefineProduct;

/// A tax rate was added: the command's own fields.
pub type TaxRateDefined = DefineTaxRate;

/// An exchange rate was added.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, BorshSerialize, BorshDeserialize,
)]
pub struct FxRateRecorded {
    /// One unit of this currency ...
    pub from: Currency,
    /// ... is worth `rate` units of this one.
    pub to: Currency,
    /// Above zero.
    pub rate: Amount,
    /// The first day on which it holds.
    pub date: Day,
    /// What it is for.
    #[serde(rename = "type")]
    pub kind: RateType,
    /// Who published it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<String>,
}

impl FxRateRecorded {
    /// The event of a command.
    pub(crate) fn new(data: &RecordFxRate) -> Self {
        Self {
            from: data.from,
            to: data.to,
            rate: data.rate,
            date: data.date,
            kind: data.kind.unwrap_or_default(),
            source: data.source.clone(),
        }
    }

    /// `from` and `to` as one name: rates of one pair stand on one subject.
    pub fn pair(&self) -> Identifier {
        Identifier::of_pair(self.from, self.to)
    }
}
