//! The event log: the one source of truth, behind one trait.
//!
//! A log keeps records in one dense sequence from 1. It knows nothing of money: a record is a
//! subject, headers and bytes. Three implementations pass one conformance suite: memory, the
//! embedded journal, and NATS JetStream.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

#[cfg(feature = "journal")]
pub mod backup;
mod bodies;
pub mod bounds;
#[cfg(any(test, feature = "testing"))]
pub mod conformance;
#[cfg(feature = "journal")]
mod frame;
#[cfg(feature = "jetstream")]
pub mod jetstream;
#[cfg(feature = "journal")]
pub mod journal;
pub mod memory;
#[cfg(feature = "testing")]
pub mod nats_server;

pub use bodies::{Bodies, Body};

/// What an operation of a log returns: a boxed future, so that logs can be used as `dyn EventLog`.
pub type LogFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Any event log, shared between tasks.
pub type SharedLog = Arc<dyn EventLog>;

/// The name or the value of a header: a short one takes no memory of its own.
pub type HeaderText = smol_str::SmolStr;

/// A record to append: one event on its subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The NATS subject, for example `ledger.acme.evt.0.C-1.invoice.INV-1`.
    pub subject: String,
    /// Header names and values in the order in which they are written.
    pub headers: Vec<(HeaderText, HeaderText)>,
    /// The event's JSON, byte for byte the same in every log.
    pub body: Vec<u8>,
}

/// A record as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its place in the log, dense from 1.
    pub sequence: u64,
    /// What was appended.
    pub record: Record,
}

/// How an append that did not store its group ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The log surely holds nothing of the group: it ends elsewhere than the writer thought.
    #[error("the log ends at {actual}, not at {expected}: another writer appended to it")]
    WrongSequence {
        /// The last sequence that the writer expected.
        expected: u64,
        /// The last sequence of the log.
        actual: u64,
    },
    /// The log surely holds nothing of the group, for a reason that a retry does not mend.
    #[error("the log refused the group: {reason}")]
    Refused {
        /// What the log said, and what to do.
        reason: String,
    },
    /// The group may or may not be stored: read the log's tail before anything else.
    #[error("it is not known whether the group was stored: {reason}")]
    Unknown {
        /// What was seen.
        reason: String,
    },
    /// The disk failed under the log, now or before: the group may or may not be stored, and this
    /// process appends nothing more. It has to end; the next one checks what the disk holds.
    #[error("the disk failed: {reason}")]
    Disk {
        /// What the system said, and what to do.
        reason: String,
    },
}

/// A log that cannot be opened, read or trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The store or the server could not be reached.
    #[error("{what}: {reason}")]
    Unavailable {
        /// The store or server.
        what: String,
        /// What it said, and what to do.
        reason: String,
    },
    /// What is stored does not fit its checksum, its frame or its sequence.
    #[error("{what} is damaged at {at}: {reason}")]
    Corrupt {
        /// The file or stream.
        what: String,
        /// The byte offset or the sequence.
        at: u64,
        /// What does not fit, and what to do.
        reason: String,
    },
    /// The server or stream is set up in a way in which an acknowledged event could be lost.
    #[error("{what} is not safe for a ledger: {reason}")]
    Unsafe {
        /// The server or stream.
        what: String,
        /// The setting, why it matters, and how to mend it.
        reason: String,
    },
    /// A history is being brought here, and not all of it has come: this is no book yet.
    #[error("{what} is not finished: {reason}")]
    Unfinished {
        /// The folder or stream.
        what: String,
        /// What was begun, and how to end it.
        reason: String,
    },
    /// A write or a sync of the log failed in this process, which has to end: what the disk holds
    /// is only known again once the log is opened and checked.
    #[error("{what}: the disk failed: {reason}")]
    Disk {
        /// The log.
        what: String,
        /// What the system said, and what to do.
        reason: String,
    },
}

/// An append-only sequence of records with one guard: the expected last sequence.
pub trait EventLog: Send + Sync + fmt::Debug {
    /// Appends a group of 1 to [`GROUP_RECORDS_MAX`](crate::limits::GROUP_RECORDS_MAX) records
    /// behind sequence `expected_last`, all or none, durably. Returns the sequence of the last.
    fn append(
        &self,
        expected_last: u64,
        group: Vec<Record>,
    ) -> LogFuture<'_, Result<u64, AppendError>>;

    /// Reads at most `max` records from sequence `from` on, in order and without gaps.
    /// Nothing behind the end: an empty list.
    fn read(&self, from: u64, max: usize) -> LogFuture<'_, Result<Vec<StoredRecord>, LogError>>;

    /// The same for a fold: only the bodies, and the values of one header.
    fn read_bodies<'a>(
        &'a self,
        from: u64,
        max: usize,
        header: &'a str,
    ) -> LogFuture<'a, Result<Bodies, LogError>> {
        Box::pin(async move { Ok(Bodies::of(&self.read(from, max).await?, header)) })
    }

    /// The last sequence of the log, 0 where it is empty; read from the one who knows (a
    /// stream's leader, not a follower).
    fn last_sequence(&self) -> LogFuture<'_, Result<u64, LogError>>;

    /// The same, and whoever keeps the log has nothing in hand that it was sent before and could still
    /// store: what a writer asks before it refuses. An error where that is not known in time. Like
    /// [`append`](EventLog::append) it takes the right to write; a log that is open for reading only
    /// gives [`last_sequence`](EventLog::last_sequence), as does one that stores or refuses a group
    /// before anybody else is answered.
    fn settled_sequence(&self) -> LogFuture<'_, Result<u64, LogError>> {
        self.last_sequence()
    }

    /// What and where this log is, for messages: `journal /data/acme`, `stream LEDGER_acme_0`.
    fn describe(&self) -> String;
}
