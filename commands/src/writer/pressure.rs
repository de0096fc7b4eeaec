//! What waits for a writer, in commands and in bytes, and when it is worth to come again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ledger_core::limits::{QUEUE_BYTES_MAX, RETRY_AFTER_MS_MAX, RETRY_AFTER_MS_MIN};

/// How long a command takes where nothing was stored yet.
const NANOS_AT_FIRST: u64 = 1_000_000;
/// One new figure is so much of the mean.
const WEIGHT: u64 = 8;

/// The commands that are in the queue of one writer.
#[derive(Debug)]
pub(crate) struct Pressure {
    commands: AtomicU64,
    bytes: AtomicU64,
    /// Nanoseconds of the writer's time that a command takes, as a moving mean.
    nanos_per_command: AtomicU64,
}

impl Default for Pressure {
    fn default() -> Self {
        Self {
            commands: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            nanos_per_command: AtomicU64::new(NANOS_AT_FIRST),
        }
    }
}

/// A place in the queue; dropping it frees it.
#[derive(Debug)]
pub(super) struct Place {
    pressure: Arc<Pressure>,
    bytes: u64,
}

impl Pressure {
    /// Takes a place for a command of so many bytes; none where they are too many. One command
    /// always has room.
    pub(super) fn enter(self: &Arc<Self>, bytes: usize) -> Option<Place> {
        let most = u64::try_from(QUEUE_BYTES_MAX).unwrap_or(u64::MAX);
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let sum = |waiting: u64| {
            let sum = waiting.saturating_add(bytes);
            (waiting == 0 || sum <= most).then_some(sum)
        };
        self.bytes.fetch_update(Ordering::AcqRel, Ordering::Acquire, sum).ok()?;
        self.commands.fetch_add(1, Ordering::AcqRel);
        Some(Place { pressure: Arc::clone(self), bytes })
    }

    /// Commands in the queue.
    pub(crate) fn commands(&self) -> u64 {
        self.commands.load(Ordering::Acquire)
    }

    /// Their bytes, as they were sent.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Acquire)
    }

    /// So many commands took so long.
    pub(super) fn went(&self, commands: usize, time: Duration) {
        let Some(commands) = u64::try_from(commands).ok().filter(|count| *count > 0) else {
            return;
        };
        let sample = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX) / commands;
        let mean = self.nanos_per_command.load(Ordering::Acquire);
        // Only the writer writes it.
        let mean = mean - mean / WEIGHT + sample / WEIGHT;
        self.nanos_per_command.store(mean, Ordering::Release);
    }

    /// When a caller that is turned away may come again; `stalled` is how long the group on its way
    /// has been so.
    pub(super) fn retry_after_ms(&self, stalled: Duration) -> u64 {
        let nanos_per_command = self.nanos_per_command.load(Ordering::Acquire);
        retry_after_ms(self.commands(), nanos_per_command, stalled)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.pressure.commands.fetch_sub(1, Ordering::AcqRel);
        self.pressure.bytes.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

/// Half of what waits should be done by then: who comes back finds a place, and the writer work.
/// A log that stands still is given as long again as it stood.
fn retry_after_ms(waiting: u64, nanos_per_command: u64, stalled: Duration) -> u64 {
    let half = waiting.saturating_mul(nanos_per_command) / 2 / 1_000_000;
    let stalled = u64::try_from(stalled.as_millis()).unwrap_or(u64::MAX);
    half.max(stalled).clamp(RETRY_AFTER_MS_MIN, RETRY_AFTER_MS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_comes_again_when_half_of_what_waits_is_done() {
        let cases = [
            // waiting, nanoseconds each, stalled for, milliseconds
            (0, 0, 0, 100),
            (4_096, 0, 0, 100),
            (1_000, 100_000, 0, 100),
            (4_096, 100_000, 0, 204),
            (4_096, 1_000_000, 0, 2_048),
            (4_096, 5_000_000, 0, 5_000),
            (u64::MAX, u64::MAX, 0, 5_000),
            (1, 100_000, 1_500, 1_500),
            (4_096, 1_000_000, 1_500, 2_048),
            (1, 1, 60_000, 5_000),
        ];
        for (waiting, nanos, stalled, wanted) in cases {
            let found = retry_after_ms(waiting, nanos, Duration::from_millis(stalled));
            assert_eq!(found, wanted, "{waiting} {nanos} {stalled}");
        }
    }

    #[test]
    fn the_queue_is_bounded_in_bytes() {
        let pressure = Arc::new(Pressure::default());
        let half = pressure.enter(QUEUE_BYTES_MAX / 2).unwrap();
        let rest = pressure.enter(QUEUE_BYTES_MAX - QUEUE_BYTES_MAX / 2).unwrap();
        assert!(pressure.enter(1).is_none());
        assert_eq!((pressure.commands(), pressure.bytes()), (2, 64 * 1024 * 1024));
        drop(half);
        let one = pressure.enter(1).unwrap();
        drop((rest, one));
        assert_eq!((pressure.commands(), pressure.bytes()), (0, 0));
        // Whatever it is, a command that is alone has room.
        assert!(pressure.enter(usize::MAX).is_some());
    }

    #[test]
    fn the_mean_follows_what_commands_take() {
        let pressure = Pressure::default();
        pressure.went(0, Duration::from_secs(9));
        assert_eq!(pressure.nanos_per_command.load(Ordering::Acquire), NANOS_AT_FIRST);
        // 1,000,000 - 125,000 + 200,000 / 8.
        pressure.went(10, Duration::from_millis(2));
        assert_eq!(pressure.nanos_per_command.load(Ordering::Acquire), 900_000);
    }
}
