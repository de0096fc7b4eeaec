//! The ledger beside event-sourcing libraries on PostgreSQL, on the same machine, with the same work, in
//! the same run: orders are placed, invoiced and paid. `benches/peers/run` starts a PostgreSQL for it.
//!
//! What is the same: the three commands of an order, one after another, each when the one before it is
//! acknowledged; the terms of each order; events of about the same bytes; as many tasks in this process;
//! the allocator and the compiler's options; the disk. Nothing is acknowledged before it is synced to the
//! disk, on any side: `fsync` and `synchronous_commit` are on and proven to be, the stream has
//! `sync_interval: always` and is proven to have it, the journal syncs each group.
//!
//! What is not: a command of the peers is a transaction of its own, since that is what their libraries
//! do; the ledger's writer puts what waits for it into one group. The peers have one aggregate for each
//! order, no views, no idempotency keys, no hash chain, no book that must balance, and take and give Rust
//! values; the ledger has all of those and takes and gives JSON. All of that favours the peers, as do a
//! pool that does not ping its connections and an `esrs` that reads nothing before it places an order. The
//! ledger folds its state in memory, the peers read an order's events before each command: that is their
//! design, and they scale to more than one writer. The ledger's events have their envelope in the body,
//! the peers' partly in columns. `revledger serve` is a process of its own, with its views, its clients,
//! and their transport.
//!
//! Closed loops find the highest load; their latencies leave out those who would have come while a side
//! stood still. So open loops follow: the ledger's at the faster peer's highest rate, the peers' at nine
//! tenths of their own.
//!
//! Everything is on one machine, clients included, so that all rates are those of its few cores.

mod cqrs_es_side;
mod esrs_side;
mod order;
mod postgres;
mod program;
mod table;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use benches::ledger::{Ledger, stream};
use benches::load::{Closed, Numbers, Open, Side, closed_loop, open_loop};
use benches::{Outcome, orders};
use ledger_core::log::SharedLog;
use ledger_core::log::journal::Journal;
use ledger_core::log::nats_server::NatsServer;

use self::cqrs_es_side::CqrsEs;
use self::esrs_side::Esrs;
use self::program::Program;
use self::table::{Opened, Peers, Row, highest};

/// Tasks that send commands, and connections.
const WORKERS: usize = 16;
/// As many for the peers again, to see whether they can do more.
const MANY_WORKERS: usize = 64;
/// Orders that each task of the ledger has in flight: one as with the peers, then more. The last number
/// fills the writer's queue.
const ORDERS_EACH: [usize; 3] = [1, 64, 256];
/// Events that the peers store of an order.
const PEERS_EVENTS: u64 = 3;
/// Events that the ledger stores of an order: a payment makes two.
const LEDGER_EVENTS: u64 = 4;
/// Events of which the bytes are looked at.
const SAMPLE: usize = 4_000;
/// Percent of its highest rate at which a peer is measured in an open loop.
const PEERS_SHARE: u64 = 90;
/// What is not counted at the beginning of each load, at most.
const WARM_UP_MAX: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() -> Outcome<()> {
    let seconds = std::env::args().nth(1).map_or(Ok(20), |text| text.parse())?;
    let url = std::env::var("PEERS_DATABASE_URL")
        .map_err(|_| "PEERS_DATABASE_URL is not set; run benches/peers/run instead")?;
    let program = std::env::var_os("PEERS_REVLEDGER").map(PathBuf::from);
    Run { measured: Duration::from_secs(seconds), url, program }.run().await
}

/// A run of all sides.
struct Run {
    measured: Duration,
    url: String,
    /// The program, where it is measured, too.
    program: Option<PathBuf>,
}

/// What was measured on the ledger's sides.
#[derive(Default)]
struct Measured {
    closed: Vec<Row>,
    /// At the peers' highest rate.
    open: Vec<Opened>,
    notes: Vec<String>,
}

impl Run {
    async fn run(&self) -> Outcome<()> {
        let pool = postgres::connect(&self.url, 1).await?;
        println!(
            "PostgreSQL {}, fsync, synchronous_commit and full_page_writes on; {} s for each load\n",
            postgres::version(&pool).await?,
            self.measured.as_secs()
        );
        let pool = postgres::connect(&self.url, MANY_WORKERS).await?;
        let (mut open, mut notes) = (Vec::new(), Vec::new());
        let side = CqrsEs::start(pool.clone()).await?;
        let cqrs_es = self.peer("cqrs-es", &side, &pool, ("events", &mut open), &mut notes).await?;
        let side = Esrs::start(pool.clone()).await?;
        let esrs = self.peer("esrs", &side, &pool, ("order_events", &mut open), &mut notes).await?;
        pool.close().await;
        let peers = Peers { cqrs_es, esrs, open };
        let rate = peers.highest_rate()?;

        let mut ledger = Measured::default();
        let server = NatsServer::start()?;
        self.ledger("ledger, JetStream", &stream(&server).await?, rate, &mut ledger).await?;
        drop(server);
        let folder = tempfile::tempdir()?;
        let log: SharedLog = Arc::new(Journal::open(folder.path())?);
        self.ledger("ledger, journal", &log, rate, &mut ledger).await?;
        drop((log, folder));
        if let Some(binary) = &self.program {
            let program = Program::start(binary).await?;
            self.program(&program, rate, &mut ledger).await?;
        }

        table::closed_loops(&peers, &ledger.closed)?;
        println!();
        table::open_loops(&peers, &ledger.open);
        println!();
        table::verdict(&peers, &ledger.closed, &ledger.open)?;
        println!();
        for note in notes.iter().chain(&ledger.notes) {
            println!("{note}");
        }
        Ok(())
    }

    fn warm_up(&self) -> Duration {
        (self.measured / 4).min(WARM_UP_MAX)
    }

    /// Measures a peer, with as many workers as asked for and with more.
    async fn peer<S: Side>(
        &self,
        name: &str,
        side: &Arc<S>,
        pool: &sqlx::PgPool,
        (table, open): (&str, &mut Vec<Opened>),
        notes: &mut Vec<String>,
    ) -> Outcome<Vec<Row>> {
        let numbers = Numbers::default();
        let mut rows = Vec::new();
        for workers in [WORKERS, MANY_WORKERS] {
            rows.push(self.closed(name, side, &numbers, workers, 1).await?);
            postgres::settle(pool).await?;
        }
        let (events, bytes) = postgres::stored(pool, table).await?;
        if events != numbers.taken() * PEERS_EVENTS {
            let what = format!("{name} has {events} events of {} orders", numbers.taken());
            return Err(what.into());
        }
        let rate = highest(&rows)?.load.rate() * PEERS_SHARE / 100;
        open.push(self.open(name, side, &numbers, rate).await?);
        postgres::settle(pool).await?;
        notes.push(note(name, events, bytes, PEERS_EVENTS));
        Ok(rows)
    }

    /// Measures the ledger in this process.
    async fn ledger(
        &self,
        name: &str,
        log: &SharedLog,
        rate: u64,
        measured: &mut Measured,
    ) -> Outcome<()> {
        let (ledger, writer) = Ledger::start(log).await?;
        let numbers = Numbers::default();
        self.more_and_more(name, &ledger, &numbers, measured).await?;
        measured.open.push(self.open(name, &ledger, &numbers, rate).await?);
        drop(ledger);
        writer.shutdown().await?;
        let (events, bytes) = stored(log).await?;
        measured.notes.push(note(name, events, bytes, LEDGER_EVENTS));
        Ok(())
    }

    /// Measures the program, over NATS and over HTTP.
    async fn program(&self, program: &Program, rate: u64, measured: &mut Measured) -> Outcome<()> {
        let numbers = Numbers::default();
        let name = "ledger, `serve` on JetStream, over NATS";
        let nats = program.over_nats(WORKERS).await?;
        self.more_and_more(name, &nats, &numbers, measured).await?;
        let http = program.over_http(WORKERS).await?;
        let over_http = "ledger, `serve` on JetStream, over HTTP";
        measured.closed.push(self.closed(over_http, &http, &numbers, WORKERS, 1).await?);
        measured.open.push(self.open(name, &nats, &numbers, rate).await?);
        Ok(())
    }

    /// One order of each worker in flight, then more.
    async fn more_and_more<S: Side>(
        &self,
        name: &str,
        side: &Arc<S>,
        numbers: &Numbers,
        measured: &mut Measured,
    ) -> Outcome<()> {
        for orders_each in ORDERS_EACH {
            measured.closed.push(self.closed(name, side, numbers, WORKERS, orders_each).await?);
        }
        Ok(())
    }

    async fn closed<S: Side>(
        &self,
        name: &str,
        side: &Arc<S>,
        numbers: &Numbers,
        workers: usize,
        orders_each: usize,
    ) -> Outcome<Row> {
        let plan =
            Closed { workers, orders_each, warm_up: self.warm_up(), measured: self.measured };
        let load = closed_loop(side, numbers, plan).await?;
        let in_flight = workers * orders_each;
        eprintln!("{name}, {in_flight} in flight: {} commands a second", load.rate());
        Ok(Row { side: name.to_owned(), in_flight, load })
    }

    async fn open<S: Side>(
        &self,
        name: &str,
        side: &Arc<S>,
        numbers: &Numbers,
        rate: u64,
    ) -> Outcome<Opened> {
        let (warm_up, measured) = (self.warm_up(), self.measured);
        let plan = Open { workers: WORKERS, rate, warm_up, measured };
        let load = open_loop(side, numbers, plan).await?;
        Ok(Opened { side: name.to_owned(), rate, load })
    }
}

/// How many events a log has, and how many bytes those of the first orders have on average.
async fn stored(log: &SharedLog) -> Outcome<(u64, u64)> {
    let from = u64::try_from(orders::opening().len())? + 1;
    let first = log.read(from, SAMPLE).await?;
    let bytes: usize = first.iter().map(|stored| stored.record.body.len()).sum();
    Ok((log.last_sequence().await?, u64::try_from(bytes / first.len().max(1))?))
}

/// A line on what a side stored.
fn note(name: &str, events: u64, bytes: u64, an_order: u64) -> String {
    format!(
        "{name}: {events} events of {bytes} bytes on average, {an_order} and {} bytes an order",
        bytes * an_order
    )
}
