//! What was sent to the log and never answered. It may be stored at any time, so that nothing else is
//! decided before that is settled: a command of it that was refused by then would be both.
//!
//! Its callers were told that nobody knows. The same commands are decided and sent again: on the same
//! state they make the same events, of which the log takes one copy. Once something stands in their
//! place, be it of another writer, no other copy can land.

use std::collections::VecDeque;
use std::time::Duration;

use ledger_core::limits::GROUP_RECORDS_MAX;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{error, info};

use crate::planted::{self, Planted};
use crate::writer::run::Pipeline;
use crate::writer::{Job, Writer};

/// How long the log is left alone behind the first attempt that settled nothing; each pause is so
/// many times as long as the one before.
const PAUSE_AT_FIRST: Duration = Duration::from_millis(250);
const PAUSE_GROWS: u32 = 3;
const PAUSE_MAX: Duration = Duration::from_millis(2_250);

/// The commands of a group whose outcome is not known; their callers were told so.
pub(super) struct Unsettled {
    /// Those that are not being decided or sent just now, in their order.
    pub(super) jobs: VecDeque<Job>,
    pause: Duration,
    /// The log is left alone until then.
    pub(super) until: Instant,
}

impl Unsettled {
    fn new(jobs: VecDeque<Job>) -> Self {
        Self { jobs, pause: PAUSE_AT_FIRST, until: Instant::now() + PAUSE_AT_FIRST }
    }

    /// The log was asked, and settled nothing.
    fn failed_again(&mut self) {
        self.pause = (self.pause * PAUSE_GROWS).min(PAUSE_MAX);
        self.until = Instant::now() + self.pause;
    }
}

impl Pipeline {
    /// Whether something was sent and given up, and may be stored.
    pub(super) fn is_unsettled(&self) -> bool {
        self.unsettled.is_some()
    }

    /// Until when the log is left alone, where there is a reason to ask it again: a writer that ends waits
    /// for nothing that nobody waits for.
    pub(super) fn left_alone_until(&self, is_open: bool) -> Option<Instant> {
        let unsettled = self.unsettled.as_ref()?;
        (is_open || !self.backlog.is_empty()).then_some(unsettled.until)
    }

    /// Whether the log is left alone for a moment.
    pub(super) fn pauses(&self) -> bool {
        self.unsettled.as_ref().is_some_and(|unsettled| Instant::now() < unsettled.until)
    }

    /// Asking the log once more did not help.
    pub(super) fn stays_unsettled(&mut self) {
        if let Some(unsettled) = &mut self.unsettled {
            unsettled.failed_again();
        }
    }
}

impl Writer {
    /// Keeps the commands of a group that may be stored; their callers were told so.
    pub(super) fn keep_unsettled(&self, pipeline: &mut Pipeline, jobs: VecDeque<Job>) {
        if jobs.is_empty() || planted::is(Planted::LetsGoOfWhatIsUnknown) {
            return self.let_go(pipeline);
        }
        if let Some(unsettled) = &mut pipeline.unsettled {
            let behind = std::mem::replace(&mut unsettled.jobs, jobs);
            unsettled.jobs.extend(behind);
            return unsettled.failed_again();
        }
        info!(commands = jobs.len(), "nothing else is decided before a group is settled");
        pipeline.unsettled = Some(Unsettled::new(jobs));
        self.meter.settling_begins();
    }

    /// Leaves the log alone until then, or until the seat changes; whether anybody can hand something
    /// in. What asks for a reply of the past has it: that needs no log, and callers ask again by the
    /// thousand.
    pub(super) async fn leave_alone(
        &mut self,
        until: Instant,
        pipeline: &mut Pipeline,
        jobs: &mut mpsc::Receiver<Job>,
    ) -> bool {
        let mut taken = Vec::new();
        // A queue that is shut and empty is ready at once, again and again.
        let is_shut = jobs.is_closed() && jobs.is_empty();
        let is_taking = !is_shut && pipeline.backlog.len() < GROUP_RECORDS_MAX;
        tokio::select! {
            biased;
            () = self.tenure.changed() => {}
            _ = jobs.recv_many(&mut taken, GROUP_RECORDS_MAX), if is_taking => {}
            () = tokio::time::sleep_until(until) => {}
        }
        // The state is the log's own: nothing is on its way, and nothing is decided.
        let repeats = self.is_current;
        let open = |job| if repeats { self.answer_if_stored(job) } else { Some(job) };
        pipeline.backlog.extend(taken.into_iter().filter_map(open));
        !jobs.is_closed() || !jobs.is_empty()
    }

    /// Nothing of it is waited for: it is settled, or is for whoever writes next to find out.
    pub(super) fn let_go(&self, pipeline: &mut Pipeline) {
        pipeline.doubt = None;
        if pipeline.unsettled.take().is_some() {
            self.meter.settling_ended();
        }
    }

    /// Lets go of it where the log, which was just read, holds something in its place.
    pub(super) fn let_go_where_settled(&self, pipeline: &mut Pipeline) {
        if pipeline.doubt.is_none_or(|behind| behind >= self.standing.sequence) {
            return;
        }
        let jobs = pipeline.unsettled.as_mut().map(|unsettled| std::mem::take(&mut unsettled.jobs));
        self.let_go(pipeline);
        for job in jobs.into_iter().flatten() {
            self.settled(job);
        }
    }

    /// Once it is known what is stored: a command whose caller waits, to be decided. Who was told that
    /// nobody knows asks again.
    pub(super) fn settled(&self, job: Job) -> Option<Job> {
        if job.is_told() { self.answer_if_stored(job).and(None) } else { Some(job) }
    }

    /// Nothing of it can be decided any more, which cannot be: the state is the one that it was decided on.
    pub(super) fn let_go_where_stuck(&self, pipeline: &mut Pipeline) {
        let is_on_its_way =
            pipeline.in_flight.is_some() || !pipeline.next.is_empty() || pipeline.rest.is_some();
        let is_stuck = |unsettled: &Unsettled| unsettled.jobs.is_empty();
        if !is_on_its_way && pipeline.unsettled.as_ref().is_some_and(is_stuck) {
            error!("a group that was sent is decided otherwise now, and is left to the log");
            self.let_go(pipeline);
        }
    }
}
