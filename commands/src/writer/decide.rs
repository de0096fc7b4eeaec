//! Deciding commands into a group, one after another, each on the state behind the one before.

use ledger_core::command::{Command, CommandData};
use ledger_core::decide::{RunPlan, decide, plan_run};
use ledger_core::event::{Event, NewEvent};
use ledger_core::id::Identifier;
use ledger_core::limits::{
    COMMAND_EVENTS_MAX, EVENT_BYTES_MAX, GROUP_BYTES_MAX, GROUP_RECORDS_MAX,
};
use ledger_core::rejection::{Code, Rejection};
use schemas::record::{EncodeError, body};
use schemas::reply::Reply;
use tokio::time::Instant;

use crate::clock;
use crate::planted::{self, Planted};
use crate::standing::Answered;
use crate::writer::ask::Answer;
use crate::writer::group::{Entry, Group, Held, Rest};
use crate::writer::seal::{Draft, Front, Sealing};
use crate::writer::tail::opens_book;
use crate::writer::{Job, Writer};

const NOTHING: &str = "the command changes nothing, so there is nothing to store";
/// Events that wait to be made records before they are handed on, while the group grows.
const HANDED_ON_AT_ONCE: usize = 64;
/// A record has so many bytes at most beside its body, when its body was written already.
const BESIDE_THE_BODY: usize = 4_096;

/// What deciding a command came to.
enum Decided {
    /// Its reply, which holds once the group is stored.
    Held(Held),
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

impl Writer {
    /// Decides a command on the state behind the group, and adds it; gives back one that the
    /// group has no room for, which is full then.
    pub(super) fn decide_into(
        &mut self,
        group: &mut Group,
        job: Job,
        rest: &mut Option<Rest>,
    ) -> Option<Job> {
        if group.events == 0 {
            group.expected = self.standing.sequence;
        }
        let began = Instant::now();
        let decided = self.decide(group, &job);
        self.meter.decide.observe_time(began.elapsed());
        let reply = match decided {
            Decided::Held(Held::Refused(reply)) if planted::is(Planted::RefusalsOvertake) => {
                job.answer(reply);
                return None;
            }
            Decided::Held(reply) => reply,
            Decided::NextGroup => {
                group.is_closed = true;
                return Some(job);
            }
            Decided::InParts(plan) => {
                *rest = Some(Rest { job, plan, waiting: Vec::new() });
                return None;
            }
        };
        group.entries.push(Entry { job, reply });
        None
    }

    /// Adds a part of a billing run to the group, as much as fits; gives back what is left.
    pub(super) fn add_part(&mut self, group: &mut Group, mut rest: Rest) -> Option<Rest> {
        if group.events == 0 {
            group.expected = self.standing.sequence;
        }
        let added = self.add_documents(group, &mut rest);
        if matches!(added, Ok(false)) {
            (group.is_closed, group.goes_on) = (true, true);
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
        group.entries.push(Entry { job: rest.job, reply: Held::Ready(reply) });
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
            let room = GROUP_RECORDS_MAX.saturating_sub(group.events);
            let is_full = group.bytes >= GROUP_BYTES_MAX / 2 || room < rest.waiting.len();
            if is_full && group.events > 0 {
                return Ok(false);
            }
            let fits = rest.waiting.len().min(room);
            let documents: Vec<NewEvent> = rest.waiting.drain(..fits).collect();
            let now = self.clock.now();
            let events = self.standing.envelope(&self.book, &rest.job.command, documents, now);
            self.add_events(group, events, &rest.job, false)?;
        }
    }

    fn decide(&mut self, group: &mut Group, job: &Job) -> Decided {
        let command = &job.command;
        let ready = |reply| Decided::Held(Held::Ready(reply));
        let refuse = |rejection: &Rejection| {
            let reply = Reply::rejected(Some(command.id.as_str()), rejection);
            Decided::Held(Held::Refused(reply.into()))
        };
        match self.standing.answered(command) {
            Ok(None) => {}
            Ok(Some(_)) if planted::is(Planted::DecidesRepeatsAgain) => {}
            Ok(Some(answered)) => return ready(self.reply(&command.id, &answered)),
            Err(rejection) => return refuse(&rejection),
        }
        let new = match self.decide_events(command) {
            Ok(Made::Events(new)) if new.is_empty() => {
                return refuse(&Rejection::new(Code::CommandMalformed, NOTHING));
            }
            Ok(Made::Events(new)) if new.len() <= COMMAND_EVENTS_MAX => new,
            Ok(Made::Plan(plan)) => return Decided::InParts(plan),
            Ok(Made::Events(_)) => {
                let message = "the command has more events than one group takes; split it";
                return refuse(&Rejection::new(Code::CommandTooLarge, message));
            }
            Err(rejection) => return refuse(&rejection),
        };
        if group.events + new.len() > GROUP_RECORDS_MAX {
            return Decided::NextGroup;
        }
        let events = self.standing.envelope(&self.book, command, new, self.clock.now());
        let opens = events.iter().any(|event| opens_book(&event.data));
        // A run that was cut off has events in front of these, which are part of its reply.
        let is_replied = !matches!(command.data, CommandData::RunBilling(_));
        if let Err(rejection) = self.add_events(group, events, job, is_replied) {
            return refuse(&rejection);
        }
        if opens {
            self.tell_time_zone();
        }
        if is_replied {
            return Decided::Held(Held::Made);
        }
        match self.standing.answered(command) {
            Ok(Some(answered)) => ready(self.reply(&command.id, &answered)),
            Ok(None) => refuse(&Rejection::new(Code::CommandMalformed, NOTHING)),
            Err(rejection) => refuse(&rejection),
        }
    }

    /// Folds decided events and puts them into the group. What could be too large for the log is
    /// written here; all else where the group is made.
    fn add_events(
        &mut self,
        group: &mut Group,
        events: Vec<Event>,
        job: &Job,
        is_replied: bool,
    ) -> Result<(), Rejection> {
        let at_most = if self.is_careful { None } else { at_most(&events) };
        let (bodies, bytes) = match at_most {
            Some(bytes) => (Vec::new(), bytes),
            None => {
                let bodies = written(&events);
                let bodies = bodies
                    .map_err(|error| Rejection::new(Code::CommandTooLarge, error.to_string()))?;
                let bytes = bodies.iter().map(|body| body.len() + BESIDE_THE_BODY).sum();
                (bodies, bytes)
            }
        };
        events.iter().for_each(|event| self.standing.fold(event));
        group.events += events.len();
        group.bytes += bytes;
        group.drafted += events.len();
        let traceparent = job.traceparent().map(str::to_owned);
        group.drafts.push(Draft { events, bodies, traceparent, is_replied });
        // Of a full group nothing is left to do when its turn comes.
        if group.drafted >= HANDED_ON_AT_ONCE || group.is_full() {
            let (sealing, drafts) = group.take_drafts();
            let mut sealing = sealing.unwrap_or_else(|| self.sealing());
            sealing.go_on(drafts);
            group.sealing = Some(sealing);
        }
        Ok(())
    }

    /// The making of a group behind the one on its way, or behind all that is stored.
    pub(super) fn sealing(&mut self) -> Sealing {
        let front = self.coming.take().map_or(Front::Known(self.standing.chain), Front::Coming);
        Sealing::new(self.book.clone(), self.shard, front)
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

/// What the events take at most together, where each is surely small enough for the log.
fn at_most(events: &[Event]) -> Option<usize> {
    if planted::is(Planted::TakesEveryEventForSmall) {
        return Some(0);
    }
    events.iter().try_fold(0, |sum: usize, event| {
        let bytes = event.bytes_at_most().filter(|bytes| *bytes <= EVENT_BYTES_MAX)?;
        Some(sum + bytes)
    })
}

fn written(events: &[Event]) -> Result<Vec<Vec<u8>>, EncodeError> {
    events.iter().map(body).collect()
}
