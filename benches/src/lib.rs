//! What the benches share: the work, a stop-watch, and the memory of this process.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use commands::clock::SystemClock;
use commands::{ids, writer};
use futures::StreamExt;
use futures::stream::FuturesOrdered;
use ledger_core::id::Identifier;
use ledger_core::limits::QUEUE_COMMANDS_MAX;
use ledger_core::log::{Record, SharedLog};
use schemas::command::{Origin, parse};

pub mod ledger;
pub mod load;
pub mod memory;
pub mod orders;

/// The allocator of the program: the writer's tasks free on one core what another has made.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Whatever goes wrong ends the bench.
pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Customers of the sample book.
const CUSTOMERS: usize = 1_000;

/// The book of the benches.
///
/// # Errors
/// Never: the name is an identifier.
pub fn book() -> Outcome<Identifier> {
    Ok("bench".parse()?)
}

/// `count` commands as a service sends them: [`command`] of 0 and so on.
pub fn commands(count: usize) -> Vec<String> {
    (0..count).map(command).collect()
}

/// A command of a story: the book, customers, then invoices of two lines, of which one is earned over a
/// year; every other one is paid in full a month later.
pub fn command(place: usize) -> String {
    if place == 0 {
        return r#"{"id":"open","command":"OpenBook","effective":"2026-01-01","data":{"currency":"USD"}}"#
            .to_owned();
    }
    if place <= CUSTOMERS {
        let number = place - 1;
        return format!(
            r#"{{"id":"c-{number}","command":"RegisterCustomer","effective":"2026-01-01","data":{{"customer":"C-{number}","name":"Customer {number}"}}}}"#
        );
    }
    let number = place - 1 - CUSTOMERS;
    let customer = number % CUSTOMERS;
    let cents = 10_000 + number * 37 % 90_000;
    let (whole, part) = (cents / 100, cents % 100);
    let day = 1 + number % 28;
    if number % 3 < 2 {
        return format!(
            r#"{{"id":"i-{number}","command":"IssueInvoice","effective":"2026-01-{day:02}","data":{{"invoice":"INV-{number:07}","customer":"C-{customer}","currency":"USD","lines":[{{"description":"Subscription, one year","amount":"{whole}.{part:02}","tax_rate":"8.25","service_start":"2026-01-{day:02}","service_end":"2026-12-31"}},{{"description":"Setup","amount":"20.00","recognition":{{"method":"on_invoice"}}}}]}}}}"#
        );
    }
    // The invoice in front of it, in full.
    let paid = number - 1;
    let customer = paid % CUSTOMERS;
    format!(
        r#"{{"id":"p-{number}","command":"RecordPayment","effective":"2026-02-{day:02}","data":{{"payment":"PAY-{number:07}","customer":"C-{customer}","amount":"50.00","currency":"USD","method":"card","allocate":[{{"invoice":"INV-{paid:07}","amount":"50.00"}}]}}}}"#
    )
}

/// Applies commands as `apply` does: JSON in, decide, JSON out. How many events that made.
///
/// # Errors
/// Where the log fails, or a command is refused.
pub async fn apply(log: &SharedLog, lines: &[String]) -> Outcome<u64> {
    apply_within(log, lines, QUEUE_COMMANDS_MAX).await
}

/// The same with so many commands on their way at once: one half of them is a group that is being stored,
/// the other one the next.
///
/// # Errors
/// As [`apply`].
pub async fn apply_within(log: &SharedLog, lines: &[String], window: usize) -> Outcome<u64> {
    let book = book()?;
    let writer = writer::start(book.clone(), 0, Arc::clone(log), Arc::new(SystemClock)).await?;
    let handle = writer.handle();
    let mut waiting = FuturesOrdered::new();
    for line in lines {
        let origin = Origin {
            book: book.clone(),
            actor: "bench".to_owned(),
            today: handle.today(),
            command_name: None,
        };
        let command = parse(line.as_bytes(), &origin, &mut ids::command_id)
            .map_err(|refused| refused.rejection)?;
        if waiting.len() == window {
            ledger::accepted(waiting.next().await.unwrap_or_default())?;
        }
        waiting.push_back(handle.submit(command, None));
    }
    while let Some(reply) = waiting.next().await {
        ledger::accepted(reply)?;
    }
    drop(waiting);
    drop(handle);
    writer.shutdown().await?;
    Ok(log.last_sequence().await?)
}

/// All records of a log.
///
/// # Errors
/// Where it cannot be read.
pub async fn records(log: &SharedLog) -> Outcome<Vec<Record>> {
    let last = log.last_sequence().await?;
    let mut records = Vec::new();
    let mut from = 1;
    while from <= last {
        for stored in log.read(from, 10_000).await? {
            from = stored.sequence + 1;
            records.push(stored.record);
        }
    }
    Ok(records)
}

/// Appends records as they are, in groups of `size`.
///
/// # Errors
/// Where the log fails.
pub async fn append_raw(log: &SharedLog, records: &[Record], size: usize) -> Outcome<()> {
    let mut last = 0;
    for group in records.chunks(size) {
        last = log.append(last, group.to_vec()).await?;
    }
    Ok(())
}

/// A begun measurement.
#[derive(Debug)]
pub struct Watch(Instant);

impl Default for Watch {
    fn default() -> Self {
        Self::start()
    }
}

impl Watch {
    /// Begins one.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// What passed since.
    pub fn read(&self) -> Duration {
        self.0.elapsed()
    }
}

/// How many a second.
pub fn rate(count: u64, took: Duration) -> u64 {
    let rate = u128::from(count) * 1_000_000 / took.as_micros().max(1);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// One row of `docs/PERFORMANCE.md`: ours, the yardstick, and ours over it in hundredths.
pub fn row(what: &str, ours: u64, yardstick: u64) -> String {
    let hundredths = ours * 100 / yardstick.max(1);
    format!("| {what} | {ours} | {yardstick} | {}.{:02} |", hundredths / 100, hundredths % 100)
}

/// The highest memory of this process so far, in KiB.
///
/// # Errors
/// Where the system does not tell.
pub fn peak_memory() -> Outcome<u64> {
    memory("VmHWM:")
}

/// The memory of this process now, in KiB.
///
/// # Errors
/// Where the system does not tell.
pub fn memory_now() -> Outcome<u64> {
    memory("VmRSS:")
}

fn memory(what: &str) -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(what));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("the system does not tell the memory of a process")?.parse()?)
}
