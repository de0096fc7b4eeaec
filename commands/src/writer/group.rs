//! One group: commands decided one after another, their events appended as one.

use ledger_core::command::{Command, CommandData};
use ledger_core::decide::{RunPlan, decide, plan_run};
use ledger_core::event::{Event, NewEvent};
use ledger_core::id::Identifier;
use ledger_core::limits::{
    COMMAND_EVENTS_MAX, COMMAND_EVENTS_USUAL, GROUP_BYTES_MAX, GROUP_RECORDS_MAX,
};
use ledger_core::log::Record;
use ledger_core::log::bounds::record_bytes;
use ledger_core::rejection::{Code, Rejection};
use schemas::record::{EncodeContext, encode};
use schemas::reply::Reply;
use tokio::time::Instant;

use crate::clock;
use crate::planted::{self, Planted};
use crate::standing::Answered;
use crate::writer::ask::Answer;
use crate::writer::tail::opens_book;
use crate::writer::{Job, Writer};

const NOTHING: &str = "the command changes nothing, so there is nothing to store";

/// A job with the reply that holds once its group is stored.
struct Entry {
    job: Job,
    reply: Answer,
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
    /// Whether a command waits that needs a group of its own.
    is_closed: bool,
}

/// What deciding a command came to: its reply, which holds once the group is stored.
enum Decided {
    Accepted(Answer),
    /// A refusal, which stores nothing.
    Refused(Answer),
    /// Nothing yet: its events need more room than the group has left.
    NextGroup,
    /// A billing run of more documents than a group takes.
    InParts(Box<RunPlan>),
}

/// What a command makes.
enum Made {
    Events(Vec<NewEvent>),
    Plan(Box<RunPlan>),
}

/// A billing run that was planned, and what of it is in no group yet. Each part that is stored
/// stands: behind a crash the same command finishes the run.
pub(super) struct Rest {
    /// Who waits for the end.
    pub(super) job: Job,
    plan: Box<RunPlan>,
    /// Documents that the group before had no room for.
    waiting: Vec<NewEvent>,
}

impl Group {
    /// Whether nothing is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.records.is_empty()
    }

    /// Whether it has nothing to store.
    pub(super) fn is_only_replies(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether another command may not fit.
    pub(super) fn is_full(&self) -> bool {
        self.is_closed
            || self.records.len() + COMMAND_EVENTS_USUAL > GROUP_RECORDS_MAX
            || self.bytes >= GROUP_BYTES_MAX / 2
            || self.entries.len() >= GROUP_RECORDS_MAX
    }

    /// Whether a reply in it refuses, which is only right on all that the log holds.
    pub(super) fn has_refusals(&self) -> bool {
        self.entries.iter().any(|entry| entry.is_refusal)
    }

    /// The commands in it.
    pub(super) fn commands_count(&self) -> usize {
        self.entries.len()
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

    /// Answers whoever was accepted, which is in the log. What was refused may be otherwise by now,
    /// under another writer.
    pub(super) fn answer_accepted(self) {
        for Entry { job, reply, is_refusal } in self.entries {
            if is_refusal { job.answer_standby() } else { job.answer(reply) }
        }
    }

    /// The jobs, to be decided again.
    pub(super) fn into_jobs(self) -> impl Iterator<Item = Job> {
        self.entries.into_iter().map(|entry| entry.job)
    }
}

impl Job {
    /// Tells the caller that nobody knows.
    pub(super) fn answer_unknown(self, problem: &str) {
        let message = format!("{problem}; send the command again with the same id");
        let rejection = Rejection::new(Code::CommandOutcomeUnknown, message);
        let reply = Reply::rejected(Some(self.command.id.as_str()), &rejection);
        self.answer(reply);
    }
}

impl Writer {
    /// Decides a command on the state behind the group, and adds it; gives back one that the
    /// group has no room for, which is full then.
    pub(super) fn decide_into(
        &mut self,
        group: &mut Group,
        job: Job,
        rest: &mut Option<Rest>,
    ) -> Option<Job> {
        if group.records.is_empty() {
            group.expected = self.standing.sequence;
        }
        let began = Instant::now();
        let decided = self.decide(&mut group.records, &mut group.bytes, &job);
        self.meter.decide.observe_time(began.elapsed());
        let (reply, is_refusal) = match decided {
            Decided::Accepted(reply) => (reply, false),
            Decided::Refused(reply) if planted::is(Planted::RefusalsOvertake) => {
                job.answer(reply);
                return None;
            }
            Decided::Refused(reply) => (reply, true),
            Decided::NextGroup => {
                group.is_closed = true;
                return Some(job);
            }
            Decided::InParts(plan) => {
                *rest = Some(Rest { job, plan, waiting: Vec::new() });
                return None;
            }
        };
        group.entries.push(Entry { job, reply, is_refusal });
        None
    }

    /// Adds a part of a billing run to the group, as much as fits; gives back what is left.
    pub(super) fn add_part(&mut self, group: &mut Group, mut rest: Rest) -> Option<Rest> {
        if group.records.is_empty() {
            group.expected = self.standing.sequence;
        }
        let added = self.add_documents(group, &mut rest);
        if matches!(added, Ok(false)) {
            group.is_closed = true;
            return Some(rest);
        }
        let refusal = added.err();
        let id = &rest.job.command.id;
        let reply = match (refusal, self.standing.answered(&rest.job.command)) {
            (None, Ok(Some(answered))) => self.reply(id, &answered),
            (Some(rejection), _) | (None, Err(rejection)) => {
                Reply::rejected(Some(id.as_str()), &rejection).into()
            }
            (None, Ok(None)) => {
                let rejection = Rejection::new(Code::CommandMalformed, NOTHING);
                Reply::rejected(Some(id.as_str()), &rejection).into()
            }
        };
        group.entries.push(Entry { job: rest.job, reply, is_refusal: false });
        None
    }

    /// Adds the next documents of a run as far as there is room; whether it came to its end.
    fn add_documents(&mut self, group: &mut Group, rest: &mut Rest) -> Result<bool, Rejection> {
        loop {
            if rest.waiting.is_empty() {
                match rest.plan.next_events(&self.standing.ledger)? {
                    Some(documents) => rest.waiting = documents,
                    None => return Ok(true),
                }
            }
            // An invoice and what belongs to it stay together, where a group takes them at all.
            let room = GROUP_RECORDS_MAX.saturating_sub(group.records.len());
            let is_full = group.bytes >= GROUP_BYTES_MAX / 2 || room < rest.waiting.len();
            if is_full && !group.records.is_empty() {
                return Ok(false);
            }
            let fits = rest.waiting.len().min(room);
            let documents: Vec<NewEvent> = rest.waiting.drain(..fits).collect();
            let now = self.clock.now();
            let events = self.standing.envelope(&self.book, &rest.job.command, documents, now);
            let encoded = self.encode(&events, rest.job.traceparent());
            let (encoded, chain) = encoded
                .map_err(|error| Rejection::new(Code::CommandTooLarge, error.to_string()))?;
            group.bytes += encoded.iter().map(record_bytes).sum::<usize>();
            group.records.extend(encoded);
            events.iter().for_each(|event| self.standing.fold(event));
            self.standing.chain = chain;
        }
    }

    fn decide(&mut self, records: &mut Vec<Record>, bytes: &mut usize, job: &Job) -> Decided {
        let command = &job.command;
        let refuse = |rejection: &Rejection| {
            Decided::Refused(Reply::rejected(Some(command.id.as_str()), rejection).into())
        };
        match self.standing.answered(command) {
            Ok(None) => {}
            Ok(Some(_)) if planted::is(Planted::DecidesRepeatsAgain) => {}
            Ok(Some(answered)) => return Decided::Accepted(self.reply(&command.id, &answered)),
            Err(rejection) => return refuse(&rejection),
        }
        let new = match self.decide_events(command) {
            Ok(Made::Events(new)) if new.len() <= COMMAND_EVENTS_MAX => new,
            Ok(Made::Plan(plan)) => return Decided::InParts(plan),
            Ok(Made::Events(_)) => {
                let message = "the command has more events than one group takes; split it";
                return refuse(&Rejection::new(Code::CommandTooLarge, message));
            }
            Err(rejection) => return refuse(&rejection),
        };
        if records.len() + new.len() > GROUP_RECORDS_MAX {
            return Decided::NextGroup;
        }
        let events = self.standing.envelope(&self.book, command, new, self.clock.now());
        match self.encode(&events, job.traceparent()) {
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
                match self.standing.answered(command) {
                    Ok(Some(answered)) => Decided::Accepted(self.reply(&command.id, &answered)),
                    // A decision without events would leave nothing to answer from.
                    Ok(None) => refuse(&Rejection::new(Code::CommandMalformed, NOTHING)),
                    Err(rejection) => refuse(&rejection),
                }
            }
            Err(error) => refuse(&Rejection::new(Code::CommandTooLarge, error.to_string())),
        }
    }

    /// The events of a command; of a billing run of more than a group takes, its plan.
    fn decide_events(&self, command: &Command) -> Result<Made, Rejection> {
        self.zone_exists(command)?;
        let ledger = &self.standing.ledger;
        if !matches!(command.data, CommandData::RunBilling(_)) {
            return decide(&self.book, ledger, command).map(Made::Events);
        }
        let plan = plan_run(&self.book, ledger, command)?;
        if plan.documents_count() < COMMAND_EVENTS_MAX && !plan.gives_back() {
            let events = plan.into_events(ledger)?;
            if events.len() <= COMMAND_EVENTS_MAX {
                return Ok(Made::Events(events));
            }
        } else {
            return Ok(Made::Plan(Box::new(plan)));
        }
        // Its documents use, or are, more credits than they are invoices.
        plan_run(&self.book, ledger, command).map(|plan| Made::Plan(Box::new(plan)))
    }

    /// A zone that does not exist is refused before the book is opened in it.
    fn zone_exists(&self, command: &Command) -> Result<(), Rejection> {
        let CommandData::OpenBook(open) = &command.data else { return Ok(()) };
        let zone = open.time_zone.as_deref().unwrap_or("UTC");
        clock::today(self.clock.as_ref(), zone).map(|_| ())
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

    /// The reply to a command that was accepted, now or in the past: the same bytes.
    fn reply(&self, id: &Identifier, answered: &Answered) -> Answer {
        let events = answered.events.iter().map(|(at, kind, document)| (*at, *kind, document));
        Reply::accepted(&self.book, self.shard, id, events).into()
    }

    /// Answers a command that turned out to be in the log; gives back one that did not.
    pub(super) fn answer_if_stored(&self, job: Job) -> Option<Job> {
        match self.standing.answered(&job.command) {
            Ok(Some(answered)) => {
                let reply = self.reply(&job.command.id, &answered);
                job.answer(reply);
                None
            }
            Ok(None) | Err(_) => Some(job),
        }
    }
}
