//! What of a scenario this release lacks: commands, policies and reports.

use std::collections::BTreeSet;

use ledger_core::command::CommandData;
use serde_json::{Map, Value};

use super::file::Scenario;

/// The commands, policies and reports that are not there yet; `nothing that it names` where the
/// scenario fails for another reason.
pub(crate) fn of(scenario: &Scenario) -> Vec<String> {
    let mut lacks = BTreeSet::new();
    for step in &scenario.commands {
        if !CommandData::NAMES.contains(&step.name()) {
            lacks.insert(step.name().to_owned());
        }
    }
    let policies = scenario.book.as_ref().and_then(|book| book.get("policies"));
    for (name, value) in policies.and_then(Value::as_object).into_iter().flatten() {
        if !opens_with(name, value) {
            lacks.insert(format!("policy {name}: {}", super::file::plain(value)));
        }
    }
    for expectation in &scenario.expect {
        if projections::reports::find(&expectation.report).is_none() {
            lacks.insert(format!("report {}", expectation.report));
        }
    }
    if lacks.is_empty() {
        lacks.insert("nothing that it names".to_owned());
    }
    lacks.into_iter().collect()
}

/// Whether a book opens with this policy alone.
fn opens_with(name: &str, value: &Value) -> bool {
    let mut policies = Map::new();
    policies.insert(name.to_owned(), value.clone());
    let data = serde_json::json!({"currency": "USD", "policies": policies});
    super::run::decides_to_open(data)
}
