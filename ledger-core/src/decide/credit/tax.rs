//! Tax that a credit gives back (accounting, section 4).

use crate::money::{Amount, Currency, multiply_divide};
use crate::policy::TaxRounding;
use crate::state::{Book, InvoiceLine};

/// Net and tax of the lines whose tax was rounded together, as issued and as left.
struct Group {
    all_net: Amount,
    all_tax: Amount,
    left_net: Amount,
    left_tax: Amount,
}

fn group(book: &Book, currency: Currency, lines: &[InvoiceLine], at: usize) -> Group {
    let by_line = book.policies.tax_rounding == TaxRounding::Line;
    let zero = currency.zero();
    let mut group = Group { all_net: zero, all_tax: zero, left_net: zero, left_tax: zero };
    let Some(target) = lines.get(at) else { return group };
    for (other, one) in lines.iter().enumerate() {
        let is_same = if by_line {
            other == at
        } else {
            one.tax_code == target.tax_code && one.tax_rate == target.tax_rate
        };
        if is_same {
            group.all_net += one.net;
            group.all_tax += one.tax;
            group.left_net += one.left_net();
            group.left_tax += one.left_tax();
        }
    }
    group
}

/// What is left of the tax of a line's group; lines below zero can leave less than none.
pub(super) fn left(book: &Book, currency: Currency, lines: &[InvoiceLine], at: usize) -> Amount {
    group(book, currency, lines, at).left_tax
}

/// The tax of a credited net: net times tax over net of all lines of its tax code (or of the
/// line), at most what is left of that tax; the credit that uses up the net takes all of it.
pub(super) fn of(
    book: &Book,
    currency: Currency,
    lines: &[InvoiceLine],
    at: usize,
    net: Amount,
) -> Amount {
    let group = group(book, currency, lines, at);
    let left = group.left_tax.max(currency.zero());
    if net >= group.left_net {
        return left;
    }
    let exact = multiply_divide(net.decimal(), group.all_tax.decimal(), group.all_net.decimal());
    currency.round(exact, book.policies.rounding).min(left).max(currency.zero())
}
