//! Virtual time in which no two actors ever wake at the same instant.
//!
//! Time stands still while anybody has something to do, threads of the blocking pool included, and
//! jumps to the next timer otherwise. Every actor has a lane of its own: each of its timers ends at a
//! round plus its lane. So one timer at a time sets one chain of work going, and its order cannot
//! depend on the machine.

use std::time::Duration;

use commands::writer::Patience;
use tokio::time::{Instant, sleep_until};

/// Lanes of one round, at most.
const LANES: u64 = 3_000;
/// Milliseconds between two lanes: timers count whole milliseconds, rounded up.
const STEP: u64 = 4;
const ROUND: u64 = LANES * STEP;

/// Rounds that the writers let callers wait: less than clients do.
const PATIENCE_ROUNDS: u64 = 8;

/// Lanes of each client: its own, and those of what it has on its way.
pub(crate) const CLIENT_LANES: u64 = 40;
/// Where the lanes of each kind of actor begin.
pub(crate) const SUPERVISORS: u64 = 400;
pub(crate) const NEMESIS: u64 = 410;
pub(crate) const PROJECTOR: u64 = 411;
pub(crate) const DIRECTOR: u64 = 412;
pub(crate) const PROCESSES: u64 = 500;
pub(crate) const PROCESS_LANES: u64 = 8;
/// Processes whose lanes differ; older ones are long dead.
pub(crate) const PROCESSES_AT_ONCE: u64 = 300;

/// The timers of one actor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lane {
    start: Instant,
    number: u64,
}

impl Lane {
    pub(crate) fn new(start: Instant, number: u64) -> Self {
        assert!(number < LANES, "lane {number}");
        Self { start, number }
    }

    /// Sleeps for so many rounds, one at least.
    pub(crate) async fn sleep(self, rounds: u64) {
        let round = now(self.start) / ROUND + rounds.max(1);
        let at = Duration::from_millis(round * ROUND + self.number * STEP);
        sleep_until(self.start + at).await;
    }
}

/// How long the writers let callers wait: between two lanes, so that no deadline is an actor's.
pub(crate) fn patience() -> Patience {
    Patience {
        taken_within: Duration::from_millis(PATIENCE_ROUNDS * ROUND + 1),
        known_within: Duration::from_millis(PATIENCE_ROUNDS * ROUND + 1),
    }
}

/// Milliseconds since the history began.
pub(crate) fn now(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap()
}

/// The number of the round.
pub(crate) fn round(start: Instant) -> u64 {
    now(start) / ROUND
}
