//! `cargo bench -p benches --bench replay [EVENTS]`: the whole log into all three projections, beside
//! decoding it alone on the same cores; from JetStream beside a consumer that only counts, and one that
//! decodes each event.

use std::hint::black_box;
use std::sync::Arc;
use std::thread::available_parallelism;

use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use benches::{Outcome, Watch, append_raw, apply, book, commands, peak_memory, rate, records, row};
use futures::StreamExt;
use ledger_core::limits::GROUP_RECORDS_MAX;
use ledger_core::log::jetstream::{JetStreamLog, StreamSettings};
use ledger_core::log::journal::Journal;
use ledger_core::log::nats_server::NatsServer;
use ledger_core::log::{Bodies, Record, SharedLog, StoredRecord};
use projections::facts::Folder;
use projections::prefix;
use projections::replay::catch_up;
use schemas::chain::{CHAIN_HEADER, Chain};
use schemas::record::{decode, decode_body};

/// Events of the JetStream side, which is slower to fill.
const STREAM_EVENTS: usize = 200_000;
/// Events that are read and decoded at once, where nothing is folded.
const DECODED_AT_ONCE: usize = 1_024;
/// Runs of each side; the median counts.
const RUNS: usize = 3;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1).filter(|text| text != "--bench");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    // The measured replay of the journal is a process of its own: its memory is its own, too.
    match arguments.next().as_deref() {
        Some("fold") => runtime.block_on(fold_alone(&arguments.next().unwrap_or_default())),
        Some("verify") => runtime.block_on(verify_alone(&arguments.next().unwrap_or_default())),
        Some(count) => runtime.block_on(run(count.parse()?)),
        None => runtime.block_on(run(1_000_000)),
    }
}

async fn run(count: usize) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let log: SharedLog = Arc::new(Journal::open(folder.path())?);
    // A third of the commands are payments, which make two events each.
    apply(&log, &commands(count * 3 / 4)).await?;
    let last = log.last_sequence().await?;
    let cores = available_parallelism().map_or(1, usize::from);
    println!("{last} events, {cores} cores, median of {RUNS} runs\n");
    println!("| events a second | ledger | yardstick | ratio |\n| --- | ---: | ---: | ---: |");
    let path = folder.path().to_str().unwrap_or_default();
    let (mut whole, mut bodies) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        for (reads_whole, rates) in [(true, &mut whole), (false, &mut bodies)] {
            let watch = Watch::start();
            decode_alone(&log, last, reads_whole).await?;
            rates.push(rate(last, watch.read()));
        }
    }
    let (ours, verified, memory) = both(path)?;
    println!("{}", row("replay of the journal, beside decoding its records", ours, median(whole)));
    println!("{}", row("the same, beside decoding their bodies alone", ours, median(bodies)));
    println!("{}", row("verify of the journal, beside replay", verified, ours));
    let (ours, verified) = closed(count).await?;
    println!("{}", row("verify with a close in front, beside replay", verified, ours));
    let records: Vec<Record> =
        records(&log).await?.into_iter().take(STREAM_EVENTS.min(count)).collect();
    jetstream(&records).await?;
    let (open, kib) = memory;
    let allowed = 200 * 1024 + open * 400 / 1024;
    println!(
        "\nmemory of the replay: {kib} KiB with {open} open invoices; the bound is {allowed} KiB"
    );
    Ok(())
}

/// Replays and verifies the journal in a folder: the median rates of both, and how many invoices the
/// replay found open, in how much memory.
fn both(folder: &str) -> Outcome<(u64, u64, (u64, u64))> {
    let (mut folded, mut verified, mut memory) = (Vec::new(), Vec::new(), (0, 0));
    for _ in 0..RUNS {
        let (rate, open, kib) = fold_in_a_process(folder)?;
        folded.push(rate);
        memory = (open, kib);
        verified.push(verify_in_a_process(folder)?);
    }
    Ok((median(folded), median(verified), memory))
}

/// The same for a book whose second event is a close: verifying it needs the views from there on.
async fn closed(count: usize) -> Outcome<(u64, u64)> {
    let folder = tempfile::tempdir()?;
    let log: SharedLog = Arc::new(Journal::open(folder.path())?);
    let mut all = commands(count * 3 / 4);
    let close = r#"{"id":"close","command":"ClosePeriod","effective":"2026-01-01","data":{"through":"2025-12-31"}}"#;
    all.insert(1, close.to_owned());
    apply(&log, &all).await?;
    let (folded, verified, _) = both(folder.path().to_str().unwrap_or_default())?;
    Ok((folded, verified))
}

/// Reads and decodes the log on all cores, and folds nothing: whole records, as any reader gets them, or
/// only what a fold reads of them.
async fn decode_alone(log: &SharedLog, last: u64, reads_whole: bool) -> Outcome<()> {
    let cores = available_parallelism().map_or(1, usize::from);
    let mut from = 1;
    let mut waiting = futures::stream::FuturesOrdered::new();
    while from <= last {
        let (read, next) = if reads_whole {
            let records = log.read(from, DECODED_AT_ONCE).await?;
            let next = records.last().map_or(u64::MAX, |stored| stored.sequence + 1);
            (Read::Whole(records), next)
        } else {
            let bodies = log.read_bodies(from, DECODED_AT_ONCE, CHAIN_HEADER).await?;
            let next = bodies.last().map_or(u64::MAX, |last| last + 1);
            (Read::Bodies(bodies), next)
        };
        from = next;
        waiting.push_back(tokio::task::spawn_blocking(move || read.decode()));
        if waiting.len() > cores * 2 {
            waiting.next().await.transpose()?.transpose()?;
        }
    }
    while let Some(done) = waiting.next().await {
        done??;
    }
    Ok(())
}

/// What was read at once.
enum Read {
    Whole(Vec<StoredRecord>),
    Bodies(Bodies),
}

impl Read {
    fn decode(&self) -> Outcome<()> {
        match self {
            Self::Whole(records) => {
                for stored in records {
                    black_box(decode(stored)?);
                }
            }
            Self::Bodies(bodies) => {
                for body in bodies.iter(0..bodies.len()) {
                    black_box(decode_body(body.sequence, body.bytes)?);
                }
            }
        }
        Ok(())
    }
}

async fn fold_alone(folder: &str) -> Outcome<()> {
    let log: SharedLog = Arc::new(Journal::open_read_only(folder.as_ref())?);
    let last = log.last_sequence().await?;
    let watch = Watch::start();
    let open = fold(&log).await?;
    let rate = rate(last, watch.read());
    println!("{rate} {open} {}", peak_memory()?);
    Ok(())
}

/// Checks every invariant behind every event, as `verify` does.
async fn verify_alone(folder: &str) -> Outcome<()> {
    let log: SharedLog = Arc::new(Journal::open_read_only(folder.as_ref())?);
    let last = log.last_sequence().await?;
    let watch = Watch::start();
    let found = prefix::check(&log, last, &mut |_| {}).await?;
    if let Some(violation) = found.first {
        return Err(format!("{violation:?}").into());
    }
    println!("{}", rate(last, watch.read()));
    Ok(())
}

fn verify_in_a_process(folder: &str) -> Outcome<u64> {
    let program = std::env::current_exe()?;
    let output = std::process::Command::new(program).args(["verify", folder]).output()?;
    let text = String::from_utf8(output.stdout)?;
    text.trim().parse().map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned().into())
}

/// Folds the whole log; how many invoices are open at its end.
async fn fold(log: &SharedLog) -> Outcome<usize> {
    let (mut folder, mut chain) = (Folder::default(), Chain::START);
    catch_up(log, &mut folder, &mut chain, None, &mut |_| {}).await?;
    black_box(folder.digests());
    Ok(folder.open.invoices())
}

fn fold_in_a_process(folder: &str) -> Outcome<(u64, u64, u64)> {
    let program = std::env::current_exe()?;
    let output = std::process::Command::new(program).args(["fold", folder]).output()?;
    let text = String::from_utf8(output.stdout)?;
    let numbers: Vec<u64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    match numbers.as_slice() {
        [rate, open, kib] => Ok((*rate, *open, *kib)),
        _ => Err(String::from_utf8_lossy(&output.stderr).into_owned().into()),
    }
}

async fn jetstream(records: &[Record]) -> Outcome<()> {
    let server = NatsServer::start()?;
    let client = async_nats::connect(server.url()).await?;
    let settings = StreamSettings {
        book: book()?.to_string(),
        shard: 0,
        replicas: Some(1),
        monitors: vec![server.monitor_url()],
        unsafe_dev: false,
    };
    let name = settings.stream_name();
    let log: SharedLog = Arc::new(JetStreamLog::open(client.clone(), settings).await?);
    append_raw(&log, records, GROUP_RECORDS_MAX).await?;
    let last = log.last_sequence().await?;
    let (mut ours, mut counting, mut decoding) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        for (decodes, rates) in [(false, &mut counting), (true, &mut decoding)] {
            let watch = Watch::start();
            consume_alone(&client, &name, last, decodes).await?;
            rates.push(rate(last, watch.read()));
        }
        let watch = Watch::start();
        fold(&log).await?;
        ours.push(rate(last, watch.read()));
    }
    let ours = median(ours);
    println!(
        "{}",
        row("replay of JetStream, beside a consumer that decodes", ours, median(decoding))
    );
    println!("{}", row("the same, beside one that counts", ours, median(counting)));
    Ok(())
}

/// A consumer as anybody would write it, that counts, and decodes where it is to, and does nothing else.
async fn consume_alone(
    client: &async_nats::Client,
    stream: &str,
    last: u64,
    decodes: bool,
) -> Outcome<()> {
    let context = async_nats::jetstream::new(client.clone());
    let stream = context.get_stream(stream).await?;
    let config = pull::OrderedConfig {
        deliver_policy: DeliverPolicy::All,
        ..pull::OrderedConfig::default()
    };
    let mut messages = stream.create_consumer(config).await?.messages().await?;
    for sequence in 1..=last {
        let message = messages.next().await.ok_or("the consumer ended")??;
        if decodes {
            let body = message.payload.to_vec();
            let record = Record { subject: String::new(), headers: Vec::new(), body };
            black_box(decode(&StoredRecord { sequence, record })?);
        }
    }
    Ok(())
}

fn median(mut rates: Vec<u64>) -> u64 {
    rates.sort_unstable();
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}
