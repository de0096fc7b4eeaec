//! `revledger replay`: the projections from the first event on, and their digests.

use std::io::Write;
use std::time::{Duration, Instant};

use clap::Args;
use ledger_core::log::SharedLog;
use projections::replay::replay;
use projections::views::Views;
use serde_json::{Value, json};

use crate::cli::{Format, Global, apply};
use crate::config;
use crate::exit::{Exit, Failure};

/// Arguments of `replay`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// Compares the digests with those of the stored projections.
    #[arg(long)]
    pub(crate) compare: bool,
}

/// Folds the log and prints the digests.
///
/// # Errors
/// Where the log cannot be read, or an event does not fit.
pub(crate) fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let (views, took, stored) = config::block_on(async {
        let log = config::open_to_read(global).await?;
        let begin = Instant::now();
        let views = fold(global, &log).await?;
        let took = begin.elapsed();
        let stored = if arguments.compare { Some(config::stored(&log).await?) } else { None };
        Ok((views, took, stored))
    })?;
    let rows = rows(&views, stored.as_ref());
    let mut output = std::io::stdout().lock();
    match global.format_or(Format::Table) {
        Format::Json => {
            let projections: Vec<Value> = rows.iter().map(Row::json).collect();
            let answer = json!({
                "projections": projections,
                "sequence": views.sequence,
                "events_per_second": per_second(views.sequence, took),
            });
            writeln!(output, "{answer}")?;
        }
        Format::Ndjson => {
            for row in &rows {
                writeln!(output, "{}", row.json())?;
            }
        }
        Format::Table | Format::Csv => {
            for row in &rows {
                writeln!(output, "{:<17} {}{}", row.projection, row.digest, row.verdict())?;
            }
            let rate = per_second(views.sequence, took);
            writeln!(output, "{} events, {rate} events a second", views.sequence)?;
        }
    }
    let differs = rows.iter().any(|row| row.is_same == Some(false));
    Ok(if differs { Exit::No } else { Exit::Done })
}

async fn fold(global: &Global, log: &SharedLog) -> Result<Views, Failure> {
    let bar = apply::progress(global);
    bar.set_length(log.last_sequence().await?);
    let (views, _) = replay(log.as_ref(), &mut |sequence| bar.set_position(sequence)).await?;
    bar.finish_and_clear();
    Ok(views)
}

/// A projection, and whether the stored one is the same.
struct Row {
    projection: &'static str,
    digest: String,
    is_same: Option<bool>,
}

impl Row {
    fn json(&self) -> Value {
        let mut row = json!({"projection": self.projection, "digest": self.digest});
        if let (Some(is_same), Some(object)) = (self.is_same, row.as_object_mut()) {
            object.insert("same".to_owned(), Value::Bool(is_same));
        }
        row
    }

    fn verdict(&self) -> &'static str {
        match self.is_same {
            None => "",
            Some(true) => "  same as stored",
            Some(false) => "  DIFFERS from stored",
        }
    }
}

fn rows(views: &Views, stored: Option<&Views>) -> Vec<Row> {
    let stored = stored.map(|stored| stored.digests());
    let row = |(projection, digest): (&'static str, String)| {
        let is_same = stored.as_ref().map(|stored| {
            stored.iter().any(|(name, other)| *name == projection && *other == digest)
        });
        Row { projection, digest, is_same }
    };
    views.digests().into_iter().map(row).collect()
}

/// Whole events a second.
fn per_second(events: u64, took: Duration) -> u128 {
    u128::from(events) * 1_000_000 / took.as_micros().max(1)
}
