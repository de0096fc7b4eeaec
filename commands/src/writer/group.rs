//! One group: commands that were decided one after another, their events appended as one.

use ledger_core::decide::RunPlan;
use ledger_core::event::NewEvent;
use ledger_core::limits::{COMMAND_EVENTS_USUAL, GROUP_BYTES_MAX, GROUP_RECORDS_MAX};
use ledger_core::rejection::{Code, Rejection};
use schemas::reply::Reply;

use crate::writer::Job;
use crate::writer::ask::Answer;
use crate::writer::seal::{Draft, Sealing};

/// The reply that holds once a group is stored.
pub(super) enum Held {
    Ready(Answer),
    /// It is made with the records: the next one of them.
    Made,
    Refused(Answer),
}

/// A job with its reply.
pub(super) struct Entry {
    pub(super) job: Job,
    pub(super) reply: Held,
}

/// Commands that were decided one after another, and the events that they make.
#[derive(Default)]
pub(super) struct Group {
    /// Events that no task makes records of yet.
    pub(super) drafts: Vec<Draft>,
    pub(super) drafted: usize,
    /// The making of the others.
    pub(super) sealing: Option<Sealing>,
    /// All of its events.
    pub(super) events: usize,
    /// What they take at most.
    pub(super) bytes: usize,
    /// The last event in front of the group.
    pub(super) expected: u64,
    /// Also replies that need nothing to be stored: they must not overtake what they were decided
    /// on.
    pub(super) entries: Vec<Entry>,
    /// Whether a command waits that needs a group of its own.
    pub(super) is_closed: bool,
    /// Whether a billing run that has a part in it goes on behind it.
    pub(super) goes_on: bool,
}

/// A billing run that was planned, and what of it is in no group yet. Each part that is stored
/// stands: behind a crash the same command finishes the run.
pub(super) struct Rest {
    /// Who waits for the end.
    pub(super) job: Job,
    pub(super) plan: Box<RunPlan>,
    /// Documents that the group before had no room for.
    pub(super) waiting: Vec<NewEvent>,
}

impl Group {
    /// Whether nothing is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.events == 0
    }

    /// Whether it has nothing to store.
    pub(super) fn is_only_replies(&self) -> bool {
        self.events == 0
    }

    /// Whether another command may not fit.
    pub(super) fn is_full(&self) -> bool {
        self.is_closed
            || self.events + COMMAND_EVENTS_USUAL > GROUP_RECORDS_MAX
            || self.bytes >= GROUP_BYTES_MAX / 2
            || self.entries.len() >= GROUP_RECORDS_MAX
    }

    /// Whether a reply in it refuses, which is only right on all that the log holds.
    pub(super) fn has_refusals(&self) -> bool {
        self.entries.iter().any(|entry| matches!(entry.reply, Held::Refused(_)))
    }

    /// The commands in it.
    pub(super) fn commands_count(&self) -> usize {
        self.entries.len()
    }

    /// The events in it.
    pub(super) fn events_count(&self) -> usize {
        self.events
    }

    /// Whether a billing run that has a part in it goes on behind it.
    pub(super) fn goes_on(&self) -> bool {
        self.goes_on
    }

    /// Behind which event it is to be appended.
    pub(super) fn expected(&self) -> u64 {
        self.expected
    }

    /// The making of its records, and the events for which that is not begun.
    pub(super) fn take_drafts(&mut self) -> (Option<Sealing>, Vec<Draft>) {
        self.drafted = 0;
        (self.sealing.take(), std::mem::take(&mut self.drafts))
    }

    /// Answers everybody; `made` are the replies that came with the records.
    pub(super) fn answer(self, made: Vec<Answer>) {
        self.answer_each(made, Job::answer);
    }

    /// Answers whoever was accepted, which is in the log. What was refused may be otherwise by now,
    /// under another writer.
    pub(super) fn answer_accepted(self, made: Vec<Answer>) {
        self.answer_each(made, |job, _| job.answer_standby());
    }

    fn answer_each(self, made: Vec<Answer>, refuse: impl Fn(Job, Answer)) {
        let mut made = made.into_iter();
        for Entry { job, reply } in self.entries {
            match reply {
                Held::Ready(reply) => job.answer(reply),
                Held::Made => match made.next() {
                    Some(reply) => job.answer(reply),
                    None => job.answer_unknown("the reply was not made"),
                },
                Held::Refused(reply) => refuse(job, reply),
            }
        }
    }

    /// The jobs, to be decided again.
    pub(super) fn into_jobs(self) -> impl Iterator<Item = Job> {
        self.entries.into_iter().map(|entry| entry.job)
    }
}

impl Job {
    /// Tells the caller that nobody knows.
    pub(super) fn answer_unknown(mut self, problem: &str) {
        self.tell_unknown(problem);
    }

    /// The same, and the command may be decided again. A caller is told once.
    pub(super) fn tell_unknown(&mut self, problem: &str) {
        if self.is_told() {
            return;
        }
        let message = format!("{problem}; send the command again with the same id");
        let rejection = Rejection::new(Code::CommandOutcomeUnknown, message);
        let reply = Reply::rejected(Some(self.command.id.as_str()), &rejection);
        self.tell(reply);
    }
}
