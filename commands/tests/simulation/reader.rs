//! The read side: a projector with its store and its snapshot, cut off now and then.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ledger_core::log::SharedLog;
use ledger_core::snapshot::Unpublished;
use projections::projector::Projector;
use projections::replay::ReplayError;
use projections::store::{FactStore, Position, StoreError};

use crate::lanes::PROJECTOR;
use crate::log::SimLog;
use crate::planted;
use crate::rng::Rng;
use crate::situations::Situation;
use crate::world::World;

/// What survives the process.
#[derive(Debug, Default, Clone)]
pub(crate) struct Kept {
    pub(crate) rows: BTreeMap<u64, Vec<u8>>,
    pub(crate) position: Option<Position>,
}

/// A store in memory that outlives its projector.
#[derive(Debug, Clone)]
pub(crate) struct KeptStore {
    pub(crate) world: Arc<World>,
    pub(crate) kept: Arc<Mutex<Kept>>,
    fails: bool,
}

impl KeptStore {
    pub(crate) fn new(world: &Arc<World>) -> Self {
        Self { world: Arc::clone(world), kept: Arc::default(), fails: false }
    }
}

impl FactStore for KeptStore {
    fn position(&self) -> Result<Option<Position>, StoreError> {
        Ok(self.kept.lock().unwrap().position.clone())
    }

    fn commit(&mut self, rows: &[(u64, Vec<u8>)], position: &Position) -> Result<(), StoreError> {
        if self.fails {
            self.world.note(Situation::StoreFailed);
            let (path, reason) = ("memory".to_owned(), "it is full".to_owned());
            return Err(StoreError::Failed { path, reason });
        }
        let mut kept = self.kept.lock().unwrap();
        kept.rows.extend(rows.iter().cloned());
        kept.position = Some(position.clone());
        planted::bend_store(&self.world, &mut kept, rows);
        Ok(())
    }

    fn each(&self, after: u64, see: &mut dyn FnMut(u64, &[u8]) -> bool) -> Result<(), StoreError> {
        let kept = self.kept.lock().unwrap();
        for (sequence, row) in kept.rows.range(after + 1..) {
            if !see(*sequence, row) {
                break;
            }
        }
        Ok(())
    }

    fn forget(&mut self, through: u64) -> Result<(), StoreError> {
        self.kept.lock().unwrap().rows.retain(|sequence, _| *sequence > through);
        Ok(())
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        *self.kept.lock().unwrap() = Kept::default();
        Ok(())
    }
}

/// A projector that reads what the log holds.
pub(crate) async fn opened(world: &Arc<World>, store: KeptStore) -> Result<Projector, ReplayError> {
    let process = world.new_process();
    let log: SharedLog = Arc::new(SimLog::new(world, &process, false));
    let snapshot = world.folder.join("views.snapshot");
    let mut projector = Projector::open(Box::new(store), Some(snapshot), &log).await?;
    projector.catch_up(&log, &mut |_| {}).await?;
    Ok(projector)
}

/// Opens it, reads, keeps a snapshot now and then, and is cut off now and then.
pub(crate) async fn project(world: Arc<World>, store: KeptStore) {
    let mut rng = Rng::new(world.seed, 3);
    let lane = world.lane(PROJECTOR);
    loop {
        lane.sleep(rng.between(30, 120)).await;
        if world.is_over() {
            return;
        }
        let has_snapshot = world.folder.join("views.snapshot").exists();
        let is_stored = store.kept.lock().unwrap().position.is_some();
        let mut store = store.clone();
        store.fails = rng.in_thousand(100);
        let patience = rng.between(2, 12);
        let opened = tokio::select! {
            biased;
            opened = opened(&world, store) => opened,
            () = lane.sleep(patience) => {
                world.note(Situation::ProjectorCrashed);
                continue;
            }
        };
        let Ok(mut projector) = opened else { continue };
        if is_stored {
            world.note(Situation::ProjectorResumed);
        }
        if has_snapshot {
            world.note(Situation::ProjectorSnapshot);
        }
        if rng.in_thousand(200) {
            keep_snapshot(&mut projector);
        }
    }
}

fn keep_snapshot(projector: &mut Projector) {
    let Some((written, through)) = projector.write_snapshot().unwrap() else { return };
    let published = Unpublished::publish(written);
    projector.snapshot_ended(through, published.is_ok());
}
