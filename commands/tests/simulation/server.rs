//! The daemons: each runs one writer, is killed, and is started again by its supervisor.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use commands::standing::Standing;
use commands::writer::{self, Keep, RunningWriter, Settings, WriterError, WriterHandle};
use futures::future::BoxFuture;
use ledger_core::command::Command;
use ledger_core::id::Identifier;
use ledger_core::log::SharedLog;

use crate::lanes::{self, SUPERVISORS};
use crate::log::SimLog;
use crate::planted;
use crate::rng::Rng;
use crate::situations::Situation;
use crate::world::{Process, SimClock, World};

pub(crate) fn book() -> Identifier {
    "main".parse().unwrap()
}

/// A run of a writer.
struct Run {
    process: Arc<Process>,
    writer: RunningWriter,
    handle: WriterHandle,
}

#[derive(Default)]
struct State {
    run: Option<Run>,
    /// Writers that were killed. Their tasks stand still for ever; with their handles gone they
    /// would end in an orderly way, which is not what a crash is.
    graveyard: Vec<Run>,
    /// Why it does not start any more.
    halted: Option<String>,
}

pub(crate) struct Server {
    world: Arc<World>,
    index: u64,
    state: Mutex<State>,
}

/// How a daemon starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    WithSnapshot,
    WithDamagedSnapshot,
    Fresh,
}

impl Server {
    pub(crate) fn new(world: &Arc<World>, index: u64) -> Arc<Self> {
        Arc::new(Self { world: Arc::clone(world), index, state: Mutex::default() })
    }

    /// Hands a command in; none where nobody listens.
    pub(crate) fn submit(&self, command: Command) -> Option<BoxFuture<'static, Vec<u8>>> {
        let state = self.state.lock().unwrap();
        let run = state.run.as_ref().filter(|run| !run.process.is_dead())?;
        Some(Box::pin(run.handle.submit(command, None)))
    }

    pub(crate) fn process(&self) -> Option<Arc<Process>> {
        self.state.lock().unwrap().run.as_ref().map(|run| Arc::clone(&run.process))
    }

    pub(crate) fn halted(&self) -> Option<String> {
        self.state.lock().unwrap().halted.clone()
    }

    pub(crate) fn kill(&self) {
        if let Some(process) = self.process() {
            process.die();
        }
    }

    fn bury(&self) {
        let mut state = self.state.lock().unwrap();
        if let Some(run) = state.run.take_if(|run| run.process.is_dead()) {
            state.graveyard.push(run);
        }
    }

    fn snapshot(&self) -> PathBuf {
        self.world.folder.join(format!("writer-{}.snapshot", self.index))
    }

    /// Ends the writer as a daemon does that is asked to: everything is answered, a snapshot kept.
    pub(crate) async fn end(&self) {
        self.bury();
        let run = self.state.lock().unwrap().run.take();
        let Some(Run { process, writer, handle }) = run else { return };
        drop(handle);
        let is_well = tokio::select! {
            biased;
            ended = writer.shutdown() => { ended.unwrap(); true }
            () = process.died() => false,
        };
        if is_well {
            self.world.note(Situation::EndedWell);
        }
    }

    /// Starts a writer; whether there is one then.
    pub(crate) async fn start(&self, how: Start, rng: &mut Rng) -> bool {
        self.bury();
        let path = self.snapshot();
        let is_there = path.exists();
        if is_there && how == Start::WithDamagedSnapshot {
            damage(&path, rng);
        }
        if is_there && how == Start::WithSnapshot {
            planted::bend_snapshot(&self.world, &path);
        }
        let keep = (how != Start::Fresh).then_some(Keep { path: path.clone(), at_end: true });
        let process = self.world.new_process();
        let log = Arc::new(SimLog::new(&self.world, &process, true));
        let shared: SharedLog = Arc::<SimLog>::clone(&log);
        let clock = Arc::new(SimClock(Arc::clone(&self.world)));
        let patience = lanes::patience();
        let settings = Settings { keep, patience, ..Settings::default() };
        let started = tokio::select! {
            biased;
            started = writer::start_with(settings, book(), 0, shared, clock) => started,
            () = process.died() => return false,
        };
        match started {
            Ok(writer) => {
                if is_there {
                    self.tell_snapshot(
                        how,
                        &path,
                        *log.reads.lock().unwrap().first().unwrap_or(&1),
                    );
                }
                let handle = writer.handle();
                self.state.lock().unwrap().run = Some(Run { process, writer, handle });
                true
            }
            Err(halt @ WriterError::HistoryChanged { .. }) => {
                self.state.lock().unwrap().halted = Some(halt.to_string());
                false
            }
            Err(WriterError::Log(_)) => false,
            Err(other @ (WriterError::Decode(_) | WriterError::Ended)) => {
                self.state.lock().unwrap().halted = Some(other.to_string());
                false
            }
        }
    }

    /// Whether its snapshot holds events behind that one.
    pub(crate) fn has_snapshot_behind(&self, sequence: u64) -> bool {
        let read = Standing::read_snapshot(&self.snapshot());
        matches!(read, Ok(Some(standing)) if standing.sequence > sequence)
    }

    fn tell_snapshot(&self, how: Start, path: &Path, first_read: u64) {
        if how == Start::WithSnapshot && first_read > 1 {
            self.world.note(Situation::SnapshotUsed);
        }
        if how == Start::WithDamagedSnapshot && first_read == 1 {
            assert!(Standing::read_snapshot(path).is_err(), "it was damaged");
            self.world.note(Situation::SnapshotThrownAway);
        }
    }

    /// Starts the daemon again whenever it was killed, and ends it now and then.
    pub(crate) async fn supervise(self: Arc<Self>) {
        let mut rng = Rng::new(self.world.seed, 500 + self.index);
        let lane = self.world.lane(SUPERVISORS + self.index);
        loop {
            lane.sleep(rng.between(2, 12)).await;
            if self.world.is_over() || self.halted().is_some() {
                return;
            }
            let is_down = self.process().is_none_or(|process| process.is_dead());
            if is_down {
                let how = match rng.below(10) {
                    0..6 => Start::WithSnapshot,
                    6..8 => Start::WithDamagedSnapshot,
                    _ => Start::Fresh,
                };
                self.start(how, &mut rng).await;
            } else if rng.in_thousand(60) {
                self.end().await;
            }
        }
    }
}

/// A bit that tips over, or a file that was cut.
fn damage(path: &Path, rng: &mut Rng) {
    let mut bytes = fs::read(path).unwrap();
    let length = u64::try_from(bytes.len()).unwrap();
    // What is in front says which program wrote it: another one's is no damage.
    let at = usize::try_from(rng.between(length / 2, length - 1)).unwrap();
    if rng.in_thousand(500) {
        bytes[at] ^= 1 << rng.below(8);
    } else {
        bytes.truncate(at);
    }
    fs::write(path, bytes).unwrap();
}
