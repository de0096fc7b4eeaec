//! What is kept in memory of a segment file, and how its bytes are checked.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use borsh::{BorshDeserialize, BorshSerialize};

use super::source::{Found, Source};
use super::{corrupt, unavailable};
use crate::log::LogError;
use crate::log::frame::{Expected, Header, wide};

/// Every so many records the place of one is kept: 8 bytes of memory for 256 records.
const MARK_EVERY: u64 = 256;
/// The unit in which a disk keeps what it was given, or does not.
const SECTOR_BYTES: u64 = 512;

/// One segment file up to its last whole group.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub(super) struct Segment {
    /// Sequence of its first record, which is its name.
    pub(super) first: u64,
    /// Sequence of its last record; the one before `first` while it is empty.
    pub(super) last: u64,
    /// The file.
    #[borsh(skip)]
    pub(super) path: PathBuf,
    /// Bytes of its whole groups.
    pub(super) length: u64,
    /// Where its last group begins.
    pub(super) last_group: u64,
    marks: Vec<u64>,
}

/// What follows the last whole group of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tail {
    /// Nothing.
    None,
    /// The beginning of a group that was never acknowledged, with so many bytes.
    Torn {
        /// Bytes behind the last whole group.
        bytes: u64,
    },
}

/// The segment files of a directory by first sequence. Other files are let alone.
pub(super) fn list(dir: &Path) -> Result<Vec<(u64, PathBuf)>, LogError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).map_err(|error| unavailable(dir, &error))? {
        let path = entry.map_err(|error| unavailable(dir, &error))?.path();
        if path.extension().is_none_or(|extension| extension != "log") {
            continue;
        }
        let first = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
        match first.filter(|first| path == segment_path(dir, *first)) {
            Some(first) => files.push((first, path)),
            None => return Err(corrupt(&path, 0, "the name is not that of a segment")),
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// Where the segment that begins with a sequence is kept.
pub(super) fn segment_path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:020}.log"))
}

impl Segment {
    /// A segment of which nothing is known yet.
    pub(super) fn new(first: u64, path: PathBuf) -> Segment {
        Segment {
            first,
            last: first.saturating_sub(1),
            path,
            length: 0,
            last_group: 0,
            marks: Vec::new(),
        }
    }

    /// The same, in its file.
    pub(super) fn in_file(self, path: &Path) -> Segment {
        Segment { path: path.to_owned(), ..self }
    }

    /// The nearest place that is known at or before a sequence of this segment: the sequence
    /// and the offset there.
    pub(super) fn nearest(&self, sequence: u64) -> (u64, u64) {
        let wanted = sequence.saturating_sub(self.first) / MARK_EVERY;
        let known = usize::try_from(wanted).ok().and_then(|mark| self.marks.get(mark));
        known.map_or((self.first, 0), |offset| (self.first + wanted * MARK_EVERY, *offset))
    }

    /// Takes up a group that was written and synced: the bytes of each of its frames.
    pub(super) fn grow(&mut self, frames: &[u64]) {
        self.last_group = self.length;
        for bytes in frames {
            self.last += 1;
            self.mark(self.last, self.length);
            self.length += bytes;
        }
    }

    fn mark(&mut self, sequence: u64, offset: u64) {
        if sequence.saturating_sub(self.first).is_multiple_of(MARK_EVERY) {
            self.marks.push(offset);
        }
    }

    /// Reads the file from the last whole group on, checks every byte and takes up every whole
    /// group. A group that was cut short at the file's end is left out and returned as a tail.
    ///
    /// A crash leaves a file shorter than what was written, or with sectors that were never
    /// written and read as zeros. Only that is a tail. Any other bytes that do not fit were
    /// changed after they had been written, and perhaps acknowledged: `Corrupt`.
    pub(super) fn scan(&mut self) -> Result<Tail, LogError> {
        let path = self.path.clone();
        let failed = |error: io::Error| unavailable(&path, &error);
        let end = fs::metadata(&path).map_err(failed)?.len();
        if end < self.length {
            return Err(corrupt(&path, end, "the file is shorter than what was read before"));
        }
        let mut source = Source::open(&path, self.length, end).map_err(failed)?;
        let mut frames = Vec::new();
        let mut group = None;
        loop {
            let at = source.offset();
            let expected = Expected {
                sequence: self.last + wide(frames.len()) + 1,
                place: u16::try_from(frames.len()).ok(),
                group,
            };
            let check =
                |header: &Header, payload: &[u8]| Ok(header.check_body(header.readable(payload)?));
            match source.frame(&expected, check).map_err(failed)? {
                Found::Frame(header, checked) => {
                    checked.map_err(|why| corrupt(&path, at, why))?;
                    frames.push(source.offset() - at);
                    group = Some(header.group);
                    if header.commits() {
                        self.grow(&frames);
                        frames.clear();
                        group = None;
                    }
                }
                Found::End if frames.is_empty() => return Ok(Tail::None),
                Found::End | Found::Short => break,
                Found::Bad { reason, within } => {
                    if never_written(&path, at, within, end).map_err(failed)? {
                        break;
                    }
                    return Err(corrupt(&path, at, &reason));
                }
            }
        }
        Ok(Tail::Torn { bytes: end - self.length })
    }

    /// Reads the bytes of the last group.
    pub(super) fn last_group_bytes(&self) -> io::Result<Vec<u8>> {
        let bytes = usize::try_from(self.length - self.last_group).unwrap_or(usize::MAX);
        let mut source = Source::open(&self.path, self.last_group, self.length)?;
        Ok(source.peek(bytes)?.to_vec())
    }
}

/// Whether the frame of `within` bytes at `at` ends in sectors that were never written: zeros
/// from within it to the end of the file, over the beginning of at least one sector.
fn never_written(path: &Path, at: u64, within: u64, end: u64) -> io::Result<bool> {
    let mut source = Source::open(path, at, end)?;
    let mut zeros_from = at;
    loop {
        let offset = source.offset();
        let bytes = source.peek(64 * 1024)?;
        if bytes.is_empty() {
            break;
        }
        let length = bytes.len();
        if let Some(place) = bytes.iter().rposition(|byte| *byte != 0) {
            zeros_from = offset + wide(place) + 1;
        }
        source.consume(length);
    }
    let starts_here = zeros_from == at;
    let over_a_sector = zeros_from.next_multiple_of(SECTOR_BYTES) < end;
    Ok(within > 0 && zeros_from < end.min(at + within) && (starts_here || over_a_sector))
}

/// Makes the entries of a directory durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
