//! What all actors of one history share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use commands::clock::Clock;
use ledger_core::log::{Record, StoredRecord};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::bugs::Bug;
use crate::history::History;
use crate::lanes::{self, Lane};
use crate::rng::Rng;
use crate::script::Known;
use crate::situations::Situation;

const BEGINNING: OffsetDateTime = datetime!(2026-05-01 09:00 UTC);

/// A record on the disk, with what only the simulator knows of it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) record: Record,
    pub(crate) at: u64,
    /// Who wrote it.
    pub(crate) process: u64,
}

/// In so many histories the log is silent for long now and then: it answers reads, and what it is sent
/// it stores later, or not at all. One writer has to cope with that, which is not killed.
const SILENCES_IN: u64 = 6;

/// Whether it is in that history.
pub(crate) fn is_silent(seed: u64) -> bool {
    seed % SILENCES_IN == 4
}

/// How rough a history is, in thousandths of all operations on the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    pub(crate) answer_lost: u64,
    pub(crate) append_lost: u64,
    pub(crate) refused: u64,
    pub(crate) late: u64,
    pub(crate) stalled: u64,
    pub(crate) crash: u64,
    pub(crate) read_fails: u64,
    pub(crate) network: u64,
}

impl Weather {
    fn in_history(seed: u64) -> Self {
        let weather = Self::of(&mut Rng::new(seed, 1));
        if is_silent(seed) { Self { crash: 0, ..weather } } else { weather }
    }

    fn of(rng: &mut Rng) -> Self {
        let mut of =
            |usual: u64| [0, usual, usual, usual * 4][usize::try_from(rng.below(4)).unwrap()];
        Self {
            answer_lost: of(40),
            append_lost: of(40),
            refused: of(20),
            late: of(15),
            stalled: of(30),
            crash: of(10),
            read_fails: of(25),
            network: of(40),
        }
    }
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) start: Instant,
    pub(crate) folder: PathBuf,
    pub(crate) weather: Weather,
    pub(crate) entries: Mutex<Vec<Entry>>,
    pub(crate) history: Mutex<History>,
    pub(crate) known: Mutex<Known>,
    pub(crate) seen: Mutex<BTreeMap<Situation, u64>>,
    /// Nothing goes wrong any more.
    pub(crate) is_calm: AtomicBool,
    /// The daemons are not to be started again by anybody but the director.
    pub(crate) is_over: AtomicBool,
    pub(crate) bug: Option<Bug>,
    pub(crate) fired: AtomicU64,
    processes: AtomicU64,
    skew_seconds: AtomicI64,
    /// The log answers no append until this round.
    silent_until: AtomicU64,
    /// So many groups it was sent meanwhile, and stores behind it.
    held: AtomicU64,
    /// What the log lost of its end, if it did.
    pub(crate) lost: Mutex<Option<Loss>>,
}

/// The end of the log that was lost.
#[derive(Debug, Clone)]
pub(crate) struct Loss {
    /// The last sequence that is left.
    pub(crate) left: u64,
    gone: Vec<Entry>,
}

impl World {
    pub(crate) fn new(seed: u64, folder: PathBuf, bug: Option<Bug>) -> Arc<Self> {
        Arc::new(Self {
            seed,
            start: Instant::now(),
            folder,
            weather: Weather::in_history(seed),
            entries: Mutex::default(),
            history: Mutex::default(),
            known: Mutex::default(),
            seen: Mutex::default(),
            is_calm: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            bug,
            fired: AtomicU64::new(0),
            processes: AtomicU64::new(0),
            skew_seconds: AtomicI64::new(0),
            silent_until: AtomicU64::new(0),
            held: AtomicU64::new(0),
            lost: Mutex::default(),
        })
    }

    pub(crate) fn now(&self) -> u64 {
        lanes::now(self.start)
    }

    pub(crate) fn lane(&self, number: u64) -> Lane {
        Lane::new(self.start, number)
    }

    pub(crate) fn note(&self, situation: Situation) {
        *self.seen.lock().unwrap().entry(situation).or_default() += 1;
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.is_calm.load(Ordering::SeqCst)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    /// Whether the planted bug is this one; where it is, it counts as fired.
    pub(crate) fn fires(&self, bug: Bug) -> bool {
        let is_it = self.bug == Some(bug);
        if is_it {
            self.fired.fetch_add(1, Ordering::SeqCst);
        }
        is_it
    }

    pub(crate) fn last(&self) -> u64 {
        u64::try_from(self.entries.lock().unwrap().len()).unwrap()
    }

    pub(crate) fn stored(&self) -> Vec<StoredRecord> {
        let entries = self.entries.lock().unwrap();
        (1..)
            .zip(entries.iter())
            .map(|(sequence, entry)| StoredRecord { sequence, record: entry.record.clone() })
            .collect()
    }

    /// Takes so many events off the end of the log, as a disk does that lied about what it wrote.
    pub(crate) fn lose(&self, count: usize) {
        let mut entries = self.entries.lock().unwrap();
        let left = entries.len() - count;
        let mut gone = entries.split_off(left);
        let mut lost = self.lost.lock().unwrap();
        gone.extend(lost.take().into_iter().flat_map(|before| before.gone));
        *lost = Some(Loss { left: u64::try_from(left).unwrap(), gone });
    }

    /// A record that the log held once.
    pub(crate) fn lost_record(&self, sequence: u64) -> Option<StoredRecord> {
        let lost = self.lost.lock().unwrap();
        let lost = lost.as_ref()?;
        let at = usize::try_from(sequence.checked_sub(lost.left + 1)?).unwrap();
        let record = lost.gone.get(at)?.record.clone();
        Some(StoredRecord { sequence, record })
    }

    pub(crate) fn new_process(&self) -> Arc<Process> {
        let number = self.processes.fetch_add(1, Ordering::SeqCst);
        Arc::new(Process {
            number,
            dead: watch::Sender::new(false),
            paused_until: AtomicU64::new(0),
        })
    }

    /// The log answers no append for so many rounds.
    pub(crate) fn fall_silent(&self, rounds: u64) {
        self.note(Situation::LogSilent);
        self.held.store(0, Ordering::SeqCst);
        self.silent_until.store(lanes::round(self.start) + rounds, Ordering::SeqCst);
    }

    /// For how many rounds more the log answers no append.
    pub(crate) fn silent_for(&self) -> u64 {
        let until = self.silent_until.load(Ordering::SeqCst);
        until.saturating_sub(lanes::round(self.start))
    }

    /// For how many rounds a group is held that comes now, where the log is silent: behind that they land
    /// in their order.
    pub(crate) fn held_for(&self) -> Option<u64> {
        let silent_for = Some(self.silent_for()).filter(|rounds| *rounds > 0)?;
        Some(silent_for + 1 + self.held.fetch_add(1, Ordering::SeqCst))
    }

    /// Moves the clock.
    pub(crate) fn skew(&self, seconds: i64) {
        self.skew_seconds.fetch_add(seconds, Ordering::SeqCst);
    }
}

/// The clock of all machines, which is moved now and then.
#[derive(Debug)]
pub(crate) struct SimClock(pub(crate) Arc<World>);

impl Clock for SimClock {
    fn now(&self) -> OffsetDateTime {
        let skew = Duration::seconds(self.0.skew_seconds.load(Ordering::SeqCst));
        BEGINNING + Duration::milliseconds(i64::try_from(self.0.now()).unwrap()) + skew
    }
}

/// A run of a daemon: what a crash ends.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) number: u64,
    dead: watch::Sender<bool>,
    /// It stands still until this round.
    pub(crate) paused_until: AtomicU64,
}

impl Process {
    pub(crate) fn die(&self) {
        self.dead.send_replace(true);
    }

    pub(crate) fn is_dead(&self) -> bool {
        *self.dead.borrow()
    }

    pub(crate) async fn died(&self) {
        self.dead.subscribe().wait_for(|is_dead| *is_dead).await.unwrap();
    }
}
