//! The policies of a book: their names and values (contract, section 5).

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::collection;
use crate::command::book::PolicyValue;
use crate::dunning;
use crate::money::{Amount, Rounding};
use crate::policy::{
    AgeingBasis, AllocationOrder, ApplyCredits, Basis, CashDiscountTax, ChangeDay, CreditRevenue,
    FxRevaluation, InvoiceGrouping, Late, MonthEnd, Policies, Proration, ProrationRounding,
    Residual, TaxInclusive, TaxRounding, WriteOffTax, WriteOffTo, WriteOffUnearned,
};
use crate::rejection::{Code, Rejection};

/// Policies whose values are words, with the words; the first is the default.
const WORDS: &[(&str, &[&str])] = &[
    ("rounding", &["half_even", "half_up"]),
    ("recognition_basis", Basis::WORDS),
    ("residual", Residual::WORDS),
    ("proration", Proration::WORDS),
    ("proration_rounding", ProrationRounding::WORDS),
    ("change_day", ChangeDay::WORDS),
    ("month_end", MonthEnd::WORDS),
    ("credit_revenue", CreditRevenue::WORDS),
    ("write_off_to", WriteOffTo::WORDS),
    ("write_off_unearned", WriteOffUnearned::WORDS),
    ("write_off_tax", WriteOffTax::WORDS),
    ("tax_rounding", TaxRounding::WORDS),
    ("tax_inclusive", TaxInclusive::WORDS),
    ("allocation_order", AllocationOrder::WORDS),
    ("cash_discount_tax", CashDiscountTax::WORDS),
    ("apply_credits", ApplyCredits::WORDS),
    ("invoice_grouping", InvoiceGrouping::WORDS),
    ("fx_revaluation", FxRevaluation::WORDS),
    ("late", Late::WORDS),
    ("ageing_basis", AgeingBasis::WORDS),
];

/// Policies whose values are amounts or numbers.
const NUMBERS: &[&str] = &["tolerance", "tolerance_over", "grace_days"];

/// The policies in force, from the values that the book was opened with.
///
/// # Errors
/// `policy.unknown` for a name or a value that the contract does not have.
pub fn policies(values: &BTreeMap<String, PolicyValue>) -> Result<Policies, Rejection> {
    let mut policies = Policies::default();
    for (name, value) in values {
        check(name, value)?;
        set(&mut policies, name, value)?;
    }
    Ok(policies)
}

fn unknown(name: &str, message: String) -> Rejection {
    Rejection::at(Code::PolicyUnknown, format!("data.policies.{name}"), message)
}

/// Refuses what the contract does not list, also for policies that only later commands read.
fn check(name: &str, value: &PolicyValue) -> Result<(), Rejection> {
    if name == "ageing_buckets" {
        let PolicyValue::Days(days) = value else {
            return Err(unknown(name, "ageing_buckets is a list such as [0, 30, 60, 90]".into()));
        };
        let ascends = days.iter().zip(days.iter().skip(1)).all(|(one, next)| one < next);
        if days.first() != Some(&0) || !ascends || days.len() < 2 {
            return Err(unknown(name, "ageing_buckets starts at 0 and ascends".into()));
        }
        return Ok(());
    }
    if name == "dunning" {
        return dunning(value).map(|_| ());
    }
    if name == "collection" {
        return collection(value).map(|_| ());
    }
    if NUMBERS.contains(&name) {
        return number(name, value).map(|_| ());
    }
    if name == "approvals" {
        return Ok(());
    }
    let Some((_, words)) = WORDS.iter().find(|(known, _)| *known == name) else {
        let names: Vec<&str> = WORDS.iter().map(|(known, _)| *known).collect();
        return Err(unknown(name, format!("there is no policy {name:?}; there are {names:?}")));
    };
    let allowed = |word: &str| words.contains(&word);
    let fits = match value {
        PolicyValue::Text(word) => allowed(word),
        PolicyValue::Map(map) => name == "credit_revenue" && map.values().all(|word| allowed(word)),
        PolicyValue::Number(_)
        | PolicyValue::Days(_)
        | PolicyValue::Dunning(_)
        | PolicyValue::Collection(_) => false,
    };
    if fits { Ok(()) } else { Err(unknown(name, format!("{name} is one of {words:?}"))) }
}

fn number(name: &str, value: &PolicyValue) -> Result<Amount, Rejection> {
    let number = match value {
        PolicyValue::Text(text) => Amount::from_str(text).ok(),
        PolicyValue::Number(number) => Some(Amount::from_decimal((*number).into())),
        PolicyValue::Days(_)
        | PolicyValue::Map(_)
        | PolicyValue::Dunning(_)
        | PolicyValue::Collection(_) => None,
    };
    number
        .filter(|number| !number.is_negative())
        .ok_or_else(|| unknown(name, format!("{name} is a number that is not negative")))
}

fn days(name: &str, value: &PolicyValue) -> Result<u32, Rejection> {
    let days = number(name, value)?.to_string().parse::<u32>().ok().filter(|days| *days <= 366);
    days.ok_or_else(|| unknown(name, format!("{name} is a whole number of days up to 366")))
}

/// The dunning policies of the book. An empty map is the same in both of its readings.
fn dunning(value: &PolicyValue) -> Result<dunning::Policies, Rejection> {
    let named = match value {
        PolicyValue::Dunning(named) => named,
        PolicyValue::Map(words) if words.is_empty() => &BTreeMap::new(),
        PolicyValue::Map(_)
        | PolicyValue::Text(_)
        | PolicyValue::Number(_)
        | PolicyValue::Days(_)
        | PolicyValue::Collection(_) => {
            let message = "dunning is a map such as {\"standard\": [{\"after_days\": 7, \
                           \"notice\": \"reminder\"}]}";
            return Err(Rejection::at(Code::DunningInvalid, "data.policies.dunning", message));
        }
    };
    dunning::Policies::of(named).map_err(|misfit| {
        let field = format!("data.policies.dunning{}", misfit.path);
        Rejection::at(Code::DunningInvalid, field, misfit.message)
    })
}

/// The schedules by which processors collect.
fn collection(value: &PolicyValue) -> Result<collection::Schedules, Rejection> {
    let named = match value {
        PolicyValue::Collection(named) => named,
        PolicyValue::Map(words) if words.is_empty() => &BTreeMap::new(),
        PolicyValue::Map(_)
        | PolicyValue::Text(_)
        | PolicyValue::Number(_)
        | PolicyValue::Days(_)
        | PolicyValue::Dunning(_) => {
            let message = "collection is a map such as {\"cards\": {\"processor\": \"stripe\", \
                           \"when\": \"due\", \"retry_after_days\": [3, 5, 7]}}";
            return Err(Rejection::at(
                Code::CollectionInvalid,
                "data.policies.collection",
                message,
            ));
        }
    };
    collection::Schedules::of(named).map_err(|misfit| {
        let field = format!("data.policies.collection{}", misfit.path);
        Rejection::at(Code::CollectionInvalid, field, misfit.message)
    })
}

fn set(policies: &mut Policies, name: &str, value: &PolicyValue) -> Result<(), Rejection> {
    if let (PolicyValue::Days(days), "ageing_buckets") = (value, name) {
        policies.ageing_buckets.clone_from(days);
    }
    match name {
        "dunning" => policies.dunning = dunning(value)?,
        "collection" => policies.collection = collection(value)?,
        "tolerance" => policies.tolerance = number(name, value)?,
        "tolerance_over" => policies.tolerance_over = number(name, value)?,
        "grace_days" => policies.grace_days = days(name, value)?,
        _ => {}
    }
    let PolicyValue::Text(word) = value else { return Ok(()) };
    // `check` has seen the word: what is not its own is left at the default.
    match name {
        "rounding" if word == "half_up" => policies.rounding = Rounding::HalfUp,
        "recognition_basis" => choose(&mut policies.recognition_basis, Basis::parse(word)),
        "residual" => choose(&mut policies.residual, Residual::parse(word)),
        "proration" => choose(&mut policies.proration, Proration::parse(word)),
        "proration_rounding" => {
            choose(&mut policies.proration_rounding, ProrationRounding::parse(word));
        }
        "change_day" => choose(&mut policies.change_day, ChangeDay::parse(word)),
        "month_end" => choose(&mut policies.month_end, MonthEnd::parse(word)),
        "credit_revenue" => choose(&mut policies.credit_revenue, CreditRevenue::parse(word)),
        "tax_rounding" => choose(&mut policies.tax_rounding, TaxRounding::parse(word)),
        "tax_inclusive" => choose(&mut policies.tax_inclusive, TaxInclusive::parse(word)),
        "allocation_order" => {
            choose(&mut policies.allocation_order, AllocationOrder::parse(word));
        }
        "invoice_grouping" => {
            choose(&mut policies.invoice_grouping, InvoiceGrouping::parse(word));
        }
        "write_off_to" => choose(&mut policies.write_off_to, WriteOffTo::parse(word)),
        "write_off_unearned" => {
            choose(&mut policies.write_off_unearned, WriteOffUnearned::parse(word));
        }
        "write_off_tax" => choose(&mut policies.write_off_tax, WriteOffTax::parse(word)),
        "cash_discount_tax" => {
            choose(&mut policies.cash_discount_tax, CashDiscountTax::parse(word));
        }
        "apply_credits" => choose(&mut policies.apply_credits, ApplyCredits::parse(word)),
        "fx_revaluation" => choose(&mut policies.fx_revaluation, FxRevaluation::parse(word)),
        "late" => choose(&mut policies.late, Late::parse(word)),
        "ageing_basis" => choose(&mut policies.ageing_basis, AgeingBasis::parse(word)),
        _ => {}
    }
    Ok(())
}

fn choose<T>(policy: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *policy = value;
    }
}

/// Named policies as an event carries them.
pub fn decided(named: &[(&str, String)]) -> BTreeMap<String, String> {
    named.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// The policies that shape what a line earns and costs, as the events of orders carry them.
pub fn of_revenue(policies: &Policies) -> BTreeMap<String, String> {
    decided(&[
        ("rounding", rounding_word(policies.rounding)),
        ("residual", policies.residual.as_str().to_owned()),
        ("recognition_basis", policies.recognition_basis.as_str().to_owned()),
        ("proration", policies.proration.as_str().to_owned()),
        ("proration_rounding", policies.proration_rounding.as_str().to_owned()),
        ("change_day", policies.change_day.as_str().to_owned()),
        ("month_end", policies.month_end.as_str().to_owned()),
    ])
}

/// The word of a rounding.
pub fn rounding_word(rounding: Rounding) -> String {
    match rounding {
        Rounding::HalfEven => "half_even".to_owned(),
        Rounding::HalfUp => "half_up".to_owned(),
    }
}
