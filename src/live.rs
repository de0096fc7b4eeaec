//! The live views of a daemon: they follow the log, and answer reports from it.

use std::time::Duration;

use ledger_core::log::SharedLog;
use projections::replay::{ReplayError, catch_up};
use projections::views::Views;
use schemas::chain::Chain;
use tokio::sync::RwLock;

use crate::exit::Failure;

/// How often the views look for new events while nobody asks.
const FOLLOW_EVERY: Duration = Duration::from_millis(250);

/// Views that stand at some sequence of a log, and catch up before they answer.
#[derive(Debug)]
pub(crate) struct Live {
    log: SharedLog,
    standing: RwLock<Standing>,
}

/// The views, and the chain through their last event.
#[derive(Debug)]
struct Standing {
    views: Views,
    chain: Chain,
}

impl Live {
    /// Folds the log from its first event.
    ///
    /// # Errors
    /// Where it cannot be read, or an event does not fit.
    pub(crate) async fn start(log: SharedLog) -> Result<Self, Failure> {
        let standing = Standing { views: Views::default(), chain: Chain::START };
        let live = Self { log, standing: RwLock::new(standing) };
        live.catch_up().await?;
        Ok(live)
    }

    /// Folds what the log holds by now: an answer after this has seen every reply before it.
    ///
    /// # Errors
    /// Where the log cannot be read, or an event does not fit.
    pub(crate) async fn catch_up(&self) -> Result<(), ReplayError> {
        let last = self.log.last_sequence().await?;
        if self.standing.read().await.views.sequence >= last {
            return Ok(());
        }
        let mut standing = self.standing.write().await;
        let Standing { views, chain } = &mut *standing;
        catch_up(self.log.as_ref(), views, chain, None, &mut |_| {}).await
    }

    /// Follows the log for ever, so that a report has little to catch up with.
    pub(crate) async fn follow(&self) -> ReplayError {
        let mut pause = tokio::time::interval(FOLLOW_EVERY);
        pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            pause.tick().await;
            match self.catch_up().await {
                Ok(()) => {}
                Err(ReplayError::Log(error)) => tracing::warn!(%error, "the log cannot be read"),
                Err(error) => return error,
            }
        }
    }
}
