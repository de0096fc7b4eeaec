//! Tax on an invoice's lines (accounting, section 4).

use rust_decimal::Decimal;

use crate::money::{Amount, Currency, Rounding, allocate, multiply_divide};
use crate::policy::TaxRounding;

/// What the tax of a line is computed from.
pub(super) struct TaxBase<'a> {
    /// Before tax.
    pub(super) net: Amount,
    /// Tax code.
    pub(super) code: Option<&'a str>,
    /// Percent on top.
    pub(super) rate: Amount,
}

/// The tax of each line: rounded once per document and tax code with the lines' shares by
/// cumulative rounding, or on each line.
pub(super) fn on_lines(
    lines: &[TaxBase<'_>],
    currency: Currency,
    rounding: Rounding,
    tax_rounding: TaxRounding,
) -> Vec<Amount> {
    let tax = |net: Amount, rate: Amount| {
        currency
            .round(multiply_divide(net.decimal(), rate.decimal(), Decimal::ONE_HUNDRED), rounding)
    };
    if tax_rounding == TaxRounding::Line {
        return lines.iter().map(|line| tax(line.net, line.rate)).collect();
    }
    let mut taxes = vec![currency.zero(); lines.len()];
    for (first, base) in lines.iter().enumerate() {
        let same = |line: &TaxBase<'_>| line.code == base.code && line.rate == base.rate;
        if lines.iter().take(first).any(same) {
            continue;
        }
        let group: Vec<usize> =
            lines.iter().enumerate().filter(|(_, line)| same(line)).map(|(at, _)| at).collect();
        let nets: Vec<Amount> =
            group.iter().filter_map(|at| lines.get(*at)).map(|line| line.net).collect();
        let whole = tax(nets.iter().copied().sum(), base.rate);
        let weights: Vec<Decimal> = nets.iter().map(|net| net.decimal()).collect();
        for (at, share) in group.iter().zip(allocate(whole, &weights, currency, rounding)) {
            if let Some(slot) = taxes.get_mut(*at) {
                *slot = share;
            }
        }
    }
    taxes
}
