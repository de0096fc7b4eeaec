//! Price models: what so many units cost for one period (contract, section 3; readings, 37).

use rust_decimal::Decimal;

use crate::command::shared::{Discount, Price, PriceModel, Tier};
use crate::money::{Amount, multiply_divide};
use crate::rejection::{Code, Rejection};

/// Tiers of one price at most.
const TIERS_MAX: usize = 100;

/// Refuses a price that lacks what its model needs, or makes no sense.
///
/// # Errors
/// `price.invalid`, with the field that is at fault.
pub fn check(price: &Price, field: &str) -> Result<(), Rejection> {
    let invalid = |name: &str, message: &str| {
        Err(Rejection::at(Code::PriceInvalid, format!("{field}.{name}"), message))
    };
    match shape(price.model) {
        Shape::Flat if price.amount.is_none() => {
            return invalid("amount", "a flat price has an amount");
        }
        Shape::PerUnit if price.unit_price.is_none() => {
            return invalid("unit_price", "a price per unit has a unit_price");
        }
        Shape::Package => {
            if price.package_size.is_none_or(|size| !size.is_positive()) {
                return invalid("package_size", "a price per package has a size above zero");
            }
            if price.unit_price.or(price.amount).is_none() {
                return invalid("unit_price", "a price per package has a price of one package");
            }
        }
        Shape::Graduated | Shape::Volume => tiers(price, field, true)?,
        Shape::Percent => {
            if price.rate.is_none() && price.tiers.is_none() {
                return invalid("rate", "a percentage has a rate, or tiers with rates");
            }
            if price.tiers.is_some() {
                tiers(price, field, false)?;
            }
        }
        Shape::Flat | Shape::PerUnit => {}
    }
    let numbers = [
        ("amount", price.amount),
        ("unit_price", price.unit_price),
        ("package_size", price.package_size),
        ("free", price.free),
        ("rate", price.rate),
        ("minimum", price.minimum),
    ];
    for (name, number) in numbers {
        if number.is_some_and(Amount::is_negative) {
            return invalid(
                name,
                "a price is not negative; give money back with a discount or a credit",
            );
        }
    }
    Ok(())
}

fn tiers(price: &Price, field: &str, needs_price: bool) -> Result<(), Rejection> {
    let invalid = |index: usize, message: &str| {
        Err(Rejection::at(Code::PriceInvalid, format!("{field}.tiers[{index}]"), message))
    };
    let list = price.tiers.as_deref().unwrap_or_default();
    if list.is_empty() || list.len() > TIERS_MAX {
        return invalid(0, "a tiered price has 1 to 100 tiers");
    }
    let mut before = Decimal::ZERO;
    for (index, tier) in list.iter().enumerate() {
        let is_last = index + 1 == list.len();
        match tier.up_to {
            Some(up_to) if up_to.decimal() <= before => {
                return invalid(index, "the upper ends of tiers rise from zero");
            }
            Some(up_to) => before = up_to.decimal(),
            None if !is_last => return invalid(index, "only the last tier has no upper end"),
            None => {}
        }
        let parts = [tier.unit_price, tier.flat, tier.rate];
        if parts.iter().flatten().any(|part| part.is_negative()) {
            return invalid(index, "a price is not negative");
        }
        if needs_price && tier.unit_price.is_none() && tier.flat.is_none() {
            return invalid(index, "a tier has a unit_price, a flat price, or both");
        }
    }
    Ok(())
}

/// How a model computes; the `usage_` names price the same way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Flat,
    PerUnit,
    Graduated,
    Volume,
    Package,
    Percent,
}

fn shape(model: PriceModel) -> Shape {
    match model {
        PriceModel::Flat | PriceModel::UsageFlat => Shape::Flat,
        PriceModel::PerUnit | PriceModel::UsagePerUnit => Shape::PerUnit,
        PriceModel::Graduated | PriceModel::UsageGraduated => Shape::Graduated,
        PriceModel::Volume | PriceModel::UsageVolume => Shape::Volume,
        PriceModel::Package | PriceModel::UsagePackage => Shape::Package,
        PriceModel::Percent | PriceModel::UsagePercent => Shape::Percent,
    }
}

/// What `quantity` units cost for one whole period, before its minimum, discounts and rounding.
/// A checked price always has one.
pub fn of_units(price: &Price, quantity: Decimal) -> Decimal {
    let free = price.free.map_or(Decimal::ZERO, Amount::decimal);
    let units = (quantity - free).max(Decimal::ZERO);
    let unit_price = price.unit_price.unwrap_or_default().decimal();
    match shape(price.model) {
        Shape::Flat => price.amount.unwrap_or_default().decimal(),
        Shape::PerUnit => unit_price * units,
        Shape::Package => {
            let size = price.package_size.map_or(Decimal::ONE, Amount::decimal);
            let one = price.unit_price.or(price.amount).unwrap_or_default().decimal();
            let packages = if size.is_zero() { Decimal::ZERO } else { (units / size).ceil() };
            one * packages
        }
        Shape::Graduated => graduated(price, units, |tier, part| {
            tier.unit_price.unwrap_or_default().decimal() * part
        }),
        Shape::Volume => reached(price, units).map_or(Decimal::ZERO, |tier| {
            // A tier without usage costs nothing, its flat price included (readings, 49).
            let flat = if units.is_zero() { Amount::ZERO } else { tier.flat.unwrap_or_default() };
            tier.unit_price.unwrap_or_default().decimal() * units + flat.decimal()
        }),
        Shape::Percent if price.tiers.is_some() => graduated(price, units, |tier, part| {
            let rate = tier.rate.or(price.rate).unwrap_or_default().decimal();
            multiply_divide(part, rate, Decimal::ONE_HUNDRED)
        }),
        Shape::Percent => {
            let rate = price.rate.unwrap_or_default().decimal();
            multiply_divide(units, rate, Decimal::ONE_HUNDRED)
        }
    }
}

/// Each tier's units at its own price, with the flat price of each tier that is reached.
fn graduated(price: &Price, units: Decimal, of: impl Fn(&Tier, Decimal) -> Decimal) -> Decimal {
    let mut sum = Decimal::ZERO;
    let mut below = Decimal::ZERO;
    for tier in price.tiers.as_deref().unwrap_or_default() {
        let end = tier.up_to.map_or(units, |up_to| up_to.decimal().min(units));
        if end <= below {
            break;
        }
        sum += of(tier, end - below) + tier.flat.unwrap_or_default().decimal();
        below = end;
    }
    sum
}

/// The tier that so many units reach.
fn reached(price: &Price, units: Decimal) -> Option<&Tier> {
    let tiers = price.tiers.as_deref().unwrap_or_default();
    let fits = |tier: &&Tier| tier.up_to.is_none_or(|up_to| units <= up_to.decimal());
    tiers.iter().find(fits).or(tiers.last())
}

/// Takes a discount off a period's price. A checked one leaves nothing below zero.
pub fn discounted(price: Decimal, discount: Option<Discount>) -> Decimal {
    match discount {
        None => price,
        Some(Discount::Amount(amount)) => (price - amount.decimal()).max(Decimal::ZERO),
        Some(Discount::Percent { percent }) => {
            price - multiply_divide(price, percent.decimal(), Decimal::ONE_HUNDRED)
        }
    }
}

/// Refuses a discount that is no share of a price, or more than it.
///
/// # Errors
/// `discount.invalid`.
pub fn check_discount(
    discount: Option<Discount>,
    price: Option<Decimal>,
    field: &str,
) -> Result<(), Rejection> {
    let (is_wrong, shown) = match discount {
        None => return Ok(()),
        Some(Discount::Percent { percent }) => (
            percent.is_negative() || percent.decimal() > Decimal::ONE_HUNDRED,
            format!("{percent} %"),
        ),
        Some(Discount::Amount(amount)) => (
            amount.is_negative() || price.is_some_and(|price| amount.decimal() > price),
            amount.to_string(),
        ),
    };
    if is_wrong {
        let message = format!("a discount of {shown} is not between nothing and the price");
        return Err(Rejection::at(Code::DiscountInvalid, field, message));
    }
    Ok(())
}
