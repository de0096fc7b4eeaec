//! Customers.

use crate::command::customer::RegisterCustomer;
use crate::decide::text;
use crate::event::EventData;
use crate::id::Identifier;
use crate::rejection::{Code, Rejection};
use crate::state::{Book, Customer, Ledger};

/// Days from issue to due date at most.
const TERMS_DAYS_MAX: u32 = 3_650;

/// Adds a customer.
pub(super) fn register(
    state: &Ledger,
    book: &Book,
    data: &RegisterCustomer,
) -> Result<Vec<EventData>, Rejection> {
    if state.customers.contains_key(&data.customer) {
        return Err(Rejection::at(
            Code::CustomerExists,
            "data.customer",
            format!("the customer {} exists already", data.customer),
        ));
    }
    check(state, book, data)?;
    Ok(vec![EventData::CustomerRegistered(data.clone())])
}

/// Refuses a customer whose fields make no sense.
pub(super) fn check(state: &Ledger, book: &Book, data: &RegisterCustomer) -> Result<(), Rejection> {
    text::check("data.name", &data.name)?;
    for (field, text) in [
        ("data.email", &data.email),
        ("data.address", &data.address),
        ("data.country", &data.country),
        ("data.tax_id", &data.tax_id),
        ("data.locale", &data.locale),
        ("data.dunning", &data.dunning),
        ("data.collection", &data.collection),
        ("data.payer", &data.payer),
        ("data.payment_method", &data.payment_method),
    ] {
        text::check_optional(field, text.as_ref())?;
    }
    if data.payment_terms_days.is_some_and(|days| days > TERMS_DAYS_MAX) {
        return Err(Rejection::at(
            Code::DateInvalid,
            "data.payment_terms_days",
            format!("payment terms are at most {TERMS_DAYS_MAX} days"),
        ));
    }
    if let Some(parent) = &data.parent {
        find(state, parent, "data.parent")?;
    }
    if let Some(limit) = data.credit_limit {
        data.currency.unwrap_or(book.currency).exact(limit, "data.credit_limit")?;
    }
    let dunning = &book.policies.dunning;
    if let Some(name) = data.dunning.as_deref().filter(|name| !dunning.knows(name)) {
        return Err(Rejection::at(
            Code::DunningUnknown,
            "data.dunning",
            format!("the book has no dunning policy {name:?}; it has {:?}", dunning.names()),
        ));
    }
    let collection = &book.policies.collection;
    if let Some(name) = data.collection.as_deref().filter(|name| !collection.knows(name)) {
        return Err(Rejection::at(
            Code::CollectionUnknown,
            "data.collection",
            format!("the book has no schedule {name:?}; it has {:?}", collection.names()),
        ));
    }
    Ok(())
}

/// The customer of that id.
pub(super) fn find<'a>(
    state: &'a Ledger,
    id: &Identifier,
    field: &str,
) -> Result<&'a Customer, Rejection> {
    state.customers.get(id).ok_or_else(|| {
        Rejection::at(
            Code::CustomerUnknown,
            field,
            format!("there is no customer {id}; send RegisterCustomer first"),
        )
    })
}
