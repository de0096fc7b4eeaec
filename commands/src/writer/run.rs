//! The writer's loop: while one group is on its way to the log, the next one is decided.
//!
//! The next group stands on the one in front of it. Where that was not stored, both are thrown
//! away with the state, and all their commands are decided again on what the log really holds.

use std::collections::VecDeque;
use std::pin::Pin;

use ledger_core::limits::GROUP_RECORDS_MAX;
use ledger_core::log::{AppendError, LogError};
use schemas::chain::Chain;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tracing::{debug, error, warn};

use crate::planted::{self, Planted};
use crate::writer::ask::Answer;
use crate::writer::group::{Group, Rest};
use crate::writer::seal::{Draft, SealError, Sealed, Sealing};
use crate::writer::{Job, Writer, WriterError};

/// Attempts to store a group before its callers are told that the outcome is not known.
const ATTEMPTS_MAX: usize = 3;
/// The same where another writer was faster, which is known: each attempt has read what it wrote.
const RACES_MAX: usize = 16;
/// Commands that are decided before the group on its way is looked after again.
const DECIDED_AT_ONCE: usize = 64;

/// A group on its way to the log.
pub(super) struct InFlight {
    pub(super) group: Group,
    landing: JoinHandle<Landing>,
}

/// The making of a group's records.
type Making = Pin<Box<dyn Future<Output = Result<Sealed, SealError>> + Send>>;

/// What became of a group.
struct Landing {
    outcome: Result<u64, AppendError>,
    /// The chain through its last event, and the replies that came with its records; none where they
    /// could not be made.
    made: Option<(Chain, Vec<Answer>)>,
}

impl Landing {
    fn not_stored(why: AppendError) -> Self {
        Self { outcome: Err(why), made: None }
    }
}

/// What the writer has taken and not answered.
#[derive(Default)]
pub(super) struct Pipeline {
    pub(super) in_flight: Option<InFlight>,
    pub(super) next: Group,
    /// The billing run that fills group after group; what waits comes behind it.
    pub(super) rest: Option<Rest>,
    /// Not decided yet.
    pub(super) backlog: VecDeque<Job>,
    failures: usize,
    races: usize,
}

impl Pipeline {
    /// Whether nothing waits to be decided.
    fn is_idle(&self) -> bool {
        self.backlog.is_empty() && self.rest.is_none()
    }

    /// The next command whose caller still waits for it: the others were told that nothing of
    /// theirs is stored.
    fn next_job(&mut self) -> Option<Job> {
        while let Some(mut job) = self.backlog.pop_front() {
            if job.take() || planted::is(Planted::DecidesWhatWasGivenUp) {
                return Some(job);
            }
        }
        None
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
                    let is_busy =
                        !waits && !pipeline.backlog.is_empty() && !pipeline.next.is_full();
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
        if !self.is_current && !pipeline.backlog.is_empty() && !self.recover_state().await {
            for job in pipeline.backlog.drain(..) {
                job.answer_unknown("the log cannot be read");
            }
        }
        if !self.holds() {
            return;
        }
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
                pipeline.backlog.push_front(job);
            }
            if let Some(rest) = pipeline.rest.take() {
                pipeline.rest = self.add_part(&mut pipeline.next, rest);
            }
            if pipeline.rest.is_some() {
                return;
            }
        }
    }

    /// Sends the next group to the log; one that only has replies is answered.
    async fn launch(&mut self, pipeline: &mut Pipeline) {
        if !self.holds() {
            return self.step_down(pipeline);
        }
        let mut group = std::mem::take(&mut pipeline.next);
        if group.is_only_replies() {
            return self.answer_replies(pipeline, group).await;
        }
        let expected = group.expected();
        let (sealing, drafts) = group.take_drafts();
        let sealing = sealing.unwrap_or_else(|| self.sealing());
        let (through, coming) = oneshot::channel();
        self.coming = Some(coming);
        let mut making: Making = Box::pin(make(sealing, drafts, through));
        if planted::is(Planted::AnswersBeforeStored) {
            let made = making.await;
            let replies = made.as_ref().map(|made| made.replies.clone()).unwrap_or_default();
            std::mem::take(&mut group).answer(replies);
            making = Box::pin(std::future::ready(made));
        }
        let log = std::sync::Arc::clone(&self.log);
        self.meter.append_begins();
        // A task of its own: the append goes on while the next group is decided.
        let landing = tokio::spawn(async move {
            match making.await {
                Ok(Sealed { records, replies, chain, .. }) => {
                    let outcome = log.append(expected, records).await;
                    Landing { outcome, made: Some((chain, replies)) }
                }
                Err(why) => Landing::not_stored(AppendError::Refused { reason: why.to_string() }),
            }
        });
        pipeline.in_flight = Some(InFlight { group, landing });
        // It waits behind this task, where no other thread can take it: without a step aside it would
        // begin when the whole next group is decided.
        tokio::task::yield_now().await;
    }

    /// Answers a group that stores nothing. No append proves that its refusals were decided on all
    /// that the log holds: another writer may have registered the customer that is not known here.
    async fn answer_replies(&mut self, pipeline: &mut Pipeline, group: Group) {
        if !group.has_refusals() || planted::is(Planted::RefusesWithoutALook) {
            return group.answer(Vec::new());
        }
        let last = self.log.last_sequence().await;
        if !self.holds() {
            return group.answer_accepted(Vec::new());
        }
        let problem = match last {
            Ok(last) if last == self.standing.sequence => {
                pipeline.races = 0;
                return group.answer(Vec::new());
            }
            Ok(_) if pipeline.races < RACES_MAX => match self.catch_up().await {
                Ok(()) => {
                    pipeline.races += 1;
                    let backlog = std::mem::take(&mut pipeline.backlog);
                    pipeline.backlog = group.into_jobs().chain(backlog).collect();
                    return;
                }
                Err(failure) => {
                    self.is_current = false;
                    self.give_up_where_final(failure)
                }
            },
            Ok(_) => "other writers of the book are faster, again and again".to_owned(),
            Err(failure) => self.give_up_where_final(failure.into()),
        };
        error!(%problem, "refusals cannot be checked against the log");
        pipeline.races = 0;
        for job in group.into_jobs() {
            job.answer_unknown(&problem);
        }
    }

    /// Counts the group that was on its way.
    fn measure(&self, group: &Group, outcome: &Result<u64, AppendError>) {
        let took = self.meter.append_ended(outcome);
        if outcome.is_ok() {
            let events = u64::try_from(group.events_count()).unwrap_or(u64::MAX);
            self.meter.group_events.observe(events);
            self.meter.pressure.went(group.commands_count(), took);
        }
    }

    /// Takes the outcome of the group that was on its way.
    async fn landed(
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

    fn fate_told(&self) -> Option<String> {
        self.fate.borrow().as_ref().map(ToString::to_string)
    }
}

/// Makes a group's records, and tells the next group where the chain stands.
async fn make(
    sealing: Sealing,
    rest: Vec<Draft>,
    through: oneshot::Sender<Chain>,
) -> Result<Sealed, SealError> {
    let sealed = sealing.finish(rest).await?;
    if through.send(sealed.chain).is_err() {
        debug!("nothing is decided behind the group");
    }
    Ok(sealed)
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
