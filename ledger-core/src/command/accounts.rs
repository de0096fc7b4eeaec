//! How a book calls its accounts, as `OpenBook` maps them.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::Identifier;
use crate::money::Currency;

/// The account of a role: its code alone, or with a name and with other accounts for some
/// products, customers or currencies.
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
    expecting = "the account of a role is its code, or {code, name?, by_product?, by_customer?, \
                 by_currency?}, where each of the last three maps ids to a code or to {code, name}"
)]
pub enum RoleAccount {
    /// The code alone.
    Code(String),
    /// More than that.
    Mapped(Box<AccountRules>),
}

/// The account of a role, and those that count instead for some of what is posted to it.
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
pub struct AccountRules {
    /// The account's code, where no other rule says one.
    pub code: String,
    /// The account's name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// Accounts of products, which decide first; of `revenue` and `contra_revenue` only.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub by_product: BTreeMap<Identifier, AccountName>,
    /// Accounts of customers, which decide next.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub by_customer: BTreeMap<Identifier, AccountName>,
    /// Accounts by the document's currency, which decide last.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub by_currency: BTreeMap<Currency, AccountName>,
}

/// An account: its code alone, or with its name.
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
#[serde(untagged, expecting = "an account is its code, or {code, name}")]
pub enum AccountName {
    /// The code alone.
    Code(String),
    /// Code and name.
    Named(NamedAccount),
}

/// An account with its name.
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
pub struct NamedAccount {
    /// The account's code.
    pub code: String,
    /// The account's name.
    pub name: String,
}

impl AccountName {
    /// The account's code.
    pub fn code(&self) -> &str {
        match self {
            Self::Code(code) => code,
            Self::Named(account) => &account.code,
        }
    }

    /// The account's name, where it has one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Code(_) => None,
            Self::Named(account) => Some(&account.name),
        }
    }
}

impl RoleAccount {
    /// The account where no other rule says one.
    pub fn account(&self) -> AccountName {
        match self {
            Self::Code(code) => AccountName::Code(code.clone()),
            Self::Mapped(rules) => match &rules.name {
                None => AccountName::Code(rules.code.clone()),
                Some(name) => AccountName::Named(NamedAccount {
                    code: rules.code.clone(),
                    name: name.clone(),
                }),
            },
        }
    }
}
