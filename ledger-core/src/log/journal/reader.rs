//! Reading a journal: cursors that stay where the last read ended.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::index::Index;
use super::source::{Found, Source};
use super::{corrupt, unavailable};
use crate::log::frame::{Expected, Header};
use crate::log::{Bodies, LogError, StoredRecord};

/// Cursors that are kept. Each has a file and at most about 1 MiB of buffer.
const CURSORS_MAX: usize = 8;

/// Where reads ended, so that the next one goes on from there without seeking.
#[derive(Debug, Default)]
pub(super) struct Cursors {
    idle: Mutex<Vec<Cursor>>,
}

#[derive(Debug)]
struct Cursor {
    segment: usize,
    path: PathBuf,
    /// The sequence at which the source stands.
    next: u64,
    /// The last sequence of the segment as far as the source's limit goes.
    last: u64,
    source: Source,
}

impl Cursors {
    /// Reads at most `max` records from sequence `from` on, no further than `index` goes.
    pub(super) fn read(
        &self,
        index: &Mutex<Index>,
        from: u64,
        max: usize,
    ) -> Result<Vec<StoredRecord>, LogError> {
        let mut records = Vec::new();
        self.each(index, from, max, |cursor, count| {
            if records.is_empty() {
                records.reserve_exact(count);
            }
            let (sequence, record) = cursor.frame(Header::record)?;
            records.push(StoredRecord { sequence, record });
            Ok(())
        })?;
        Ok(records)
    }

    /// The same of only the bodies, and the values of one header.
    pub(super) fn read_bodies(
        &self,
        index: &Mutex<Index>,
        (from, max): (u64, usize),
        header: &str,
    ) -> Result<Bodies, LogError> {
        let mut bodies = Bodies::default();
        self.each(index, from, max, |cursor, count| {
            if bodies.is_empty() {
                bodies = Bodies::with_capacity(count);
            }
            let read = |frame: &Header, payload: &[u8]| {
                let (value, body) = frame.body(payload, header)?;
                bodies.push(frame.sequence, value, body);
                Ok(())
            };
            cursor.frame(read).map(|_| ())
        })?;
        Ok(bodies)
    }

    /// Steps over records; `step` hears how many there still are, and takes one.
    fn each(
        &self,
        index: &Mutex<Index>,
        from: u64,
        max: usize,
        mut step: impl FnMut(&mut Cursor, usize) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        let first = from.max(1);
        let end = index.lock().unwrap_or_else(PoisonError::into_inner).last();
        let Some(ready) = end.checked_sub(first - 1).filter(|ready| *ready > 0 && max > 0) else {
            return Ok(());
        };
        let count = usize::try_from(ready).map_or(max, |ready| ready.min(max));
        let Some(mut cursor) = self.at(index, first)? else { return Ok(()) };
        for left in (1..=count).rev() {
            if cursor.next > cursor.last {
                match Cursor::seek(index, cursor.next, Some(cursor))? {
                    Some(moved) => cursor = moved,
                    None => return Ok(()),
                }
            }
            step(&mut cursor, left)?;
        }
        self.keep(cursor);
        Ok(())
    }

    /// A cursor that stands at a sequence: the one of the last read, or else a new one.
    fn at(&self, index: &Mutex<Index>, sequence: u64) -> Result<Option<Cursor>, LogError> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let found = idle.iter().position(|cursor| cursor.next == sequence);
        let cursor = found.map(|place| idle.remove(place));
        drop(idle);
        Cursor::seek(index, sequence, cursor)
    }

    /// Keeps a cursor for the next read, and drops the one that was kept longest.
    fn keep(&self, cursor: Cursor) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() >= CURSORS_MAX {
            idle.remove(0);
        }
        idle.push(cursor);
    }
}

impl Cursor {
    /// Brings a cursor that stands at a sequence up to date with the index, or opens one there.
    /// `None` where the index does not hold the sequence.
    fn seek(
        index: &Mutex<Index>,
        sequence: u64,
        cursor: Option<Cursor>,
    ) -> Result<Option<Cursor>, LogError> {
        let index = index.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((number, segment)) = index.holding(sequence) else { return Ok(None) };
        let (length, last) = (segment.length, segment.last);
        if let Some(mut cursor) = cursor.filter(|cursor| cursor.segment == number) {
            cursor.last = last;
            cursor.source.set_limit(length);
            return Ok(Some(cursor));
        }
        let (next, offset) = segment.nearest(sequence);
        let path = segment.path.clone();
        drop(index);
        let source =
            Source::open(&path, offset, length).map_err(|error| unavailable(&path, &error))?;
        let mut cursor = Cursor { segment: number, path, next, last, source };
        while cursor.next < sequence {
            cursor.frame(|frame, payload| frame.readable(payload).map(|_| ()))?;
        }
        Ok(Some(cursor))
    }

    /// What is wanted of the record at which the cursor stands, and its sequence; it stands at the next
    /// one then.
    fn frame<T>(
        &mut self,
        read: impl FnOnce(&Header, &[u8]) -> Result<T, &'static str>,
    ) -> Result<(u64, T), LogError> {
        let at = self.source.offset();
        let expected = Expected { sequence: self.next, place: None, group: None };
        let found = self.source.frame(&expected, read);
        match found.map_err(|error| unavailable(&self.path, &error))? {
            Found::Frame(header, found) => {
                self.next = header.sequence + 1;
                Ok((header.sequence, found))
            }
            Found::End | Found::Short => {
                Err(corrupt(&self.path, at, "the file is shorter than it was when it was opened"))
            }
            Found::Bad { reason, .. } => Err(corrupt(&self.path, at, &reason)),
        }
    }
}
