//! Stripe's whole numbers of minor units as amounts.

use ledger_core::money::{Amount, Currency};
use rust_decimal::Decimal;

/// Currencies that Stripe counts in whole units, whatever ISO 4217 says.
const ZERO_DECIMAL: [&str; 15] = [
    "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF",
    "XOF", "XPF",
];
/// Currencies that Stripe counts in thousandths.
const THREE_DECIMAL: [&str; 5] = ["BHD", "JOD", "KWD", "OMR", "TND"];

/// The amount and its currency. Every other currency is in hundredths, also ISK and UGX, which
/// have none of their own: Stripe demands two zeros there.
///
/// # Errors
/// Where the currency is unknown, or the amount is finer than it.
pub fn amount(units: i64, currency: &str) -> Result<(Amount, Currency), String> {
    let code = currency.to_ascii_uppercase();
    let decimals = decimals(&code);
    let currency = Currency::parse(&code).map_err(|rejection| rejection.message)?;
    let amount = Amount::from_decimal(Decimal::new(units, decimals));
    let amount = currency.exact(amount, "amount").map_err(|rejection| rejection.message)?;
    Ok((amount, currency))
}

/// The other way: the whole number that Stripe takes for an amount.
///
/// # Errors
/// Where Stripe cannot charge it: it takes thousandths in tens only.
pub fn units(amount: Amount, currency: Currency) -> Result<i64, String> {
    let decimals = decimals(currency.code());
    let mut units = amount.decimal();
    let refuse = || format!("Stripe cannot charge {amount} {currency}");
    units.rescale(decimals);
    if units != amount.decimal() {
        return Err(refuse());
    }
    let units = i64::try_from(units.mantissa()).map_err(|_| refuse())?;
    if decimals == 3 && units % 10 != 0 {
        return Err(format!("{}: amounts in thousandths end in a zero there", refuse()));
    }
    Ok(units)
}

fn decimals(code: &str) -> u32 {
    if ZERO_DECIMAL.contains(&code) {
        0
    } else if THREE_DECIMAL.contains(&code) {
        3
    } else {
        2
    }
}
