//! One group: commands decided one after another, their events appended as one.

use ledger_core::command::{Command, CommandData};
use ledger_core::decide::decide;
use ledger_core::event::Event;
use ledger_core::limits::{COMMAND_EVENTS_MAX, GROUP_BYTES_MAX, GROUP_RECORDS_MAX};
use ledger_core::log::bounds::record_bytes;
use ledger_core::log::{AppendError, Record};
use ledger_core::rejection::{Code, Rejection};
use schemas::record::{EncodeContext, decode, encode};
use schemas::reply::Reply;
use tokio::sync::{mpsc, oneshot};
use tracing::{error, warn};

use crate::clock;
use crate::standing::{Answered, Standing};
use crate::writer::tail::opens_book;
use crate::writer::{Job, Writer};

/// Attempts to store a group before its callers are told that the outcome is not known.
const ATTEMPTS_MAX: usize = 3;

/// A reply that waits until the group is durable.
type Waiting = (oneshot::Sender<Vec<u8>>, Vec<u8>);

/// The records of a group, and whom to answer when they are stored.
#[derive(Default)]
struct Group {
    records: Vec<Record>,
    bytes: usize,
    /// Commands whose events are in this group, for another attempt.
    jobs: Vec<(Job, Vec<u8>)>,
    /// Answers that need nothing to be stored, but must not overtake the group that they read.
    waiting: Vec<Waiting>,
}

/// What deciding a command came to.
enum Decided {
    /// Its events are in the group; the reply holds once they are stored.
    Stored(Vec<u8>),
    /// A reply that changes nothing.
    Reply(Vec<u8>),
    /// The reply is to be read from the log.
    Again(Answered),
}

impl Writer {
    /// Takes commands until every handle is gone.
    pub(super) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut next = Vec::with_capacity(GROUP_RECORDS_MAX);
        while jobs.recv_many(&mut next, GROUP_RECORDS_MAX).await > 0 {
            let mut left: std::collections::VecDeque<Job> = next.drain(..).collect();
            while !left.is_empty() {
                self.group(&mut left).await;
            }
        }
    }

    /// Decides as many commands as one group takes, appends it, and answers.
    async fn group(&mut self, jobs: &mut std::collections::VecDeque<Job>) {
        let mut attempts = 0;
        if !self.is_current && !self.recover_state().await {
            let problem = AppendError::Unknown { reason: "the log cannot be read".to_owned() };
            for job in jobs.drain(..) {
                let reply = unknown(&job.command, &problem);
                answer(vec![(job.answer, reply)]);
            }
            return;
        }
        loop {
            let expected = self.standing.sequence;
            let mut group = Group::default();
            while group.records.len() + COMMAND_EVENTS_MAX.min(16) <= GROUP_RECORDS_MAX
                && group.bytes < GROUP_BYTES_MAX / 2
                && let Some(job) = jobs.pop_front()
            {
                self.decide_into(&mut group, job, expected).await;
            }
            if group.records.is_empty() {
                answer(group.waiting);
                return;
            }
            let records = std::mem::take(&mut group.records);
            match self.log.append(expected, records).await {
                Ok(_) => {
                    answer(
                        group.jobs.into_iter().map(|(job, reply)| (job.answer, reply)).collect(),
                    );
                    answer(group.waiting);
                    self.tell_time_zone();
                    return;
                }
                Err(problem) => {
                    attempts += 1;
                    for (job, _) in group.jobs.into_iter().rev() {
                        jobs.push_front(job);
                    }
                    // Dropped answers of duplicates: their callers send the same id again.
                    drop(group.waiting);
                    if !self.recover(&problem, attempts).await {
                        for job in jobs.drain(..) {
                            let reply = unknown(&job.command, &problem);
                            answer(vec![(job.answer, reply)]);
                        }
                        return;
                    }
                }
            }
        }
    }

    /// After anything but "stored": throws the state away and folds what the log really holds.
    /// Whether another attempt makes sense.
    async fn recover(&mut self, problem: &AppendError, attempts: usize) -> bool {
        warn!(%problem, "an append did not end as stored; reading the log again");
        self.recover_state().await && attempts < ATTEMPTS_MAX
    }

    /// Folds the log into a fresh state; whether that went well. Nothing is decided on a state
    /// that is not the log's.
    async fn recover_state(&mut self) -> bool {
        self.standing = Standing::default();
        self.is_current = match self.catch_up().await {
            Ok(()) => true,
            Err(failure) => {
                error!(%failure, "the log cannot be read");
                false
            }
        };
        self.is_current
    }

    async fn decide_into(&mut self, group: &mut Group, job: Job, expected: u64) {
        match self.decide(&mut group.records, &mut group.bytes, &job) {
            Decided::Stored(reply) => group.jobs.push((job, reply)),
            Decided::Reply(reply) => group.waiting.push((job.answer, reply)),
            Decided::Again(answered) => {
                let pending = answered.first > expected;
                let reply = if pending {
                    let same = group.jobs.iter().find(|(one, _)| one.command.id == job.command.id);
                    same.map(|(_, reply)| reply.clone())
                } else {
                    self.read_reply(&answered).await
                };
                if let Some(reply) = reply {
                    group.waiting.push((job.answer, reply));
                }
            }
        }
    }

    fn decide(&mut self, records: &mut Vec<Record>, bytes: &mut usize, job: &Job) -> Decided {
        let command = &job.command;
        let refuse = |rejection: &Rejection| {
            Decided::Reply(Reply::rejected(Some(command.id.as_str()), rejection).to_bytes())
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
            Ok(new) if new.len() <= COMMAND_EVENTS_MAX.min(16) => new,
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

fn answer(waiting: Vec<Waiting>) {
    for (sender, reply) in waiting {
        // A caller that went away gets the same reply when it sends the id again.
        if sender.send(reply).is_err() {
            tracing::debug!("a caller did not wait for its reply");
        }
    }
}

fn unknown(command: &Command, problem: &AppendError) -> Vec<u8> {
    let message = format!("{problem}; send the command again with the same id");
    let rejection = Rejection::new(Code::CommandOutcomeUnknown, message);
    Reply::rejected(Some(command.id.as_str()), &rejection).to_bytes()
}
