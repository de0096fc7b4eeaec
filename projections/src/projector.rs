//! The projector: views in memory, their facts in a store, and both at one position. A snapshot of the
//! views takes the place of the facts, where it is worth it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use borsh::BorshDeserialize;
use ledger_core::log::SharedLog;
use ledger_core::snapshot::{SnapshotError, Unpublished, is_due};
use schemas::chain::Chain;
use tracing::warn;

use crate::facts::{EventFacts, Projection, ProjectionError, Written};
use crate::replay::{Fold, ReplayError, catch_up};
use crate::snapshot;
use crate::store::{FactStore, Position, StoreError};
use crate::views::Views;

/// Rows that wait for their commit, at most.
const ROWS_MAX: usize = 4_096;

/// Views that are stored as they are folded.
#[derive(Debug)]
pub struct Projector {
    views: Views,
    chain: Chain,
    /// None once it failed: the views go on in memory, and the next start builds on what is there.
    store: Option<Box<dyn FactStore>>,
    rows: Vec<(u64, Vec<u8>)>,
    stored: u64,
    snapshot: Option<PathBuf>,
    /// The last event of the snapshot that was read or written last.
    in_snapshot: u64,
    /// Whether the store lacks facts that only the next snapshot will hold: nothing is added to it until
    /// that is published.
    has_gap: bool,
    /// The last event of the snapshot that is being written, 0 where none is.
    in_writing: AtomicU64,
}

impl Projector {
    /// Takes the snapshot and what the store holds behind it, where they fit their own digests and the
    /// log; everything else is thrown away and will be folded again.
    ///
    /// # Errors
    /// [`ReplayError::Tampered`] where the log does not hold the event up to which facts are
    /// stored: history that shrank or changed stops the program (`docs/ARCHITECTURE.md`, Rules, 6).
    pub async fn open(
        mut store: Box<dyn FactStore>,
        snapshot: Option<PathBuf>,
        log: &SharedLog,
    ) -> Result<Self, ReplayError> {
        let base = base(snapshot.as_deref(), log).await?;
        let in_snapshot = base.0.sequence;
        let (views, chain) = match load(store.as_ref(), base) {
            Ok(loaded) => loaded,
            Err(error) => {
                warn!(%error, "the facts behind the snapshot are folded again");
                restart(store.as_mut());
                self::base(snapshot.as_deref(), log).await?
            }
        };
        must_hold(log, views.sequence, chain).await?;
        let stored = views.sequence;
        let (store, rows) = (Some(store), Vec::new());
        let in_writing = AtomicU64::new(0);
        let has_gap = false;
        Ok(Self { views, chain, store, rows, stored, snapshot, in_snapshot, has_gap, in_writing })
    }

    /// Views that are kept in memory only.
    pub fn in_memory() -> Self {
        Self {
            views: Views::default(),
            chain: Chain::START,
            store: None,
            rows: Vec::new(),
            stored: 0,
            snapshot: None,
            in_snapshot: 0,
            has_gap: false,
            in_writing: AtomicU64::new(0),
        }
    }

    /// The views as they stand.
    pub fn views(&self) -> &Views {
        &self.views
    }

    /// The chain through the last event that was folded.
    pub fn chain(&self) -> Chain {
        self.chain
    }

    /// Folds and stores what the log holds by now. Where that is so much that a snapshot is due behind it,
    /// the snapshot alone will hold it: the store takes as long for an event as the fold does.
    ///
    /// # Errors
    /// [`ReplayError`]; the projector stands at the last good event then.
    pub async fn catch_up(
        &mut self,
        log: &SharedLog,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), ReplayError> {
        let last = log.last_sequence().await?;
        self.has_gap |= self.snapshot.is_some() && is_due(self.views.sequence, last);
        let mut chain = self.chain;
        let result = catch_up(log, self, &mut chain, Some(last), progress).await;
        // Also where it stopped inside a piece: views, chain and position stay at one event.
        self.chain = chain;
        self.commit();
        result
    }

    /// Whether the log has grown so much behind the last snapshot that another one is worth it.
    pub fn is_snapshot_due(&self) -> bool {
        self.snapshot.is_some() && is_due(self.in_snapshot, self.views.sequence)
    }

    /// Writes a snapshot of the views, and says through which event; none where nothing was folded
    /// behind the last one, or no snapshots are kept. It counts once it is published.
    ///
    /// # Errors
    /// [`SnapshotError`] where the disk fails.
    pub fn write_snapshot(&self) -> Result<Option<(Unpublished, u64)>, SnapshotError> {
        let is_new = self.views.sequence > self.in_snapshot;
        let Some(path) = self.snapshot.as_deref().filter(|_| is_new) else { return Ok(None) };
        let written = snapshot::write(path, &self.views, self.chain)?;
        self.in_writing.store(self.views.sequence, Ordering::Relaxed);
        Ok(Some((written, self.views.sequence)))
    }

    /// Hears that the snapshot through an event was published, or could not be: the next one is due
    /// once there is more. Facts that a snapshot holds are not kept twice.
    pub fn snapshot_ended(&mut self, through: u64, is_published: bool) {
        self.in_snapshot = through;
        self.in_writing.store(0, Ordering::Relaxed);
        if self.has_gap {
            if is_published {
                // The rows since then follow the snapshot.
                (self.has_gap, self.stored) = (false, through);
            } else {
                self.rows.clear();
            }
        }
        let Some(store) = self.store.as_mut().filter(|_| is_published) else { return };
        if let Err(error) = store.forget(through) {
            warn!(%error, "facts that the snapshot holds stay in the store");
        }
    }

    /// Whether an event's facts go to the store: not those that only a snapshot will hold.
    fn is_kept(&self, sequence: u64) -> bool {
        let in_writing = self.in_writing.load(Ordering::Relaxed);
        !self.has_gap || in_writing > 0 && sequence > in_writing
    }

    fn commit(&mut self) {
        let is_behind = self.stored < self.views.sequence && !self.has_gap;
        let Some(store) = self.store.as_mut().filter(|_| is_behind) else { return };
        let position = position(&self.views, self.chain);
        match store.commit(&self.rows, &position) {
            Ok(()) => {
                self.stored = self.views.sequence;
                self.rows.clear();
            }
            Err(error) => {
                warn!(%error, "the projections go on in memory until the next start");
                self.store = None;
                self.rows = Vec::new();
            }
        }
    }
}

impl Fold for Projector {
    type Needs = EventFacts;

    fn sequence(&self) -> u64 {
        self.views.sequence
    }

    fn pick(facts: EventFacts) -> EventFacts {
        facts
    }

    fn take(&mut self, facts: &EventFacts, written: Written<'_>) -> Result<(), ProjectionError> {
        self.views.take(facts, written)?;
        if self.store.is_some() && self.is_kept(facts.sequence) {
            self.rows.push((facts.sequence, written.row().to_vec()));
        }
        Ok(())
    }

    fn rest_at(&mut self, chain: Chain) {
        self.chain = chain;
        if self.rows.len() >= ROWS_MAX {
            self.commit();
        }
    }
}

fn restart(store: &mut dyn FactStore) {
    if let Err(error) = store.clear() {
        warn!(%error, "the stored projections cannot be cleared");
    }
}

fn versions() -> BTreeMap<String, u32> {
    Projection::ALL.into_iter().map(|one| (one.name().to_owned(), one.version())).collect()
}

fn position(views: &Views, chain: Chain) -> Position {
    let digests = views.digests().into_iter();
    Position {
        sequence: views.sequence,
        chain: chain.to_hex(),
        program: snapshot::PROGRAM.to_owned(),
        versions: versions(),
        digests: digests.map(|(name, digest)| (name.to_owned(), digest)).collect(),
    }
}

/// What the snapshot holds.
async fn base(path: Option<&Path>, log: &SharedLog) -> Result<(Views, Chain), ReplayError> {
    match path {
        Some(path) => snapshot::resume(path, log).await,
        None => Ok((Views::default(), Chain::START)),
    }
}

/// Stored facts that cannot be used.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the stored projections are another program's")]
    Version,
    #[error("the stored projections are damaged: {0}")]
    Damaged(String),
}

/// The base with what is stored behind it, where that fits its position to the last byte.
fn load(store: &dyn FactStore, base: (Views, Chain)) -> Result<(Views, Chain), Unusable> {
    let (mut views, chain) = base;
    let Some(position) = store.position()? else { return Ok((views, chain)) };
    if position.sequence <= views.sequence {
        return Ok((views, chain));
    }
    if position.program != snapshot::PROGRAM || position.versions != versions() {
        return Err(Unusable::Version);
    }
    let mut wrong = None;
    store.each(views.sequence, &mut |sequence, row| {
        let taken = EventFacts::try_from_slice(row)
            .map_err(|error| format!("row {sequence}: {error}"))
            .and_then(|facts| views.fold(&facts).map_err(|error| error.to_string()));
        wrong = taken.err();
        wrong.is_none()
    })?;
    let misfit = || "they do not fit their digests".to_owned();
    let chain = Chain::from_hex(&position.chain).ok_or_else(|| Unusable::Damaged(misfit()))?;
    match wrong {
        None if self::position(&views, chain) == position => Ok((views, chain)),
        reason => Err(Unusable::Damaged(reason.unwrap_or_else(misfit))),
    }
}

/// Checks that the log still holds the event `sequence` with everything before it.
///
/// # Errors
/// [`ReplayError::Tampered`] where it does not.
pub async fn must_hold(log: &SharedLog, sequence: u64, chain: Chain) -> Result<(), ReplayError> {
    if sequence == 0 {
        return Ok(());
    }
    let found = log.read(sequence, 1).await?;
    let reason = match found.first() {
        Some(stored)
            if stored.sequence == sequence && Chain::written(&stored.record) == Some(chain) =>
        {
            return Ok(());
        }
        Some(_) => "it is another event than the one that was projected before".to_owned(),
        None => format!("{} ends before it, and it was projected before", log.describe()),
    };
    Err(ReplayError::Tampered { sequence, reason })
}
