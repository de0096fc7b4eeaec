//! `cargo bench -p benches --bench apply [COMMANDS]`: commands into the journal and into JetStream,
//! beside the same bytes appended raw.

use std::sync::Arc;

use benches::ledger::{stream, stream_of};
use benches::{
    Outcome, Watch, append_raw, apply, apply_within, book, commands, rate, records, row,
};
use ledger_core::decide::decide;
use ledger_core::limits::GROUP_RECORDS_MAX;
use ledger_core::log::SharedLog;
use ledger_core::log::journal::Journal;
use ledger_core::log::memory::MemoryLog;
use ledger_core::log::nats_server::{NatsCluster, NatsServer};
use schemas::command::{Origin, parse};

/// Runs of each side; the median counts.
const RUNS: usize = 3;
/// Commands that a cluster is given, which is slower.
const CLUSTER_COMMANDS: usize = 20_000;
/// Events of one of its groups.
const CLUSTER_GROUP: usize = 100;
/// Commands on their way at once that make such groups: three of them are four events.
const CLUSTER_WINDOW: usize = 2 * CLUSTER_GROUP * 3 / 4;
/// What else can be asked for: one side of one row.
const ONE_SIDE: [&str; 4] = ["memory", "journal", "stream", "stream-raw"];

#[tokio::main]
async fn main() -> Outcome<()> {
    let count = std::env::args().skip(1).find_map(|text| text.parse().ok()).unwrap_or(100_000);
    let lines = commands(count);
    // Only one side, into one log: for a profiler.
    if let Some(kind) = std::env::args().find(|text| ONE_SIDE.contains(&text.as_str())) {
        return one_side(&kind, &lines).await;
    }
    println!("{count} commands, groups of up to {GROUP_RECORDS_MAX}, median of {RUNS} runs\n");
    println!("| events a second | ledger | raw | ratio |\n| --- | ---: | ---: | ---: |");
    journal(&lines).await?;
    jetstream(&lines).await?;
    cluster(&lines).await?;
    println!();
    parts(&lines).await
}

async fn one_side(kind: &str, lines: &[String]) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let server = if kind.starts_with("stream") { Some(NatsServer::start()?) } else { None };
    let log: SharedLog = match (&server, kind) {
        (Some(server), _) => stream(server).await?,
        (None, "journal") => Arc::new(Journal::open(folder.path())?),
        (None, _) => Arc::new(MemoryLog::new()),
    };
    if kind == "stream-raw" {
        let memory: SharedLog = Arc::new(MemoryLog::new());
        apply(&memory, lines).await?;
        let records = records(&memory).await?;
        let watch = Watch::start();
        append_raw(&log, &records, GROUP_RECORDS_MAX).await?;
        let count = u64::try_from(records.len())?;
        println!("{} events a second", rate(count, watch.read()));
    } else {
        let watch = Watch::start();
        let events = apply(&log, lines).await?;
        println!("{} events a second", rate(events, watch.read()));
    }
    Ok(())
}

async fn journal(lines: &[String]) -> Outcome<()> {
    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let folder = tempfile::tempdir()?;
        let log: SharedLog = Arc::new(Journal::open(folder.path())?);
        let watch = Watch::start();
        let events = apply(&log, lines).await?;
        ours.push(rate(events, watch.read()));
        let records = records(&log).await?;
        let folder = tempfile::tempdir()?;
        let log: SharedLog = Arc::new(Journal::open(folder.path())?);
        let watch = Watch::start();
        append_raw(&log, &records, GROUP_RECORDS_MAX).await?;
        raw.push(rate(events, watch.read()));
    }
    println!("{}", row("apply into the journal", median(ours), median(raw)));
    Ok(())
}

async fn jetstream(lines: &[String]) -> Outcome<()> {
    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let server = NatsServer::start()?;
        let log = stream(&server).await?;
        let watch = Watch::start();
        let events = apply(&log, lines).await?;
        ours.push(rate(events, watch.read()));
        let records = records(&log).await?;
        drop(server);
        let server = NatsServer::start()?;
        let log = stream(&server).await?;
        let watch = Watch::start();
        append_raw(&log, &records, GROUP_RECORDS_MAX).await?;
        raw.push(rate(events, watch.read()));
    }
    println!("{}", row("apply into JetStream, sync always", median(ours), median(raw)));
    Ok(())
}

/// Three nodes, with groups of about a hundred events.
async fn cluster(lines: &[String]) -> Outcome<()> {
    let lines = lines.get(..lines.len().min(CLUSTER_COMMANDS)).unwrap_or_default();
    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let nodes = NatsCluster::start(3)?;
        let log = stream_of(&nodes.url(), nodes.monitor_urls(), 3).await?;
        let watch = Watch::start();
        let events = apply_within(&log, lines, CLUSTER_WINDOW).await?;
        ours.push(rate(events, watch.read()));
        let records = records(&log).await?;
        drop(nodes);
        let nodes = NatsCluster::start(3)?;
        let log = stream_of(&nodes.url(), nodes.monitor_urls(), 3).await?;
        let watch = Watch::start();
        append_raw(&log, &records, CLUSTER_GROUP).await?;
        raw.push(rate(events, watch.read()));
    }
    println!("{}", row("apply into three nodes, groups of 100", median(ours), median(raw)));
    Ok(())
}

/// Where the time of the writer goes, one part after another on one core.
async fn parts(lines: &[String]) -> Outcome<()> {
    let origin = Origin {
        book: book()?,
        actor: "bench".to_owned(),
        today: "2026-01-01".parse()?,
        command_name: None,
    };
    let watch = Watch::start();
    let mut parsed = Vec::with_capacity(lines.len());
    for line in lines {
        let command = parse(line.as_bytes(), &origin, &mut String::new);
        parsed.push(command.map_err(|refused| refused.rejection)?);
    }
    let parse_took = watch.read();

    let watch = Watch::start();
    let mut standing = commands::standing::Standing::default();
    let mut events = Vec::new();
    for command in &parsed {
        let new = decide(&origin.book, &standing.ledger, command)?;
        for event in standing.envelope(&origin.book, command, new, time::OffsetDateTime::UNIX_EPOCH)
        {
            standing.fold(&event);
            events.push(event);
        }
    }
    let decide_took = watch.read();

    let watch = Watch::start();
    let mut chain = schemas::chain::Chain::START;
    let mut bytes = 0;
    for event in &events {
        let context = schemas::record::EncodeContext {
            book: &origin.book,
            shard: 0,
            chain,
            traceparent: None,
        };
        let (record, through) = schemas::record::encode(event, &context)?;
        bytes += record.body.len();
        chain = through;
    }
    let encode_took = watch.read();

    let watch = Watch::start();
    let log: SharedLog = Arc::new(MemoryLog::new());
    apply(&log, lines).await?;
    let whole_took = watch.read();

    let count = events.len();
    println!("| part, {count} events of {} bytes | ms |\n| --- | ---: |", bytes / count.max(1));
    println!("| read the commands' JSON | {} |", parse_took.as_millis());
    println!("| decide and fold | {} |", decide_took.as_millis());
    println!("| write the events' JSON, hash the chain | {} |", encode_took.as_millis());
    println!("| all of it through the writer, into memory | {} |", whole_took.as_millis());
    Ok(())
}

fn median(mut rates: Vec<u64>) -> u64 {
    rates.sort_unstable();
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}
