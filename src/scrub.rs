//! Looks for what the disk changed in a log: a start trusts what was checked before.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use commands::clock::{Clock, SystemClock};
use ledger_core::log::journal::Journal;
use ledger_core::log::{LogError, SharedLog, StoredRecord};
use schemas::chain::Chain;
use tokio::task::{block_in_place, spawn_blocking};
use tracing::{info, warn};

use crate::vitals::Vitals;

/// How often everything is read. A disk that loses bits does so over weeks.
const SCRUB_EVERY: Duration = Duration::from_secs(24 * 60 * 60);
/// Events of a stream that are read at a time.
const BATCH_RECORDS: usize = 2_048;
/// The pause between two batches: commands need the servers, too.
const BREATH: Duration = Duration::from_millis(20);

/// Checks a log as a whole, at once and then once a day: every byte of a journal, every event of a
/// stream. Returns only where something is damaged: a daemon must not go on then.
pub(crate) async fn scrub(log: &SharedLog, journal: Option<PathBuf>, vitals: &Vitals) -> LogError {
    let mut pause = tokio::time::interval(SCRUB_EVERY);
    loop {
        pause.tick().await;
        let checked = match &journal {
            Some(folder) => check_journal(folder.clone(), vitals).await,
            None => check_events(log, vitals.views.sequence()).await,
        };
        match checked {
            Ok(last) => info!(last, "the whole log was checked"),
            Err(error @ LogError::Corrupt { .. }) => return error,
            // A log that cannot be read now is told by whoever reads next.
            Err(error) => warn!(%error, "the log was not checked"),
        }
    }
}

async fn check_journal(folder: PathBuf, vitals: &Vitals) -> Result<u64, LogError> {
    let what = format!("journal {}", folder.display());
    let checked = spawn_blocking(move || Journal::check(&folder)).await;
    let last = checked.map_err(|error| {
        let reason = format!("the check ended: {error}");
        LogError::Unavailable { what, reason }
    })??;
    vitals.checked_at.store(SystemClock.now().unix_timestamp(), Ordering::Release);
    Ok(last)
}

/// Reads every event that the views have followed, and looks whether the hash chain holds: where they
/// stop, they say why themselves. A start from snapshots reads only what is behind them, and a server with
/// one replica drops what its disk changed without a word.
async fn check_events(log: &SharedLog, last: u64) -> Result<u64, LogError> {
    let (mut known, mut chain) = (0, Chain::START);
    while known < last {
        let wanted = usize::try_from(last - known).unwrap_or(BATCH_RECORDS).min(BATCH_RECORDS);
        let batch = log.read(known + 1, wanted).await?;
        let followed = block_in_place(|| follow((known, chain), &batch));
        (known, chain) = followed.map_err(|at| LogError::Corrupt {
            what: log.describe(),
            at,
            reason: "it is not the event that follows from the one before it".to_owned(),
        })?;
        tokio::time::sleep(BREATH).await;
    }
    Ok(last)
}

/// The last event of a batch and the chain through it; the first one that does not follow, where there
/// is one, or none at all.
fn follow(
    (mut known, mut chain): (u64, Chain),
    batch: &[StoredRecord],
) -> Result<(u64, Chain), u64> {
    if batch.is_empty() {
        return Err(known + 1);
    }
    for stored in batch {
        chain = chain.next(&stored.record.body);
        if stored.sequence != known + 1 || Chain::written(&stored.record) != Some(chain) {
            return Err(stored.sequence);
        }
        known = stored.sequence;
    }
    Ok((known, chain))
}
