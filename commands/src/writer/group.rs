//! One group: commands decided one after another, their events appended as one.

use ledger_core::command::{Command, CommandData};
use ledger_core::decide::decide;
use ledger_core::event::Event;
use ledger_core::id::Identifier;
use ledger_core::limits::{COMMAND_EVENTS_MAX, GROUP_BYTES_MAX, GROUP_RECORDS_MAX};
use ledger_core::log::Record;
use ledger_core::log::bounds::record_bytes;
use ledger_core::rejection::{Code, Rejection};
use schemas::record::{EncodeContext, decode, encode};
use schemas::reply::Reply;
use tracing::error;

use crate::clock;
use crate::standing::Answered;
use crate::writer::tail::opens_book;
use crate::writer::{Job, Writer};

/// A job with the reply that holds once its group is stored.
struct Entry {
    job: Job,
    reply: Vec<u8>,
    /// Whether it is the command that its id stands for, with events of its own.
    is_stored: bool,
    is_refusal: bool,
}

/// Commands that were decided one after another, and the records that they make.
#[derive(Default)]
pub(super) struct Group {
    records: Vec<Record>,
    bytes: usize,
    /// The last event in front of the group.
    expected: u64,
    /// Also replies that need nothing to be stored: they must not overtake what they were decided
    /// on.
    entries: Vec<Entry>,
}

/// What deciding a command came to.
enum Decided {
    /// Its events are in the group; the reply holds once they are stored.
    Stored(Vec<u8>),
    /// A refusal, which stores nothing.
    Refused(Vec<u8>),
    /// The reply is to be read from the log.
    Again(Answered),
}

impl Group {
    /// Whether nobody waits for it.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether it has nothing to store.
    pub(super) fn is_only_replies(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether another command may not fit.
    pub(super) fn is_full(&self) -> bool {
        self.records.len() + COMMAND_EVENTS_MAX > GROUP_RECORDS_MAX
            || self.bytes >= GROUP_BYTES_MAX / 2
            || self.entries.len() >= GROUP_RECORDS_MAX
    }

    /// Whether a reply in it refuses, which is only right on all that the log holds.
    pub(super) fn has_refusals(&self) -> bool {
        self.entries.iter().any(|entry| entry.is_refusal)
    }

    /// What to append, and behind which event.
    pub(super) fn take_records(&mut self) -> (u64, Vec<Record>) {
        (self.expected, std::mem::take(&mut self.records))
    }

    /// Answers everybody.
    pub(super) fn answer(self) {
        for Entry { job, reply, .. } in self.entries {
            job.answer(reply);
        }
    }

    /// The jobs, to be decided again.
    pub(super) fn into_jobs(self) -> impl Iterator<Item = Job> {
        self.entries.into_iter().map(|entry| entry.job)
    }

    /// The reply to the command of this group that took the id. The same id may stand here more
    /// than once: refused before it was accepted, or sent again.
    pub(super) fn reply_to(&self, id: &Identifier) -> Option<&[u8]> {
        let entry = self.entries.iter().find(|one| one.is_stored && one.job.command.id == *id);
        entry.map(|entry| entry.reply.as_slice())
    }
}

impl Job {
    /// Answers the caller. One that went away gets the same reply when it sends the id again.
    fn answer(self, reply: Vec<u8>) {
        if self.answer.send(reply).is_err() {
            tracing::debug!(id = %self.command.id, "a caller did not wait for its reply");
        }
    }

    /// Tells the caller that nobody knows.
    pub(super) fn answer_unknown(self, problem: &str) {
        let message = format!("{problem}; send the command again with the same id");
        let rejection = Rejection::new(Code::CommandOutcomeUnknown, message);
        let reply = Reply::rejected(Some(self.command.id.as_str()), &rejection).to_bytes();
        self.answer(reply);
    }
}

impl Writer {
    /// Decides a command on the state behind the group, and adds it. `in_flight` is the group in
    /// front of it, which is not stored yet.
    pub(super) async fn decide_into(
        &mut self,
        group: &mut Group,
        job: Job,
        in_flight: Option<&Group>,
    ) {
        if group.records.is_empty() {
            group.expected = self.standing.sequence;
        }
        let decided = self.decide(&mut group.records, &mut group.bytes, &job);
        let is_stored = matches!(decided, Decided::Stored(_));
        let is_refusal = matches!(decided, Decided::Refused(_));
        let reply = match decided {
            Decided::Stored(reply) | Decided::Refused(reply) => Some(reply),
            Decided::Again(answered) => {
                let waiting = group
                    .reply_to(&job.command.id)
                    .or_else(|| in_flight.and_then(|group| group.reply_to(&job.command.id)));
                match waiting {
                    Some(reply) => Some(reply.to_vec()),
                    None => self.read_reply(&answered).await,
                }
            }
        };
        match reply {
            Some(reply) => group.entries.push(Entry { job, reply, is_stored, is_refusal }),
            None => job.answer_unknown("the log cannot be read"),
        }
    }

    fn decide(&mut self, records: &mut Vec<Record>, bytes: &mut usize, job: &Job) -> Decided {
        let command = &job.command;
        let refuse = |rejection: &Rejection| {
            Decided::Refused(Reply::rejected(Some(command.id.as_str()), rejection).to_bytes())
        };
        match self.standing.answered(command) {
            Ok(None) => {}
            Ok(Some(answered)) => return Decided::Again(answered.clone()),
            Err(rejection) => return refuse(&rejection),
        }
        let decided = self
            .zone_exists(command)
            .and_then(|()| decide(&self.book, &self.standing.ledger, command));
        let new = match decided {
            Ok(new) if new.len() <= COMMAND_EVENTS_MAX => new,
            Ok(_) => {
                let message = "the command has more events than one group takes; split it";
                return refuse(&Rejection::new(Code::CommandTooLarge, message));
            }
            Err(rejection) => return refuse(&rejection),
        };
        let events = self.standing.envelope(&self.book, command, new, self.clock.now());
        match self.encode(&events, job.traceparent.as_deref()) {
            Ok((encoded, chain)) => {
                *bytes += encoded.iter().map(record_bytes).sum::<usize>();
                records.extend(encoded);
                for event in &events {
                    self.standing.fold(event);
                }
                self.standing.chain = chain;
                if events.iter().any(|event| opens_book(&event.data)) {
                    self.tell_time_zone();
                }
                Decided::Stored(Reply::from_events(&self.book, self.shard, &events).to_bytes())
            }
            Err(error) => refuse(&Rejection::new(Code::CommandTooLarge, error.to_string())),
        }
    }

    /// A zone that does not exist is refused before the book is opened in it.
    fn zone_exists(&self, command: &Command) -> Result<(), Rejection> {
        match &command.data {
            CommandData::OpenBook(open) => {
                let zone = open.time_zone.as_deref().unwrap_or("UTC");
                clock::today(self.clock.as_ref(), zone).map(|_| ())
            }
            CommandData::DefineProduct(_)
            | CommandData::RegisterCustomer(_)
            | CommandData::PlaceOrder(_)
            | CommandData::AmendOrder(_)
            | CommandData::IssueInvoice(_)
            | CommandData::OpenDispute(_)
            | CommandData::ResolveDispute(_)
            | CommandData::RecordPayment(_)
            | CommandData::AllocatePayment(_)
            | CommandData::IssueCredit(_)
            | CommandData::ApplyCredit(_) => Ok(()),
        }
    }

    fn encode(
        &self,
        events: &[Event],
        traceparent: Option<&str>,
    ) -> Result<(Vec<Record>, schemas::chain::Chain), schemas::record::EncodeError> {
        let mut chain = self.standing.chain;
        let mut records = Vec::with_capacity(events.len());
        for event in events {
            let context = EncodeContext { book: &self.book, shard: self.shard, chain, traceparent };
            let (record, through) = encode(event, &context)?;
            records.push(record);
            chain = through;
        }
        Ok((records, chain))
    }

    /// Answers a command of the past.
    pub(super) async fn answer_from_log(&self, job: Job, answered: &Answered) {
        match self.read_reply(answered).await {
            Some(reply) => job.answer(reply),
            None => job.answer_unknown("the log cannot be read"),
        }
    }

    /// The reply to a command of the past, from its events in the log: the same bytes.
    async fn read_reply(&self, answered: &Answered) -> Option<Vec<u8>> {
        let count = usize::try_from(answered.last - answered.first + 1).ok()?;
        let stored = match self.log.read(answered.first, count).await {
            Ok(stored) => stored,
            Err(failure) => {
                error!(%failure, "a reply of the past cannot be read");
                return None;
            }
        };
        let events: Result<Vec<Event>, _> = stored.iter().map(decode).collect();
        Some(Reply::from_events(&self.book, self.shard, &events.ok()?).to_bytes())
    }
}
