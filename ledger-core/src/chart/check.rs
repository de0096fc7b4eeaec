//! What a mapping of accounts must be: known roles, codes that are some, one kind for each code.

use std::collections::BTreeMap;

use crate::chart::{AccountKind, Chart, knows_product, role};
use crate::command::accounts::{AccountName, RoleAccount};
use crate::limits::IDENTIFIER_BYTES_MAX;
use crate::posting::Role;
use crate::rejection::{Code, Rejection};

/// Checks the mapping that a book is to be opened with.
///
/// # Errors
/// `account.role_unknown`, `account.code_invalid`, `account.no_product` or
/// `account.kind_conflict`.
pub fn check(accounts: &BTreeMap<String, RoleAccount>) -> Result<(), Rejection> {
    let mut known: BTreeMap<String, Role> = BTreeMap::new();
    for (name, account) in accounts {
        let field = format!("data.accounts.{name}");
        let Some(role) = role(name) else { return Err(role_unknown(&field, name)) };
        take(&mut known, role, &field, &account.account())?;
        let RoleAccount::Mapped(rules) = account else { continue };
        if !rules.by_product.is_empty() && !knows_product(role) {
            return Err(no_product(&format!("{field}.by_product"), role));
        }
        let products = rules.by_product.iter().map(|(id, one)| ("product", id.to_string(), one));
        let customers = rules.by_customer.iter().map(|(id, one)| ("customer", id.to_string(), one));
        let currencies = rules.by_currency.iter();
        let currencies = currencies.map(|(id, one)| ("currency", id.to_string(), one));
        for (by, id, one) in products.chain(customers).chain(currencies) {
            take(&mut known, role, &format!("{field}.by_{by}.{id}"), one)?;
        }
    }
    // A role that is not mapped has an account of its name.
    for role in Role::ALL {
        if !accounts.contains_key(role.as_str()) {
            let own = AccountName::Code(role.as_str().to_owned());
            let taken = known.get(role.as_str()).map_or(role, |other| *other);
            let field = format!("data.accounts.{}", taken.as_str());
            take(&mut known, role, &field, &own)?;
        }
    }
    Ok(())
}

impl Chart {
    /// Checks the account of a product's revenue.
    ///
    /// # Errors
    /// `account.code_invalid` or `account.kind_conflict`.
    pub fn check_revenue_account(&self, code: &str) -> Result<(), Rejection> {
        let field = "data.revenue_account";
        check_code(field, code)?;
        let accounts = self.accounts();
        let other = accounts.get(code).and_then(|account| account.roles.first());
        match other {
            Some(other) if AccountKind::of(*other) != AccountKind::of(Role::Revenue) => {
                Err(kind_conflict(field, code, *other, Role::Revenue))
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn take(
    known: &mut BTreeMap<String, Role>,
    role: Role,
    field: &str,
    account: &AccountName,
) -> Result<(), Rejection> {
    let code = account.code();
    check_code(field, code)?;
    if let Some(name) = account.name() {
        check_text(field, "name", name)?;
    }
    match known.get(code) {
        Some(other) if AccountKind::of(*other) != AccountKind::of(role) => {
            Err(kind_conflict(field, code, *other, role))
        }
        Some(_) => Ok(()),
        None => {
            known.insert(code.to_owned(), role);
            Ok(())
        }
    }
}

fn check_code(field: &str, code: &str) -> Result<(), Rejection> {
    check_text(field, "code", code)
}

fn check_text(field: &str, what: &str, text: &str) -> Result<(), Rejection> {
    let is_shown = !text.trim().is_empty() && !text.chars().any(char::is_control);
    if is_shown && text.len() <= IDENTIFIER_BYTES_MAX {
        return Ok(());
    }
    let message = format!(
        "the account's {what} {text:?} is none: write 1 to {IDENTIFIER_BYTES_MAX} bytes that can \
         be seen, such as \"4000\""
    );
    Err(Rejection::at(Code::AccountCodeInvalid, field, message))
}

fn role_unknown(field: &str, name: &str) -> Rejection {
    let names: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
    let message = format!("there is no role {name:?}; there are {}", names.join(", "));
    Rejection::at(Code::AccountRoleUnknown, field, message)
}

fn no_product(field: &str, role: Role) -> Rejection {
    let message = format!(
        "postings to {} know no product: map it by customer or currency; only revenue and \
         contra_revenue can be mapped by product",
        role.as_str()
    );
    Rejection::at(Code::AccountNoProduct, field, message)
}

fn kind_conflict(field: &str, code: &str, other: Role, role: Role) -> Rejection {
    let kind = |role| AccountKind::of(role).as_str();
    let message = format!(
        "the account {code:?} cannot be of {} ({}) and of {} ({}): an account is of one kind; give \
         one of the two a code of its own",
        other.as_str(),
        kind(other),
        role.as_str(),
        kind(role)
    );
    Rejection::at(Code::AccountKindConflict, field, message)
}
