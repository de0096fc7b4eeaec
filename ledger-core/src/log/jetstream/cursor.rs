//! Sequential reading: pull consumers as disposable cursors.
//!
//! A consumer is fast (hundreds of thousands of messages a second) but it is the server's, may
//! vanish with a node and may skip what was lost on the way. So nothing of it is trusted: every
//! sequence is checked, and a cursor that does not continue where it should is replaced by a
//! fresh one. Only where a fresh one cannot find the record either, the stream has a hole.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::Message;
use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull};
use futures::StreamExt;
use tokio::time::timeout;

use super::headers;
use super::way::connects;
use crate::log::{Bodies, LogError, Record, StoredRecord};

/// Records that one pull asks for: enough to be fast, less than the client would drop.
const PULL_RECORDS_MAX: usize = 10_000;
/// Bytes that one pull asks for, less than what makes a server cut off a slow reader.
const PULL_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long the next record of a pull may take; it is known to exist.
const RECORD_PATIENCE: Duration = Duration::from_secs(3);
/// After this the server forgets a cursor that nobody reads from.
const IDLE: Duration = Duration::from_secs(60);
/// Cursors that are kept for the next read.
const CURSORS_MAX: usize = 8;
/// Cursors in a row that may fail without bringing a single record.
const FAILURES_MAX: u32 = 5;
const FAILURE_PAUSE: Duration = Duration::from_millis(200);

/// The cursors of one stream that wait for their next read.
#[derive(Debug)]
pub(super) struct Cursors {
    context: Context,
    stream: String,
    waiting: Mutex<Vec<Cursor>>,
}

#[derive(Debug)]
struct Cursor {
    consumer: PullConsumer,
    next: u64,
    fresh: bool,
    /// The connection that it was made through, by its number. Behind another one it is not waited
    /// for: it may be on a node that nobody reaches any more.
    connects: u64,
}

/// Why a pull ended before all that was asked for had come.
enum Stop {
    /// All came.
    Complete,
    /// The cursor is to be replaced.
    Broken(String),
    /// A fresh cursor found another record than the one that has to be there.
    Hole(u64),
}

impl Cursors {
    pub(super) fn new(context: Context, stream: String) -> Cursors {
        Cursors { context, stream, waiting: Mutex::new(Vec::new()) }
    }

    /// Reads the records `from` to `last`, both included and known to be stored.
    pub(super) async fn read(&self, from: u64, last: u64) -> Result<Vec<StoredRecord>, LogError> {
        let mut found = Vec::new();
        self.each(from, last, &mut |sequence, message| {
            found.push(StoredRecord { sequence, record: record(message) });
        })
        .await?;
        Ok(found)
    }

    /// The same of only the bodies, and the values of one header.
    pub(super) async fn read_bodies(
        &self,
        from: u64,
        last: u64,
        header: &str,
    ) -> Result<Bodies, LogError> {
        let mut bodies = Bodies::default();
        self.each(from, last, &mut |sequence, message| {
            let value = message.headers.as_ref().and_then(|headers| headers.get(header));
            bodies.push(sequence, value.map(|value| value.as_str().as_bytes()), &message.payload);
        })
        .await?;
        Ok(bodies)
    }

    /// Shows such records to `see`, in order.
    async fn each(
        &self,
        from: u64,
        last: u64,
        see: &mut (dyn FnMut(u64, Message) + Send),
    ) -> Result<(), LogError> {
        let mut next = from;
        let mut failures = 0;
        let mut cursor = self.take(from);
        while next <= last {
            let mut current = match cursor.take() {
                Some(cursor) => cursor,
                None => match self.create(next).await {
                    Ok(cursor) => cursor,
                    Err(reason) => {
                        self.fail(&mut failures, &reason).await?;
                        continue;
                    }
                },
            };
            let stop = current.pull(last, see).await;
            if current.next > next {
                failures = 0;
            }
            next = current.next;
            match stop {
                Stop::Complete => cursor = Some(current),
                Stop::Broken(reason) => self.fail(&mut failures, &reason).await?,
                Stop::Hole(instead) => return Err(self.hole(next, instead)),
            }
        }
        if let Some(cursor) = cursor {
            self.put(cursor);
        }
        Ok(())
    }

    async fn create(&self, next: u64) -> Result<Cursor, String> {
        let config = pull::Config {
            description: Some("a reader of the ledger".to_owned()),
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: next },
            ack_policy: AckPolicy::None,
            inactive_threshold: IDLE,
            num_replicas: 1,
            memory_storage: true,
            ..pull::Config::default()
        };
        let connects = connects(&self.context.client());
        let creating = self.context.create_consumer_on_stream(config, self.stream.as_str());
        match timeout(RECORD_PATIENCE, creating).await {
            Ok(Ok(consumer)) => Ok(Cursor { consumer, next, fresh: true, connects }),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("no cursor came to be".to_owned()),
        }
    }

    /// Gives up after too many failures, else waits for a cluster to find itself again.
    async fn fail(&self, failures: &mut u32, reason: &str) -> Result<(), LogError> {
        *failures += 1;
        if *failures >= FAILURES_MAX {
            return Err(LogError::Unavailable {
                what: format!("stream {}", self.stream),
                reason: format!("it cannot be read: {reason}; check the servers and read again"),
            });
        }
        tokio::time::sleep(FAILURE_PAUSE * *failures).await;
        Ok(())
    }

    fn hole(&self, wanted: u64, instead: u64) -> LogError {
        LogError::Corrupt {
            what: format!("stream {}", self.stream),
            at: wanted,
            reason: format!(
                "this record is missing, the next one is {instead}: events were removed or lost. \
                 Stop, keep the servers' files, and restore the stream from a replica or a backup"
            ),
        }
    }

    fn take(&self, from: u64) -> Option<Cursor> {
        let connects = connects(&self.context.client());
        let mut waiting = self.waiting();
        waiting.retain(|cursor| cursor.connects == connects);
        let place = waiting.iter().position(|cursor| cursor.next == from)?;
        Some(waiting.remove(place))
    }

    fn put(&self, cursor: Cursor) {
        let mut waiting = self.waiting();
        if waiting.len() >= CURSORS_MAX {
            // The oldest; the server forgets its consumer by itself.
            waiting.remove(0);
        }
        waiting.push(cursor);
    }

    /// Nothing can panic while the lock is held, so its poison means nothing.
    fn waiting(&self) -> MutexGuard<'_, Vec<Cursor>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cursor {
    async fn pull(&mut self, last: u64, see: &mut (dyn FnMut(u64, Message) + Send)) -> Stop {
        let missing = last.saturating_sub(self.next).saturating_add(1);
        let wanted = usize::try_from(missing).unwrap_or(usize::MAX).min(PULL_RECORDS_MAX);
        let pulling = self
            .consumer
            .batch()
            .max_messages(wanted)
            .max_bytes(PULL_BYTES_MAX)
            .expires(RECORD_PATIENCE)
            .messages();
        let mut messages = match pulling.await {
            Ok(messages) => messages,
            Err(error) => return Stop::Broken(error.to_string()),
        };
        let before = self.next;
        for _ in 0..wanted {
            let message = match timeout(RECORD_PATIENCE, messages.next()).await {
                Ok(Some(Ok(message))) => message,
                // The bytes of one pull are used up: go on with the next one.
                Ok(Some(Err(_)) | None) if self.next > before => return Stop::Complete,
                Ok(Some(Err(error))) => return Stop::Broken(error.to_string()),
                Ok(None) => return Stop::Broken("the cursor has nothing more".to_owned()),
                Err(_) => return Stop::Broken("the next record did not come".to_owned()),
            };
            let sequence = match message.info() {
                Ok(info) => info.stream_sequence,
                Err(error) => return Stop::Broken(error.to_string()),
            };
            if sequence != self.next {
                return if self.fresh {
                    Stop::Hole(sequence)
                } else {
                    Stop::Broken(format!("it continued at {sequence}"))
                };
            }
            self.fresh = false;
            self.next = sequence.saturating_add(1);
            see(sequence, message.message);
        }
        Stop::Complete
    }
}

fn record(message: Message) -> Record {
    Record {
        headers: headers::from_server(message.headers.as_ref()),
        subject: message.subject.into_string(),
        body: message.payload.into(),
    }
}
