//! A log that does what logs do on a bad day, as a list of acts says.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ledger_core::log::memory::MemoryLog;
use ledger_core::log::{AppendError, EventLog, LogError, LogFuture, Record, StoredRecord};
use tokio::sync::Semaphore;

/// What an append does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Stores the group, as on a good day.
    Stored,
    /// Stores the group, and loses the answer.
    StoredUnknown,
    /// Loses the group and the answer.
    LostUnknown,
    /// Says no.
    Refused,
    /// Stores the group, and fails to sync it.
    Broken,
    /// Waits until it is let through.
    Held,
    /// Loses the answer, and keeps the group: it is on its way until it is told to arrive.
    Late,
}

/// A log in memory, with acts for its next appends; behind them it is a good one.
#[derive(Debug)]
pub(crate) struct BentLog {
    inner: MemoryLog,
    acts: Mutex<VecDeque<Act>>,
    gate: Semaphore,
    groups: Mutex<Vec<usize>>,
    late: Mutex<VecDeque<(u64, Vec<Record>)>>,
    reads_that_fail: AtomicUsize,
    reads: Mutex<Vec<u64>>,
    tells_its_hand: AtomicBool,
}

impl BentLog {
    pub(crate) fn new(acts: &[Act]) -> Self {
        Self {
            inner: MemoryLog::new(),
            acts: Mutex::new(acts.iter().copied().collect()),
            gate: Semaphore::new(0),
            groups: Mutex::default(),
            late: Mutex::default(),
            reads_that_fail: AtomicUsize::new(0),
            reads: Mutex::default(),
            tells_its_hand: AtomicBool::new(false),
        }
    }

    /// Lets one held append through.
    pub(crate) fn let_through(&self) {
        self.gate.add_permits(1);
    }

    pub(crate) fn fail_reads(&self, count: usize) {
        self.reads_that_fail.store(count, Ordering::SeqCst);
    }

    /// A late group arrives, the first one of them; the last sequence where it is stored.
    pub(crate) async fn arrive(&self) -> Result<u64, AppendError> {
        let (expected_last, group) = self.late.lock().unwrap().pop_front().unwrap();
        self.inner.append(expected_last, group).await
    }

    /// A late group is in its hand from now on, not before it, and it says so when it is asked.
    pub(crate) fn has_it_in_hand(&self) {
        self.tells_its_hand.store(true, Ordering::SeqCst);
    }

    async fn settled_now(&self) -> Result<u64, LogError> {
        let last = self.inner.last_sequence().await?;
        let lands = self.late.lock().unwrap().iter().any(|(expected, _)| *expected == last);
        if lands && self.tells_its_hand.load(Ordering::SeqCst) {
            let (what, reason) = ("the log".to_owned(), "it has a group in hand".to_owned());
            return Err(LogError::Unavailable { what, reason });
        }
        Ok(last)
    }

    /// Whether a late group is still on its way.
    pub(crate) fn is_anything_late(&self) -> bool {
        !self.late.lock().unwrap().is_empty()
    }

    /// What the next appends do.
    pub(crate) fn then(&self, acts: &[Act]) {
        self.acts.lock().unwrap().extend(acts);
    }

    /// The first sequences of all reads since [`BentLog::forget_reads`].
    pub(crate) fn first_reads(&self) -> Vec<u64> {
        self.reads.lock().unwrap().clone()
    }

    pub(crate) fn forget_reads(&self) {
        self.reads.lock().unwrap().clear();
    }

    /// Records of each append that was asked for.
    pub(crate) fn groups(&self) -> Vec<usize> {
        self.groups.lock().unwrap().clone()
    }
}

impl EventLog for BentLog {
    fn append(
        &self,
        expected_last: u64,
        group: Vec<Record>,
    ) -> LogFuture<'_, Result<u64, AppendError>> {
        self.groups.lock().unwrap().push(group.len());
        let act = self.acts.lock().unwrap().pop_front();
        Box::pin(async move {
            let lost = || Err(AppendError::Unknown { reason: "no answer came".to_owned() });
            match act {
                None | Some(Act::Stored) => self.inner.append(expected_last, group).await,
                Some(Act::StoredUnknown) => {
                    self.inner.append(expected_last, group).await?;
                    lost()
                }
                Some(Act::LostUnknown) => lost(),
                Some(Act::Late) => {
                    self.late.lock().unwrap().push_back((expected_last, group));
                    lost()
                }
                Some(Act::Broken) => {
                    self.inner.append(expected_last, group).await?;
                    Err(AppendError::Disk { reason: "the sync failed".to_owned() })
                }
                Some(Act::Refused) => Err(AppendError::Refused { reason: "full".to_owned() }),
                Some(Act::Held) => {
                    self.gate.acquire().await.unwrap().forget();
                    self.inner.append(expected_last, group).await
                }
            }
        })
    }

    fn read(&self, from: u64, max: usize) -> LogFuture<'_, Result<Vec<StoredRecord>, LogError>> {
        self.reads.lock().unwrap().push(from);
        let fails = self
            .reads_that_fail
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if fails.is_ok() {
            let (what, reason) = ("the log".to_owned(), "the disk is gone".to_owned());
            return Box::pin(async { Err(LogError::Unavailable { what, reason }) });
        }
        self.inner.read(from, max)
    }

    fn last_sequence(&self) -> LogFuture<'_, Result<u64, LogError>> {
        self.inner.last_sequence()
    }

    fn settled_sequence(&self) -> LogFuture<'_, Result<u64, LogError>> {
        Box::pin(self.settled_now())
    }

    fn describe(&self) -> String {
        "a bent log".to_owned()
    }
}
