//! What a writer counts and measures of itself: whole numbers that are written without a lock and
//! read by whoever shows them (`/metrics`, `/readyz`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ledger_core::command::CommandData;
use ledger_core::log::AppendError;
use ledger_core::rejection::Code;
use tokio::time::Instant;

use crate::writer::Pressure;

/// How a command that was accepted is counted, in the place of a code.
pub const ACCEPTED: &str = "accepted";
/// The name of a command that cannot be read.
pub const UNREADABLE: &str = "unreadable";

/// Upper bounds of a histogram of times, in microseconds.
const TIMES: &[u64] = &[
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000,
];
/// The same of numbers of events.
const SIZES: &[u64] = &[1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000];
/// How an append can fail, as it is counted.
const FAILURES: [&str; 4] = ["wrong_sequence", "refused", "unknown", "disk"];

/// The figures of one book's writer.
#[derive(Debug)]
pub struct Meter {
    pub(crate) pressure: Arc<Pressure>,
    started_at: Instant,
    /// By command, and within it by code.
    replies: Box<[AtomicU64]>,
    late: AtomicU64,
    /// From a command's coming to the writer's taking it.
    pub queue_wait: Histogram,
    /// Deciding one command, its events' encoding included.
    pub decide: Histogram,
    /// One append, until the log has it or says why not.
    pub append: Histogram,
    /// Events of the groups that were stored.
    pub group_events: Histogram,
    /// From a command's coming to its reply.
    pub reply: Histogram,
    append_failures: [AtomicU64; FAILURES.len()],
    sequence: AtomicU64,
    /// Microseconds since the start, 0 for never: of the append on its way, and of the last one
    /// that ended well or failed.
    append_began: AtomicU64,
    append_stored: AtomicU64,
    append_failed: AtomicU64,
    /// The same of the state being folded again.
    recovery_began: AtomicU64,
    /// The same of a group that was given up and may be stored.
    settling_began: AtomicU64,
}

/// Counts of values by upper bounds.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    /// One more than there are bounds.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// How appends go, for who asks whether commands can be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appends {
    /// How long the one on its way has been so.
    pub in_flight_for: Duration,
    /// How long the writer has been reading the log again, because one did not end as stored, or has
    /// decided nothing else, because one may be stored that was given up.
    pub recovering_for: Option<Duration>,
    /// How long ago one failed, or the log could not be read behind it, where none was stored since.
    pub failed_ago: Option<Duration>,
}

impl Default for Meter {
    fn default() -> Self {
        let times = || Histogram::new(TIMES);
        Self {
            pressure: Arc::default(),
            started_at: Instant::now(),
            replies: zeros((CommandData::NAMES.len() + 1) * (Code::ALL.len() + 1)),
            late: AtomicU64::new(0),
            queue_wait: times(),
            decide: times(),
            append: times(),
            group_events: Histogram::new(SIZES),
            reply: times(),
            append_failures: Default::default(),
            sequence: AtomicU64::new(0),
            append_began: AtomicU64::new(0),
            append_stored: AtomicU64::new(0),
            append_failed: AtomicU64::new(0),
            recovery_began: AtomicU64::new(0),
            settling_began: AtomicU64::new(0),
        }
    }
}

impl Meter {
    /// Commands that were answered, by command and code ([`ACCEPTED`] where there is none); only
    /// what happened at all.
    pub fn replies(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> + '_ {
        let names = CommandData::NAMES.iter().copied().chain([UNREADABLE]);
        names.zip(self.replies.chunks(Code::ALL.len() + 1)).flat_map(|(name, counts)| {
            let codes = std::iter::once(ACCEPTED).chain(Code::ALL.iter().map(|code| code.as_str()));
            let counts = counts.iter().map(|count| count.load(Ordering::Relaxed));
            codes
                .zip(counts)
                .filter(|(_, count)| *count > 0)
                .map(move |(code, count)| (name, code, count))
        })
    }

    /// Replies that came after the caller was told that the outcome is not known.
    pub fn late(&self) -> u64 {
        self.late.load(Ordering::Relaxed)
    }

    /// Commands in the queue.
    pub fn queue_commands(&self) -> u64 {
        self.pressure.commands()
    }

    /// Bytes of the commands in the queue.
    pub fn queue_bytes(&self) -> u64 {
        self.pressure.bytes()
    }

    /// Appends that did not end as stored, by kind.
    pub fn append_failures(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let counts = self.append_failures.iter().map(|count| count.load(Ordering::Relaxed));
        FAILURES.into_iter().zip(counts)
    }

    /// The last event that the writer has folded or stored.
    pub fn sequence(&self) -> u64 {
        self.sequence.load(Ordering::Acquire)
    }

    /// How appends go.
    pub fn appends(&self) -> Appends {
        let now = self.now();
        let since = |at: &AtomicU64| match at.load(Ordering::Acquire) {
            0 => None,
            at => Some(Duration::from_micros(now.saturating_sub(at))),
        };
        let (stored, failed) = (since(&self.append_stored), since(&self.append_failed));
        Appends {
            in_flight_for: since(&self.append_began).unwrap_or_default(),
            recovering_for: since(&self.recovery_began).max(since(&self.settling_began)),
            failed_ago: failed.filter(|ago| stored.is_none_or(|stored| *ago < stored)),
        }
    }

    pub(crate) fn replied(&self, name: &str, code: Option<&str>) {
        let names = CommandData::NAMES;
        let name = names.iter().position(|one| *one == name).unwrap_or(names.len());
        let code = match code {
            None => 0,
            Some(code) => match Code::ALL.iter().position(|one| one.as_str() == code) {
                Some(place) => place + 1,
                None => return,
            },
        };
        if let Some(count) = self.replies.get(name * (Code::ALL.len() + 1) + code) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn replied_late(&self) {
        self.late.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn stands_at(&self, sequence: u64) {
        self.sequence.store(sequence, Ordering::Release);
    }

    /// The writer reads the log again, before it decides anything more.
    pub(crate) fn recovery_begins(&self) {
        self.recovery_began.store(self.now(), Ordering::Release);
    }

    /// It has done so, or could not.
    pub(crate) fn recovery_ended(&self, is_current: bool) {
        self.recovery_began.store(0, Ordering::Release);
        if !is_current {
            self.append_failed.store(self.now(), Ordering::Release);
        }
    }

    /// A group that was given up may be stored: nothing else is decided.
    pub(crate) fn settling_begins(&self) {
        self.settling_began.store(self.now(), Ordering::Release);
    }

    /// Other commands are decided again.
    pub(crate) fn settling_ended(&self) {
        self.settling_began.store(0, Ordering::Release);
    }

    pub(crate) fn append_begins(&self) {
        self.append_began.store(self.now(), Ordering::Release);
    }

    /// An append ended; gives back how long it took.
    pub(crate) fn append_ended(&self, outcome: &Result<u64, AppendError>) -> Duration {
        let now = self.now();
        let began = self.append_began.swap(0, Ordering::AcqRel);
        let took = Duration::from_micros(now.saturating_sub(began));
        self.append.observe_time(took);
        let failure = match outcome {
            Ok(last) => {
                self.append_stored.store(now, Ordering::Release);
                self.stands_at(*last);
                return took;
            }
            // The log answers, and another writer could append.
            Err(AppendError::WrongSequence { .. }) => 0,
            Err(AppendError::Refused { .. }) => 1,
            Err(AppendError::Unknown { .. }) => 2,
            Err(AppendError::Disk { .. }) => 3,
        };
        if failure > 0 {
            self.append_failed.store(now, Ordering::Release);
        }
        if let Some(count) = self.append_failures.get(failure) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        took
    }

    /// Microseconds since the start, never 0.
    fn now(&self) -> u64 {
        u64::try_from(self.started_at.elapsed().as_micros()).unwrap_or(u64::MAX).max(1)
    }
}

impl Histogram {
    fn new(bounds: &'static [u64]) -> Self {
        Self { bounds, counts: zeros(bounds.len() + 1), sum: AtomicU64::new(0) }
    }

    pub(crate) fn observe(&self, value: u64) {
        let place = self.bounds.iter().position(|bound| value <= *bound);
        if let Some(count) = self.counts.get(place.unwrap_or(self.bounds.len())) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    pub(crate) fn observe_time(&self, time: Duration) {
        self.observe(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// The sum of all values: events, or microseconds.
    pub fn sum(&self) -> u64 {
        self.sum.load(Ordering::Relaxed)
    }

    /// Upper bounds, the last one without, and how many values are up to each and above the one
    /// before.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<u64>, u64)> + '_ {
        let bounds = self.bounds.iter().copied().map(Some).chain([None]);
        bounds.zip(self.counts.iter().map(|count| count.load(Ordering::Relaxed)))
    }
}

fn zeros(length: usize) -> Box<[AtomicU64]> {
    (0..length).map(|_| AtomicU64::new(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_counted_by_command_and_code() {
        let meter = Meter::default();
        meter.replied("OpenBook", None);
        meter.replied("OpenBook", None);
        meter.replied("OpenBook", Some("book.exists"));
        meter.replied("RunBilling", Some("webhook.not_configured"));
        meter.replied("NoCommand", Some("command.unknown"));
        meter.replied("OpenBook", Some("no.code"));
        let found: Vec<_> = meter.replies().collect();
        let wanted = [
            ("OpenBook", "accepted", 2),
            ("OpenBook", "book.exists", 1),
            ("RunBilling", "webhook.not_configured", 1),
            ("unreadable", "command.unknown", 1),
        ];
        for one in wanted {
            assert!(found.contains(&one), "{one:?} in {found:?}");
        }
        assert_eq!(found.len(), wanted.len());
    }

    #[test]
    fn values_are_counted_up_to_their_bound() {
        let histogram = Histogram::new(&[1, 5]);
        [0, 1, 2, 5, 6, 100].into_iter().for_each(|value| histogram.observe(value));
        let buckets: Vec<_> = histogram.buckets().collect();
        assert_eq!(buckets, [(Some(1), 2), (Some(5), 2), (None, 2)]);
        assert_eq!(histogram.sum(), 114);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_append_counts_until_one_is_stored() {
        let meter = Meter::default();
        let step = async || tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(meter.appends().failed_ago, None);
        step().await;
        meter.append_begins();
        step().await;
        assert_eq!(meter.appends().in_flight_for, Duration::from_secs(1));
        let lost = Err(AppendError::Unknown { reason: String::new() });
        assert_eq!(meter.append_ended(&lost), Duration::from_secs(1));
        step().await;
        let appends = meter.appends();
        assert_eq!(appends.failed_ago, Some(Duration::from_secs(1)));
        assert_eq!(appends.in_flight_for, Duration::ZERO);
        meter.append_begins();
        let race = Err(AppendError::WrongSequence { expected: 1, actual: 2 });
        meter.append_ended(&race);
        assert_eq!(meter.appends().failed_ago, Some(Duration::from_secs(1)));
        meter.append_begins();
        meter.append_ended(&Ok(7));
        assert_eq!(meter.appends().failed_ago, None);
        assert_eq!(meter.sequence(), 7);
        step().await;
        meter.recovery_begins();
        step().await;
        assert_eq!(meter.appends().recovering_for, Some(Duration::from_secs(1)));
        meter.recovery_ended(false);
        step().await;
        let appends = meter.appends();
        assert_eq!(
            (appends.recovering_for, appends.failed_ago),
            (None, Some(Duration::from_secs(1)))
        );
        let failures: Vec<_> = meter.append_failures().map(|(_, count)| count).collect();
        assert_eq!(failures, [1, 0, 1, 0]);
    }
}
