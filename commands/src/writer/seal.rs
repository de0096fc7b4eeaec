//! Turning what was decided into the log's bytes and the callers' replies, beside the writer.
//!
//! Nothing of it is asked for by the next decision, and it takes longer than deciding: so the writer
//! hands it on in pieces while it fills a group, and the task that appends the group does the rest.
//! The chain runs through it in the order of the log: each group waits for the one in front of it.

use ledger_core::event::Event;
use ledger_core::id::Identifier;
use ledger_core::log::Record;
use schemas::chain::Chain;
use schemas::record::{EncodeContext, EncodeError, body, seal};
use schemas::reply::{Reply, ReplyEvent};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::writer::ask::Answer;

/// The events of a command, or a part of them, as they were decided.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) events: Vec<Event>,
    /// Their bodies, where they were written already: as many as there are events, or none.
    pub(super) bodies: Vec<Vec<u8>>,
    pub(super) traceparent: Option<String>,
    /// Whether the command's reply is made from them.
    pub(super) is_replied: bool,
}

/// Why a group cannot be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum SealError {
    /// An event is too large, which should have been known when it was decided.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// What makes the group in front of it ended, and so nothing comes behind it.
    #[error("the group in front was not made")]
    NothingInFront,
}

/// A group's records, as far as they are made.
#[derive(Debug)]
pub(super) struct Sealed {
    book: Identifier,
    shard: u32,
    pub(super) records: Vec<Record>,
    /// Of the drafts that make one, in their order.
    pub(super) replies: Vec<Answer>,
    /// Through the last record.
    pub(super) chain: Chain,
}

impl Sealed {
    fn behind(book: Identifier, shard: u32, chain: Chain) -> Self {
        Self { book, shard, records: Vec::new(), replies: Vec::new(), chain }
    }

    fn add(&mut self, drafts: Vec<Draft>) -> Result<(), EncodeError> {
        for draft in drafts {
            self.add_one(draft)?;
        }
        Ok(())
    }

    fn add_one(&mut self, draft: Draft) -> Result<(), EncodeError> {
        let Draft { events, bodies, traceparent, is_replied } = draft;
        let mut bodies = bodies.into_iter();
        let mut listed = Vec::with_capacity(if is_replied { events.len() } else { 0 });
        for event in &events {
            let body = bodies.next().map_or_else(|| body(event), Ok)?;
            let context = EncodeContext {
                book: &self.book,
                shard: self.shard,
                chain: self.chain,
                traceparent: traceparent.as_deref(),
            };
            let (record, through) = seal(event, body, &context);
            if is_replied {
                listed.push(ReplyEvent {
                    kind: event.data.type_name().to_owned(),
                    sequence: event.sequence,
                    subject: record.subject.clone(),
                });
            }
            self.records.push(record);
            self.chain = through;
        }
        if let Some(event) = events.first().filter(|_| is_replied) {
            self.replies.push(Reply::stored(&event.command_id, listed).into());
        }
        Ok(())
    }
}

/// The chain in front of a group.
#[derive(Debug)]
pub(super) enum Front {
    /// It is known.
    Known(Chain),
    /// The group in front is still being made.
    Coming(oneshot::Receiver<Chain>),
}

/// The making of a group's records.
#[derive(Debug)]
pub(super) struct Sealing {
    book: Identifier,
    shard: u32,
    front: Option<Front>,
    running: Option<JoinHandle<Result<Sealed, SealError>>>,
}

impl Sealing {
    pub(super) fn new(book: Identifier, shard: u32, front: Front) -> Self {
        Self { book, shard, front: Some(front), running: None }
    }

    /// Goes on with these in the background.
    pub(super) fn go_on(&mut self, drafts: Vec<Draft>) {
        let so_far = Self {
            book: self.book.clone(),
            shard: self.shard,
            front: self.front.take(),
            running: self.running.take(),
        };
        self.running = Some(tokio::spawn(so_far.finish(drafts)));
    }

    /// Waits for what was handed on, and makes the rest.
    pub(super) async fn finish(self, rest: Vec<Draft>) -> Result<Sealed, SealError> {
        let mut sealed = match (self.running, self.front) {
            (Some(running), _) => running.await.map_err(|_| SealError::NothingInFront)??,
            (None, Some(Front::Known(chain))) => Sealed::behind(self.book, self.shard, chain),
            (None, Some(Front::Coming(chain))) => {
                let chain = chain.await.map_err(|_| SealError::NothingInFront)?;
                Sealed::behind(self.book, self.shard, chain)
            }
            (None, None) => return Err(SealError::NothingInFront),
        };
        sealed.add(rest)?;
        Ok(sealed)
    }
}
