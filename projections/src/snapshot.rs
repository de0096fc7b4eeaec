//! Snapshots of the views: a report over a long log then costs its tail.

use std::path::Path;

use ledger_core::log::SharedLog;
use ledger_core::snapshot::{Heading, Snapshot, SnapshotError, Unpublished};
use schemas::chain::Chain;
use tokio::task::spawn_blocking;
use tracing::{info, warn};

use crate::projector::must_hold;
use crate::replay::ReplayError;
use crate::views::Views;

/// The program that lays values out as this one does: its sources.
pub(crate) const PROGRAM: &str = concat!("projections ", env!("SNAPSHOT_SOURCES"));

/// Writes the views, folded through the event whose chain is `chain`, beside what is there.
///
/// # Errors
/// [`SnapshotError`] where the disk fails; the old snapshot stands then.
pub fn write(path: &Path, views: &Views, chain: Chain) -> Result<Unpublished, SnapshotError> {
    if views.audit_trail.is_left_out() {
        let (path, reason) = (path.display().to_string(), "the views are not whole".to_owned());
        return Err(SnapshotError { path, reason });
    }
    let (program, sequence) = (PROGRAM.to_owned(), views.sequence);
    views.write_snapshot(path, Heading { program, sequence, chain: chain.0 })
}

/// Reads the views, and the chain through the last event of theirs. None where there is no snapshot, or
/// one of another program.
///
/// Whether the log still holds that event is the caller's to ask ([`must_hold`]).
///
/// # Errors
/// [`SnapshotError`] where it is damaged.
pub fn read(path: &Path) -> Result<Option<(Views, Chain)>, SnapshotError> {
    read_with(path, true)
}

fn read_with(path: &Path, rows_wanted: bool) -> Result<Option<(Views, Chain)>, SnapshotError> {
    let Some(snapshot) = Snapshot::open(path)? else { return Ok(None) };
    let heading = snapshot.heading();
    if heading.program != PROGRAM {
        info!("the snapshot of the projections is another program's; folding the log again");
        return Ok(None);
    }
    let views = Views::read_snapshot(&snapshot, rows_wanted)?;
    if views.sequence != heading.sequence {
        return Err(snapshot.misfit("its parts and its heading are of different events"));
    }
    Ok(Some((views, Chain(heading.chain))))
}

/// The views of the snapshot of a log; empty ones where there is none that can be used.
///
/// # Errors
/// [`ReplayError::Tampered`] where the log no longer holds what the snapshot was folded from;
/// [`ReplayError::Log`] where the log cannot be read.
pub async fn resume(path: &Path, log: &SharedLog) -> Result<(Views, Chain), ReplayError> {
    resume_with(path, log, true).await
}

/// Checks that the log still holds the event up to which its snapshot goes, without reading the rest of
/// it. One that cannot be read, or is another program's, is none.
///
/// # Errors
/// As [`resume`].
pub async fn must_fit(path: &Path, log: &SharedLog) -> Result<(), ReplayError> {
    let Ok(Some(snapshot)) = Snapshot::open(path) else { return Ok(()) };
    let heading = snapshot.heading();
    if heading.program != PROGRAM {
        return Ok(());
    }
    must_hold(log, heading.sequence, Chain(heading.chain)).await
}

/// The same as [`resume`] without the rows of the audit trail, which are the largest part: for somebody who asks
/// [`AuditTrail::is_missed`] before the answer counts. No snapshot must be written of such views.
///
/// # Errors
/// As [`resume`].
///
/// [`AuditTrail::is_missed`]: crate::views::AuditTrail::is_missed
pub async fn resume_without_rows(
    path: &Path,
    log: &SharedLog,
) -> Result<(Views, Chain), ReplayError> {
    resume_with(path, log, false).await
}

async fn resume_with(
    path: &Path,
    log: &SharedLog,
    rows_wanted: bool,
) -> Result<(Views, Chain), ReplayError> {
    let path = path.to_owned();
    let found = spawn_blocking(move || read_with(&path, rows_wanted)).await;
    let found = found.map_err(|_| ReplayError::Ended)?;
    let (views, chain) = match found {
        Ok(Some(found)) => found,
        Ok(None) => return Ok((Views::default(), Chain::START)),
        Err(error) => {
            warn!(%error, "folding the log again");
            return Ok((Views::default(), Chain::START));
        }
    };
    must_hold(log, views.sequence, chain).await?;
    Ok((views, chain))
}
