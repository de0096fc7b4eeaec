//! A book in memory with a writer of its own, which takes one command after another.

use std::sync::Arc;

use commands::clock::FixedClock;
use commands::ids;
use commands::writer::{self, RunningWriter, WriterHandle};
use ledger_core::calendar::Day;
use ledger_core::id::Identifier;
use ledger_core::log::SharedLog;
use ledger_core::log::memory::MemoryLog;
use ledger_core::rejection::Rejection;
use projections::views::Views;
use schemas::command::{Origin, parse};
use schemas::reply::Reply;
use serde_json::{Map, Value};

use crate::desk::local;
use crate::exit::Failure;
use crate::reading;

/// The book.
pub(crate) struct Bench {
    log: SharedLog,
    running: RunningWriter,
    handle: WriterHandle,
    origin: Origin,
}

impl Bench {
    /// An empty book whose clock stands still on `today`.
    ///
    /// # Errors
    /// Where the writer does not start.
    pub(crate) async fn start(book: Identifier, today: Day) -> Result<Self, Failure> {
        let log: SharedLog = Arc::new(MemoryLog::new());
        let clock = Arc::new(FixedClock(today.date().midnight().assume_utc()));
        let running = writer::start(book.clone(), 0, Arc::clone(&log), clock).await?;
        let handle = running.handle();
        Ok(Self { log, running, handle, origin: local::origin(&book, "check", today) })
    }

    /// Hands a command in; the rejection, where it was refused.
    ///
    /// # Errors
    /// Where the reply cannot be read.
    pub(crate) async fn submit(
        &self,
        envelope: &Map<String, Value>,
    ) -> Result<Option<Rejection>, Failure> {
        let unreadable =
            |error| Failure::store("reply.unreadable", "a reply cannot be read").because(error);
        let bytes = serde_json::to_vec(envelope).map_err(unreadable)?;
        let command = match parse(&bytes, &self.origin, &mut ids::command_id) {
            Ok(command) => command,
            Err(refused) => return Ok(Some(refused.rejection)),
        };
        let reply = self.handle.submit_waiting(command).await;
        let reply: Reply = serde_json::from_slice(&reply).map_err(unreadable)?;
        Ok(reply.error)
    }

    /// The last sequence of the log.
    ///
    /// # Errors
    /// Where the log cannot be read.
    pub(crate) async fn last_sequence(&self) -> Result<u64, Failure> {
        Ok(self.log.last_sequence().await?)
    }

    /// Ends the writer and folds what it wrote; the log beside it.
    ///
    /// # Errors
    /// Where an event does not fit.
    pub(crate) async fn finish(self) -> Result<(Views, SharedLog), Failure> {
        drop(self.handle);
        self.running.shutdown().await?;
        Ok((reading::fold(&self.log).await?, self.log))
    }
}
