//! A whole history on its way: out of a log or a backup, into a backup or a place without a book.
//!
//! Every end of the way is checked by the same [`Checker`], and two ends are the same where what was
//! found of them is: every byte of every event, in its place.

use std::sync::Arc;

use ledger_core::id::Identifier;
use ledger_core::log::{Record, SharedLog, StoredRecord};
use projections::facts::{EventFacts, Folder, ProjectionError, WrittenFacts};
use schemas::chain::Chain;
use schemas::record::{DecodeError, decode};
use schemas::subject::stream_subjects;
use sha2::{Digest, Sha256};

use crate::cli::{Global, apply};
use crate::exit::{Exit, Failure};
use crate::reading;

pub(crate) mod answer;
pub(crate) mod file;
pub(crate) mod fill;
pub(crate) mod place;

/// What is known of a history once all of it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Whole {
    /// The last sequence.
    pub(crate) last: u64,
    /// The hash chain through it.
    pub(crate) chain: Chain,
    /// A hash over subject, headers and body of every event.
    contents: [u8; 32],
    /// The digest of each projection, where they were folded.
    pub(crate) digests: Vec<(&'static str, String)>,
}

/// An event that is not the next one of the history of its book.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Misfit {
    /// Another sequence was to come.
    #[error("event {found} stands where event {expected} belongs")]
    Order {
        /// The sequence that stands there.
        found: u64,
        /// The one that belongs there.
        expected: u64,
    },
    /// It is of another book, or another shard.
    #[error("event {sequence} has the subject {subject:?}, which is not of {book}")]
    Book {
        /// Its place.
        sequence: u64,
        /// Its subject.
        subject: String,
        /// The subjects of the book.
        book: String,
    },
    /// It or one before it was changed.
    #[error("event {sequence} was changed, or one before it is missing: its hash does not follow")]
    Chain {
        /// Its place.
        sequence: u64,
    },
    /// This release cannot read it.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// It does not fit what was projected so far.
    #[error(transparent)]
    Projection(#[from] ProjectionError),
}

/// Checks a history event by event.
#[derive(Debug)]
pub(crate) struct Checker {
    /// All subjects of the book, with a wildcard at the end.
    subjects: String,
    last: u64,
    chain: Chain,
    contents: Sha256,
    folder: Option<Box<Folder>>,
    /// A sequence, and the chain through it once it was seen.
    watched: Option<(u64, Option<Chain>)>,
}

impl Checker {
    /// Begins before the first event of a book's shard.
    pub(crate) fn new(book: &Identifier, shard: u32) -> Self {
        Self {
            subjects: stream_subjects(book, shard),
            last: 0,
            chain: Chain::START,
            contents: Sha256::new(),
            folder: None,
            watched: None,
        }
    }

    /// Folds the events, too, where that is wanted: for the digests.
    #[must_use]
    pub(crate) fn folding(mut self, is_wanted: bool) -> Self {
        self.folder = is_wanted.then(Box::default);
        self
    }

    /// Keeps the chain through one of the events.
    #[must_use]
    pub(crate) fn watching(mut self, sequence: Option<u64>) -> Self {
        self.watched = sequence.map(|sequence| (sequence, None));
        self
    }

    /// The chain through the event that was to be watched, where it was seen.
    pub(crate) fn watched(&self) -> Option<Chain> {
        self.watched.and_then(|(_, chain)| chain)
    }

    /// Takes the next event.
    ///
    /// # Errors
    /// [`Misfit`] where it is another one, or was changed.
    pub(crate) fn see(&mut self, stored: &StoredRecord) -> Result<(), Misfit> {
        let (sequence, record) = (stored.sequence, &stored.record);
        if sequence != self.last + 1 {
            return Err(Misfit::Order { found: sequence, expected: self.last + 1 });
        }
        if !record.subject.starts_with(self.subjects.trim_end_matches('>')) {
            let (subject, book) = (record.subject.clone(), self.subjects.clone());
            return Err(Misfit::Book { sequence, subject, book });
        }
        let chain = self.chain.next(&record.body);
        if Chain::written(record) != Some(chain) {
            return Err(Misfit::Chain { sequence });
        }
        let event = decode(stored)?;
        if let Some(folder) = &mut self.folder {
            let facts = EventFacts::of(event);
            let written = WrittenFacts::of(&facts);
            written.events().try_for_each(|written| folder.take(&facts, written))?;
        }
        hash(&mut self.contents, record);
        (self.last, self.chain) = (sequence, chain);
        if let Some((watched, seen)) = &mut self.watched
            && *watched == sequence
        {
            *seen = Some(chain);
        }
        Ok(())
    }

    /// What is known of the history up to here.
    pub(crate) fn whole(&self) -> Whole {
        Whole {
            last: self.last,
            chain: self.chain,
            contents: self.contents.clone().finalize().into(),
            digests: self.folder.as_ref().map(|folder| folder.digests()).unwrap_or_default(),
        }
    }
}

/// Hashes a record so that no two different ones are the same bytes: each part with its length.
fn hash(hash: &mut Sha256, record: &Record) {
    let mut part = |bytes: &[u8]| {
        hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
        hash.update(bytes);
    };
    part(record.subject.as_bytes());
    part(&record.headers.len().to_le_bytes());
    for (name, value) in &record.headers {
        part(name.as_bytes());
        part(value.as_bytes());
    }
    part(&record.body);
}

/// Where events come from, in their order.
pub(crate) trait History {
    /// The next events, none behind the last one.
    ///
    /// # Errors
    /// Where they cannot be read.
    async fn next(&mut self) -> Result<Vec<StoredRecord>, Failure>;
}

/// Events of a log up to one of them.
#[derive(Debug)]
pub(crate) struct LogHistory {
    log: SharedLog,
    last: u64,
    through: u64,
}

impl LogHistory {
    /// Begins with the first event.
    pub(crate) fn new(log: &SharedLog, through: u64) -> Self {
        Self { log: Arc::clone(log), last: 0, through }
    }
}

impl History for LogHistory {
    async fn next(&mut self) -> Result<Vec<StoredRecord>, Failure> {
        let missing = usize::try_from(self.through - self.last).unwrap_or(usize::MAX);
        let batch = self.log.read(self.last + 1, missing.min(fill::BATCH_RECORDS)).await?;
        self.last = batch.last().map_or(self.last, |stored| stored.sequence);
        Ok(batch)
    }
}

/// Checks a log up to one of its events.
///
/// # Errors
/// Where it cannot be read, or is not what was written.
pub(crate) async fn check(
    global: &Global,
    log: &SharedLog,
    through: u64,
    checker: &mut Checker,
) -> Result<Whole, Failure> {
    let bar = apply::progress_to(global, through);
    reading::each_record(log, through, |stored| {
        checker.see(stored).map_err(|misfit| of_log(&log.describe(), misfit))?;
        bar.set_position(stored.sequence);
        Ok(())
    })
    .await?;
    bar.finish_and_clear();
    let whole = checker.whole();
    if whole.last == through {
        return Ok(whole);
    }
    let why = format!("it ended at {}, and {through} was there before", whole.last);
    Err(Failure::store("store.tampered", format!("{} has shrunk", log.describe())).because(why))
}

/// A misfit in a log that is in use.
pub(crate) fn of_log(log: &str, misfit: Misfit) -> Failure {
    match misfit {
        Misfit::Decode(error) => error.into(),
        Misfit::Projection(error) => {
            Failure::store("projection.stopped", "a projection cannot apply an event")
                .because(error)
        }
        Misfit::Order { .. } | Misfit::Book { .. } | Misfit::Chain { .. } => {
            Failure::store("store.tampered", format!("{log} is not what was written"))
                .because(misfit)
                .help("`revledger verify` names all that does not fit; restore it from a backup")
        }
    }
}

/// Demands that two ends of the way are the same.
///
/// # Errors
/// `target.differs` where they are not.
pub(crate) fn must_equal(wanted: &Whole, found: &Whole, place: &str) -> Result<(), Failure> {
    if wanted == found {
        return Ok(());
    }
    let told = |whole: &Whole| format!("{} with chain {}", whole.last, whole.chain.to_hex());
    Err(Failure::new(Exit::No, "target.differs", format!("{place} does not hold what was sent"))
        .because(format!("it ends at {}, not at {}", told(found), told(wanted)))
        .help("it is not used as a book: remove it, check the disk or server, and run it again"))
}
