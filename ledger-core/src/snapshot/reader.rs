//! A part of a snapshot, read in pieces and summed on the way: a part as a whole would be as much memory
//! again as its value.

use std::fs::File;
use std::io::{self, Read};

/// Bytes that are read at a time.
const BUFFER_BYTES: usize = 256 * 1024;

/// Reads so many bytes of a file, and sums them.
pub(super) struct PartReader {
    file: File,
    buffer: Vec<u8>,
    /// Bytes of the buffer that were handed out.
    taken: usize,
    /// Bytes of the part that were not read yet.
    left: u64,
    checksum: u32,
    is_left_over: bool,
}

impl PartReader {
    pub(super) fn new(file: File, length: u64) -> Self {
        let buffer = Vec::with_capacity(BUFFER_BYTES);
        Self { file, buffer, taken: 0, left: length, checksum: 0, is_left_over: false }
    }

    /// Reads what is left; the sum of the whole part.
    pub(super) fn finish(&mut self) -> io::Result<u32> {
        self.is_left_over = self.taken < self.buffer.len() || self.left > 0;
        while self.left > 0 {
            self.fill()?;
        }
        Ok(self.checksum)
    }

    /// Whether there was more than the value, when the reading finished.
    pub(super) fn is_left_over(&self) -> bool {
        self.is_left_over
    }

    fn fill(&mut self) -> io::Result<()> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(BUFFER_BYTES);
        self.buffer.resize(wanted, 0);
        self.taken = 0;
        self.file.read_exact(&mut self.buffer)?;
        self.left -= u64::try_from(wanted).unwrap_or(self.left);
        self.checksum = crc32c::crc32c_append(self.checksum, &self.buffer);
        Ok(())
    }
}

impl Read for PartReader {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.buffer.len() && self.left > 0 {
            self.fill()?;
        }
        let ready = self.buffer.get(self.taken..).unwrap_or_default();
        let count = ready.len().min(bytes.len());
        let (into, from) = (bytes.get_mut(..count), ready.get(..count));
        if let (Some(into), Some(from)) = (into, from) {
            into.copy_from_slice(from);
        }
        self.taken += count;
        Ok(count)
    }

    #[inline]
    fn read_exact(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        // Nearly all values are a few bytes, and in the buffer.
        if let Some(ready) = self.buffer.get(self.taken..self.taken + bytes.len()) {
            bytes.copy_from_slice(ready);
            self.taken += bytes.len();
            return Ok(());
        }
        let mut done = 0;
        while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let count = self.read(rest)?;
            if count == 0 {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "a part is shorter than its value",
                ));
            }
            done += count;
        }
        Ok(())
    }
}
