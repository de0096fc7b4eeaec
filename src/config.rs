//! Where a book is: its folders, and its log on disk or in JetStream.

use std::future::Future;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use commands::clock::{self, Clock, SystemClock};
use ledger_core::calendar::Day;
use ledger_core::id::Identifier;
use ledger_core::log::jetstream::{JetStreamLog, StreamSettings};
use ledger_core::log::journal::Journal;
use ledger_core::log::{LogError, SharedLog};

use projections::store::{FactStore, SledClaim, SledStore, StoreError};
use projections::views::Views;

use crate::anchor::Anchor;
use crate::cli::Global;
use crate::connection::Server;
use crate::exit::Failure;

/// Runs the work of a verb to its end.
///
/// # Errors
/// What the work fails with, or where the threads cannot be started.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::store("runtime.failed", "cannot start threads").because(error))?;
    runtime.block_on(work)
}

impl Global {
    /// The book's name.
    ///
    /// # Errors
    /// Where it is no identifier.
    pub(crate) fn book_id(&self) -> Result<Identifier, Failure> {
        Identifier::from_str(&self.book).map_err(|rejection| {
            Failure::usage(&rejection.code, "--book is no name of a book")
                .because(rejection.message)
        })
    }

    /// The folder of the book.
    ///
    /// # Errors
    /// As [`Global::book_id`].
    pub(crate) fn folder(&self) -> Result<PathBuf, Failure> {
        Ok(self.data.join(self.book_id()?.token()))
    }

    /// What keeps the log: the journal, or a stream.
    fn kind(&self) -> &'static str {
        if self.nats.is_some() { STREAM } else { JOURNAL }
    }

    /// The folder of the book's journal.
    ///
    /// # Errors
    /// As [`Global::book_id`].
    pub(crate) fn journal(&self) -> Result<PathBuf, Failure> {
        Ok(self.folder()?.join(JOURNAL))
    }

    /// The folder of a journal that is being filled, and is no book before its end.
    ///
    /// # Errors
    /// As [`Global::book_id`].
    pub(crate) fn unfinished(&self) -> Result<PathBuf, Failure> {
        Ok(self.folder()?.join(UNFINISHED))
    }

    /// The folder of what the projections keep of the book's log.
    ///
    /// # Errors
    /// As [`Global::book_id`].
    pub(crate) fn projections(&self) -> Result<PathBuf, Failure> {
        Ok(self.folder()?.join(format!("{PROJECTIONS}-{}", self.kind())))
    }

    /// The anchor of the book's log.
    ///
    /// # Errors
    /// As [`Global::book_id`].
    pub(crate) fn anchor(&self) -> Result<Anchor, Failure> {
        Ok(Anchor::of(&self.folder()?, self.kind()))
    }

    /// The book's stream, as the options want it.
    ///
    /// # Errors
    /// As [`Global::book_id`].
    pub(crate) fn stream(&self) -> Result<StreamSettings, Failure> {
        let monitors = self.nats_monitor.iter().flat_map(|list| list.split(','));
        Ok(StreamSettings {
            book: self.book_id()?.to_string(),
            shard: 0,
            replicas: self.nats_replicas,
            monitors: monitors.map(|one| one.trim().to_owned()).collect(),
            unsafe_dev: self.unsafe_dev,
        })
    }

    /// Who asks, where nothing but the operating system says it.
    pub(crate) fn local_actor(&self) -> String {
        let user = || std::env::var("USER").ok().filter(|user| !user.is_empty());
        self.actor.clone().or_else(user).unwrap_or_else(|| "local".to_owned())
    }
}

/// Opens the book's log for reading, also while a daemon or another verb writes to it.
///
/// # Errors
/// Where there is none, or it cannot be trusted: it no longer holds what it held before.
pub(crate) async fn open_to_read(global: &Global) -> Result<SharedLog, Failure> {
    let log = open_unchecked(global).await?;
    global.anchor()?.check(&log).await?;
    Ok(log)
}

/// Opens the book's log for reading, and does not ask what it held before.
///
/// # Errors
/// Where there is none, or it cannot be read.
pub(crate) async fn open_unchecked(global: &Global) -> Result<SharedLog, Failure> {
    if let Some(server) = &global.nats {
        return open_jetstream(global, server).await;
    }
    let folder = global.journal()?;
    if !folder.is_dir() {
        refuse_unfinished(global)?;
        return Err(Failure::store("store.missing", format!("no book {:?} here", global.book))
            .because(format!("there is no folder {}", folder.display()))
            .help("open it with an OpenBook command, or check --book and --data"));
    }
    Ok(Arc::new(Journal::open_read_only(&folder)?))
}

/// Opens the book's journal for writing, and creates it where there is none.
///
/// # Errors
/// Where another process has it open, or it cannot be trusted.
pub(crate) async fn open_journal(global: &Global) -> Result<SharedLog, Failure> {
    refuse_unfinished(global)?;
    let folder = global.journal()?;
    std::fs::create_dir_all(&folder).map_err(|error| {
        Failure::store("store.unavailable", format!("cannot create {}", folder.display()))
            .because(error)
    })?;
    let anchor = global.anchor()?;
    let anchored = anchor.read()?.map_or(0, |(sequence, _)| sequence);
    // What was anchored was acknowledged: a tail is never cut below it.
    let log: SharedLog = Arc::new(Journal::open_with_anchor(&folder, anchored)?);
    anchor.check(&log).await?;
    Ok(log)
}

impl Global {
    /// Where the snapshot of the book's views is.
    ///
    /// # Errors
    /// As [`Global::book_id`].
    pub(crate) fn snapshot(&self) -> Result<PathBuf, Failure> {
        Ok(self.projections()?.join("views.snapshot"))
    }

    /// Where the snapshot of the book's writer is.
    ///
    /// # Errors
    /// As [`Global::book_id`].
    pub(crate) fn writer_snapshot(&self) -> Result<PathBuf, Failure> {
        Ok(self.projections()?.join("writer.snapshot"))
    }
}

/// Refuses a book whose history was begun to be brought here, and has not come to its end: a journal
/// that is opened beside it would be another book of the same name.
fn refuse_unfinished(global: &Global) -> Result<(), Failure> {
    let folder = global.unfinished()?;
    if !folder.is_dir() {
        return Ok(());
    }
    Err(LogError::Unfinished {
        what: format!("the journal {}", folder.display()),
        reason:
            "a restore or a migration has begun it and has not ended: run it again, it goes on \
                 where it was; or remove the folder, which is no book"
                .to_owned(),
    }
    .into())
}

/// Keeps others away from the stored projections of the book, without opening them.
///
/// # Errors
/// Where another process has them open, or the folder cannot be used.
pub(crate) fn claim_store(global: &Global) -> Result<SledClaim, Failure> {
    Ok(SledClaim::of(&global.projections()?)?)
}

/// Opens the stored projections of the book.
///
/// # Errors
/// Where another process has them open, or the folder cannot be used.
pub(crate) fn open_store(global: &Global) -> Result<Box<dyn FactStore>, Failure> {
    Ok(Box::new(SledStore::open(&global.projections()?)?))
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::InUse { .. } => {
                Self::store("projections.in_use", "the stored projections are in use")
                    .because(error)
                    .help("a daemon has them open: stop it, or ask it with --nats")
            }
            StoreError::Failed { .. } => {
                Self::store("projections.failed", "the stored projections cannot be used")
                    .because(error)
                    .help("they hold nothing of their own: remove their folder, and start again")
            }
        }
    }
}

const JOURNAL: &str = "journal";
const UNFINISHED: &str = "journal.unfinished";
const STREAM: &str = "stream";
const PROJECTIONS: &str = "projections";

/// Today in the book's time zone.
pub(crate) fn today(views: &Views) -> Day {
    let zone = views.book.as_ref().map_or("UTC", |book| book.time_zone.as_str());
    // The zone was checked when the book was opened.
    clock::today(&SystemClock, zone).unwrap_or(Day::new(SystemClock.now().date()))
}

async fn open_jetstream(global: &Global, server: &Server) -> Result<SharedLog, Failure> {
    let client = server.connect().await?;
    Ok(Arc::new(JetStreamLog::open_existing(client, global.stream()?).await?))
}
