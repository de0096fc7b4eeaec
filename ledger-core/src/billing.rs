//! What an order line costs over its term: price models and billing periods (contract, section 3).

use rust_decimal::Decimal;

use crate::calendar::Day;
use crate::command::shared::{Discount, Per, Price, PriceModel};
use crate::money::{Amount, Currency, Rounding, multiply_divide};
use crate::rejection::{Code, Rejection};

/// The terms of a line that its price follows from.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The price of one period.
    pub price: &'a Price,
    /// Units.
    pub quantity: Amount,
    /// Off each period's price.
    pub discount: Option<Discount>,
}

/// A period of the price, with the whole period's end where the term cuts it short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// First day.
    pub start: Day,
    /// Last day within the term.
    pub end: Day,
    /// Last day of the whole period.
    pub whole_end: Day,
}

/// Checks a price and gives that of one whole period, before rounding.
///
/// # Errors
/// `price.invalid`, or `price.not_supported` for models of later releases.
pub fn period_price(terms: &Terms<'_>, field: &str) -> Result<Decimal, Rejection> {
    let price = terms.price;
    let invalid = |message: &str| Rejection::at(Code::PriceInvalid, field, message);
    let (unit, quantity) = match price.model {
        PriceModel::Flat => {
            (price.amount.ok_or_else(|| invalid("a flat price has an amount"))?, Decimal::ONE)
        }
        PriceModel::PerUnit => (
            price.unit_price.ok_or_else(|| invalid("a price per unit has a unit_price"))?,
            terms.quantity.decimal(),
        ),
        PriceModel::Graduated
        | PriceModel::Volume
        | PriceModel::Package
        | PriceModel::Percent
        | PriceModel::UsageFlat
        | PriceModel::UsagePerUnit
        | PriceModel::UsageGraduated
        | PriceModel::UsageVolume
        | PriceModel::UsagePackage
        | PriceModel::UsagePercent => {
            return Err(Rejection::at(
                Code::PriceNotSupported,
                field,
                "this release prices flat and per unit; the other models come later",
            ));
        }
    };
    if unit.is_negative() || quantity.is_sign_negative() && !quantity.is_zero() {
        return Err(invalid("a price and a quantity are not negative"));
    }
    let whole = unit
        .decimal()
        .checked_mul(quantity)
        .ok_or_else(|| invalid("price times quantity is too large"))?;
    let off = match terms.discount {
        None => Decimal::ZERO,
        Some(Discount::Amount(amount)) => amount.decimal(),
        Some(Discount::Percent { percent }) => {
            multiply_divide(whole, percent.decimal(), Decimal::ONE_HUNDRED)
        }
    };
    if off < Decimal::ZERO || off > whole {
        return Err(invalid("a discount is between nothing and the price"));
    }
    Ok(whole - off)
}

/// The periods of a price between two days, from the start's day of the month on; a day that a
/// month lacks is its last (accounting, section 4).
pub fn periods(per: Per, start: Day, end: Day) -> Vec<Period> {
    let months = match per {
        Per::Month => 1,
        Per::Quarter => 3,
        Per::Year => 12,
        Per::Term | Per::Once => return vec![Period { start, end, whole_end: end }],
        Per::Week => return by_days(7, start, end),
        Per::Days { days } => return by_days(i32::try_from(days.max(1)).unwrap_or(1), start, end),
    };
    let mut periods = Vec::new();
    let mut index = 0;
    loop {
        let first = start.plus_months(index * months, start.day());
        if first > end || (index > 0 && first <= start) {
            return periods;
        }
        let whole_end = start.plus_months((index + 1) * months, start.day()).previous();
        periods.push(Period { start: first, end: whole_end.min(end), whole_end });
        index += 1;
    }
}

fn by_days(days: i32, start: Day, end: Day) -> Vec<Period> {
    let mut periods = Vec::new();
    let mut first = start;
    while first <= end {
        let whole_end = first.plus_days(days - 1);
        periods.push(Period { start: first, end: whole_end.min(end), whole_end });
        let next = whole_end.next();
        if next <= first {
            break;
        }
        first = next;
    }
    periods
}

/// The share of a period's price for the days from `from` on: a whole period is never prorated,
/// a part is price times its days over the days of the whole period.
pub fn prorated(price: Decimal, period: &Period, from: Day) -> Decimal {
    let first = from.max(period.start);
    if first == period.start && period.end == period.whole_end {
        return price;
    }
    let part = period.end.days_since(first) + 1;
    let whole = period.whole_end.days_since(period.start) + 1;
    multiply_divide(price, Decimal::from(part), Decimal::from(whole))
}

/// A line's price over `start..=end`: the sum of its periods, each rounded as it is billed
/// (readings, 43).
///
/// # Errors
/// Those of [`period_price`].
pub fn line_price(
    terms: &Terms<'_>,
    start: Day,
    end: Day,
    currency: Currency,
    rounding: Rounding,
) -> Result<Amount, Rejection> {
    let price = period_price(terms, "price")?;
    let periods = periods(terms.price.per.unwrap_or(Per::Once), start, end);
    let amounts = periods
        .iter()
        .map(|period| currency.round(prorated(price, period, period.start), rounding));
    Ok(currency.zero() + amounts.sum())
}
