//! `cargo bench -p benches --bench latency [SECONDS]`: how long a command takes from its planned time to
//! its reply, into the journal and into JetStream, at a tenth, a half and nine tenths of the highest load.

use std::sync::Arc;
use std::time::Duration;

use benches::Outcome;
use benches::ledger::{Ledger, stream};
use benches::load::{Closed, Load, Numbers, Open, closed_loop, open_loop};
use ledger_core::log::SharedLog;
use ledger_core::log::journal::Journal;
use ledger_core::log::nats_server::NatsServer;

/// Tasks that send.
const WORKERS: usize = 16;
/// Orders that each of them has in flight, of which the best is the highest load; the last one fills the
/// writer's queue.
const ORDERS_EACH: [usize; 3] = [16, 64, 256];
/// What is not counted at the beginning of each load.
const WARM_UP: Duration = Duration::from_secs(2);
/// Percent of the highest load.
const SHARES: [u64; 3] = [10, 50, 90];

#[tokio::main]
async fn main() -> Outcome<()> {
    let seconds = std::env::args().skip(1).find_map(|text| text.parse().ok()).unwrap_or(10);
    let measured = Duration::from_secs(seconds);
    println!("{WORKERS} tasks, {seconds} s each; an order is placed, invoiced and paid\n");
    println!("| | commands a second | p50 ms | p99 | p99.9 | max |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    let folder = tempfile::tempdir()?;
    let log: SharedLog = Arc::new(Journal::open(folder.path())?);
    measure("journal", &log, measured).await?;
    drop((log, folder));
    let server = NatsServer::start()?;
    measure("JetStream, sync always", &stream(&server).await?, measured).await
}

async fn measure(name: &str, log: &SharedLog, measured: Duration) -> Outcome<()> {
    let (ledger, writer) = Ledger::start(log).await?;
    let numbers = Numbers::default();
    let mut highest: Option<(usize, Load)> = None;
    for orders_each in ORDERS_EACH {
        let plan =
            Closed { workers: WORKERS, orders_each, warm_up: WARM_UP, measured: measured / 2 };
        let load = closed_loop(&ledger, &numbers, plan).await?;
        if highest.as_ref().is_none_or(|(_, known)| known.rate() < load.rate()) {
            highest = Some((WORKERS * orders_each, load));
        }
    }
    let (in_flight, highest) = highest.ok_or("no load was tried")?;
    let what = format!("{name}, highest load, {in_flight} in flight, closed loop");
    println!("{}", row(&what, highest.rate(), &highest));
    for share in SHARES {
        let rate = highest.rate() * share / 100;
        let plan = Open { workers: WORKERS, rate, warm_up: WARM_UP, measured };
        let load = open_loop(&ledger, &numbers, plan).await?;
        println!("{}", row(&format!("{name}, {share} % of it, open loop"), rate, &load));
    }
    drop(ledger);
    Ok(writer.shutdown().await?)
}

fn row(what: &str, rate: u64, load: &Load) -> String {
    format!("| {what} | {rate} | {} |", load.latencies.cells())
}
