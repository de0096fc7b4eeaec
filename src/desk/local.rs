//! The writer of this process, on the embedded journal.

use std::sync::Arc;

use commands::clock::SystemClock;
use commands::ids;
use commands::writer::{self, Keep, RunningWriter, WriterError, WriterHandle};
use ledger_core::calendar::Day;
use ledger_core::id::Identifier;
use ledger_core::limits::QUEUE_COMMANDS_MAX;
use ledger_core::log::SharedLog;
use ledger_core::rejection::Code;
use schemas::command::{Origin, Refused, parse};
use schemas::reply::Reply;

use super::lines::Line;
use crate::anchor::Anchor;
use crate::cli::Global;
use crate::config;
use crate::exit::Failure;

/// Commands that wait for their replies at once: as many as the writer's queue takes.
pub(crate) const IN_FLIGHT_MAX: usize = QUEUE_COMMANDS_MAX;

/// A running writer, and who hands commands to it.
#[derive(Debug)]
pub(crate) struct Local {
    running: RunningWriter,
    handle: WriterHandle,
    book: Identifier,
    actor: String,
    log: SharedLog,
    anchor: Anchor,
}

impl Local {
    /// Opens the book's journal and starts its writer.
    ///
    /// # Errors
    /// Where another process has the journal open, or it cannot be trusted.
    pub(crate) async fn open(global: &Global) -> Result<Self, Failure> {
        let (book, actor) = (global.book_id()?, global.local_actor());
        let log = config::open_journal(global).await?;
        let clock = Arc::new(SystemClock);
        let keep = Keep { path: global.writer_snapshot()?, at_end: false };
        let running =
            writer::start_from(Some(keep), book.clone(), 0, Arc::clone(&log), clock).await?;
        let handle = running.handle();
        Ok(Self { running, handle, book, actor, log, anchor: global.anchor()? })
    }

    /// Hands one envelope in and waits for its reply.
    ///
    /// # Errors
    /// Never; a rejection is a reply.
    pub(crate) async fn submit(&self, line: Line) -> Result<Vec<u8>, Failure> {
        let origin = origin(&self.book, &self.actor, self.handle.today());
        Ok(match parse(&line.bytes, &origin, &mut ids::command_id) {
            Ok(command) => self.handle.submit_waiting(command).await,
            Err(refused) => refusal(&line, refused),
        })
    }

    /// Ends the writer, after what it still has to do.
    ///
    /// # Errors
    /// Where it ended badly.
    pub(crate) async fn close(self) -> Result<(), Failure> {
        drop(self.handle);
        self.running.shutdown().await?;
        self.anchor.write_tip_of(&self.log).await
    }
}

/// What a local transport knows of a command.
pub(crate) fn origin(book: &Identifier, actor: &str, today: Day) -> Origin {
    Origin { book: book.clone(), actor: actor.to_owned(), today, command_name: None }
}

/// The reply to a line that names no command, which no service can be asked about.
pub(super) fn refuse_unreadable(line: &Line, book: &Identifier) -> Vec<u8> {
    let origin = origin(book, "", Day::new(time::Date::MIN));
    match parse(&line.bytes, &origin, &mut ids::command_id) {
        Err(refused) => refusal(line, refused),
        Ok(command) => {
            let message = format!("line {} names no command", line.number);
            let rejection = ledger_core::rejection::Rejection::new(Code::CommandMalformed, message);
            Reply::rejected(Some(command.id.as_str()), &rejection).to_bytes()
        }
    }
}

/// A rejection; where the line has no id by which it could be found, its number.
fn refusal(line: &Line, refused: Refused) -> Vec<u8> {
    let Refused { id, mut rejection } = refused;
    if id.is_none() {
        rejection.message = format!("line {}: {}", line.number, rejection.message);
    }
    Reply::rejected(id.as_deref(), &rejection).to_bytes()
}

impl From<WriterError> for Failure {
    fn from(error: WriterError) -> Self {
        match error {
            WriterError::Log(error) => error.into(),
            WriterError::Decode(error) => error.into(),
            WriterError::HistoryChanged { .. } => {
                Self::store("store.tampered", "the log is not what was written").because(error)
            }
            WriterError::Ended => Self::store("writer.ended", "the writer ended").because(error),
        }
    }
}
