//! Opening the book, and its catalog.

use crate::chart;
use crate::command::book::{DefineProduct, OpenBook, Seller};
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
    chart::check(&data.accounts)?;
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
    if let Some(seller) = &data.seller {
        check_seller(seller)?;
    }
    Ok(vec![EventData::BookOpened(BookOpened {
        book: book.clone(),
        currency: data.currency,
        time_zone,
        fiscal_year_start: month,
        policies: data.policies.clone(),
        accounts: data.accounts.clone(),
        seller: data.seller.clone(),
    })])
}

/// Texts that can be printed, and a country that could be one.
fn check_seller(seller: &Seller) -> Result<(), Rejection> {
    text::check("data.seller.name", &seller.name)?;
    if seller.name.trim().is_empty() {
        return Err(Rejection::at(
            Code::TextInvalid,
            "data.seller.name",
            "the seller's name is empty; documents need one",
        ));
    }
    for (field, text) in [
        ("data.seller.tax_id", &seller.tax_id),
        ("data.seller.email", &seller.email),
        ("data.seller.iban", &seller.iban),
        ("data.seller.bic", &seller.bic),
        ("data.seller.registration", &seller.registration),
    ] {
        text::check_optional(field, text.as_ref())?;
    }
    let Some(address) = &seller.address else { return Ok(()) };
    for (field, text) in [
        ("data.seller.address.street", &address.street),
        ("data.seller.address.city", &address.city),
        ("data.seller.address.postal_code", &address.postal_code),
    ] {
        text::check_optional(field, text.as_ref())?;
    }
    if address.country.len() != 2 || !address.country.bytes().all(|byte| byte.is_ascii_uppercase())
    {
        return Err(Rejection::at(
            Code::TextInvalid,
            "data.seller.address.country",
            "a country is two capital letters of ISO 3166, for example DE",
        ));
    }
    Ok(())
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
    if let (Some(code), Some(book)) = (&data.revenue_account, &state.book) {
        book.chart.check_revenue_account(code)?;
    }
    if data.ssp.is_some_and(|ssp| ssp.is_negative()) {
        return Err(Rejection::at(
            Code::PriceInvalid,
            "data.ssp",
            "a standalone selling price is not negative",
        ));
    }
    Ok(vec![EventData::ProductDefined(data.clone())])
}
