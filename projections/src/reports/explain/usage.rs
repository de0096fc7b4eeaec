//! Usage: the terms and readings of a line, and its periods one by one.

use ledger_core::calendar::Day;
use ledger_core::money::Amount;
use ledger_core::revenue::explain::UsagePeriod;
use ledger_core::revenue::usage::Meter;
use serde_json::{Value, json};

use super::{Ask, Statement, words};

/// The terms that hold in the month, and the readings of it.
pub(super) fn recorded(ask: &Ask<'_>, meter: &Meter) -> Vec<Statement> {
    let known = ask.known(ask.through);
    let terms: Vec<_> = meter.terms(known).filter(|(_, terms)| terms.from <= ask.through).collect();
    // Those in front of the last ones that began before the month hold no more.
    let first = terms.iter().rposition(|(_, terms)| terms.from <= ask.before.next()).unwrap_or(0);
    let mut statements = Vec::new();
    for (sequence, terms) in terms.into_iter().skip(first) {
        let text = words::usage_terms(terms);
        let exact = json!({"sequence": sequence, "terms": terms});
        let statement = Statement::new("terms", text).on(terms.from).by(*sequence);
        let policy = ask.contract.policies.get(sequence).map(words::policy);
        statements.push(Statement { policy, ..statement.exactly(exact) });
    }
    let closed = ask.known(ask.before);
    for (day, sequence, quantity) in meter.readings(known) {
        let is_late = day <= ask.before && sequence > closed;
        if is_late || day > ask.before && day <= ask.through {
            let text = format!("a reading of {quantity} on {day}");
            statements.push(Statement::new("reading", text).on(day).by(sequence));
        }
    }
    statements
}

/// What is earned through a day: earlier periods together, those of the month one by one.
pub(super) fn through(ask: &Ask<'_>, meter: &Meter, day: Day) -> (String, Value) {
    let periods = meter.explain(day, ask.known(day));
    let (recent, earlier): (Vec<UsagePeriod>, Vec<UsagePeriod>) =
        periods.into_iter().partition(|one| one.period.end > ask.before.min(day.previous()));
    let zero = ask.contract.currency.zero();
    let before: Amount = zero + earlier.iter().map(UsagePeriod::earned).sum();
    let mut terms = Vec::new();
    if !earlier.is_empty() {
        terms.push(format!("{before} for {} earlier", words::count(earlier.len(), "period")));
    }
    terms.extend(recent.iter().map(words::usage_period));
    let sum = before + recent.iter().map(UsagePeriod::earned).sum();
    let text = if terms.is_empty() {
        format!("{zero} (nothing began yet)")
    } else {
        format!("{} = {sum}", terms.join(" + "))
    };
    let exact: Vec<Value> = recent.iter().map(period).collect();
    (text, json!({"earlier_periods": earlier.len(), "earlier": before, "periods": exact}))
}

fn period(one: &UsagePeriod) -> Value {
    json!({
        "start": one.period.start,
        "end": one.period.end,
        "readings": one.readings,
        "units": one.units.map(|units| units.normalize().to_string()),
        "rated": one.rated,
        "least": one.least,
        "earned": one.earned(),
    })
}
