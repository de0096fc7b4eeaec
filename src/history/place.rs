//! A place that a history is brought to, and that is no book before all of it is there.
//!
//! For the journal that is a folder beside the one of a book, which is renamed at the end; for a
//! stream, a mark that is taken away at the end. What was interrupted is neither read nor written to
//! as a book, and the same command goes on with it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_nats::Client;
use ledger_core::log::SharedLog;
use ledger_core::log::jetstream::{JetStreamLog, StreamStanding};
use ledger_core::log::journal::Journal;
use schemas::chain::Chain;

use crate::cli::Global;
use crate::config;
use crate::connection::Server;
use crate::desk::remote::{self, Remote};
use crate::exit::{Exit, Failure};
use crate::history::Whole;

/// Where a book is to be.
#[derive(Debug)]
pub(crate) struct Place {
    global: Global,
    client: Option<Client>,
}

/// What there is of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// No event.
    Free,
    /// What a restore or a migration has begun.
    Unfinished,
    /// A book.
    Book,
}

/// A place that is being filled.
#[derive(Debug)]
pub(crate) struct Filling {
    global: Global,
    log: SharedLog,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// The folder that is filled, and the one of the book.
    Journal { from: PathBuf, to: PathBuf },
    /// The stream, and the connection to it.
    Stream { log: Arc<JetStreamLog>, client: Client },
}

impl Place {
    /// The place of the book that the options name. Creates nothing.
    ///
    /// # Errors
    /// Where the server cannot be reached.
    pub(crate) async fn of(global: &Global) -> Result<Self, Failure> {
        let client = match &global.nats {
            Some(server) => Some(server.connect().await?),
            None => None,
        };
        Ok(Self { global: global.clone(), client })
    }

    /// What it is called in messages.
    ///
    /// # Errors
    /// Where the book's name is none.
    pub(crate) fn describe(&self) -> Result<String, Failure> {
        match &self.global.nats {
            Some(url) => Ok(format!("stream {} at {url}", self.global.stream()?.stream_name())),
            None => Ok(format!("journal {}", self.global.journal()?.display())),
        }
    }

    /// What there is of the book.
    ///
    /// # Errors
    /// Where that cannot be found out.
    pub(crate) async fn standing(&self) -> Result<Standing, Failure> {
        let Some(client) = &self.client else {
            let (journal, unfinished) = (self.global.journal()?, self.global.unfinished()?);
            let has_events = has_segments(&journal).map_err(|e| Failure::file(&journal, &e))?;
            return Ok(match has_events {
                true => Standing::Book,
                false if unfinished.is_dir() => Standing::Unfinished,
                false => Standing::Free,
            });
        };
        let stream = self.global.stream()?;
        Ok(match JetStreamLog::standing(client, &stream).await? {
            StreamStanding::Missing | StreamStanding::Book { last: 0 } => Standing::Free,
            StreamStanding::Unfinished => Standing::Unfinished,
            StreamStanding::Book { last: 1.. } => Standing::Book,
        })
    }

    /// What was anchored of the book here, also where its log is gone.
    ///
    /// # Errors
    /// Where the anchor cannot be read.
    pub(crate) fn anchored(&self) -> Result<Option<(u64, Chain)>, Failure> {
        self.global.anchor()?.read()
    }

    /// Refuses a history that does not hold what was anchored here: `seen` is the chain through that
    /// event, where the history has it.
    ///
    /// # Errors
    /// `target.anchored` where events would be lost.
    pub(crate) fn check_anchor(&self, whole: &Whole, seen: Option<Chain>) -> Result<(), Failure> {
        let Some((sequence, chain)) = self.anchored()? else { return Ok(()) };
        if sequence == 0 || seen == Some(chain) {
            return Ok(());
        }
        let why = if sequence > whole.last {
            format!("{sequence} events were acknowledged here, and this ends at {}", whole.last)
        } else {
            format!("event {sequence} was another one here")
        };
        let path = self.global.anchor()?;
        Err(Failure::new(Exit::No, "target.anchored", "this would lose events of the book")
            .because(why)
            .help(format!(
                "take a later backup; where those events are gone for good, move {} away first",
                path.path().display()
            )))
    }

    /// Refuses a place that a daemon serves or a process writes to.
    ///
    /// # Errors
    /// `target.in_use` where that is so.
    pub(crate) async fn check_unused(&self) -> Result<(), Failure> {
        match &self.global.nats {
            Some(server) => refuse_daemon(server, &self.global, "target.in_use").await,
            None => Ok(()),
        }
    }

    /// Opens the book that is there, to read it.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub(crate) async fn open_book(&self) -> Result<SharedLog, Failure> {
        config::open_unchecked(&self.global).await
    }

    /// Begins to fill it, or goes on. `why` says what fills it.
    ///
    /// # Errors
    /// Where the place is in use, or cannot be written to.
    pub(crate) async fn fill(self, why: &str) -> Result<Filling, Failure> {
        let Self { global, client } = self;
        if let Some(client) = client {
            let settings = global.stream()?;
            let log = Arc::new(JetStreamLog::open_to_fill(client.clone(), settings, why).await?);
            let shared: SharedLog = log.clone();
            return Ok(Filling { global, log: shared, kind: Kind::Stream { log, client } });
        }
        let (to, from) = (global.journal()?, global.unfinished()?);
        // Somebody may have opened it just now: the lock tells.
        drop(open_empty(&to)?);
        let log = Arc::new(Journal::open(&from)?);
        Ok(Filling { global, log, kind: Kind::Journal { from, to } })
    }
}

impl Filling {
    /// The log that is filled.
    pub(crate) fn log(&self) -> &SharedLog {
        &self.log
    }

    /// The same log as somebody else finds it: read from the disk or the server once more.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub(crate) async fn reopened(&self) -> Result<SharedLog, Failure> {
        Ok(match &self.kind {
            Kind::Journal { from, .. } => Arc::new(Journal::open_read_only(from)?),
            Kind::Stream { client, .. } => {
                let settings = self.global.stream()?;
                Arc::new(JetStreamLog::open_filled(client.clone(), settings).await?)
            }
        })
    }

    /// Makes it the book. What was projected from a log that was there before is removed: it is
    /// folded again.
    ///
    /// # Errors
    /// Where somebody was faster, or the disk or server refuses.
    pub(crate) async fn finish(self, whole: &Whole) -> Result<(), Failure> {
        let now = self.log.last_sequence().await?;
        if now != whole.last {
            return Err(Failure::store("target.in_use", format!("{} grew", self.log.describe()))
                .because(format!("it ended at {}, and ends at {now} now", whole.last))
                .help("somebody else fills it, too: let one end, and look at what is there"));
        }
        let projections = self.global.projections()?;
        if projections.is_dir() {
            fs::remove_dir_all(&projections).map_err(|e| Failure::file(&projections, &e))?;
        }
        match &self.kind {
            Kind::Stream { log, .. } => log.finish().await?,
            Kind::Journal { from, to } => {
                let empty = open_empty(to)?;
                rename(from, to).map_err(|error| {
                    Failure::store("target.unwritable", format!("cannot create {}", to.display()))
                        .because(error)
                        .help(format!(
                            "all of it is in {}: mend it, and run it again",
                            from.display()
                        ))
                })?;
                drop(empty);
            }
        }
        self.global.anchor()?.write(whole.last, whole.chain)
    }
}

/// Opens a journal without events, if there is one, and removes what is in its folder: it stays
/// locked as long as what is returned lives.
fn open_empty(journal: &Path) -> Result<Option<Journal>, Failure> {
    if !journal.is_dir() {
        return Ok(None);
    }
    let opened = Journal::open(journal)?;
    let is_empty = has_segments(journal).map(|has_segments| !has_segments);
    if !is_empty.map_err(|error| Failure::file(journal, &error))? {
        return Err(exists(&format!("journal {}", journal.display())));
    }
    fs::remove_dir_all(journal).map_err(|error| Failure::file(journal, &error))?;
    Ok(Some(opened))
}

/// A book is where none must be.
pub(crate) fn exists(place: &str) -> Failure {
    Failure::new(Exit::No, "target.book_exists", format!("{place} has events already"))
        .because("a history is only brought to a place where no book is")
        .help("name another --book, --data or --nats; or move what is there away, and keep it")
}

/// Refuses a stream that a daemon serves.
///
/// # Errors
/// `code` where one answers.
pub(crate) async fn refuse_daemon(
    server: &Server,
    global: &Global,
    code: &str,
) -> Result<(), Failure> {
    let remote = Remote::connect(server, &global.book_id()?).await?;
    match remote.query(crate::live::DIGESTS).await {
        Err(failure) if failure.code != remote::NO_SERVICE => Err(failure),
        // One may stand by, and be about to take over.
        Err(_) if !remote.is_followed().await => Ok(()),
        Ok(_) | Err(_) => {
            Err(Failure::store(code, format!("a daemon serves the book {}", global.book))
                .because(format!("it answers on {server}, and may write to the book any moment"))
                .help("stop it first"))
        }
    }
}

/// Whether a journal's folder has a segment with anything in it.
fn has_segments(journal: &Path) -> io::Result<bool> {
    let entries = match fs::read_dir(journal) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let is_segment = entry.path().extension().is_some_and(|extension| extension == "log");
        if is_segment && entry.metadata()?.len() > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Renames a folder durably.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
    fs::File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}
