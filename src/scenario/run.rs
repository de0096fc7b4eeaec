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
    let known = match play(scenario).await? {
        Ok(known) => known,
        Err(difference) => return Ok(difference),
    };
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

/// Sends the scenario's commands; the first outcome that differs from what is expected, as text.
async fn play(scenario: &Scenario) -> Result<Result<Known, String>, Failure> {
    // Without any date the scenario has no command whose date could matter.
    let (first, last) = scenario.dates().unwrap_or((no_date(), no_date()));
    let bench = Bench::start(Identifier::from_str("main")?, last).await?;
    if let Some(book) = &scenario.book
        && let Some(refused) = open(&bench, book, first).await?
    {
        return Ok(Err(told("the book was refused", &refused)));
    }
    let mut sequences = Vec::with_capacity(scenario.commands.len());
    for (index, step) in scenario.commands.iter().enumerate() {
        let refused = bench.submit(&step.envelope).await?;
        if let Some(difference) = unexpected(index + 1, step, refused.as_ref()) {
            return Ok(Err(difference));
        }
        sequences.push(bench.last_sequence().await?);
    }
    let (views, log) = bench.finish().await?;
    Ok(Ok(Known { views, log, sequences, today: last }))
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

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use commands::standing::Standing;
    use ledger_core::log::bounds::record_bytes;
    use ledger_core::snapshot::Unpublished;
    use projections::replay::catch_up;
    use projections::snapshot;
    use schemas::chain::Chain;
    use schemas::record::decode;

    use super::*;

    fn examples() -> Vec<PathBuf> {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        let folders = ["worked", "scenarios"].map(|name| std::fs::read_dir(tests.join(name)));
        folders
            .into_iter()
            .flat_map(|files| files.unwrap().map(|file| file.unwrap().path()))
            .collect()
    }

    /// All that a fold keeps, and its digests, whose half-done hashes are not shown.
    fn told(views: &Views) -> (String, Vec<(&'static str, String)>) {
        (format!("{views:?}"), views.digests())
    }

    /// The views of the log's events through `cut`, from a snapshot, and the rest of the log.
    async fn by_snapshot(log: &SharedLog, cut: u64, path: &Path) -> Views {
        let (mut views, mut chain) = (Views::default(), Chain::START);
        catch_up(log, &mut views, &mut chain, Some(cut), &mut |_| {}).await.unwrap();
        snapshot::write(path, &views, chain).and_then(Unpublished::publish).unwrap();
        let (mut views, mut chain) = snapshot::resume(path, log).await.unwrap();
        assert_eq!(views.sequence, cut, "the snapshot is used");
        catch_up(log, &mut views, &mut chain, None, &mut |_| {}).await.unwrap();
        views
    }

    /// The standing of a writer behind the log's events through `cut`, from a snapshot, and the rest.
    async fn standing(log: &SharedLog, cut: Option<u64>, path: &Path) -> Standing {
        let mut standing = Standing::default();
        for stored in log.read(1, usize::MAX).await.unwrap() {
            standing.chain = standing.chain.next_leaf(&Chain::leaf(&stored.record.body));
            standing.fold(&decode(&stored).unwrap());
            if cut == Some(stored.sequence) {
                standing.write_snapshot(path).and_then(Unpublished::publish).unwrap();
                standing = Standing::read_snapshot(path).unwrap().unwrap();
            }
        }
        standing
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_example_comes_to_the_same_through_a_snapshot() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("views.snapshot");
        let mut looked_at = 0;
        for file in examples() {
            let scenario = Scenario::read(&file).unwrap();
            let Ok(known) = play(&scenario).await.unwrap() else { panic!("{}", file.display()) };
            let last = known.views.sequence;
            for cut in [last / 3, last / 2, last].into_iter().filter(|cut| *cut > 0) {
                let views = by_snapshot(&known.log, cut, &path).await;
                assert!(told(&views) == told(&known.views), "{}: cut at {cut}", file.display());
                let kept = standing(&known.log, Some(cut), &path).await;
                let folded = standing(&known.log, None, &path).await;
                assert!(format!("{kept:?}") == format!("{folded:?}"), "{}: {cut}", file.display());
            }
            looked_at += 1;
        }
        assert!(looked_at > 150, "only {looked_at} examples");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_event_of_an_example_is_larger_than_its_bound() {
        let mut bounded = 0;
        for file in examples() {
            let scenario = Scenario::read(&file).unwrap();
            let Ok(known) = play(&scenario).await.unwrap() else { panic!("{}", file.display()) };
            for stored in known.log.read(1, usize::MAX).await.unwrap() {
                let Some(at_most) = decode(&stored).unwrap().bytes_at_most() else { continue };
                let bytes = record_bytes(&stored.record);
                let sequence = stored.sequence;
                assert!(bytes <= at_most, "{}: event {sequence}: {bytes}", file.display());
                bounded += 1;
            }
        }
        assert!(bounded > 500, "only {bounded} events have a bound");
    }
}
