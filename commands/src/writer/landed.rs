//! What became of a group: it was stored, or the log is read again and the commands are decided once
//! more.

use ledger_core::log::{AppendError, LogError};
use tracing::{error, warn};

use crate::planted::{self, Planted};
use crate::writer::flight::Landing;
use crate::writer::group::Group;
use crate::writer::run::Pipeline;
use crate::writer::{Writer, WriterError};

/// Attempts to store a group before its callers are told that the outcome is not known.
const ATTEMPTS_MAX: usize = 3;
/// The same where another writer was faster, which is known: each attempt has read what it wrote.
pub(super) const RACES_MAX: usize = 16;

impl Writer {
    /// Takes the outcome of the group that was on its way.
    pub(super) async fn landed(
        &mut self,
        pipeline: &mut Pipeline,
        group: Group,
        Landing { outcome, made }: Landing,
    ) {
        self.coming = None;
        let is_made = made.is_some();
        let problem = match (outcome, made) {
            (Ok(last), Some((through, replies))) => {
                self.standing.chain = through;
                self.known = (last, through);
                (pipeline.failures, pipeline.races, self.is_careful) = (0, 0, false);
                if self.holds() {
                    group.answer(replies);
                } else {
                    group.answer_accepted(replies);
                }
                self.tell_time_zone();
                return;
            }
            (Err(problem), _) => problem,
            // What is not made is not stored.
            (Ok(_), None) => {
                AppendError::Unknown { reason: "its records are not known".to_owned() }
            }
        };
        self.is_careful |= !is_made;
        warn!(%problem, "an append did not end as stored; reading the log again");
        if let AppendError::Disk { reason } = &problem {
            // What is stored is known to the next process only: nobody is told anything here.
            let what = self.log.describe();
            self.give_up(LogError::Disk { what, reason: reason.clone() }.into());
            let backlog = std::mem::take(&mut pipeline.backlog);
            let next = std::mem::take(&mut pipeline.next);
            pipeline.backlog = group.into_jobs().chain(next.into_jobs()).chain(backlog).collect();
            return;
        }
        if matches!(problem, AppendError::WrongSequence { .. }) {
            pipeline.races += 1;
        } else {
            pipeline.failures += 1;
        }
        let next = std::mem::take(&mut pipeline.next);
        let backlog = std::mem::take(&mut pipeline.backlog);
        let rest = pipeline.rest.take().map(|rest| rest.job);
        let jobs = group.into_jobs().chain(next.into_jobs()).chain(rest).chain(backlog);
        let is_worth_it = pipeline.failures < ATTEMPTS_MAX && pipeline.races < RACES_MAX;
        let is_recovered = self.recover_state().await;
        if is_recovered && is_worth_it && self.holds() {
            pipeline.backlog = jobs.collect();
            return;
        }
        (pipeline.failures, pipeline.races) = (0, 0);
        let problem = problem.to_string();
        for job in jobs {
            // What did get stored is known by now.
            let unknown = if is_recovered { self.answer_if_stored(job) } else { Some(job) };
            if let Some(job) = unknown {
                job.answer_unknown(&problem);
            }
        }
    }

    /// Folds the log into a fresh state; whether that went well. Nothing is decided on a state
    /// that is not the log's.
    pub(super) async fn recover_state(&mut self) -> bool {
        if planted::is(Planted::KeepsStateAfterFailure) {
            return true;
        }
        self.meter.recovery_begins();
        self.is_current = match self.resume().await {
            Ok(()) => true,
            Err(failure) => {
                error!(%failure, "the log cannot be read");
                self.give_up_where_final(failure);
                false
            }
        };
        self.meter.recovery_ended(self.is_current);
        self.is_current
    }

    /// Says why the writer ends. The first reason is the one that counts.
    fn give_up(&self, why: WriterError) {
        self.fate.send_if_modified(|fate| {
            let is_first = fate.is_none();
            fate.get_or_insert(why);
            is_first
        });
    }

    /// What the failure says, for those who wait.
    pub(super) fn give_up_where_final(&self, failure: WriterError) -> String {
        let problem = failure.to_string();
        if failure.is_final() {
            self.give_up(failure);
        }
        problem
    }

    pub(super) fn fate_told(&self) -> Option<String> {
        self.fate.borrow().as_ref().map(ToString::to_string)
    }
}
