//! The domain bound to esrs: the book as an aggregate, and any event log as its store.
//!
//! The daemon's writer groups commands and answers from the log; this binding is for programs that
//! are built on esrs and want the same events, byte for byte, through an `AggregateManager`.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use esrs::store::{EventStore, EventStoreLockGuard, StoreEvent, UnlockOnDrop};
use esrs::{Aggregate, AggregateState};
use ledger_core::command::Command;
use ledger_core::decide::decide;
use ledger_core::event::Event;
use ledger_core::id::Identifier;
use ledger_core::log::{AppendError, LogError, Record, SharedLog};
use ledger_core::rejection::Rejection;
use schemas::chain::{CHAIN_HEADER, Chain};
use schemas::record::{DecodeError, EncodeContext, EncodeError, decode, encode};
use time::OffsetDateTime;
use tokio::sync::{Mutex, OwnedMutexGuard};
use uuid::Uuid;

use crate::standing::Standing;

/// Records that are read at a time.
const BATCH: usize = 10_000;

/// A book as an aggregate: `decide` and `apply`, with the envelope that makes an event whole.
#[derive(Debug, Clone, Copy)]
pub struct Book;

/// A command with what the core takes as values: the book and the time.
#[derive(Debug, Clone)]
pub struct BookCommand {
    /// The book.
    pub book: Identifier,
    /// The command.
    pub command: Command,
    /// Now, in UTC.
    pub now: OffsetDateTime,
}

impl Aggregate for Book {
    const NAME: &'static str = "book";
    type State = Standing;
    type Command = BookCommand;
    type Event = Event;
    type Error = Rejection;

    /// Decides a command. One that was accepted before makes no event again.
    fn handle_command(state: &Standing, command: BookCommand) -> Result<Vec<Event>, Rejection> {
        let BookCommand { book, command, now } = command;
        if state.answered(&command)?.is_some() {
            return Ok(Vec::new());
        }
        let new = decide(&book, &state.ledger, &command)?;
        Ok(state.envelope(&book, &command, new, now))
    }

    fn apply_event(mut state: Standing, event: Event) -> Standing {
        state.fold(&event);
        state
    }
}

/// The aggregate's id of a book: the same name, the same id.
pub fn aggregate_id(book: &Identifier) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("book\u{0}{}", book.as_str()).as_bytes())
}

/// An operation of the store that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// An event of the log cannot be decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// An event cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The events were not stored: on a wrong sequence, load the aggregate and decide again.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The log keeps one book, and this is another aggregate.
    #[error("{log} keeps the aggregate {kept}, not {asked}")]
    OtherAggregate {
        /// The log.
        log: String,
        /// Its aggregate.
        kept: Uuid,
        /// The one that was asked for.
        asked: Uuid,
    },
    /// An event's hash does not follow from the one before it.
    #[error(
        "{log}: event {sequence} does not follow from the one before it; run `revledger verify`"
    )]
    HistoryChanged {
        /// The log.
        log: String,
        /// The event.
        sequence: u64,
    },
    /// esrs counts events in 31 bits.
    #[error("event {sequence} is beyond what esrs can count; use the writer for this book")]
    TooManyEvents {
        /// The event.
        sequence: u64,
    },
    /// A ledger deletes nothing.
    #[error("events of a ledger are never deleted; correct them with a credit or an amendment")]
    DeleteRefused,
}

/// An event log as an esrs store of one book.
#[derive(Debug, Clone)]
pub struct LogStore {
    book: Identifier,
    shard: u32,
    log: SharedLog,
    lock: Arc<Mutex<()>>,
}

/// Held while somebody works on the aggregate.
struct Held(#[expect(dead_code, reason = "held for its drop")] OwnedMutexGuard<()>);

impl UnlockOnDrop for Held {}

impl LogStore {
    /// A store over the log of a book's shard.
    pub fn new(book: Identifier, shard: u32, log: SharedLog) -> Self {
        Self { book, shard, log, lock: Arc::new(Mutex::new(())) }
    }

    fn check(&self, asked: Uuid) -> Result<(), StoreError> {
        let kept = aggregate_id(&self.book);
        if asked == kept {
            return Ok(());
        }
        Err(StoreError::OtherAggregate { log: self.log.describe(), kept, asked })
    }

    fn store_event(&self, payload: Event) -> Result<StoreEvent<Event>, StoreError> {
        let sequence = payload.sequence;
        let sequence_number =
            i32::try_from(sequence).map_err(|_| StoreError::TooManyEvents { sequence })?;
        Ok(StoreEvent {
            // Our event ids are version 5; a foreign one gets a derived id instead.
            id: payload.id.parse().unwrap_or_else(|_| derived(&payload.id)),
            aggregate_id: aggregate_id(&self.book),
            occurred_on: occurred_on(payload.recorded_at),
            sequence_number,
            version: i32::try_from(payload.data.version()).ok(),
            payload,
        })
    }

    /// The chain through an event of the log.
    async fn chain_through(&self, sequence: u64) -> Result<Chain, StoreError> {
        if sequence == 0 {
            return Ok(Chain::START);
        }
        let found = self.log.read(sequence, 1).await?;
        let headers = found.first().map(|stored| &stored.record.headers);
        headers
            .and_then(|headers| headers.iter().find(|(name, _)| name == CHAIN_HEADER))
            .and_then(|(_, hex)| Chain::from_hex(hex))
            .ok_or_else(|| StoreError::HistoryChanged { log: self.log.describe(), sequence })
    }

    fn encode(&self, mut chain: Chain, events: &[Event]) -> Result<Vec<Record>, EncodeError> {
        let mut records = Vec::with_capacity(events.len());
        for event in events {
            let context =
                EncodeContext { book: &self.book, shard: self.shard, chain, traceparent: None };
            let (record, through) = encode(event, &context)?;
            records.push(record);
            chain = through;
        }
        Ok(records)
    }

    /// Whether the log holds just these records behind `expected`: the outcome of an append that
    /// was not known.
    async fn holds(&self, expected: u64, records: &[Record]) -> Result<bool, LogError> {
        let stored = self.log.read(expected + 1, records.len()).await?;
        Ok(stored.len() == records.len()
            && stored.iter().zip(records).all(|(stored, record)| stored.record.body == record.body))
    }
}

fn derived(id: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, id.as_bytes())
}

fn occurred_on(at: OffsetDateTime) -> DateTime<Utc> {
    DateTime::from_timestamp(at.unix_timestamp(), at.nanosecond()).unwrap_or_default()
}

#[async_trait]
impl EventStore for LogStore {
    type Aggregate = Book;
    type Error = StoreError;

    async fn lock(&self, aggregate_id: Uuid) -> Result<EventStoreLockGuard, StoreError> {
        self.check(aggregate_id)?;
        Ok(EventStoreLockGuard::new(Held(Arc::clone(&self.lock).lock_owned().await)))
    }

    async fn by_aggregate_id(
        &self,
        aggregate_id: Uuid,
    ) -> Result<Vec<StoreEvent<Event>>, StoreError> {
        self.check(aggregate_id)?;
        let mut events = Vec::new();
        let (mut last, mut chain) = (0, Chain::START);
        loop {
            let batch = self.log.read(last + 1, BATCH).await?;
            if batch.is_empty() {
                return Ok(events);
            }
            for stored in &batch {
                let sequence = stored.sequence;
                chain = chain.next(&stored.record.body);
                let headers = &stored.record.headers;
                let written = headers.iter().find(|(name, _)| name == CHAIN_HEADER);
                if sequence != last + 1 || written.is_none_or(|(_, hex)| *hex != chain.to_hex()) {
                    let log = self.log.describe();
                    return Err(StoreError::HistoryChanged { log, sequence });
                }
                events.push(self.store_event(decode(stored)?)?);
                last = sequence;
            }
        }
    }

    async fn persist(
        &self,
        aggregate_state: &mut AggregateState<Standing>,
        events: Vec<Event>,
    ) -> Result<Vec<StoreEvent<Event>>, StoreError> {
        self.check(*aggregate_state.id())?;
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let expected = aggregate_state.inner().sequence;
        let records = self.encode(self.chain_through(expected).await?, &events)?;
        match self.log.append(expected, records.clone()).await {
            Ok(_) => {}
            Err(unknown @ AppendError::Unknown { .. }) => {
                if !self.holds(expected, &records).await? {
                    return Err(unknown.into());
                }
            }
            Err(refused) => return Err(refused.into()),
        }
        events.into_iter().map(|event| self.store_event(event)).collect()
    }

    /// The log itself is what others subscribe to: there is nothing more to publish.
    async fn publish(&self, _: &[StoreEvent<Event>]) {}

    async fn delete(&self, _: Uuid) -> Result<(), StoreError> {
        Err(StoreError::DeleteRefused)
    }
}
