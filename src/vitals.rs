//! What is known of a book at work: written by whatever works on it, read by the probes and the
//! metrics. Nothing here waits.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use commands::meter::Meter;
use commands::writer::{Pulse, Role};
use tokio::sync::watch;
use tokio::time::Instant;

/// What is known of one book.
#[derive(Debug, Default)]
pub(crate) struct Vitals {
    /// Its name.
    pub(crate) book: String,
    /// The figures of its writer.
    pub(crate) meter: Arc<Meter>,
    /// Whether the writer lives; unset before it has read the log.
    pub(crate) pulse: OnceLock<Pulse>,
    /// What the writer does; unset before it has read the log.
    pub(crate) role: OnceLock<watch::Receiver<Role>>,
    /// The views.
    pub(crate) views: Followed,
    /// The log.
    pub(crate) log: Seen,
    /// Room for more events.
    pub(crate) room: Mutex<Option<Room>>,
    /// When every byte of the journal was checked last, in Unix seconds; 0 for never.
    pub(crate) checked_at: AtomicI64,
    /// The snapshots, by what they are of.
    pub(crate) snapshots: OnceLock<[(&'static str, PathBuf); 2]>,
}

/// How far the views have followed the log.
#[derive(Debug, Default)]
pub(crate) struct Followed {
    sequence: AtomicU64,
    trouble: Mutex<Option<String>>,
    at_end: Mutex<Option<Instant>>,
}

/// The last look at the log.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    last: AtomicU64,
    answered: Mutex<Option<Instant>>,
    problem: Mutex<Option<String>>,
}

/// Bytes that are left for more events, and whose they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Room {
    /// The file system or server.
    pub(crate) what: String,
    /// Bytes.
    pub(crate) left: u64,
}

impl Vitals {
    /// Of a book that is not open yet.
    pub(crate) fn of(book: &str) -> Self {
        Self { book: book.to_owned(), ..Self::default() }
    }

    /// Whether another daemon writes the book, and this one stands by.
    pub(crate) fn stands_by(&self) -> bool {
        self.role.get().is_some_and(|role| !role.borrow().writes())
    }

    /// Events that the views have not followed yet.
    pub(crate) fn lag_events(&self) -> u64 {
        self.end().saturating_sub(self.views.sequence())
    }

    /// How long the views have not been at the log's end.
    pub(crate) fn lag(&self) -> Duration {
        if self.lag_events() == 0 {
            return Duration::ZERO;
        }
        held(&self.views.at_end).map(|at| at.elapsed()).unwrap_or_default()
    }

    /// The last event that is known of.
    pub(crate) fn end(&self) -> u64 {
        self.log.last().max(self.meter.sequence())
    }
}

impl Followed {
    /// The views stand at this event.
    pub(crate) fn stand_at(&self, sequence: u64) {
        self.sequence.store(sequence, Ordering::Release);
    }

    /// They have followed the log to its end.
    pub(crate) fn are_at_end(&self, sequence: u64) {
        self.stand_at(sequence);
        *held(&self.at_end) = Some(Instant::now());
    }

    /// Whether they ever were.
    pub(crate) fn were_at_end(&self) -> bool {
        held(&self.at_end).is_some()
    }

    /// Why they do not follow; whether that is news.
    pub(crate) fn set_trouble(&self, trouble: Option<String>) -> bool {
        let mut known = held(&self.trouble);
        let is_news = *known != trouble;
        *known = trouble;
        is_news
    }

    /// Why they do not follow.
    pub(crate) fn trouble(&self) -> Option<String> {
        held(&self.trouble).clone()
    }

    /// The last event that they have followed.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence.load(Ordering::Acquire)
    }
}

impl Seen {
    /// The log has said where it ends.
    pub(crate) fn answered(&self, last: u64) {
        self.last.fetch_max(last, Ordering::AcqRel);
        *held(&self.answered) = Some(Instant::now());
        *held(&self.problem) = None;
    }

    /// It could not be asked.
    pub(crate) fn failed(&self, problem: String) {
        *held(&self.problem) = Some(problem);
    }

    /// Where it ended when it was asked last.
    pub(crate) fn last(&self) -> u64 {
        self.last.load(Ordering::Acquire)
    }

    /// Why it is taken not to answer: nothing was heard of it for so long.
    pub(crate) fn problem(&self, patience: Duration) -> Option<String> {
        let silent = held(&self.answered).map_or(patience, |at| at.elapsed());
        if silent < patience {
            return None;
        }
        let why = held(&self.problem).clone().unwrap_or_else(|| "it does not answer".to_owned());
        Some(format!("nothing was heard of the log for {} s: {why}", silent.as_secs()))
    }
}

/// What is in a mutex, whatever became of who held it.
pub(crate) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_log_that_is_silent_is_a_problem_until_it_answers() {
        let seen = Seen::default();
        let patience = Duration::from_secs(5);
        assert!(seen.problem(patience).is_some(), "it was never heard of");
        seen.answered(7);
        seen.failed("no servers".to_owned());
        assert_eq!(seen.problem(patience), None);
        tokio::time::advance(Duration::from_secs(6)).await;
        let problem = seen.problem(patience).unwrap();
        assert!(problem.contains("6 s") && problem.contains("no servers"), "{problem}");
        seen.answered(7);
        assert_eq!((seen.problem(patience), seen.last()), (None, 7));
    }

    #[tokio::test(start_paused = true)]
    async fn views_lag_from_when_they_were_last_at_the_end() {
        let vitals = Vitals::of("main");
        vitals.log.answered(5);
        vitals.views.are_at_end(5);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!((vitals.lag_events(), vitals.lag()), (0, Duration::ZERO));
        vitals.log.answered(7);
        assert_eq!((vitals.lag_events(), vitals.lag()), (2, Duration::from_secs(3)));
        vitals.views.stand_at(6);
        assert_eq!((vitals.lag_events(), vitals.lag()), (1, Duration::from_secs(3)));
    }
}
