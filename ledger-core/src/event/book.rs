//! Events of the book and its catalog.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::command::book::{AccountName, DefineProduct, DefineTaxRate, PolicyValue, Seller};
use crate::id::Identifier;
use crate::money::Currency;

/// The book was opened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// Account code and name of each role that has one.
    pub accounts: BTreeMap<String, AccountName>,
    /// Who sells, as printed documents name it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seller: Option<Seller>,
}

/// A product was added to the catalog: the command's own fields.
pub type ProductDefined = DefineProduct;

/// A tax rate was added: the command's own fields.
pub type TaxRateDefined = DefineTaxRate;
