//! Looks for bytes of the journal that the disk changed: opening it trusts what was checked before.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use commands::clock::{Clock, SystemClock};
use ledger_core::log::LogError;
use ledger_core::log::journal::Journal;
use tokio::task::spawn_blocking;
use tracing::{info, warn};

use crate::vitals::Vitals;

/// How often every byte is read. A disk that loses bits does so over weeks.
const SCRUB_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// Checks every byte of a journal, at once and then once a day. Returns only where some are damaged: a
/// daemon must not go on then. Without a journal it never returns.
pub(crate) async fn scrub(journal: Option<PathBuf>, vitals: &Vitals) -> LogError {
    let Some(folder) = journal else { return std::future::pending().await };
    let mut pause = tokio::time::interval(SCRUB_EVERY);
    loop {
        pause.tick().await;
        let checked = folder.clone();
        match spawn_blocking(move || Journal::check(&checked)).await {
            Ok(Ok(last)) => {
                vitals.checked_at.store(SystemClock.now().unix_timestamp(), Ordering::Release);
                info!(last, "every byte of the journal was checked");
            }
            Ok(Err(error @ LogError::Corrupt { .. })) => return error,
            // A disk that cannot be read now is told by whoever reads next.
            Ok(Err(error)) => warn!(%error, "the journal was not checked"),
            Err(error) => warn!(%error, "the check of the journal ended"),
        }
    }
}
