//! What is named of a customer changes.

use crate::command::collections::UpdateCustomer;
use crate::decide::customer;
use crate::event::EventData;
use crate::event::collections::CustomerUpdated;
use crate::event::customer::CustomerRegistered;
use crate::id::Identifier;
use crate::rejection::{Code, Rejection};
use crate::state::{Book, Ledger};

/// Changes a customer.
pub(in crate::decide) fn update(
    state: &Ledger,
    book: &Book,
    data: &UpdateCustomer,
) -> Result<Vec<EventData>, Rejection> {
    let known = customer::find(state, &data.customer, "data.customer")?;
    let (changed, now) = merged(&known.registered, data);
    if changed.is_empty() {
        return Err(Rejection::at(
            Code::CommandMissingField,
            "data",
            "the command names nothing that is to change; name at least one field beside customer",
        ));
    }
    customer::check(state, book, &now)?;
    check_parents(state, &now)?;
    let customer = data.customer.clone();
    let changed = changed.into_iter().map(str::to_owned).collect();
    Ok(vec![EventData::CustomerUpdated(CustomerUpdated { customer, changed, now })])
}

/// The customer with what the command names, and the names of those fields.
fn merged(
    registered: &CustomerRegistered,
    data: &UpdateCustomer,
) -> (Vec<&'static str>, CustomerRegistered) {
    let mut now = registered.clone();
    let mut changed = Vec::new();
    if let Some(name) = &data.name {
        now.name.clone_from(name);
        changed.push("name");
    }
    let mut take = |name, is_named| {
        if is_named {
            changed.push(name);
        }
    };
    take("currency", set(&mut now.currency, &data.currency));
    take("payment_terms_days", set(&mut now.payment_terms_days, &data.payment_terms_days));
    take("credit_limit", set(&mut now.credit_limit, &data.credit_limit));
    take("parent", set(&mut now.parent, &data.parent));
    take("email", set(&mut now.email, &data.email));
    take("address", set(&mut now.address, &data.address));
    take("country", set(&mut now.country, &data.country));
    take("tax_id", set(&mut now.tax_id, &data.tax_id));
    take("locale", set(&mut now.locale, &data.locale));
    take("dunning", set(&mut now.dunning, &data.dunning));
    take("collection", set(&mut now.collection, &data.collection));
    take("payer", set(&mut now.payer, &data.payer));
    take("payment_method", set(&mut now.payment_method, &data.payment_method));
    (changed, now)
}

/// Takes a value that is named.
fn set<T: Clone>(field: &mut Option<T>, named: &Option<T>) -> bool {
    if named.is_some() {
        field.clone_from(named);
    }
    named.is_some()
}

/// Refuses a customer above itself: whoever follows parents upwards must come to an end.
fn check_parents(state: &Ledger, now: &CustomerRegistered) -> Result<(), Rejection> {
    let mut above: Option<&Identifier> = now.parent.as_ref();
    while let Some(parent) = above {
        if *parent == now.customer {
            return Err(Rejection::at(
                Code::CustomerParentLoop,
                "data.parent",
                format!("the customer {parent} would stand above itself; name another parent"),
            ));
        }
        above = state.customers.get(parent).and_then(|one| one.registered.parent.as_ref());
    }
    Ok(())
}
