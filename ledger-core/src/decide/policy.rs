//! The policies of a book: their names and values (contract, section 5).

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::command::book::PolicyValue;
use crate::money::{Amount, Rounding};
use crate::policy::{
    AgeingBasis, AllocationOrder, Basis, ChangeDay, CreditRevenue, Policies, TaxRounding,
};
use crate::rejection::{Code, Rejection};

/// Policies whose values are words, with the words; the first is the default.
const WORDS: &[(&str, &[&str])] = &[
    ("rounding", &["half_even", "half_up"]),
    (
        "recognition_basis",
        &[
            "day",
            "month_even",
            "month_even_prorated_ends",
            "month_even_daily_ends",
            "half_month",
            "full_month",
        ],
    ),
    ("residual", &["cumulative", "last"]),
    ("proration", &["actual_period", "actual_month", "fixed_30", "strict_30_360", "none"]),
    ("proration_rounding", &["net", "legs", "daily_rate"]),
    ("change_day", &["new", "old"]),
    ("month_end", &["clamp", "stick"]),
    (
        "credit_revenue",
        &["split_pro_rata", "unearned_first", "contra_now", "prospective", "cumulative_reversal"],
    ),
    ("write_off_to", &["expense", "contra_revenue", "allowance"]),
    ("write_off_unearned", &["clear", "expense"]),
    ("write_off_tax", &["keep", "relieve"]),
    ("tax_rounding", &["document", "line"]),
    ("tax_inclusive", &["extract", "division"]),
    ("allocation_order", &["oldest_due_first", "oldest_issued_first", "largest_first"]),
    ("cash_discount_tax", &["keep", "reduce"]),
    ("apply_credits", &["manual", "auto"]),
    ("invoice_grouping", &["order", "customer"]),
    ("fx_revaluation", &["off", "on"]),
    ("late", &["catch_up", "reject"]),
    ("ageing_basis", &["due_date", "invoice_date"]),
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
        PolicyValue::Number(_) | PolicyValue::Days(_) => false,
    };
    if fits { Ok(()) } else { Err(unknown(name, format!("{name} is one of {words:?}"))) }
}

fn number(name: &str, value: &PolicyValue) -> Result<Amount, Rejection> {
    let number = match value {
        PolicyValue::Text(text) => Amount::from_str(text).ok(),
        PolicyValue::Number(number) => Some(Amount::from_decimal((*number).into())),
        PolicyValue::Days(_) | PolicyValue::Map(_) => None,
    };
    number
        .filter(|number| !number.is_negative())
        .ok_or_else(|| unknown(name, format!("{name} is a number that is not negative")))
}

fn set(policies: &mut Policies, name: &str, value: &PolicyValue) -> Result<(), Rejection> {
    if let (PolicyValue::Days(days), "ageing_buckets") = (value, name) {
        policies.ageing_buckets.clone_from(days);
    }
    match name {
        "tolerance" => policies.tolerance = number(name, value)?,
        "tolerance_over" => policies.tolerance_over = number(name, value)?,
        _ => {}
    }
    let PolicyValue::Text(word) = value else { return Ok(()) };
    match name {
        "rounding" if word == "half_up" => policies.rounding = Rounding::HalfUp,
        "recognition_basis" => policies.recognition_basis = basis(word).unwrap_or_default(),
        "credit_revenue" => policies.credit_revenue = credit_revenue(word).unwrap_or_default(),
        "tax_rounding" if word == "line" => policies.tax_rounding = TaxRounding::Line,
        "allocation_order" => {
            policies.allocation_order = match word.as_str() {
                "oldest_issued_first" => AllocationOrder::OldestIssuedFirst,
                "largest_first" => AllocationOrder::LargestFirst,
                _ => AllocationOrder::OldestDueFirst,
            }
        }
        "ageing_basis" if word == "invoice_date" => {
            policies.ageing_basis = AgeingBasis::InvoiceDate;
        }
        "change_day" if word == "old" => policies.change_day = ChangeDay::Old,
        _ => {}
    }
    Ok(())
}

/// The basis of that name.
fn basis(word: &str) -> Option<Basis> {
    Some(match word {
        "day" => Basis::Day,
        "month_even" => Basis::MonthEven,
        "month_even_prorated_ends" => Basis::MonthEvenProratedEnds,
        "month_even_daily_ends" => Basis::MonthEvenDailyEnds,
        "half_month" => Basis::HalfMonth,
        "full_month" => Basis::FullMonth,
        _ => return None,
    })
}

/// The credit treatment of that name.
pub fn credit_revenue(word: &str) -> Option<CreditRevenue> {
    Some(match word {
        "split_pro_rata" => CreditRevenue::SplitProRata,
        "unearned_first" => CreditRevenue::UnearnedFirst,
        "contra_now" => CreditRevenue::ContraNow,
        "prospective" => CreditRevenue::Prospective,
        "cumulative_reversal" => CreditRevenue::CumulativeReversal,
        _ => return None,
    })
}

/// Named policies as an event carries them.
pub fn decided(named: &[(&str, String)]) -> BTreeMap<String, String> {
    named.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// The word of a rounding.
pub fn rounding_word(rounding: Rounding) -> String {
    match rounding {
        Rounding::HalfEven => "half_even".to_owned(),
        Rounding::HalfUp => "half_up".to_owned(),
    }
}
