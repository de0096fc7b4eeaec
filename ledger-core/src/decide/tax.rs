//! Tax on an invoice's lines (accounting, section 4).

use rust_decimal::Decimal;

use crate::calendar::Day;
use crate::command::book::{DefineTaxRate, TaxCategory, TaxTreatment};
use crate::decide::text;
use crate::event::EventData;
use crate::event::order::ContainedTax;
use crate::id::Identifier;
use crate::money::{Amount, Currency, allocate, multiply_divide};
use crate::policy::{TaxInclusive, TaxRounding};
use crate::rejection::{Code, Rejection};
use crate::state::{Book, Ledger};

/// Adds a tax rate.
pub(super) fn define(data: &DefineTaxRate) -> Result<Vec<EventData>, Rejection> {
    text::check("data.tax_code", data.tax_code.as_str())?;
    if data.rate.is_negative() || data.rate.decimal() > Decimal::ONE_THOUSAND {
        return Err(Rejection::at(
            Code::TaxInvalid,
            "data.rate",
            format!("{} % is not a tax rate", data.rate),
        ));
    }
    check_category(data)?;
    Ok(vec![EventData::TaxRateDefined(data.clone())])
}

/// Refuses a category that does not fit the rate, and an exemption without its reason.
fn check_category(data: &DefineTaxRate) -> Result<(), Rejection> {
    text::check_optional("data.exemption_reason", data.exemption_reason.as_ref())?;
    let refused = |field, message: String| Err(Rejection::at(Code::TaxInvalid, field, message));
    let Some(category) = data.category else {
        return match &data.exemption_reason {
            None => Ok(()),
            Some(_) => refused(
                "data.exemption_reason",
                "a reason needs the category that it explains: E or AE".to_owned(),
            ),
        };
    };
    let code = category.code();
    let is_exempt = match category {
        TaxCategory::S | TaxCategory::Z => false,
        TaxCategory::E | TaxCategory::ReverseCharge => true,
    };
    if data.rate.is_positive() != (category == TaxCategory::S) {
        let message = format!(
            "the category {code} does not fit a rate of {} %; S is above zero, Z, E and AE are zero",
            data.rate
        );
        return refused("data.category", message);
    }
    let is_given = data.exemption_reason.as_ref().is_some_and(|text| !text.trim().is_empty());
    match (category, is_given) {
        (TaxCategory::E, false) => {
            refused("data.exemption_reason", "the category E needs the reason".to_owned())
        }
        (_, true) if !is_exempt => refused(
            "data.exemption_reason",
            format!("the category {code} is taxed: there is no exemption to explain"),
        ),
        _ => Ok(()),
    }
}

/// Why lines of a tax code are taxed as they are on a date, where the code says that.
pub(super) fn treatment(state: &Ledger, code: &str, day: Day) -> Option<TaxTreatment> {
    let code: Identifier = code.parse().ok()?;
    let defined = state.tax_rates.get(&code)?.iter().filter(|one| one.from <= day);
    // The last of the latest ones: a rate that was defined again replaces the one before.
    let latest = defined.max_by_key(|one| one.from)?;
    let category = latest.category?;
    Some(TaxTreatment { category, exemption_reason: latest.exemption_reason.clone() })
}

/// The rate of a tax code on a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate {
    /// Percent, the jurisdictions of the code added up.
    pub(super) percent: Amount,
    /// Whether prices contain it.
    pub(super) is_inclusive: bool,
}

impl Rate {
    /// No tax.
    pub(super) const NONE: Self = Self { percent: Amount::ZERO, is_inclusive: false };
}

/// Refuses a tax code that the book does not have.
pub(super) fn known(state: &Ledger, code: &str, field: &str) -> Result<(), Rejection> {
    if state.tax_rates.keys().any(|known| known.as_str() == code) {
        return Ok(());
    }
    Err(Rejection::at(
        Code::TaxInvalid,
        field,
        format!("the tax code {code:?} is not defined in this book; send DefineTaxRate first"),
    ))
}

/// The rate of a code on a date.
pub(super) fn rate_on(
    state: &Ledger,
    code: &str,
    day: Day,
    field: &str,
) -> Result<Rate, Rejection> {
    known(state, code, field)?;
    let code: Identifier = code.parse()?;
    let defined = state.tax_rates.get(&code).map(Vec::as_slice).unwrap_or_default();
    let mut latest: Vec<&DefineTaxRate> = Vec::new();
    for one in defined.iter().filter(|one| one.from <= day) {
        match latest.iter_mut().find(|known| known.jurisdiction == one.jurisdiction) {
            Some(known) if known.from <= one.from => *known = one,
            Some(_) => {}
            None => latest.push(one),
        }
    }
    if latest.is_empty() {
        return Err(Rejection::at(
            Code::TaxRateMissing,
            field,
            format!("the tax code {code} has no rate on {day}; define one from that day or before"),
        ));
    }
    Ok(Rate {
        percent: latest.iter().map(|one| one.rate).sum(),
        is_inclusive: latest.iter().any(|one| one.inclusive == Some(true)),
    })
}

/// The tax that an order line's price contains, by the rate on its first day.
pub(super) fn contained(
    state: &Ledger,
    book: &Book,
    code: Option<&str>,
    day: Day,
) -> Option<ContainedTax> {
    let rate = rate_on(state, code?, day, "").ok().filter(|rate| rate.is_inclusive)?;
    Some(ContainedTax { rate: rate.percent, split: book.policies.tax_inclusive })
}

/// What the tax of a line is computed from.
pub(super) struct TaxBase<'a> {
    /// Before tax; with it, where the rate is inclusive.
    pub(super) amount: Amount,
    /// Tax code.
    pub(super) code: Option<&'a str>,
    /// The rate.
    pub(super) rate: Rate,
}

/// Net and tax of each line: rounded once per document and tax code with the lines' shares by
/// cumulative rounding, or on each line.
pub(super) fn on_lines(
    lines: &[TaxBase<'_>],
    currency: Currency,
    book: &Book,
) -> Vec<(Amount, Amount)> {
    let policies = &book.policies;
    let tax = |amount: Amount, rate: Rate| {
        let percent = rate.percent.decimal();
        let whole = match (rate.is_inclusive, policies.tax_inclusive) {
            (true, TaxInclusive::Extract) => Decimal::ONE_HUNDRED + percent,
            (true, TaxInclusive::Division) | (false, _) => Decimal::ONE_HUNDRED,
        };
        currency.round(multiply_divide(amount.decimal(), percent, whole), policies.rounding)
    };
    let taxes: Vec<Amount> = if policies.tax_rounding == TaxRounding::Line {
        lines.iter().map(|line| tax(line.amount, line.rate)).collect()
    } else {
        let mut taxes = vec![currency.zero(); lines.len()];
        for (first, base) in lines.iter().enumerate() {
            let same = |line: &TaxBase<'_>| line.code == base.code && line.rate == base.rate;
            if lines.iter().take(first).any(same) {
                continue;
            }
            let group: Vec<usize> =
                lines.iter().enumerate().filter(|(_, line)| same(line)).map(|(at, _)| at).collect();
            let amounts: Vec<Amount> =
                group.iter().filter_map(|at| lines.get(*at)).map(|line| line.amount).collect();
            let whole = tax(amounts.iter().copied().sum(), base.rate);
            let weights: Vec<Decimal> = amounts.iter().map(|amount| amount.decimal()).collect();
            let shares = allocate(whole, &weights, currency, policies.rounding);
            for (at, share) in group.iter().zip(shares) {
                if let Some(slot) = taxes.get_mut(*at) {
                    *slot = share;
                }
            }
        }
        taxes
    };
    let split = |(line, tax): (&TaxBase<'_>, Amount)| {
        if line.rate.is_inclusive { (line.amount - tax, tax) } else { (line.amount, tax) }
    };
    lines.iter().zip(taxes).map(split).collect()
}
