//! The writer of a book: it decides the queued commands one after another, and appends their
//! events as one group.
//!
//! The guard is the log's expected last sequence, so that a second writer is harmless. On any
//! outcome but "stored" the writer reads the log's tail and folds it before it goes on: what the
//! tail holds is answered from it, the rest is decided again. It never retries blindly.

use std::sync::Arc;

use ledger_core::command::Command;
use ledger_core::id::Identifier;
use ledger_core::limits::QUEUE_COMMANDS_MAX;
use ledger_core::log::{LogError, SharedLog};
use schemas::chain::Chain;
use schemas::record::DecodeError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::clock::{self, Clock};
use crate::meter::Meter;
use crate::standing::Standing;

mod ask;
mod decide;
mod flight;
mod gate;
mod group;
mod keep;
mod landed;
mod pressure;
mod run;
mod seal;
mod standby;
mod tail;
mod tenure;
mod ticket;
mod unsettled;

pub use ask::{Call, Patience};
pub use gate::Gate;
pub use keep::Keep;
pub(crate) use pressure::Pressure;
pub use tenure::{Chair, Role, Seat, Tenure};

/// Why a writer cannot start, or ended.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WriterError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// An event cannot be decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The log is not the one that its hash chain promises.
    #[error(
        "{log}: event {sequence} does not follow from the one before it; the history was changed. \
         Run `revledger verify`, and restore the log from a backup"
    )]
    HistoryChanged {
        /// The log.
        log: String,
        /// The first sequence that does not fit.
        sequence: u64,
    },
    /// The writer's task ended unexpectedly.
    #[error("the writer ended unexpectedly; start the program again")]
    Ended,
}

impl WriterError {
    /// Whether the writer must not go on: its disk failed, or the log is not what was written.
    /// What does not answer may answer again.
    fn is_final(&self) -> bool {
        match self {
            Self::Log(
                LogError::Corrupt { .. }
                | LogError::Disk { .. }
                | LogError::Unsafe { .. }
                | LogError::Unfinished { .. },
            )
            | Self::HistoryChanged { .. }
            | Self::Ended => true,
            Self::Log(LogError::Unavailable { .. }) | Self::Decode(_) => false,
        }
    }
}

/// A command on its way to the writer.
struct Job {
    command: Command,
    asked: Arc<ask::Asked>,
    /// Its place in the queue, until it is taken.
    place: Option<pressure::Place>,
    /// None once the caller was told that nobody knows, and the command is to be decided all the same.
    answer: Option<oneshot::Sender<ask::Answer>>,
}

/// The writer's own task.
struct Writer {
    book: Identifier,
    shard: u32,
    log: SharedLog,
    clock: Arc<dyn Clock>,
    standing: Standing,
    /// Whether `standing` is the log's own state.
    is_current: bool,
    /// Whether every event is written where it is decided: one was too large that could not be.
    is_careful: bool,
    /// The chain through the group on its way, once its records are made; the chain of `standing` is
    /// the one through what is stored.
    coming: Option<oneshot::Receiver<Chain>>,
    /// The last event that the log surely held once, with the chain through it: a log that holds
    /// it no longer lost what callers were told is stored.
    known: (u64, Chain),
    kept: keep::Kept,
    meter: Arc<Meter>,
    time_zone: watch::Sender<String>,
    tenure: Tenure,
    /// The term that it took up, behind which it read the log; none while it stands by.
    term: Option<u64>,
    /// The same, for everybody who asks.
    role: watch::Sender<Role>,
    /// Why it ends before it is told to.
    fate: watch::Sender<Option<WriterError>>,
}

/// Where commands are handed to the writer. Cheap to clone.
#[derive(Debug, Clone)]
pub struct WriterHandle {
    queue: mpsc::Sender<Job>,
    book: Identifier,
    patience: Patience,
    gate: Arc<Gate>,
    meter: Arc<Meter>,
    clock: Arc<dyn Clock>,
    time_zone: watch::Receiver<String>,
    tenure: Tenure,
    role: watch::Receiver<Role>,
}

/// How a writer starts and works, beside its book and log.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Whether the book is its to write: always, unless it is elected.
    pub tenure: Tenure,
    /// Where it keeps its snapshot.
    pub keep: Option<Keep>,
    /// What it counts and measures; whoever has it sees how far a start has come.
    pub meter: Arc<Meter>,
    /// How long callers wait.
    pub patience: Patience,
}

/// A running writer: the handle, and its task.
#[derive(Debug)]
pub struct RunningWriter {
    handle: WriterHandle,
    task: JoinHandle<()>,
    fate: watch::Receiver<Option<WriterError>>,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Job").field("id", &self.command.id).finish_non_exhaustive()
    }
}

/// Starts the writer of a book: folds the whole log, then takes commands.
///
/// # Errors
/// [`WriterError`] where the log cannot be read or trusted.
pub async fn start(
    book: Identifier,
    shard: u32,
    log: SharedLog,
    clock: Arc<dyn Clock>,
) -> Result<RunningWriter, WriterError> {
    start_from(None, book, shard, log, clock).await
}

/// Starts the writer of a book from its snapshot, where there is one that fits, and keeps one.
///
/// # Errors
/// As [`start`]; also where the log no longer holds what the snapshot was folded from.
pub async fn start_from(
    keep: Option<Keep>,
    book: Identifier,
    shard: u32,
    log: SharedLog,
    clock: Arc<dyn Clock>,
) -> Result<RunningWriter, WriterError> {
    start_with(Settings { keep, ..Settings::default() }, book, shard, log, clock).await
}

/// The same for a writer that is chosen, and stands by while another one writes.
///
/// # Errors
/// As [`start_from`].
pub async fn start_in(
    tenure: Tenure,
    keep: Option<Keep>,
    book: Identifier,
    shard: u32,
    log: SharedLog,
    clock: Arc<dyn Clock>,
) -> Result<RunningWriter, WriterError> {
    start_with(Settings { tenure, keep, ..Settings::default() }, book, shard, log, clock).await
}

/// Starts the writer of a book with settings.
///
/// # Errors
/// As [`start_from`].
pub async fn start_with(
    settings: Settings,
    book: Identifier,
    shard: u32,
    log: SharedLog,
    clock: Arc<dyn Clock>,
) -> Result<RunningWriter, WriterError> {
    let Settings { tenure, keep, meter, patience } = settings;
    let (queue, jobs) = mpsc::channel(QUEUE_COMMANDS_MAX);
    let (zone_in, zone_out) = watch::channel("UTC".to_owned());
    let (fate_in, fate_out) = watch::channel(None);
    let term = tenure.term();
    let role = term.map_or(Role::Standby, |term| Role::Writing { term });
    let (role_in, role_out) = watch::channel(role);
    let mut writer = Writer {
        book: book.clone(),
        shard,
        log,
        clock: Arc::clone(&clock),
        standing: Standing::default(),
        is_current: true,
        is_careful: false,
        coming: None,
        known: (0, Chain::START),
        kept: keep::Kept::new(keep),
        meter: Arc::clone(&meter),
        time_zone: zone_in,
        tenure: tenure.clone(),
        term,
        role: role_in,
        fate: fate_in,
    };
    writer.resume().await?;
    let gate = Arc::default();
    let handle = WriterHandle {
        queue,
        book,
        patience,
        gate,
        meter,
        clock,
        time_zone: zone_out,
        tenure,
        role: role_out,
    };
    let task = tokio::spawn(writer.run(jobs));
    Ok(RunningWriter { handle, task, fate: fate_out })
}

/// Whether a writer lives, without keeping it alive.
#[derive(Debug, Clone)]
pub struct Pulse(watch::Receiver<Option<WriterError>>);

impl Pulse {
    /// Why it does not.
    pub fn problem(&self) -> Option<String> {
        let told = self.0.borrow().as_ref().map(ToString::to_string);
        told.or_else(|| self.0.has_changed().is_err().then(|| WriterError::Ended.to_string()))
    }
}

impl RunningWriter {
    /// Whether it lives.
    pub fn pulse(&self) -> Pulse {
        Pulse(self.fate.clone())
    }

    /// A handle for whoever brings commands.
    pub fn handle(&self) -> WriterHandle {
        self.handle.clone()
    }

    /// Waits until the writer ended by itself, and says why: its disk failed, the log is not what
    /// was written, or its task died. Nothing is answered any more then, and the program has to
    /// end.
    pub async fn ended(&self) -> WriterError {
        let mut fate = self.fate.clone();
        match fate.wait_for(Option::is_some).await {
            Ok(why) => why.clone().unwrap_or(WriterError::Ended),
            Err(_) => WriterError::Ended,
        }
    }

    /// Ends the writer once every handle is gone and every queued command is answered.
    ///
    /// # Errors
    /// [`WriterError`] where it ended before, by itself.
    pub async fn shutdown(self) -> Result<(), WriterError> {
        drop(self.handle);
        self.task.await.map_err(|_| WriterError::Ended)?;
        let fate = self.fate.borrow().clone();
        fate.map_or(Ok(()), Err)
    }
}

impl WriterHandle {
    /// Today in the book's time zone; UTC before the book is open.
    pub fn today(&self) -> ledger_core::calendar::Day {
        let zone = self.time_zone.borrow().clone();
        clock::today(self.clock.as_ref(), &zone).unwrap_or_else(|_| {
            // The zone was checked when the book was opened.
            ledger_core::calendar::Day::new(self.clock.now().date())
        })
    }

    /// What the writer does: whether commands can be committed here. It turns to
    /// [`Role::Writing`] once the writer has read all that the log holds.
    pub fn standing(&self) -> watch::Receiver<Role> {
        self.role.clone()
    }

    /// Whether the book is its to write, also where it has not read the whole log yet.
    pub fn is_chosen(&self) -> bool {
        self.tenure.term().is_some()
    }

    /// What the writer counts and measures.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Whether commands are taken.
    pub fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }
}
