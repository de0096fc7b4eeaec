//! The writer's snapshots: a start, and the way back from an append that failed, cost the log's tail.

use std::path::PathBuf;

use ledger_core::snapshot::{SnapshotError, Unpublished, is_due};
use schemas::chain::Chain;
use tokio::task::{JoinHandle, spawn_blocking};
use tracing::warn;

use crate::planted::{self, Planted};
use crate::standing::Standing;
use crate::writer::{Writer, WriterError};

/// A snapshot that is overdue is written even while commands wait: they wait for it then.
const OVERDUE_TIMES: u64 = 2;
/// At its end a daemon writes one where the log has grown by one part in so many.
const GROWTH_PARTS_AT_END: u64 = 100;

/// Where a writer keeps its snapshot, and how often.
#[derive(Debug, Clone)]
pub struct Keep {
    /// The file.
    pub path: PathBuf,
    /// Whether to write one at the end that is hardly due: a daemon comes back, and should come back
    /// at once.
    pub at_end: bool,
}

/// The writer's snapshot as it stands.
#[derive(Debug, Default)]
pub(super) struct Kept {
    keep: Option<Keep>,
    /// The last event of the snapshot that was read or written last.
    in_snapshot: u64,
    /// The disk still works on the last one.
    publishing: Option<JoinHandle<()>>,
}

impl Kept {
    pub(super) fn new(keep: Option<Keep>) -> Self {
        Self { keep, ..Self::default() }
    }
}

impl Writer {
    /// Folds the log from the snapshot on, or from its first event where there is none.
    ///
    /// # Errors
    /// [`WriterError`] where the log cannot be read, or no longer holds what the snapshot was folded
    /// from.
    pub(super) async fn resume(&mut self) -> Result<(), WriterError> {
        self.coming = None;
        self.standing = match self.kept.keep.as_ref().map(|keep| keep.path.clone()) {
            None => Standing::default(),
            Some(path) => {
                let read = spawn_blocking(move || Standing::read_snapshot(&path)).await;
                read.map_err(|_| WriterError::Ended)?.unwrap_or_else(|error| {
                    warn!(%error, "folding the log again");
                    None
                })
            }
            .unwrap_or_default(),
        };
        self.kept.in_snapshot = self.standing.sequence;
        if !planted::is(Planted::TrustsAnySnapshot) {
            self.must_hold(self.standing.sequence, self.standing.chain).await?;
        }
        // A state that is folded again must not hide that the log is shorter than it was.
        let (sequence, chain) = self.known;
        if !planted::is(Planted::ForgetsWhatItStored) {
            self.must_hold(sequence, chain).await?;
        }
        self.catch_up().await
    }

    /// Checks that the log holds the event, with that chain through it.
    async fn must_hold(&self, sequence: u64, chain: Chain) -> Result<(), WriterError> {
        if sequence == 0 {
            return Ok(());
        }
        let found = self.log.read(sequence, 1).await?;
        let written = found.first().filter(|stored| stored.sequence == sequence);
        if written.and_then(|stored| Chain::written(&stored.record)) == Some(chain) {
            return Ok(());
        }
        Err(WriterError::HistoryChanged { log: self.log.describe(), sequence })
    }

    /// Whether a snapshot is due, while nothing is to be done.
    pub(super) fn is_snapshot_due(&self) -> bool {
        let sequence = self.standing.sequence;
        let is_the_log_s = self.is_current && self.fate.borrow().is_none();
        is_the_log_s && self.kept.keep.is_some() && is_due(self.kept.in_snapshot, sequence)
    }

    /// Whether it cannot wait any longer for a pause.
    pub(super) fn is_snapshot_overdue(&self) -> bool {
        let grown = self.standing.sequence.saturating_sub(self.kept.in_snapshot);
        self.is_snapshot_due()
            && is_due(self.kept.in_snapshot, self.kept.in_snapshot + grown / OVERDUE_TIMES)
    }

    /// Writes a snapshot of the standing, which is the log's own: nothing is on its way. Without one the
    /// next start costs more, and nothing else.
    pub(super) async fn keep_snapshot(&mut self) {
        let Some(path) = self.kept.keep.as_ref().map(|keep| keep.path.clone()) else { return };
        self.published().await;
        self.kept.in_snapshot = self.standing.sequence;
        let standing = std::mem::take(&mut self.standing);
        let written = spawn_blocking(move || {
            let written = standing.write_snapshot(&path);
            (standing, written)
        });
        match written.await {
            Ok((standing, written)) => {
                self.standing = standing;
                // Commands go on while the disk works.
                self.kept.publishing = Some(spawn_blocking(move || publish(written)));
            }
            Err(error) => {
                warn!(%error, "a thread that wrote a snapshot ended; reading the log again");
                self.is_current = self.resume().await.is_ok();
            }
        }
    }

    /// Writes the snapshot that the next start begins with, where it is worth it.
    pub(super) async fn keep_snapshot_at_end(&mut self) {
        let (known, sequence) = (self.kept.in_snapshot, self.standing.sequence);
        let is_worth_it = sequence > known + known / GROWTH_PARTS_AT_END;
        let at_end = self.kept.keep.as_ref().is_some_and(|keep| keep.at_end);
        if self.is_snapshot_due() || self.is_current && at_end && is_worth_it {
            self.keep_snapshot().await;
        }
        self.published().await;
    }

    async fn published(&mut self) {
        if let Some(publishing) = self.kept.publishing.take()
            && let Err(error) = publishing.await
        {
            warn!(%error, "a thread that published a snapshot ended");
        }
    }
}

fn publish(written: Result<Unpublished, SnapshotError>) {
    if let Err(error) = written.and_then(Unpublished::publish) {
        warn!(%error, "the next start reads more of the log");
    }
}
