//! `cargo bench -p benches --bench scale [COMMANDS]`: what a command costs and what a writer keeps of
//! it, from ten thousand commands to as many as are asked for (1,000,000).
//!
//! One writer takes all commands, into the journal. At 1, 2 and 5 times each power of ten it says how
//! long the last tenth of its commands took, and the memory of the process. `benches/plot.py` draws it.

use std::sync::Arc;

use benches::ledger::accepted;
use benches::{Outcome, Watch, command, memory_now};
use commands::clock::SystemClock;
use commands::{ids, writer};
use futures::StreamExt;
use futures::stream::FuturesOrdered;
use ledger_core::limits::QUEUE_COMMANDS_MAX;
use ledger_core::log::SharedLog;
use ledger_core::log::journal::Journal;
use schemas::command::{Origin, parse};

#[tokio::main]
async fn main() -> Outcome<()> {
    let asked = std::env::args().skip(1).find_map(|text| text.parse().ok());
    let most: usize = asked.unwrap_or(1_000_000);
    let folder = tempfile::tempdir()?;
    let log: SharedLog = Arc::new(Journal::open(folder.path())?);
    let name = benches::book()?;
    let writer = writer::start(name.clone(), 0, Arc::clone(&log), Arc::new(SystemClock)).await?;
    let handle = writer.handle();
    let origin = Origin {
        book: name,
        actor: "bench".to_owned(),
        today: "2026-01-01".parse()?,
        command_name: None,
    };
    println!("| commands | ns a command | bytes a command | MiB |\n| ---: | ---: | ---: | ---: |");
    let at_first = memory_now()?;
    let mut waiting = FuturesOrdered::new();
    let mut watch = Watch::start();
    let stops = stops(most);
    for number in 0..most {
        let parsed = parse(command(number).as_bytes(), &origin, &mut ids::command_id);
        waiting.push_back(handle.submit(parsed.map_err(|refused| refused.rejection)?, None));
        if waiting.len() == QUEUE_COMMANDS_MAX
            && let Some(reply) = waiting.next().await
        {
            accepted(reply)?;
        }
        let done = number + 1;
        // The last tenth is measured from answer to answer.
        if stops.iter().any(|stop| done == stop - stop / 10) {
            all(&mut waiting).await?;
            watch = Watch::start();
        } else if stops.contains(&done) {
            all(&mut waiting).await?;
            let each = watch.read().as_nanos() / u128::try_from(done / 10)?;
            let kept = memory_now()?.saturating_sub(at_first) * 1_024;
            let bytes = kept / u64::try_from(done)?;
            println!("| {done} | {each} | {bytes} | {} |", kept / 1_024 / 1_024);
        }
    }
    drop(waiting);
    drop(handle);
    writer.shutdown().await?;
    Ok(())
}

async fn all<F: Future<Output = Vec<u8>>>(waiting: &mut FuturesOrdered<F>) -> Outcome<()> {
    while let Some(reply) = waiting.next().await {
        accepted(reply)?;
    }
    Ok(())
}

/// 1, 2 and 5 times each power of ten, from ten thousand on.
fn stops(most: usize) -> Vec<usize> {
    let powers = (4..=8).map(|power| 10_usize.pow(power));
    let stops = powers.flat_map(|power| [power, 2 * power, 5 * power]);
    stops.filter(|stop| *stop <= most).collect()
}
