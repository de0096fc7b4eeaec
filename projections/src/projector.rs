//! The projector: views in memory, their facts in a store, and both at one position.

use std::collections::BTreeMap;

use ledger_core::log::SharedLog;
use schemas::chain::Chain;
use tracing::{info, warn};

use crate::facts::{DigestParts, EventFacts, Projection, ProjectionError};
use crate::replay::{Fold, ReplayError, catch_up};
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
}

impl Projector {
    /// Takes what the store holds, where it fits its own digests and the log; everything else is
    /// thrown away and will be folded again.
    ///
    /// # Errors
    /// [`ReplayError::Tampered`] where the log does not hold the event up to which facts are
    /// stored: history that shrank or changed stops the program (`docs/ARCHITECTURE.md`, Rules, 6).
    pub async fn open(mut store: Box<dyn FactStore>, log: &SharedLog) -> Result<Self, ReplayError> {
        let (views, chain) = match load(store.as_ref()) {
            Ok(Some(loaded)) => loaded,
            Ok(None) => {
                restart(store.as_mut());
                (Views::default(), Chain::START)
            }
            Err(error) => {
                warn!(%error, "the stored projections cannot be read");
                restart(store.as_mut());
                (Views::default(), Chain::START)
            }
        };
        must_hold(log, views.sequence, chain).await?;
        let stored = views.sequence;
        Ok(Self { views, chain, store: Some(store), rows: Vec::new(), stored })
    }

    /// Views that are kept in memory only.
    pub fn in_memory() -> Self {
        Self {
            views: Views::default(),
            chain: Chain::START,
            store: None,
            rows: Vec::new(),
            stored: 0,
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

    /// Folds and stores what the log holds by now.
    ///
    /// # Errors
    /// [`ReplayError`]; the projector stands at the last good event then.
    pub async fn catch_up(
        &mut self,
        log: &SharedLog,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), ReplayError> {
        let mut chain = self.chain;
        let result = catch_up(log, self, &mut chain, None, progress).await;
        // Also where it stopped inside a piece: views, chain and position stay at one event.
        self.chain = chain;
        self.commit();
        result
    }

    fn commit(&mut self) {
        let Some(store) = self.store.as_mut().filter(|_| self.stored < self.views.sequence) else {
            return;
        };
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
    fn sequence(&self) -> u64 {
        self.views.sequence
    }

    fn take(&mut self, facts: &EventFacts, parts: DigestParts<'_>) -> Result<(), ProjectionError> {
        self.views.take(facts, parts)?;
        if self.store.is_some() {
            // Facts are structs of strings and numbers, which always serialize.
            self.rows.push((facts.sequence, serde_json::to_vec(facts).unwrap_or_default()));
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
        versions: versions(),
        digests: digests.map(|(name, digest)| (name.to_owned(), digest)).collect(),
    }
}

/// The stored views, where they fit their position to the last byte.
fn load(store: &dyn FactStore) -> Result<Option<(Views, Chain)>, StoreError> {
    let Some(position) = store.position()? else { return Ok(None) };
    if position.versions != versions() {
        info!("the stored projections are of another version; building them again");
        return Ok(None);
    }
    let mut views = Views::default();
    let mut wrong = None;
    store.each(&mut |sequence, row| {
        let taken = serde_json::from_slice::<EventFacts>(row)
            .map_err(|error| format!("row {sequence}: {error}"))
            .and_then(|facts| views.fold(&facts).map_err(|error| error.to_string()));
        wrong = taken.err();
        wrong.is_none()
    })?;
    let chain = Chain::from_hex(&position.chain);
    match (wrong, chain) {
        (None, Some(chain)) if self::position(&views, chain) == position => {
            Ok(Some((views, chain)))
        }
        (reason, _) => {
            let reason = reason.unwrap_or_else(|| "they do not fit their digests".to_owned());
            warn!(%reason, "the stored projections are damaged; building them again");
            Ok(None)
        }
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
