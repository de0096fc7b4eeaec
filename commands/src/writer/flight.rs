//! One group on its way to the log, and a group that has nothing to store.

use std::pin::Pin;
use std::sync::Arc;

use ledger_core::log::AppendError;
use schemas::chain::Chain;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tracing::{debug, error};

use crate::planted::{self, Planted};
use crate::writer::Writer;
use crate::writer::ask::Answer;
use crate::writer::group::Group;
use crate::writer::landed::RACES_MAX;
use crate::writer::run::Pipeline;
use crate::writer::seal::{Draft, SealError, Sealed, Sealing};

/// A group on its way to the log.
pub(super) struct InFlight {
    pub(super) group: Group,
    pub(super) landing: JoinHandle<Landing>,
}

/// The making of a group's records.
type Making = Pin<Box<dyn Future<Output = Result<Sealed, SealError>> + Send>>;

/// What became of a group.
pub(super) struct Landing {
    pub(super) outcome: Result<u64, AppendError>,
    /// The chain through its last event, and the replies that came with its records; none where they
    /// could not be made.
    pub(super) made: Option<(Chain, Vec<Answer>)>,
}

impl Landing {
    pub(super) fn not_stored(why: AppendError) -> Self {
        Self { outcome: Err(why), made: None }
    }
}

impl Writer {
    /// Sends the next group to the log; one that only has replies is answered.
    pub(super) async fn launch(&mut self, pipeline: &mut Pipeline) {
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
        let log = Arc::clone(&self.log);
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
        let last = self.log.settled_sequence().await;
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
    pub(super) fn measure(&self, group: &Group, outcome: &Result<u64, AppendError>) {
        let took = self.meter.append_ended(outcome);
        if outcome.is_ok() {
            let events = u64::try_from(group.events_count()).unwrap_or(u64::MAX);
            self.meter.group_events.observe(events);
            self.meter.pressure.went(group.commands_count(), took);
        }
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
