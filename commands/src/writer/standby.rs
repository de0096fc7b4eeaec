//! Standing by while another daemon writes the book, and taking up where it stopped.

use std::time::Duration;

use ledger_core::rejection::{Code, Rejection};
use schemas::reply::Reply;
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::planted::{self, Planted};
use crate::writer::run::Pipeline;
use crate::writer::tenure::Role;
use crate::writer::{Job, Writer, WriterError};

/// How often a writer that stands by folds what the other one wrote: there is little left to fold
/// when it takes over.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// After so long it is worth to ask again: another daemon takes over within ten seconds.
const TAKEN_OVER_WITHIN_MS: u64 = 5_000;

/// Why a command that was in the making has no answer.
pub(super) const NO_LONGER: &str = "this daemon no longer writes the book, another one goes on";

impl Writer {
    /// Whether it still has the seat that it took up last, behind which it read the log. Asked
    /// before it decides, before it stores, and before it refuses: it may have stood still.
    pub(super) fn holds(&self) -> bool {
        let is_held = self.term.is_some() && self.term == self.tenure.term();
        is_held || self.term.is_some() && planted::is(Planted::ActsBeyondItsTenure)
    }

    /// Steps down where the seat is gone, and takes it up where there is a new one.
    pub(super) async fn follow_tenure(&mut self, pipeline: &mut Pipeline) {
        if self.term.is_some() && !self.holds() {
            self.step_down(pipeline);
        }
        if self.term.is_none()
            && let Some(term) = self.tenure.term()
        {
            // What is still on its way may never come back: it was sent before the servers were away.
            if let Some(flight) = pipeline.in_flight.take() {
                self.is_current = false;
                flight.group.into_jobs().for_each(|job| job.answer_unknown(NO_LONGER));
            }
            self.take_up(term).await;
        }
    }

    /// Decides nothing more. What is on its way to the log is answered when it has landed.
    pub(super) fn step_down(&mut self, pipeline: &mut Pipeline) {
        let book = self.book.as_str();
        warn!(book, term = self.term, "standing by: another daemon writes, or no server answers");
        self.term = None;
        self.role.send_replace(Role::Standby);
        self.let_go(pipeline);
        let next = std::mem::take(&mut pipeline.next);
        let rest = pipeline.rest.take();
        // What was decided and not sent is in the state, and not in the log.
        self.is_current &= next.is_only_replies() && rest.is_none();
        // Parts of it may be stored.
        rest.into_iter().for_each(|rest| rest.job.answer_unknown(NO_LONGER));
        let backlog = std::mem::take(&mut pipeline.backlog);
        next.into_jobs().chain(backlog).for_each(Job::answer_standby);
    }

    /// Reads what the writers before it stored, and decides behind it from now on.
    async fn take_up(&mut self, term: u64) {
        if let Err(failure) = self.read_on().await {
            // It is read again before the first command is decided.
            warn!(%failure, term, "the log cannot be read just now");
            self.is_current = false;
            self.give_up_where_final(failure);
        }
        self.term = Some(term);
        self.role.send_replace(Role::Writing { term });
        info!(book = self.book.as_str(), term, behind = self.standing.sequence, "writing");
    }

    /// One look at the log, or one command that is refused, or the news of a seat. Whether anybody
    /// can hand something in.
    pub(super) async fn stand_by(&mut self, jobs: &mut mpsc::Receiver<Job>) -> bool {
        tokio::select! {
            biased;
            () = self.tenure.changed() => true,
            job = jobs.recv() => {
                let is_open = job.is_some();
                job.into_iter().for_each(Job::answer_standby);
                is_open
            }
            () = tokio::time::sleep(LOOK_EVERY) => {
                self.look().await;
                true
            }
        }
    }

    async fn look(&mut self) {
        let mut tenure = self.tenure.clone();
        let outcome = tokio::select! {
            biased;
            // A question to servers that are away may take long, and the seat is here by then. What
            // was folded so far stays.
            () = tenure.changed() => return,
            outcome = self.read_on() => outcome,
        };
        if let Err(failure) = outcome {
            warn!(%failure, "cannot follow the log just now");
            self.give_up_where_final(failure);
        }
    }

    async fn read_on(&mut self) -> Result<(), WriterError> {
        if !self.is_current {
            self.resume().await?;
            self.is_current = true;
            return Ok(());
        }
        self.catch_up().await
    }
}

impl Job {
    /// Tells the caller that somebody else decides.
    pub(super) fn answer_standby(self) {
        if self.is_told() {
            return;
        }
        let reply = Reply::rejected(Some(self.command.id.as_str()), &refusal());
        self.answer(reply);
    }
}

/// What a writer says that stands by.
pub(super) fn refusal() -> Rejection {
    let message = "this daemon stands by: another one writes the book, or no server answers; send the \
                   command over NATS or to that daemon, with the same id";
    Rejection::new(Code::BookStandby, message).retry_after_ms(TAKEN_OVER_WITHIN_MS)
}
