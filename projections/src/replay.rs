//! Folding a log from its first event, with the hash chain checked on the way.

use ledger_core::log::{EventLog, LogError};
use schemas::chain::{CHAIN_HEADER, Chain};
use schemas::record::{DecodeError, decode};

use crate::views::{ProjectionError, Views};

/// Records that are read and decoded at a time.
const BATCH: usize = 10_000;

/// A log that cannot be folded to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// It cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// An event cannot be decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// An event cannot be applied.
    #[error(transparent)]
    Projection(#[from] ProjectionError),
    /// A record is not the one that its sequence and its chain promise.
    #[error("event {sequence} was changed, or one before it is missing: {reason}")]
    Tampered {
        /// The first sequence that does not fit.
        sequence: u64,
        /// What does not fit.
        reason: String,
    },
}

/// Folds more events into views that stand at `views.sequence`, as far as the log goes and `last`
/// allows. `chain` is the chain through `views.sequence`. `progress` hears the sequence that was
/// reached.
///
/// # Errors
/// [`ReplayError`]; the views stand at the last good event then.
pub async fn catch_up(
    log: &dyn EventLog,
    views: &mut Views,
    chain: &mut Chain,
    last: Option<u64>,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<(), ReplayError> {
    loop {
        let wanted = last.map_or(BATCH, |last| {
            usize::try_from(last.saturating_sub(views.sequence)).unwrap_or(BATCH).min(BATCH)
        });
        if wanted == 0 {
            return Ok(());
        }
        let batch = log.read(views.sequence + 1, wanted).await?;
        if batch.is_empty() {
            return Ok(());
        }
        for stored in &batch {
            let sequence = stored.sequence;
            if sequence != views.sequence + 1 {
                let reason = format!("sequence {} was expected", views.sequence + 1);
                return Err(ReplayError::Tampered { sequence, reason });
            }
            let through = chain.next(&stored.record.body);
            let header = stored.record.headers.iter().find(|(name, _)| name == CHAIN_HEADER);
            if header.is_none_or(|(_, hex)| *hex != through.to_hex()) {
                let reason = "its hash chain does not follow from its bytes".to_owned();
                return Err(ReplayError::Tampered { sequence, reason });
            }
            views.fold(&decode(stored)?)?;
            *chain = through;
        }
        progress(views.sequence);
    }
}

/// Folds the whole log into fresh views.
///
/// # Errors
/// [`ReplayError`] at the first event that does not fit.
pub async fn replay(
    log: &dyn EventLog,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<(Views, Chain), ReplayError> {
    let (mut views, mut chain) = (Views::default(), Chain::START);
    catch_up(log, &mut views, &mut chain, None, progress).await?;
    Ok((views, chain))
}
