//! Brings a history into a log that holds nothing, or the beginning of the same history.

use ledger_core::limits::{GROUP_BYTES_MAX, GROUP_RECORDS_MAX};
use ledger_core::log::bounds::record_bytes;
use ledger_core::log::{AppendError, Record, SharedLog, StoredRecord};

use crate::exit::{Exit, Failure};
use crate::history::History;

/// Events that are read at a time, and that are appended as one group.
pub(crate) const BATCH_RECORDS: usize = GROUP_RECORDS_MAX;
/// Bytes that are read at a time, about.
pub(crate) const BATCH_BYTES: usize = GROUP_BYTES_MAX;

/// How often a group is sent whose outcome is not known, and which was not stored.
const ATTEMPTS_MAX: usize = 3;

/// How much of a history was there, and how much was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Filled {
    /// Events that were there already.
    pub(crate) there: u64,
    /// Events that were appended.
    pub(crate) added: u64,
}

impl Filled {
    /// The last sequence.
    pub(crate) fn last(self) -> u64 {
        self.there + self.added
    }
}

/// Compares what the log holds with the history, and appends what is missing. `progress` hears the
/// sequence that was reached.
///
/// # Errors
/// `target.differs` at the first event that is another one, `target.ahead` where the log goes on
/// behind the history, or where one of the two cannot be used. Nothing that was there is changed.
pub(crate) async fn fill(
    history: &mut impl History,
    log: &SharedLog,
    progress: &mut dyn FnMut(u64),
) -> Result<Filled, Failure> {
    let there = log.last_sequence().await?;
    let mut last = 0;
    loop {
        let mut batch = history.next().await?;
        let Some(end) = batch.last().map(|stored| stored.sequence) else { break };
        let missing = batch.split_off(batch.partition_point(|stored| stored.sequence <= there));
        if let Some(other) = first_other(log, &batch).await? {
            return Err(differs(log, other));
        }
        last = batch.last().map_or(last, |stored| stored.sequence);
        for group in groups(missing) {
            last = append(log, last, group).await?;
        }
        debug_assert_eq!(last, end, "what was read is there, or was appended");
        progress(last);
    }
    if there > last {
        return Err(Failure::new(Exit::No, "target.ahead", format!("{} goes on", log.describe()))
            .because(format!("it holds {there} events, and what is brought ends at {last}"))
            .help("it may be the book by now: compare both before one of them is removed"));
    }
    Ok(Filled { there, added: last - there })
}

/// The first event that is not the same in the log, byte for byte; none where all are.
///
/// # Errors
/// Where the log cannot be read.
pub(crate) async fn first_other(
    log: &SharedLog,
    batch: &[StoredRecord],
) -> Result<Option<u64>, Failure> {
    let Some(first) = batch.first() else { return Ok(None) };
    let found = log.read(first.sequence, batch.len()).await?;
    let pairs = batch.iter().enumerate();
    let other = pairs.map(|(place, one)| (one.sequence, found.get(place) != Some(one)));
    Ok(other.filter(|(_, is_other)| *is_other).map(|(sequence, _)| sequence).next())
}

fn differs(log: &SharedLog, sequence: u64) -> Failure {
    let what = format!("{} holds something else", log.describe());
    let why = if sequence == 1 {
        "its first event is another one: it is another book".to_owned()
    } else {
        format!("event {sequence} is the first that is another one")
    };
    Failure::new(Exit::No, "target.differs", what).because(why).help(
        "nothing of it was changed: bring the history to another place, or remove this one \
         where it is not needed",
    )
}

/// Cuts events into groups that every log takes.
fn groups(records: Vec<StoredRecord>) -> Vec<Vec<Record>> {
    let mut groups: Vec<Vec<Record>> = Vec::new();
    let mut bytes = 0;
    for StoredRecord { record, .. } in records {
        let size = record_bytes(&record);
        let fits = |group: &&mut Vec<Record>| {
            group.len() < GROUP_RECORDS_MAX && bytes + size <= GROUP_BYTES_MAX
        };
        match groups.last_mut().filter(fits) {
            Some(group) => {
                bytes += size;
                group.push(record);
            }
            None => {
                bytes = size;
                groups.push(vec![record]);
            }
        }
    }
    groups
}

/// Appends a group behind `last`; returns its last sequence. Where the outcome is not known, the log
/// is asked, and the group is sent again only where nothing of it is there.
async fn append(log: &SharedLog, last: u64, group: Vec<Record>) -> Result<u64, Failure> {
    let mut why = String::new();
    for _ in 0..ATTEMPTS_MAX {
        match log.append(last, group.clone()).await {
            Ok(last) => return Ok(last),
            Err(AppendError::Unknown { reason }) => why = reason,
            Err(
                error @ (AppendError::WrongSequence { .. }
                | AppendError::Refused { .. }
                | AppendError::Disk { .. }),
            ) => {
                return Err(Failure::from(error).help(GO_ON));
            }
        }
        let asked = log.last_sequence().await;
        let now = asked.map_err(|error| Failure::from(error).help(GO_ON))?;
        if now != last {
            // What is there is compared at the end, whoever has stored it.
            return stored(last, now, group.len(), log);
        }
    }
    Err(Failure::store("store.append", "the log did not take the events").because(why).help(GO_ON))
}

const GO_ON: &str = "what was begun is kept and is no book yet: run the same command again";

fn stored(last: u64, now: u64, group: usize, log: &SharedLog) -> Result<u64, Failure> {
    if u64::try_from(group).is_ok_and(|group| now == last + group) {
        return Ok(now);
    }
    let what = format!("{} is written to by somebody else", log.describe());
    Err(Failure::store("target.in_use", what)
        .because(format!("it ends at {now}"))
        .help("stop whatever writes to it, and look at what it holds"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sized(sizes: &[usize]) -> Vec<StoredRecord> {
        let record = |bytes: &usize| Record {
            subject: String::new(),
            headers: Vec::new(),
            body: vec![0; *bytes],
        };
        (1..)
            .zip(sizes)
            .map(|(sequence, bytes)| StoredRecord { sequence, record: record(bytes) })
            .collect()
    }

    #[test]
    fn groups_keep_to_both_limits_and_lose_nothing() {
        let lengths =
            |sizes: &[usize]| -> Vec<usize> { groups(sized(sizes)).iter().map(Vec::len).collect() };
        assert_eq!(lengths(&[]), Vec::<usize>::new());
        assert_eq!(lengths(&[1; 2_500]), [1_000, 1_000, 500]);
        let half = GROUP_BYTES_MAX / 2;
        assert_eq!(lengths(&[half, half, half]), [2, 1]);
        assert_eq!(lengths(&[half, half + 1, 1, half]), [1, 2, 1]);
    }
}
