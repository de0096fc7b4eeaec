//! The ledger in this process, as a side of a load: commands are JSON, replies are JSON, and nothing is
//! answered before the log has it.

use std::sync::Arc;

use async_nats::ServerAddr;
use commands::clock::SystemClock;
use commands::ids;
use commands::writer::{self, RunningWriter, WriterHandle};
use ledger_core::id::Identifier;
use ledger_core::log::SharedLog;
use ledger_core::log::jetstream::{JetStreamLog, StreamSettings};
use ledger_core::log::nats_server::NatsServer;
use schemas::command::{Origin, parse};

use crate::load::Side;
use crate::orders::{self, Step};
use crate::{Outcome, book};

/// A writer in this process.
#[derive(Debug)]
pub struct Ledger {
    book: Identifier,
    handle: WriterHandle,
}

impl Ledger {
    /// Starts the writer of an empty log, opens its book and registers the customers.
    ///
    /// # Errors
    /// Where the log fails.
    pub async fn start(log: &SharedLog) -> Outcome<(Arc<Self>, RunningWriter)> {
        let book = book()?;
        let clock = Arc::new(SystemClock);
        let writer = writer::start(book.clone(), 0, Arc::clone(log), clock).await?;
        let ledger = Arc::new(Self { book, handle: writer.handle() });
        for line in orders::opening() {
            ledger.apply(&line).await?;
        }
        Ok((ledger, writer))
    }

    /// Applies a command and waits for its reply.
    ///
    /// # Errors
    /// Where it is refused, or the log fails.
    pub async fn apply(&self, line: &str) -> Outcome<()> {
        let origin = Origin {
            book: self.book.clone(),
            actor: "bench".to_owned(),
            today: self.handle.today(),
            command_name: None,
        };
        let command = parse(line.as_bytes(), &origin, &mut ids::command_id)
            .map_err(|refused| refused.rejection)?;
        accepted(self.handle.submit_waiting(command).await)
    }
}

impl Side for Ledger {
    async fn send(&self, _worker: usize, step: Step, order: u64) -> Outcome<()> {
        self.apply(&orders::command(step, order)).await
    }
}

/// Whether a reply says that its command was accepted.
///
/// # Errors
/// The reply, where it was not.
pub fn accepted(reply: Vec<u8>) -> Outcome<()> {
    let reply = String::from_utf8(reply)?;
    if reply.contains(r#""outcome":"accepted""#) { Ok(()) } else { Err(reply.into()) }
}

/// The log of a server that was just started.
///
/// # Errors
/// Where it cannot be reached, or could lose what it acknowledged.
pub async fn stream(server: &NatsServer) -> Outcome<SharedLog> {
    stream_of(&server.url(), vec![server.monitor_url()], 1).await
}

/// The same of as many servers, whose addresses have commas between them.
///
/// # Errors
/// As [`stream`].
pub async fn stream_of(url: &str, monitors: Vec<String>, replicas: usize) -> Outcome<SharedLog> {
    let addresses = url.split(',').map(str::parse).collect::<Result<Vec<ServerAddr>, _>>()?;
    let client = async_nats::connect(addresses).await?;
    let settings = StreamSettings {
        book: book()?.to_string(),
        shard: 0,
        replicas: Some(replicas),
        monitors,
        unsafe_dev: false,
    };
    Ok(Arc::new(JetStreamLog::open(client, settings).await?))
}
