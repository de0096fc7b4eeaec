//! What became of a group: it was stored, or the log is read again and the commands are decided once
//! more.

use std::collections::VecDeque;

use ledger_core::log::{AppendError, LogError};
use tracing::{error, warn};

use crate::planted::{self, Planted};
use crate::writer::flight::Landing;
use crate::writer::group::Group;
use crate::writer::run::Pipeline;
use crate::writer::{Job, Writer, WriterError};

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
                self.let_go(pipeline);
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
            let (sent, behind) = pipeline.take(group);
            pipeline.backlog = sent.into_iter().chain(behind).collect();
            return;
        }
        match &problem {
            // While something is unsettled, that a leader holds it is no race that was lost.
            AppendError::WrongSequence { .. } if !pipeline.is_unsettled() => pipeline.races += 1,
            AppendError::WrongSequence { .. } | AppendError::Refused { .. } => {
                pipeline.failures += 1;
            }
            AppendError::Unknown { .. } | AppendError::Disk { .. } => {
                pipeline.failures += 1;
                pipeline.doubt.get_or_insert(group.expected());
            }
        }
        self.not_stored(pipeline, group, &problem.to_string()).await;
    }

    /// Reads the log again. What is not stored is decided once more, until its callers are told that
    /// nobody knows.
    async fn not_stored(&mut self, pipeline: &mut Pipeline, group: Group, problem: &str) {
        let (sent, behind) = pipeline.take(group);
        let was_unsettled = pipeline.is_unsettled();
        let is_recovered = self.recover(pipeline).await;
        let holds = self.holds();
        if !holds {
            // Whoever writes next has to find out.
            self.let_go(pipeline);
        }
        let is_settled = was_unsettled && !pipeline.is_unsettled();
        let is_worth_it =
            is_settled || pipeline.failures < ATTEMPTS_MAX && pipeline.races < RACES_MAX;
        let gives_up = !is_recovered || !holds || !is_worth_it;
        if is_settled || gives_up {
            (pipeline.failures, pipeline.races) = (0, 0);
        }
        if !gives_up && !pipeline.is_unsettled() {
            let again = |job| if is_settled { self.settled(job) } else { Some(job) };
            pipeline.backlog = sent.into_iter().chain(behind).filter_map(again).collect();
            return;
        }
        let mut kept = VecDeque::new();
        for mut job in self.left_of(sent, is_recovered) {
            if pipeline.doubt.is_some() {
                job.tell_unknown(problem);
                kept.push_back(job);
            } else {
                job.answer_unknown(problem);
            }
        }
        if gives_up {
            self.left_of(behind, is_recovered).for_each(|job| job.answer_unknown(problem));
        } else {
            pipeline.backlog = behind;
        }
        self.keep_unsettled(pipeline, kept);
    }

    /// The jobs that are not stored, as far as that is known; the others are answered.
    fn left_of(
        &self,
        jobs: impl IntoIterator<Item = Job>,
        is_recovered: bool,
    ) -> impl Iterator<Item = Job> {
        let open = move |job| if is_recovered { self.answer_if_stored(job) } else { Some(job) };
        jobs.into_iter().filter_map(open)
    }

    /// Folds the log into a fresh state, which may settle what was sent; whether that went well.
    pub(super) async fn recover(&mut self, pipeline: &mut Pipeline) -> bool {
        let is_recovered = self.recover_state().await;
        if is_recovered {
            self.let_go_where_settled(pipeline);
        }
        is_recovered
    }

    /// Folds the log into a fresh state; whether that went well. Nothing is decided on a state
    /// that is not the log's.
    async fn recover_state(&mut self) -> bool {
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
