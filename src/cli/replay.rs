//! `revledger replay`: the projections from the first event on, and their digests.

use std::io::Write;
use std::time::{Duration, Instant};

use clap::Args;
use ledger_core::log::SharedLog;
use projections::facts::Folder;
use projections::projector::Projector;
use projections::replay::catch_up;
use schemas::chain::Chain;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::{Format, Global, apply};
use crate::desk::remote::Remote;
use crate::exit::{Exit, Failure};
use crate::{config, live};

/// Arguments of `replay`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// Compares with the live projections: the daemon's with --nats, else the stored ones.
    #[arg(long)]
    pub(crate) compare: bool,
}

/// Folds the log and prints the digests.
///
/// # Errors
/// Where the log cannot be read, or an event does not fit.
pub(crate) fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let (folder, took, live) = config::block_on(async {
        let log = config::open_to_read(global).await?;
        let live = if arguments.compare { Some(live(global, &log).await?) } else { None };
        let through = match &live {
            // The live projections go on: both sides stand at the same event.
            Some(live) => live.sequence,
            None => log.last_sequence().await?,
        };
        let begin = Instant::now();
        let folder = fold(global, &log, through).await?;
        Ok((folder, begin.elapsed(), live))
    })?;
    let rows = rows(&folder, live.as_ref());
    let (sequence, rate) = (folder.sequence(), per_second(folder.sequence(), took));
    let mut output = std::io::stdout().lock();
    match global.format_or(Format::Table) {
        Format::Json => {
            let projections: Vec<Value> = rows.iter().map(Row::json).collect();
            let answer = json!({
                "projections": projections, "sequence": sequence, "events_per_second": rate,
            });
            writeln!(output, "{answer}")?;
        }
        Format::Ndjson => {
            for row in &rows {
                writeln!(output, "{}", row.json())?;
            }
        }
        Format::Csv => {
            writeln!(output, "projection,digest,same\r")?;
            for row in &rows {
                let same = row.is_same.map(|same| same.to_string()).unwrap_or_default();
                writeln!(output, "{},{},{same}\r", row.projection, row.digest)?;
            }
        }
        Format::Table | Format::Pdf | Format::Ubl => {
            for row in &rows {
                writeln!(output, "{:<17} {}{}", row.projection, row.digest, row.verdict())?;
            }
            writeln!(output, "{sequence} events, {rate} events a second")?;
        }
    }
    let differs = rows.iter().any(|row| row.is_same == Some(false));
    Ok(if differs { Exit::No } else { Exit::Done })
}

async fn fold(global: &Global, log: &SharedLog, through: u64) -> Result<Folder, Failure> {
    let bar = apply::progress_to(global, through);
    let (mut folder, mut chain) = (Folder::default(), Chain::START);
    let mut progress = |sequence| bar.set_position(sequence);
    catch_up(log, &mut folder, &mut chain, Some(through), &mut progress).await?;
    bar.finish_and_clear();
    Ok(folder)
}

/// The digests of projections that were folded bit by bit, and where they stand.
#[derive(Debug, Deserialize)]
struct Digests {
    projections: Vec<Digest>,
    sequence: u64,
}

#[derive(Debug, Deserialize)]
struct Digest {
    projection: String,
    digest: String,
}

/// The projections of the daemon, or the stored ones brought up to the end of the log.
async fn live(global: &Global, log: &SharedLog) -> Result<Digests, Failure> {
    let answer = match &global.nats {
        Some(url) => {
            let remote = Remote::connect(url, &global.book_id()?).await?;
            remote.query(live::DIGESTS).await?
        }
        None => {
            let mut projector =
                Projector::open(config::open_store(global)?, Some(global.snapshot()?), log).await?;
            projector.catch_up(log, &mut |_| {}).await?;
            keep(&mut projector);
            live::digests(projector.views()).to_string().into_bytes()
        }
    };
    serde_json::from_slice(&answer).map_err(|error| {
        Failure::store("service.failed", "the daemon's digests cannot be read")
            .because(error)
            .help("is it of another release?")
    })
}

/// Keeps what was folded, where it was much: the next time costs the log's tail.
fn keep(projector: &mut Projector) {
    if !projector.is_snapshot_due() {
        return;
    }
    let published = match projector.write_snapshot() {
        Ok(Some((snapshot, through))) => snapshot.publish().map(|()| through),
        Ok(None) => return,
        Err(error) => Err(error),
    };
    match published {
        Ok(through) => projector.snapshot_ended(through, true),
        Err(error) => tracing::warn!(%error, "the next time reads more of the log"),
    }
}

/// A projection, and whether the live one is the same.
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
            Some(true) => "  same as live",
            Some(false) => "  DIFFERS from live",
        }
    }
}

fn rows(folder: &Folder, live: Option<&Digests>) -> Vec<Row> {
    let row = |(projection, digest): (&'static str, String)| {
        let is_same = live.map(|live| {
            let same = |one: &Digest| one.projection == projection && one.digest == digest;
            live.projections.iter().any(same)
        });
        Row { projection, digest, is_same }
    };
    folder.digests().into_iter().map(row).collect()
}

/// Whole events a second.
fn per_second(events: u64, took: Duration) -> u128 {
    u128::from(events) * 1_000_000 / took.as_micros().max(1)
}
