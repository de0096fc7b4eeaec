//! What the lines of an invoice come to, before tax.

use std::collections::BTreeSet;
use std::str::FromStr;

use rust_decimal::Decimal;

use crate::command::invoice::{InvoiceLine, IssueInvoice};
use crate::command::shared::Discount;
use crate::decide::text;
use crate::id::Identifier;
use crate::money::{Amount, Currency, multiply_divide};
use crate::rejection::{Code, Rejection};
use crate::state::Book;

/// A line's own numbers before the document's discount and tax.
pub(super) struct Priced<'a> {
    pub(super) line: &'a InvoiceLine,
    pub(super) id: Identifier,
    pub(super) gross: Amount,
    pub(super) net: Amount,
}

pub(super) fn price_lines<'a>(
    book: &Book,
    data: &'a IssueInvoice,
) -> Result<Vec<Priced<'a>>, Rejection> {
    let mut ids = BTreeSet::new();
    let mut priced = Vec::with_capacity(data.lines.len());
    for (index, line) in data.lines.iter().enumerate() {
        let field = |name: &str| format!("data.lines[{index}].{name}");
        let id = match &line.line {
            Some(id) => id.clone(),
            None => Identifier::from_str(&(index + 1).to_string())?,
        };
        if !ids.insert(id.clone()) {
            return Err(Rejection::at(
                Code::LineDuplicate,
                field("line"),
                format!("the line {id} stands twice"),
            ));
        }
        text::check_optional(&field("description"), line.description.as_ref())?;
        let gross = gross(book, data.currency, line, &field)?;
        let discount = discount(book, data.currency, gross, line.discount, &field("discount"))?;
        priced.push(Priced { line, id, gross, net: gross - discount });
    }
    Ok(priced)
}

/// The line's amount, or quantity times unit price.
fn gross(
    book: &Book,
    currency: Currency,
    line: &InvoiceLine,
    field: &impl Fn(&str) -> String,
) -> Result<Amount, Rejection> {
    let product = match (line.quantity, line.unit_price) {
        (None, None) => None,
        (quantity, Some(unit_price)) => {
            let quantity = quantity.map_or(Decimal::ONE, Amount::decimal);
            let exact = unit_price.decimal().checked_mul(quantity).ok_or_else(|| {
                Rejection::at(Code::AmountTooLarge, field("unit_price"), "the product is too large")
            })?;
            Some(currency.round(exact, book.policies.rounding))
        }
        (Some(_), None) => None,
    };
    let amount = match line.amount {
        Some(amount) => Some(currency.exact(amount, &field("amount"))?),
        None => None,
    };
    match (amount, product) {
        (Some(amount), Some(product)) if amount != product => Err(Rejection::at(
            Code::InvoiceInvalid,
            field("amount"),
            format!("{amount} is not quantity times unit price, which is {product}"),
        )),
        (Some(amount), _) => Ok(amount),
        (None, Some(product)) => Ok(product),
        (None, None) => Err(Rejection::at(
            Code::CommandMissingField,
            field("amount"),
            "a line has an amount, or a quantity and a unit price",
        )),
    }
}

/// What a discount takes off an amount.
pub(in crate::decide) fn discount(
    book: &Book,
    currency: Currency,
    amount: Amount,
    discount: Option<Discount>,
    field: &str,
) -> Result<Amount, Rejection> {
    match discount {
        None => Ok(currency.zero()),
        Some(Discount::Amount(discount)) => {
            let discount = currency.exact(discount, field)?;
            if discount.is_negative() || discount > amount {
                return Err(Rejection::at(
                    Code::InvoiceInvalid,
                    field,
                    format!("a discount of {discount} on {amount} makes no sense"),
                ));
            }
            Ok(discount)
        }
        Some(Discount::Percent { percent }) => {
            if percent.is_negative() || percent.decimal() > Decimal::ONE_HUNDRED {
                return Err(Rejection::at(
                    Code::InvoiceInvalid,
                    field,
                    format!("{percent} % is not a discount; use 0 to 100"),
                ));
            }
            let exact = multiply_divide(amount.decimal(), percent.decimal(), Decimal::ONE_HUNDRED);
            Ok(currency.round(exact, book.policies.rounding))
        }
    }
}
