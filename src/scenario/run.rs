//! Runs a scenario in a fresh book in memory, and compares its reports.

use std::str::FromStr;

use ledger_core::calendar::Day;
use ledger_core::id::Identifier;
use ledger_core::log::SharedLog;
use ledger_core::rejection::Rejection;
use projections::reports::{Filters, Kind, Table};
use projections::views::Views;
use serde_json::{Map, Value, json};

use super::bench::Bench;
use super::compare::{Row, difference};
use super::file::{Expectation, Scenario, Step};
use crate::exit::Failure;
use crate::reading;

/// Runs it; the differences as text, empty where it passes.
///
/// # Errors
/// Where the log in memory fails, which is a fault of the program.
pub(crate) async fn run(scenario: &Scenario) -> Result<String, Failure> {
    // Without any date the scenario has no command whose date could matter.
    let (first, last) = scenario.dates().unwrap_or((no_date(), no_date()));
    let bench = Bench::start(Identifier::from_str("main")?, last).await?;
    if let Some(book) = &scenario.book
        && let Some(refused) = open(&bench, book, first).await?
    {
        return Ok(told("the book was refused", &refused));
    }
    let mut sequences = Vec::with_capacity(scenario.commands.len());
    for (index, step) in scenario.commands.iter().enumerate() {
        let refused = bench.submit(&step.envelope).await?;
        if let Some(difference) = unexpected(index + 1, step, refused.as_ref()) {
            return Ok(difference);
        }
        sequences.push(bench.last_sequence().await?);
    }
    let (views, log) = bench.finish().await?;
    let known = Known { views, log, sequences, today: last };
    let mut text = String::new();
    for (index, expectation) in scenario.expect.iter().enumerate() {
        if let Some(difference) = compare(expectation, &known).await? {
            let report = &expectation.report;
            text.push_str(&format!("    expectation {} ({report}):\n", index + 1));
            text.push_str(&difference);
        }
    }
    Ok(text)
}

/// A date for scenarios without one.
fn no_date() -> Day {
    Day::from_numbers(2000, 1, 1).unwrap_or(Day::new(time::Date::MIN))
}

/// Whether a book opens with this data: what a policy alone does.
pub(crate) fn decides_to_open(data: Value) -> bool {
    let opened = async {
        let bench = Bench::start(Identifier::from_str("main")?, no_date()).await?;
        let data = data.as_object().cloned().unwrap_or_default();
        open(&bench, &data, no_date()).await
    };
    matches!(crate::config::block_on(opened), Ok(None))
}

async fn open(
    bench: &Bench,
    data: &Map<String, Value>,
    effective: Day,
) -> Result<Option<Rejection>, Failure> {
    let envelope =
        json!({"id": "open", "command": "OpenBook", "effective": effective, "data": data});
    bench.submit(&envelope.as_object().cloned().unwrap_or_default()).await
}

/// How the outcome of a command differs from what is expected of it.
fn unexpected(number: usize, step: &Step, refused: Option<&Rejection>) -> Option<String> {
    let what = format!("command {number} ({})", step.name());
    match (&step.expect_error, refused) {
        (None, None) => None,
        (Some(expected), Some(refused)) if *expected == refused.code => None,
        (None, Some(refused)) => Some(told(&format!("{what} was refused"), refused)),
        (Some(expected), Some(refused)) => {
            Some(told(&format!("{what} should be refused with {expected}, but"), refused))
        }
        (Some(expected), None) => {
            Some(format!("      {what} should be refused with {expected}, but was accepted\n"))
        }
    }
}

fn told(what: &str, rejection: &Rejection) -> String {
    let field = rejection.field.as_ref().map(|field| format!(" ({field})")).unwrap_or_default();
    format!("      {what}: {rejection}{field}\n")
}

/// The book behind its last command.
struct Known {
    views: Views,
    log: SharedLog,
    /// The last sequence behind each command.
    sequences: Vec<u64>,
    today: Day,
}

async fn compare(expectation: &Expectation, known: &Known) -> Result<Option<String>, Failure> {
    let mut filters = Filters::default();
    for (name, value) in &expectation.filters {
        if value != "false" {
            filters.set(name, value.clone());
        }
    }
    if let Some(number) = expectation.at_command {
        match number.checked_sub(1).and_then(|index| known.sequences.get(index)) {
            Some(sequence) => filters.set("at_sequence", sequence.to_string()),
            None => return Ok(Some(format!("      there is no command {number}\n"))),
        }
    }
    let name = &expectation.report;
    let table = reading::report(&known.log, name, &filters, &known.views, known.today).await?;
    Ok(match table {
        Ok(table) => difference(expectation, &rows(&table), |column| is_amount(&table, column)),
        Err(rejection) => Some(told("the report was refused", &rejection)),
    })
}

fn rows(table: &Table) -> Vec<Row> {
    table.rows.iter().map(|row| table.object(row)).collect()
}

fn is_amount(table: &Table, column: &str) -> bool {
    table.columns.iter().any(|(name, kind)| name == column && *kind == Kind::Amount)
}
