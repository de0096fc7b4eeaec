//! Writes a backup, front to back.

use std::io::Write;

use sha2::{Digest, Sha256};

use super::{ABOUT_BYTES_MAX, About, END_MAGIC, End, MAGIC, VERSION, WriteError};
use crate::log::StoredRecord;
use crate::log::frame::{encode, wide};

/// A backup that is being written.
#[derive(Debug)]
pub struct BackupWriter<W> {
    output: W,
    hash: Sha256,
    bytes: u64,
    last: u64,
    through: u64,
    frame: Vec<u8>,
}

impl<W: Write> BackupWriter<W> {
    /// Begins a backup.
    ///
    /// # Errors
    ///
    /// [`WriteError`] where it cannot be written, or names and texts are too long.
    pub fn begin(output: W, about: &About) -> Result<BackupWriter<W>, WriteError> {
        let (hash, frame) = (Sha256::new(), Vec::new());
        let through = about.through;
        let mut writer = BackupWriter { output, hash, bytes: 0, last: 0, through, frame };
        writer.write(&start(about)?)?;
        Ok(writer)
    }

    /// Writes the next event.
    ///
    /// # Errors
    ///
    /// [`WriteError::Misfit`] where it is not the next one.
    pub fn push(&mut self, stored: &StoredRecord) -> Result<(), WriteError> {
        let expected = self.last + 1;
        if stored.sequence != expected {
            return misfit(format!("event {} is where {expected} belongs", stored.sequence));
        }
        let mut frame = std::mem::take(&mut self.frame);
        frame.clear();
        if let Err(reason) = encode(&mut frame, expected, (0, 1), &stored.record) {
            return misfit(format!("event {expected}: {reason}"));
        }
        self.write(&frame)?;
        self.frame = frame;
        self.last = expected;
        Ok(())
    }

    /// Ends the backup with the hash chain through its last event. Returns where it was written
    /// to, which may still hold bytes back, and what was written.
    ///
    /// # Errors
    ///
    /// [`WriteError::Misfit`] where events are missing or too many.
    pub fn finish(mut self, chain: [u8; 32]) -> Result<(W, End), WriteError> {
        if self.last != self.through {
            return misfit(format!("it ends at {}, not at {}", self.last, self.through));
        }
        let mut end = Vec::from(END_MAGIC);
        for number in [self.last, self.last, self.bytes] {
            end.extend_from_slice(&number.to_le_bytes());
        }
        end.extend_from_slice(&chain);
        let above = self.hash.clone().chain_update(&end).finalize();
        end.extend_from_slice(&above);
        end.extend_from_slice(&crc32c::crc32c(&end).to_le_bytes());
        self.write(&end)?;
        let sha256 = self.hash.finalize().into();
        Ok((self.output, End { events: self.last, chain, bytes: self.bytes, sha256 }))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.output.write_all(bytes)?;
        self.hash.update(bytes);
        self.bytes += wide(bytes.len());
        Ok(())
    }
}

/// The bytes before the first event.
fn start(about: &About) -> Result<Vec<u8>, WriteError> {
    let mut fields = about.shard.to_le_bytes().to_vec();
    fields.extend_from_slice(&about.through.to_le_bytes());
    for text in [&about.book, &about.created_at, &about.program] {
        fields.extend_from_slice(&length(text.len())?);
        fields.extend_from_slice(text.as_bytes());
    }
    if fields.len() > ABOUT_BYTES_MAX {
        return misfit(format!("{} bytes about it are too many", fields.len()));
    }
    let mut about = length(fields.len())?.to_vec();
    about.extend_from_slice(&fields);
    let mut start = Vec::from(MAGIC);
    start.extend_from_slice(&VERSION.to_le_bytes());
    start.extend_from_slice(&crc32c::crc32c(&start).to_le_bytes());
    start.extend_from_slice(&about);
    start.extend_from_slice(&crc32c::crc32c(&about).to_le_bytes());
    Ok(start)
}

fn length(bytes: usize) -> Result<[u8; 4], WriteError> {
    match u32::try_from(bytes) {
        Ok(length) => Ok(length.to_le_bytes()),
        Err(_) => misfit(format!("{bytes} bytes are too many for a text")),
    }
}

fn misfit<T>(reason: String) -> Result<T, WriteError> {
    Err(WriteError::Misfit { reason })
}
