//! A segment file read forwards in large pieces, never beyond a limit.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::log::frame::{Expected, HEADER_BYTES, Header, wide};

/// Bytes that are read at once: large enough that system calls do not count.
const CHUNK_BYTES: usize = 256 * 1024;

/// An open segment with a position.
#[derive(Debug)]
pub(super) struct Source {
    file: File,
    buffer: Vec<u8>,
    taken: usize,
    offset: u64,
    limit: u64,
}

/// What stands at the position of a source.
#[derive(Debug)]
pub(super) enum Found<T> {
    /// The limit.
    End,
    /// A whole frame, as expected, and what was read of its payload; the source is behind it now.
    Frame(Header, T),
    /// The beginning of the expected frame, and then the limit.
    Short,
    /// Bytes that are not the expected frame.
    Bad {
        /// What does not fit.
        reason: String,
        /// Bytes that belong to this frame as far as that is known; 0 where the frame is sound
        /// in itself but in the wrong place.
        within: u64,
    },
}

impl Source {
    /// Opens a file at an offset. Nothing from `limit` on is ever read.
    pub(super) fn open(path: &Path, offset: u64, limit: u64) -> io::Result<Source> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Source { file, buffer: Vec::new(), taken: 0, offset, limit })
    }

    /// Where the next byte stands in the file.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Moves the limit outwards: more was committed.
    pub(super) fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
    }

    /// The next bytes: as many as wanted, or fewer where the limit or the file's end comes first.
    pub(super) fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        if self.buffer.len() - self.taken < wanted {
            self.fill(wanted)?;
        }
        let ready = self.buffer.get(self.taken..).unwrap_or_default();
        Ok(ready.get(..wanted).unwrap_or(ready))
    }

    /// Steps over bytes that were peeked at.
    pub(super) fn consume(&mut self, bytes: usize) {
        let bytes = bytes.min(self.buffer.len() - self.taken);
        self.taken += bytes;
        self.offset += wide(bytes);
    }

    /// Reads what is wanted of the expected frame's payload, with its CRC32C checked; `read` says what
    /// does not fit.
    pub(super) fn frame<T>(
        &mut self,
        expected: &Expected,
        read: impl FnOnce(&Header, &[u8]) -> Result<T, &'static str>,
    ) -> io::Result<Found<T>> {
        let bytes = self.peek(HEADER_BYTES)?;
        if bytes.is_empty() {
            return Ok(Found::End);
        }
        if bytes.len() < HEADER_BYTES {
            if expected.fits_start(bytes) {
                return Ok(Found::Short);
            }
            return Ok(bad("a frame begins otherwise than it should", HEADER_BYTES));
        }
        let header = match Header::decode(bytes) {
            Ok(header) => header,
            Err(reason) => return Ok(bad(reason, HEADER_BYTES)),
        };
        if let Some(reason) = expected.misfit(&header) {
            return Ok(Found::Bad { reason, within: 0 });
        }
        let whole = header.frame();
        let bytes = self.peek(whole)?;
        if bytes.len() < whole {
            return Ok(Found::Short);
        }
        match read(&header, bytes.get(HEADER_BYTES..).unwrap_or_default()) {
            Ok(found) => {
                self.consume(whole);
                Ok(Found::Frame(header, found))
            }
            Err(reason) => Ok(bad(reason, whole)),
        }
    }

    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        let ready = self.buffer.len();
        let room = self.limit.saturating_sub(self.offset + wide(ready));
        let more =
            (wanted - ready).max(CHUNK_BYTES).min(usize::try_from(room).unwrap_or(usize::MAX));
        self.buffer.resize(ready + more, 0);
        let mut end = ready;
        while end < ready + more {
            match self.file.read(self.buffer.get_mut(end..).unwrap_or_default()) {
                Ok(0) => break,
                Ok(bytes) => end += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.buffer.truncate(end);
                    return Err(error);
                }
            }
        }
        self.buffer.truncate(end);
        Ok(())
    }
}

fn bad<T>(reason: &str, within: usize) -> Found<T> {
    Found::Bad { reason: reason.to_owned(), within: wide(within) }
}
