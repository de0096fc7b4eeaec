//! The embedded journal: the event log of a ledger that runs on one machine.
//!
//! A directory of append-only segment files. A group is one write and one `fdatasync`, and is
//! acknowledged only then. On opening, every byte is checked that was not checked before: a group that
//! a crash cut short at the very end was never acknowledged and is cut off; any other damage is an
//! error, because silence about it would be a silent loss of acknowledged events.
//!
//! The futures do blocking file I/O where they are polled. That is meant: one writer appends
//! group after group and has nothing else to do meanwhile, and a task handed to a pool of
//! threads for each of them would cost more than the reads do.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use self::checked::Checked;
use self::index::Index;
use self::reader::Cursors;
use self::segment::Tail;
use self::writer::Writer;
use super::bounds::check_group;
use super::frame::{self, frame_bytes};
use super::{AppendError, Bodies, EventLog, LogError, LogFuture, Record, StoredRecord};

mod checked;
mod index;
mod reader;
mod segment;
mod source;
#[cfg(test)]
mod tests;
mod writer;

/// Bytes from which on a segment is not written to any more.
const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;
const LOCK_FILE: &str = "lock";

/// A journal that is open.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    index: Mutex<Index>,
    cursors: Cursors,
    /// `None` where it is open for reading only.
    writer: Option<Mutex<Writer>>,
    segment_bytes: u64,
    cut: Option<Cut>,
    /// Keeps writers away as long as this lives, where that was asked for.
    _held: Option<File>,
}

/// What opening a journal cut off: a group that a crash interrupted before it was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The segment file.
    pub file: PathBuf,
    /// Its length now.
    pub length: u64,
    /// Bytes that were cut off behind it.
    pub bytes: u64,
}

impl Journal {
    /// Opens a journal for appending, and creates it where there is none. Checks every byte that was not
    /// checked before; cuts off an unacknowledged group at the end (see [`Journal::cut`]).
    ///
    /// # Errors
    ///
    /// [`LogError::Unavailable`] where another process has it open or it cannot be read;
    /// [`LogError::Corrupt`] where anything stored does not fit, nothing is changed then;
    /// [`LogError::Disk`] where the last group cannot be written and synced once more.
    pub fn open(dir: &Path) -> Result<Journal, LogError> {
        Journal::open_with_anchor(dir, 0)
    }

    /// Opens like [`Journal::open`], and refuses a journal that ends before `anchor_sequence`,
    /// which is known from elsewhere to have been acknowledged.
    ///
    /// # Errors
    ///
    /// As [`Journal::open`], and [`LogError::Corrupt`] where the journal ends too early; nothing
    /// is cut then.
    pub fn open_with_anchor(dir: &Path, anchor_sequence: u64) -> Result<Journal, LogError> {
        Journal::open_sized(dir, anchor_sequence, SEGMENT_BYTES)
    }

    /// Opens an existing journal for reading, also while another process appends to it. Takes no
    /// lock, changes nothing, and ignores an incomplete group at the end. What was appended
    /// since is seen by the next read at the end, and may be a group that is written but not yet
    /// synced.
    ///
    /// # Errors
    ///
    /// [`LogError::Unavailable`] where there is no such directory or the disk fails;
    /// [`LogError::Corrupt`] where anything stored does not fit.
    pub fn open_read_only(dir: &Path) -> Result<Journal, LogError> {
        let mut index = Index::behind(Checked::read(dir));
        index.extend(dir)?;
        Ok(Journal::assemble(dir, index, None, None, SEGMENT_BYTES))
    }

    /// Checks every byte of a journal, whatever was checked before, also while another process appends
    /// to it. Returns the last sequence.
    ///
    /// # Errors
    ///
    /// As [`Journal::open_read_only`].
    pub fn check(dir: &Path) -> Result<u64, LogError> {
        let mut index = Index::default();
        index.extend(dir)?;
        Ok(index.last())
    }

    /// Opens like [`Journal::open_read_only`], and keeps every writer away as long as it is open.
    /// Changes nothing all the same.
    ///
    /// # Errors
    ///
    /// As [`Journal::open_read_only`], and [`LogError::Unavailable`] where a process appends to it.
    pub fn open_held(dir: &Path) -> Result<Journal, LogError> {
        let held = writer::keep_away(dir)?;
        Ok(Journal { _held: held, ..Journal::open_read_only(dir)? })
    }

    /// Makes durable what was written to a journal so far, by whomever: what a reader has seen of
    /// it is not lost with the power then.
    ///
    /// # Errors
    ///
    /// [`LogError::Unavailable`] where the disk fails.
    pub fn make_durable(dir: &Path) -> Result<(), LogError> {
        // Those before the newest were synced when it was begun; it may have been just now.
        for (_, path) in segment::list(dir)?.into_iter().rev().take(2) {
            let synced = File::open(&path).and_then(|file| file.sync_data());
            match synced {
                // Nobody writes to it there.
                Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => {}
                synced => synced.map_err(|error| unavailable(&path, &error))?,
            }
        }
        Ok(())
    }

    /// What opening cut off, for the operator's log.
    #[must_use]
    pub fn cut(&self) -> Option<&Cut> {
        self.cut.as_ref()
    }

    fn open_sized(dir: &Path, anchor: u64, segment_bytes: u64) -> Result<Journal, LogError> {
        let mut writer = Writer::lock(dir)?;
        let mut index = Index::behind(Checked::read(dir));
        let tail = index.extend(dir)?;
        index.note(dir);
        if index.last() < anchor {
            let file = index.newest().map_or(dir, |segment| &segment.path);
            let at = index.newest().map_or(0, |segment| segment.length);
            let reason = format!(
                "the journal ends with sequence {}, but {anchor} was acknowledged",
                index.last()
            );
            return Err(corrupt(file, at, &reason));
        }
        let mut cut = None;
        if let Some(segment) = index.newest() {
            writer.resume(segment, tail)?;
            if let Tail::Torn { bytes } = tail {
                cut = Some(Cut { file: segment.path.clone(), length: segment.length, bytes });
            }
        }
        Ok(Journal::assemble(dir, index, Some(writer), cut, segment_bytes))
    }

    fn assemble(
        dir: &Path,
        index: Index,
        writer: Option<Writer>,
        cut: Option<Cut>,
        segment_bytes: u64,
    ) -> Journal {
        Journal {
            dir: dir.to_owned(),
            index: Mutex::new(index),
            cursors: Cursors::default(),
            writer: writer.map(Mutex::new),
            segment_bytes,
            cut,
            _held: None,
        }
    }

    /// The index changes in steps that cannot panic, so its lock's poison means nothing.
    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append_now(&self, expected: u64, group: &[Record]) -> Result<u64, AppendError> {
        let refused = |reason: &str| AppendError::Refused { reason: reason.to_owned() };
        check_group(group)?;
        let Some(writer) = &self.writer else {
            return Err(refused("the journal is open for reading only"));
        };
        let Ok(mut writer) = writer.lock() else {
            return Err(refused("a thread ended while it appended: restart"));
        };
        if let Some(reason) = writer.broken() {
            return Err(AppendError::Disk { reason: reason.to_owned() });
        }
        let (actual, length) = {
            let index = self.index();
            (index.last(), index.newest().map(|segment| segment.length))
        };
        if actual != expected {
            return Err(AppendError::WrongSequence { expected, actual });
        }
        let bytes = frame::wide(writer.prepare(actual, group)?);
        if length.is_none_or(|length| length > 0 && length + bytes > self.segment_bytes) {
            let segment = writer.roll(actual + 1)?;
            let mut index = self.index();
            index.push(segment);
            index.note(&self.dir);
        }
        writer.commit()?;
        let frames: Vec<u64> = group.iter().map(frame_bytes).collect();
        let mut index = self.index();
        if let Some(segment) = index.newest_mut() {
            segment.grow(&frames);
        }
        Ok(index.last())
    }

    fn read_now(&self, from: u64, max: usize) -> Result<Vec<StoredRecord>, LogError> {
        self.follow(from, max)?;
        self.cursors.read(&self.index, from, max)
    }

    fn bodies_now(&self, from: u64, max: usize, header: &str) -> Result<Bodies, LogError> {
        self.follow(from, max)?;
        self.cursors.read_bodies(&self.index, (from, max), header)
    }

    /// Looks for what another process appended, where that is asked for.
    fn follow(&self, from: u64, max: usize) -> Result<(), LogError> {
        if self.writer.is_none() {
            let wanted = from.max(1).saturating_add(frame::wide(max)).saturating_sub(1);
            let mut index = self.index();
            if wanted > index.last() {
                index.extend(&self.dir)?;
            }
        }
        Ok(())
    }

    fn last_now(&self) -> Result<u64, LogError> {
        let Some(writer) = &self.writer else {
            let mut index = self.index();
            index.extend(&self.dir)?;
            return Ok(index.last());
        };
        let Ok(writer) = writer.lock() else {
            let reason = "a thread ended while it appended: restart".to_owned();
            return Err(LogError::Unavailable { what: self.describe(), reason });
        };
        match writer.broken() {
            Some(reason) => {
                Err(LogError::Disk { what: self.describe(), reason: reason.to_owned() })
            }
            None => Ok(self.index().last()),
        }
    }
}

impl EventLog for Journal {
    fn append(
        &self,
        expected_last: u64,
        group: Vec<Record>,
    ) -> LogFuture<'_, Result<u64, AppendError>> {
        Box::pin(async move { self.append_now(expected_last, &group) })
    }

    fn read(&self, from: u64, max: usize) -> LogFuture<'_, Result<Vec<StoredRecord>, LogError>> {
        Box::pin(async move { self.read_now(from, max) })
    }

    fn read_bodies<'a>(
        &'a self,
        from: u64,
        max: usize,
        header: &'a str,
    ) -> LogFuture<'a, Result<Bodies, LogError>> {
        Box::pin(async move { self.bodies_now(from, max, header) })
    }

    fn last_sequence(&self) -> LogFuture<'_, Result<u64, LogError>> {
        Box::pin(async move { self.last_now() })
    }

    fn describe(&self) -> String {
        format!("journal {}", self.dir.display())
    }
}

fn unavailable(path: &Path, error: &io::Error) -> LogError {
    LogError::Unavailable {
        what: path.display().to_string(),
        reason: format!("{error}: check that the path is right, readable and writable"),
    }
}

fn corrupt(path: &Path, at: u64, reason: &str) -> LogError {
    LogError::Corrupt {
        what: path.display().to_string(),
        at,
        reason: format!(
            "{reason}. Nothing was changed or cut off: keep a copy of these files, \
             check the disk, and restore the journal from a backup or a replica"
        ),
    }
}
