//! The writer's loop: while one group is on its way to the log, the next one is decided.
//!
//! The next group stands on the one in front of it. Where that was not stored, both are thrown
//! away with the state, and all their commands are decided again on what the log really holds.

use std::collections::VecDeque;

use ledger_core::limits::GROUP_RECORDS_MAX;
use ledger_core::log::AppendError;
use tokio::sync::mpsc;
use tracing::error;

use crate::planted::{self, Planted};
use crate::writer::flight::{InFlight, Landing};
use crate::writer::group::{Group, Rest};
use crate::writer::unsettled::Unsettled;
use crate::writer::{Job, Writer};

/// Commands that are decided before the group on its way is looked after again.
const DECIDED_AT_ONCE: usize = 64;

/// What the writer has taken and not answered.
#[derive(Default)]
pub(super) struct Pipeline {
    pub(super) in_flight: Option<InFlight>,
    pub(super) next: Group,
    /// The billing run that fills group after group; what waits comes behind it.
    pub(super) rest: Option<Rest>,
    /// Not decided yet.
    pub(super) backlog: VecDeque<Job>,
    /// Behind which event a group was sent of which it is not known whether it is stored.
    pub(super) doubt: Option<u64>,
    /// Its commands, once their callers were told so: all others wait.
    pub(super) unsettled: Option<Unsettled>,
    pub(super) failures: usize,
    pub(super) races: usize,
}

impl Pipeline {
    /// Whether nothing waits to be decided.
    fn is_idle(&self) -> bool {
        self.backlog.is_empty() && self.rest.is_none()
    }

    /// Whether there is something to decide now.
    fn has_more(&self) -> bool {
        !self.waiting().is_empty() && !self.next.is_full()
    }

    fn waiting(&self) -> &VecDeque<Job> {
        self.unsettled.as_ref().map_or(&self.backlog, |unsettled| &unsettled.jobs)
    }

    fn waiting_mut(&mut self) -> &mut VecDeque<Job> {
        self.unsettled.as_mut().map_or(&mut self.backlog, |unsettled| &mut unsettled.jobs)
    }

    /// The next command whose caller still waits for it, or was told that nobody knows: the others were
    /// told that nothing of theirs is stored.
    fn next_job(&mut self) -> Option<Job> {
        while let Some(mut job) = self.waiting_mut().pop_front() {
            if job.take() || planted::is(Planted::DecidesWhatWasGivenUp) {
                return Some(job);
            }
        }
        None
    }

    /// Everything, where the group that was on its way is not known to be stored: the commands of what
    /// was sent, and those behind it, in their order.
    pub(super) fn take(&mut self, group: Group) -> (Vec<Job>, VecDeque<Job>) {
        let goes_on = group.goes_on();
        let (next, backlog) = (std::mem::take(&mut self.next), std::mem::take(&mut self.backlog));
        let rest = self.rest.take().map(|rest| rest.job);
        let mut sent: Vec<Job> = group.into_jobs().collect();
        let mut behind: VecDeque<Job> = next.into_jobs().chain(rest).chain(backlog).collect();
        if goes_on {
            sent.extend(behind.pop_front());
        }
        (sent, behind)
    }
}

impl Writer {
    /// Takes commands until every handle is gone, or nothing can be stored any more, and answers
    /// all of them.
    pub(super) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut pipeline = Pipeline::default();
        let mut taken = Vec::with_capacity(GROUP_RECORDS_MAX);
        let mut is_open = true;
        loop {
            let is_at_rest = pipeline.in_flight.is_none() && pipeline.next.is_empty();
            if is_at_rest
                && (self.is_snapshot_overdue() || pipeline.is_idle() && self.is_snapshot_due())
            {
                self.keep_snapshot().await;
            }
            self.follow_tenure(&mut pipeline).await;
            // Nothing new is decided until what is on its way has landed.
            let waits = self.is_snapshot_overdue();
            if !waits {
                self.fill(&mut pipeline).await;
            }
            if self.term.is_some() && !self.holds() {
                // What waits is refused at once.
                continue;
            }
            if let Some(problem) = self.fate_told() {
                return end(pipeline, jobs, &problem).await;
            }
            match pipeline.in_flight.take() {
                Some(mut flight) => {
                    let wants_more =
                        is_open && pipeline.backlog.is_empty() && !pipeline.next.is_full();
                    let is_busy = !waits && pipeline.has_more();
                    tokio::select! {
                        biased;
                        landing = &mut flight.landing => {
                            let landing = landing.unwrap_or_else(|error| {
                                Landing::not_stored(AppendError::Unknown { reason: error.to_string() })
                            });
                            self.measure(&flight.group, &landing.outcome);
                            self.landed(&mut pipeline, flight.group, landing).await;
                        }
                        count = jobs.recv_many(&mut taken, GROUP_RECORDS_MAX), if wants_more => {
                            is_open = count > 0;
                            pipeline.backlog.extend(taken.drain(..));
                            pipeline.in_flight = Some(flight);
                        }
                        () = self.tenure.changed() => pipeline.in_flight = Some(flight),
                        // There is more to decide: only look, do not wait.
                        () = tokio::task::yield_now(), if is_busy => {
                            pipeline.in_flight = Some(flight);
                        }
                    }
                }
                None if !pipeline.next.is_empty() => self.launch(&mut pipeline).await,
                None if is_open && self.term.is_none() => is_open = self.stand_by(&mut jobs).await,
                None if let Some(until) = pipeline.left_alone_until(is_open) => {
                    is_open = self.leave_alone(until, &mut pipeline, &mut jobs).await;
                }
                None if is_open => tokio::select! {
                    biased;
                    count = jobs.recv_many(&mut taken, GROUP_RECORDS_MAX) => {
                        is_open = count > 0;
                        pipeline.backlog.extend(taken.drain(..));
                    }
                    () = self.tenure.changed() => {}
                },
                None => return self.keep_snapshot_at_end().await,
            }
        }
    }

    /// Decides what waits, as far as the next group goes.
    async fn fill(&mut self, pipeline: &mut Pipeline) {
        if pipeline.pauses() {
            return;
        }
        let is_needed = pipeline.is_unsettled() || !pipeline.backlog.is_empty();
        if !self.is_current && is_needed && !self.recover(pipeline).await {
            for job in pipeline.backlog.drain(..) {
                job.answer_unknown("the log cannot be read");
            }
            return pipeline.stays_unsettled();
        }
        if !self.holds() {
            return;
        }
        self.let_go_where_stuck(pipeline);
        if let Some(rest) = pipeline.rest.take_if(|_| !pipeline.next.is_full()) {
            pipeline.rest = self.add_part(&mut pipeline.next, rest);
        }
        if pipeline.rest.is_some() {
            return;
        }
        let most = if pipeline.in_flight.is_some() { DECIDED_AT_ONCE } else { GROUP_RECORDS_MAX };
        for _ in 0..most {
            if pipeline.next.is_full() {
                return;
            }
            let Some(job) = pipeline.next_job() else { return };
            let Pipeline { next, rest, .. } = pipeline;
            if let Some(job) = self.decide_into(next, job, rest) {
                pipeline.waiting_mut().push_front(job);
            }
            if let Some(rest) = pipeline.rest.take() {
                pipeline.rest = self.add_part(&mut pipeline.next, rest);
            }
            if pipeline.rest.is_some() {
                return;
            }
        }
    }
}

/// Tells everybody that nobody knows: what was taken, what waits, and what still comes in before
/// the queue is shut.
async fn end(mut pipeline: Pipeline, mut jobs: mpsc::Receiver<Job>, problem: &str) {
    error!(problem, "the writer ends");
    if let Some(flight) = pipeline.in_flight.take() {
        match flight.landing.await {
            Ok(Landing { outcome: Ok(_), made: Some((_, replies)) }) => {
                flight.group.answer(replies)
            }
            Ok(_) | Err(_) => {
                flight.group.into_jobs().for_each(|job| job.answer_unknown(problem));
            }
        }
    }
    let rest = pipeline.rest.take().map(|rest| rest.job);
    let waiting = pipeline.next.into_jobs().chain(rest).chain(pipeline.backlog);
    waiting.for_each(|job| job.answer_unknown(problem));
    jobs.close();
    while let Some(job) = jobs.recv().await {
        job.answer_unknown(problem);
    }
}
