//! The sentences of the report `explain`.

use ledger_core::command::shared::{Method, Per};
use ledger_core::decide::policy::rounding_word;
use ledger_core::event::invoice::DecidedPolicy;
use ledger_core::money::Amount;
use ledger_core::policy::Residual;
use ledger_core::revenue::explain::UsagePeriod;
use ledger_core::revenue::recurring::Recurring;
use ledger_core::revenue::schedule::Schedule;
use ledger_core::revenue::usage::MeterTerms;

use super::Ask;

/// `name=value name=value`.
pub(crate) fn policy(policy: &DecidedPolicy) -> String {
    let pairs = policy.iter().map(|(name, value)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join(" ")
}

/// The policies that a schedule itself holds.
pub(crate) fn shaped(schedule: &Schedule) -> String {
    format!(
        "recognition_basis={} residual={} rounding={}",
        schedule.basis.as_str(),
        schedule.residual.as_str(),
        rounding_word(schedule.rounding)
    )
}

/// So many of something.
pub(super) fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// The days that are explained: a month, or its days so far.
pub(super) fn days(ask: &Ask<'_>) -> String {
    if ask.through == ask.month.last() {
        ask.month.to_string()
    } else {
        format!("{} through {}", ask.month, ask.through)
    }
}

/// What a version of a schedule says.
pub(super) fn version(schedule: &Schedule) -> String {
    let Schedule { from, recognised, amount, start, end, .. } = schedule;
    let begin = format!("from {from}: {recognised} earned before");
    if schedule.is_paused {
        return format!("{begin}, nothing more while the order is suspended");
    }
    if let Some(measure) = &schedule.progress {
        let (base, whole) = (measure.base, measure.whole);
        let before =
            if base.is_zero() { String::new() } else { format!(", {base} of them before") };
        return format!(
            "{begin}, {amount} to earn by what is delivered of {whole}{before}, {}",
            rounding_word(schedule.rounding)
        );
    }
    if matches!(schedule.method, Method::Usage | Method::Milestone) {
        return format!("{begin}, the rest by what is recorded");
    }
    let mut text = match (amount.is_zero() && schedule.recurring.is_none(), start == end) {
        (true, _) => return format!("{begin}, nothing more"),
        (false, true) => format!("{begin}, {amount} to earn on {start}"),
        (false, false) => format!(
            "{begin}, {amount} to earn from {start} to {end} by {}, {}",
            schedule.basis.as_str(),
            rounding_word(schedule.rounding)
        ),
    };
    if schedule.residual == Residual::Last {
        text += ", each month rounded alone, the last takes what is left";
    }
    if let Some(recurring) = &schedule.recurring {
        text += &format!(", then {}", recurs(recurring));
    }
    text
}

fn recurs(recurring: &Recurring) -> String {
    let Recurring { start, amount, parts, .. } = recurring;
    let every = every(recurring.every);
    let periods = if *parts == 1 { every } else { format!("{parts} periods of a {every}") };
    format!("{amount} for each {periods} from {start} on, without an end")
}

fn every(per: Per) -> String {
    match per {
        Per::Week => "week".to_owned(),
        Per::Month => "month".to_owned(),
        Per::Quarter => "quarter".to_owned(),
        Per::Year => "year".to_owned(),
        Per::Term | Per::Once => "term".to_owned(),
        Per::Days { days } => format!("{days} days"),
    }
}

/// What usage costs.
pub(super) fn usage_terms(terms: &MeterTerms) -> String {
    // The price as the contract writes it: it has more models than a sentence has room for.
    let price = serde_json::to_string(&terms.price).unwrap_or_default();
    let mut text = format!("from {}: each {} of usage costs {price}", terms.from, {
        every(terms.price.per.unwrap_or(Per::Once))
    });
    if !terms.quantity.is_zero() {
        text += &format!(", at least the price of {} units", terms.quantity);
    }
    if let Some(discount) = &terms.discount {
        let discount = serde_json::to_string(discount).unwrap_or_default();
        text += &format!(", less {discount}");
    }
    if terms.is_suspended {
        text += ", nothing while the order is suspended";
    }
    text
}

/// `300.00 for 2025-01-01 to 2025-01-31 (1 reading, 300 units) + 200.00 top-up to 500.00`.
pub(super) fn usage_period(one: &UsagePeriod) -> String {
    let period = one.period;
    let end = if period.end.date() == time::Date::MAX {
        "its end".to_owned()
    } else {
        period.end.to_string()
    };
    let units = one.units.map(|units| format!(", {} units", units.normalize()));
    let mut text = format!(
        "{} for {} to {end} ({}{})",
        one.rated,
        period.start,
        count(one.readings, "reading"),
        units.unwrap_or_default()
    );
    if let Some(least) = one.least.filter(|_| !one.top_up().is_zero()) {
        text += &format!(" + {} top-up to {least} on {end}", one.top_up());
    }
    text
}

/// The sum.
pub(super) fn total(ask: &Ask<'_>, parts: &[Amount], earned: Amount, contra: Amount) -> String {
    let only = ask.query.filters.get("line").map(|line| format!(" of line {line} only"));
    let lines = count(parts.len(), "line");
    let contra_text =
        if contra.is_zero() { String::new() } else { format!(" - {contra} contra revenue") };
    format!(
        "{}{}: {earned} earned by {lines}{contra_text} = {}",
        days(ask),
        only.unwrap_or_default(),
        earned - contra
    )
}
