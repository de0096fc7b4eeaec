//! The chart of accounts: which account a posting to a role goes to.
//!
//! The most specific rule decides: the product's, then the customer's, then the one of the
//! document's currency, then the role's own. A role that is not mapped has an account of its name.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};

use crate::command::accounts::{AccountName, RoleAccount};
use crate::id::Identifier;
use crate::money::Currency;
use crate::posting::Role;

mod check;

pub use check::check;

/// What an account is in the financial statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AccountKind {
    /// What is owned or owed to the book; the allowance lowers it.
    Asset,
    /// What the book owes, or has still to deliver.
    Liability,
    /// What was earned; contra revenue lowers it.
    Income,
    /// What was lost or paid for.
    Expense,
}

impl AccountKind {
    /// The kind of a role's accounts.
    pub const fn of(role: Role) -> Self {
        match role {
            Role::Cash | Role::AccountsReceivable | Role::UnbilledReceivable | Role::Allowance => {
                Self::Asset
            }
            Role::DeferredRevenue
            | Role::TaxPayable
            | Role::UnappliedCash
            | Role::CustomerCredits => Self::Liability,
            Role::Revenue | Role::ContraRevenue | Role::Recoveries => Self::Income,
            Role::BadDebtExpense
            | Role::PaymentFees
            | Role::FxGainLoss
            | Role::SmallBalanceWriteOff => Self::Expense,
        }
    }

    /// The kind in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asset => "asset",
            Self::Liability => "liability",
            Self::Income => "income",
            Self::Expense => "expense",
        }
    }
}

/// Whether postings to a role know their product: only what is earned does.
pub const fn knows_product(role: Role) -> bool {
    matches!(role, Role::Revenue | Role::ContraRevenue)
}

/// The role of that name.
pub fn role(name: &str) -> Option<Role> {
    Role::ALL.into_iter().find(|role| role.as_str() == name)
}

/// What a rule may ask of a posting.
#[derive(Debug, Clone, Copy)]
pub struct Dimensions<'a> {
    /// The product, where the posting knows one.
    pub product: Option<&'a Identifier>,
    /// Whose document it is.
    pub customer: Option<&'a Identifier>,
    /// The document's currency.
    pub currency: Currency,
}

/// An account of the chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name, where it has one.
    pub name: Option<String>,
    /// What it is.
    pub kind: AccountKind,
    /// The roles that post to it.
    pub roles: BTreeSet<Role>,
}

/// The accounts of one role.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
struct Rules {
    own: AccountName,
    by_product: BTreeMap<Identifier, AccountName>,
    by_customer: BTreeMap<Identifier, AccountName>,
    by_currency: BTreeMap<Currency, AccountName>,
}

/// The chart of a book.
#[derive(Debug, Clone, Default, BorshSerialize, BorshDeserialize)]
pub struct Chart {
    rules: BTreeMap<Role, Rules>,
    /// `DefineProduct.revenue_account` by product.
    products: BTreeMap<Identifier, AccountName>,
}

impl Chart {
    /// The chart of a book's own mapping; names that are no roles are left out.
    pub fn new(accounts: &BTreeMap<String, RoleAccount>) -> Self {
        let rules = accounts.iter().filter_map(|(name, account)| {
            let own = account.account();
            let rules = match account {
                RoleAccount::Code(_) => Rules::of(own),
                RoleAccount::Mapped(rules) => Rules {
                    own,
                    by_product: rules.by_product.clone(),
                    by_customer: rules.by_customer.clone(),
                    by_currency: rules.by_currency.clone(),
                },
            };
            Some((role(name)?, rules))
        });
        Self { rules: rules.collect(), products: BTreeMap::new() }
    }

    /// Adds the account of a product's revenue. A rule of the book's own mapping goes before it.
    pub fn add_product(&mut self, product: Identifier, revenue_account: String) {
        self.products.insert(product, AccountName::Code(revenue_account));
    }

    /// The code of the account that a posting goes to.
    pub fn account(&self, role: Role, of: Dimensions<'_>) -> &str {
        let product = of.product.filter(|_| self.asks_product(role));
        let defined = product.filter(|_| role == Role::Revenue);
        let defined = defined.and_then(|product| self.products.get(product));
        let Some(rules) = self.rules.get(&role) else {
            return defined.map_or(role.as_str(), AccountName::code);
        };
        let account = product
            .and_then(|product| rules.by_product.get(product))
            .or(defined)
            .or_else(|| of.customer.and_then(|customer| rules.by_customer.get(customer)))
            .or_else(|| rules.by_currency.get(&of.currency));
        account.unwrap_or(&rules.own).code()
    }

    /// Whether a rule of the role asks for the product.
    pub fn asks_product(&self, role: Role) -> bool {
        let is_mapped = self.rules.get(&role).is_some_and(|rules| !rules.by_product.is_empty());
        is_mapped || (role == Role::Revenue && !self.products.is_empty())
    }

    /// Every account by its code, also those to which nothing was posted.
    pub fn accounts(&self) -> BTreeMap<String, Account> {
        let mut accounts: BTreeMap<String, Account> = BTreeMap::new();
        for role in Role::ALL {
            for (code, name) in self.of_role(role) {
                let kind = AccountKind::of(role);
                let account = accounts.entry(code.to_owned()).or_insert_with(|| Account {
                    name: None,
                    kind,
                    roles: BTreeSet::new(),
                });
                account.roles.insert(role);
                if account.name.is_none() {
                    account.name = name.map(str::to_owned);
                }
            }
        }
        accounts
    }

    /// The accounts of a role, code and name, its own first.
    fn of_role(&self, role: Role) -> Vec<(&str, Option<&str>)> {
        let mut all = Vec::new();
        match self.rules.get(&role) {
            None => all.push((role.as_str(), None)),
            Some(rules) => {
                let rest = rules.by_product.values().chain(rules.by_customer.values());
                let rest = rest.chain(rules.by_currency.values());
                let named = std::iter::once(&rules.own).chain(rest);
                all.extend(named.map(|account| (account.code(), account.name())));
            }
        }
        if role == Role::Revenue {
            all.extend(self.products.values().map(|account| (account.code(), account.name())));
        }
        all
    }
}

impl Rules {
    fn of(own: AccountName) -> Self {
        Self {
            own,
            by_product: BTreeMap::new(),
            by_customer: BTreeMap::new(),
            by_currency: BTreeMap::new(),
        }
    }
}
