//! Early-payment discounts (readings, 32 and 54).

use crate::calendar::Day;
use crate::command::invoice::CashDiscount;
use crate::event::invoice::IssuedCashDiscount;
use crate::money::{Amount, Currency, multiply_divide};
use crate::policy::CashDiscountTax;
use crate::rejection::{Code, Rejection};
use crate::state::{Book, Invoice, InvoiceLine};

/// The discounts of a new invoice, as amounts of its total.
pub(in crate::decide) fn issued(
    book: &Book,
    currency: Currency,
    (issue_date, total): (Day, Amount),
    discounts: &[CashDiscount],
) -> Result<Vec<IssuedCashDiscount>, Rejection> {
    let mut issued = Vec::with_capacity(discounts.len());
    for (index, one) in discounts.iter().enumerate() {
        let field = |name: &str| format!("data.cash_discounts[{index}].{name}");
        let refuse = |name: &str, why: String| {
            Err(Rejection::at(Code::CashDiscountInvalid, field(name), why))
        };
        if one.until < issue_date {
            return refuse("until", format!("{} is before the issue date {issue_date}", one.until));
        }
        let amount = match (one.percent, one.amount) {
            (Some(percent), None) => {
                let hundred = rust_decimal::Decimal::ONE_HUNDRED;
                if !percent.is_positive() || percent.decimal() >= hundred {
                    return refuse("percent", format!("{percent} % is no discount; use 0 to 100"));
                }
                let exact = multiply_divide(total.decimal(), percent.decimal(), hundred);
                currency.round(exact, book.policies.rounding)
            }
            (None, Some(amount)) => {
                let amount = currency.exact(amount, &field("amount"))?;
                if !amount.is_positive() || amount >= total {
                    return refuse("amount", format!("{amount} is not within the total {total}"));
                }
                amount
            }
            (Some(_), Some(_)) | (None, None) => {
                return refuse("percent", "name a percentage or an amount, one of them".to_owned());
            }
        };
        let grace = i32::try_from(book.policies.grace_days).unwrap_or(0);
        issued.push(IssuedCashDiscount { amount, until: one.until.plus_days(grace) });
    }
    Ok(issued)
}

/// The best discount on the whole invoice for money of a day.
fn best(invoice: &Invoice, day: Day) -> Amount {
    let offered = invoice.cash_discounts.iter().filter(|one| day <= one.until);
    offered.map(|one| one.amount).max().unwrap_or(invoice.currency.zero())
}

/// The discount on what is open, for money of a day.
pub(in crate::decide) fn offered(book: &Book, invoice: &Invoice, day: Day) -> Amount {
    let best = best(invoice, day);
    if best.is_zero() {
        return best;
    }
    let exact = multiply_divide(best.decimal(), invoice.open.decimal(), invoice.total.decimal());
    let whole = invoice.currency.round(exact, book.policies.rounding);
    let (net, tax) = split(book, invoice, whole);
    net + tax
}

/// A discount before tax, and its tax: no more than credits, discounts and write-offs have left of the
/// invoice's lines. Nothing is left of one that was written off, whatever was recovered of it.
fn split(book: &Book, invoice: &Invoice, discount: Amount) -> (Amount, Amount) {
    let zero = invoice.currency.zero();
    let tax = match book.policies.cash_discount_tax {
        CashDiscountTax::Keep => zero,
        CashDiscountTax::Reduce => {
            let tax: Amount = invoice.lines.iter().map(|line| line.tax).sum();
            let exact = multiply_divide(discount.decimal(), tax.decimal(), invoice.total.decimal());
            invoice.currency.round(exact, book.policies.rounding)
        }
    };
    let left_net: Amount = invoice.lines.iter().map(InvoiceLine::left_net).sum();
    let left_tax: Amount = invoice.lines.iter().map(InvoiceLine::left_tax).sum();
    if !left_net.is_positive() {
        return (zero, zero);
    }
    ((discount - tax).min(left_net), tax.min(left_tax).max(zero))
}

/// The discount that money of a day takes, and its tax. What pays the discounted amount, less the
/// tolerance, takes all of it; less money takes its share: p × rate / (1 − rate). No more than is
/// `open` on the day of the allocation.
pub(super) fn taken(
    book: &Book,
    invoice: &Invoice,
    day: Day,
    (paid, open): (Amount, Amount),
) -> (Amount, Amount) {
    let zero = invoice.currency.zero();
    let (best, whole) = (best(invoice, day), offered(book, invoice, day));
    if !whole.is_positive() {
        return (zero, zero);
    }
    let round = |exact| invoice.currency.round(exact, book.policies.rounding);
    let discount = if paid + book.policies.tolerance >= invoice.open - whole {
        whole
    } else {
        let rest = invoice.total - best;
        round(multiply_divide(paid.decimal(), best.decimal(), rest.decimal()))
    };
    let (net, tax) = split(book, invoice, discount.min(open - paid).max(zero));
    (net + tax, tax)
}
