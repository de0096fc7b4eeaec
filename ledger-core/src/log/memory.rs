//! The event log in memory: for tests, for trying things out, and as the plainest reference.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::bounds::check_group;
use super::{AppendError, EventLog, LogError, LogFuture, Record, StoredRecord};

#[cfg(test)]
mod tests;

/// An event log that lives as long as its process. Nothing of it is durable.
#[derive(Debug, Default)]
pub struct MemoryLog {
    records: Mutex<Vec<Record>>,
}

impl MemoryLog {
    /// An empty log.
    #[must_use]
    pub fn new() -> MemoryLog {
        MemoryLog::default()
    }

    /// A log that already holds `records`, at the sequences 1, 2, 3 and so on: to replay a
    /// history that was kept elsewhere. The bounds of a group do not apply to it.
    #[must_use]
    pub fn from_records(records: Vec<Record>) -> MemoryLog {
        MemoryLog { records: Mutex::new(records) }
    }

    /// A panic cannot leave the list half changed (`extend` comes last), so its lock's poison
    /// means nothing.
    fn records(&self) -> MutexGuard<'_, Vec<Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append_now(&self, expected_last: u64, group: Vec<Record>) -> Result<u64, AppendError> {
        check_group(&group)?;
        let mut records = self.records();
        let actual = count(records.len());
        if actual != expected_last {
            return Err(AppendError::WrongSequence { expected: expected_last, actual });
        }
        records.extend(group);
        Ok(count(records.len()))
    }

    fn read_now(&self, from: u64, max: usize) -> Vec<StoredRecord> {
        let first = from.max(1);
        let Ok(skip) = usize::try_from(first - 1) else { return Vec::new() };
        let records = self.records();
        let window = records.iter().skip(skip).take(max);
        (first..)
            .zip(window)
            .map(|(sequence, record)| StoredRecord { sequence, record: record.clone() })
            .collect()
    }
}

/// A number of records as a sequence; a `usize` has at most 64 bits wherever this runs.
fn count(records: usize) -> u64 {
    u64::try_from(records).unwrap_or(u64::MAX)
}

impl EventLog for MemoryLog {
    fn append(
        &self,
        expected_last: u64,
        group: Vec<Record>,
    ) -> LogFuture<'_, Result<u64, AppendError>> {
        Box::pin(async move { self.append_now(expected_last, group) })
    }

    fn read(&self, from: u64, max: usize) -> LogFuture<'_, Result<Vec<StoredRecord>, LogError>> {
        Box::pin(async move { Ok(self.read_now(from, max)) })
    }

    fn last_sequence(&self) -> LogFuture<'_, Result<u64, LogError>> {
        Box::pin(async move { Ok(count(self.records().len())) })
    }

    fn describe(&self) -> String {
        "memory".to_owned()
    }
}
