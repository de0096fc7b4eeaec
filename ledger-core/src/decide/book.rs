//! Opening the book, and its catalog.

use crate::command::book::{DefineProduct, OpenBook};
use crate::decide::{policy, text};
use crate::event::EventData;
use crate::event::book::BookOpened;
use crate::id::Identifier;
use crate::rejection::{Code, Rejection};
use crate::state::Ledger;

/// Opens the book once.
pub(super) fn open(
    book: &Identifier,
    state: &Ledger,
    data: &OpenBook,
) -> Result<Vec<EventData>, Rejection> {
    if state.book.is_some() {
        return Err(Rejection::new(Code::BookExists, format!("the book {book} is open already")));
    }
    policy::policies(&data.policies)?;
    let month = data.fiscal_year_start.unwrap_or(1);
    if !(1..=12).contains(&month) {
        return Err(Rejection::at(
            Code::DateInvalid,
            "data.fiscal_year_start",
            format!("{month} is not a month; use 1 to 12"),
        ));
    }
    let time_zone = data.time_zone.clone().unwrap_or_else(|| "UTC".to_owned());
    text::check("data.time_zone", &time_zone)?;
    Ok(vec![EventData::BookOpened(BookOpened {
        book: book.clone(),
        currency: data.currency,
        time_zone,
        fiscal_year_start: month,
        policies: data.policies.clone(),
        accounts: data.accounts.clone(),
    })])
}

/// Adds a product to the catalog.
pub(super) fn define_product(
    state: &Ledger,
    data: &DefineProduct,
) -> Result<Vec<EventData>, Rejection> {
    if state.products.contains_key(&data.product) {
        return Err(Rejection::at(
            Code::ProductExists,
            "data.product",
            format!("the product {} exists already", data.product),
        ));
    }
    text::check("data.name", &data.name)?;
    if data.ssp.is_some_and(|ssp| ssp.is_negative()) {
        return Err(Rejection::at(
            Code::PriceInvalid,
            "data.ssp",
            "a standalone selling price is not negative",
        ));
    }
    Ok(vec![EventData::ProductDefined(data.clone())])
}
