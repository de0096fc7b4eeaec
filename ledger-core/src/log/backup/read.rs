//! Reads a backup front to back, and checks every byte of it.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

use super::{
    ABOUT_BYTES_MAX, About, BackupError, END_BYTES, END_CHECKED, END_HASHED, END_MAGIC, End, MAGIC,
    START_BYTES, VERSION,
};
use crate::log::StoredRecord;
use crate::log::frame::{Expected, Fields, HEADER_BYTES, Header, wide};

/// A backup that is being read. Nothing of it is to be used before [`BackupReader::end`] is there:
/// only then it is known to be whole.
#[derive(Debug)]
pub struct BackupReader<R> {
    input: R,
    hash: Sha256,
    /// Bytes that were read.
    at: u64,
    last: u64,
    about: About,
    end: Option<End>,
}

impl<R: Read> BackupReader<R> {
    /// Reads what the backup says of itself.
    ///
    /// # Errors
    ///
    /// [`BackupError`] where it is none, or is damaged.
    pub fn open(input: R) -> Result<BackupReader<R>, BackupError> {
        let about = About {
            book: String::new(),
            shard: 0,
            through: 0,
            created_at: String::new(),
            program: String::new(),
        };
        let mut reader =
            BackupReader { input, hash: Sha256::new(), at: 0, last: 0, about, end: None };
        reader.start()?;
        reader.about = reader.read_about()?;
        Ok(reader)
    }

    /// What the backup says of itself.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// The end of the backup, once it was read: everything fits then.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// The next event; none behind the last one, where the end was read and fits.
    ///
    /// # Errors
    ///
    /// [`BackupError`] where the file was cut short or is damaged.
    pub fn next_record(&mut self) -> Result<Option<StoredRecord>, BackupError> {
        if self.end.is_some() {
            return Ok(None);
        }
        let at = self.at;
        let mut start = vec![0; END_MAGIC.len()];
        self.fill(&mut start)?;
        if start == END_MAGIC {
            self.end = Some(self.read_end(at, start)?);
            return Ok(None);
        }
        self.frame(at, start).map(Some)
    }

    fn frame(&mut self, at: u64, mut bytes: Vec<u8>) -> Result<StoredRecord, BackupError> {
        let taken = bytes.len();
        bytes.resize(HEADER_BYTES, 0);
        self.fill(bytes.get_mut(taken..).unwrap_or_default())?;
        let header = Header::decode(&bytes).map_err(|reason| self.damaged(at, reason))?;
        let sequence = self.last + 1;
        let expected = Expected { sequence, place: Some(0), group: Some(1) };
        if let Some(reason) = expected.misfit(&header) {
            return Err(self.damaged(at, &reason));
        }
        let mut payload = vec![0; header.payload];
        self.fill(&mut payload)?;
        let record = header.record(&payload).map_err(|reason| self.damaged(at, reason))?;
        header.check_body(&record.body).map_err(|reason| self.damaged(at, reason))?;
        if sequence > self.about.through {
            return Err(self.damaged(at, "it has more events than it says at its start"));
        }
        self.last = sequence;
        Ok(StoredRecord { sequence, record })
    }

    /// The first bytes, which are the same in every version.
    fn start(&mut self) -> Result<(), BackupError> {
        let mut bytes = [0; START_BYTES];
        let ready = read_full(&mut self.input, &mut bytes).map_err(BackupError::Read)?;
        let begins = bytes.iter().take(ready).zip(MAGIC).all(|(found, wanted)| *found == wanted);
        if !begins {
            return Err(BackupError::NotABackup);
        }
        if ready < START_BYTES {
            return Err(BackupError::Torn { at: wide(ready), last: 0 });
        }
        self.take(&bytes);
        let (checked, checksum) = bytes.split_at(START_BYTES - 4);
        let version = checked.last_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        if crc32c::crc32c(checked).to_le_bytes() != checksum || version == 0 {
            return Err(self.damaged(0, "its start does not fit its checksum"));
        }
        if version > VERSION {
            return Err(BackupError::Newer { version });
        }
        Ok(())
    }

    fn read_about(&mut self) -> Result<About, BackupError> {
        const NOT_LEGIBLE: &str = "what it says of itself is not legible";
        let at = self.at;
        let mut checked = vec![0; 4];
        self.fill(&mut checked)?;
        let length = Fields(&checked).length().filter(|length| *length <= ABOUT_BYTES_MAX);
        let length = length.ok_or_else(|| self.damaged(at, NOT_LEGIBLE))?;
        checked.resize(4 + length, 0);
        self.fill(checked.get_mut(4..).unwrap_or_default())?;
        let mut checksum = [0; 4];
        self.fill(&mut checksum)?;
        if crc32c::crc32c(&checked).to_le_bytes() != checksum {
            return Err(self.damaged(at, "what it says of itself does not fit its checksum"));
        }
        about(checked.get(4..).unwrap_or_default()).ok_or_else(|| self.damaged(at, NOT_LEGIBLE))
    }

    fn read_end(&mut self, at: u64, mut bytes: Vec<u8>) -> Result<End, BackupError> {
        let taken = bytes.len();
        bytes.resize(END_BYTES, 0);
        let before = self.hash.clone();
        self.fill(bytes.get_mut(taken..).unwrap_or_default())?;
        let (checked, checksum) = bytes.split_at_checked(END_CHECKED).unwrap_or_default();
        if crc32c::crc32c(checked).to_le_bytes() != checksum {
            return Err(self.damaged(at, "its end does not fit its checksum"));
        }
        let (numbers, sha256) = checked.split_at_checked(END_HASHED).unwrap_or_default();
        // The magic of the end was hashed with what is before it.
        let above = before.chain_update(numbers.get(taken..).unwrap_or_default()).finalize();
        if above.as_slice() != sha256 {
            return Err(self.damaged(at, "the file does not fit the SHA-256 at its end"));
        }
        let mut fields = Fields(numbers.get(taken..).unwrap_or_default());
        let wanted = [self.last, self.last, at].map(u64::to_le_bytes);
        let found = [fields.next::<8>(), fields.next::<8>(), fields.next::<8>()];
        if found != wanted.map(Some) || self.last != self.about.through {
            return Err(self.damaged(at, "its end counts other events or bytes than there are"));
        }
        let chain = fields.next().ok_or_else(|| self.damaged(at, "its end is cut short"))?;
        let end = self.at;
        if read_full(&mut self.input, &mut [0]).map_err(BackupError::Read)? > 0 {
            return Err(self.damaged(end, "more follows behind its end"));
        }
        let sha256 = self.hash.clone().finalize().into();
        Ok(End { events: self.last, chain, bytes: end, sha256 })
    }

    /// Reads as many bytes as there is room for, or the file was cut short.
    fn fill(&mut self, room: &mut [u8]) -> Result<(), BackupError> {
        let ready = read_full(&mut self.input, room).map_err(BackupError::Read)?;
        if ready < room.len() {
            return Err(BackupError::Torn { at: self.at + wide(ready), last: self.last });
        }
        self.take(room);
        Ok(())
    }

    fn take(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.at += wide(bytes.len());
    }

    fn damaged(&self, at: u64, reason: &str) -> BackupError {
        BackupError::Damaged { at, last: self.last, reason: reason.to_owned() }
    }
}

fn about(bytes: &[u8]) -> Option<About> {
    let mut fields = Fields(bytes);
    let shard = u32::from_le_bytes(fields.next()?);
    let through = u64::from_le_bytes(fields.next()?);
    let mut text = || {
        let length = fields.length()?;
        fields.text(length).map(str::to_owned)
    };
    let (book, created_at, program) = (text()?, text()?, text()?);
    fields.0.is_empty().then_some(About { book, shard, through, created_at, program })
}

/// Reads until there is no more room or nothing more; returns how much was read.
fn read_full(input: &mut impl Read, room: &mut [u8]) -> io::Result<usize> {
    let mut ready = 0;
    while ready < room.len() {
        match input.read(room.get_mut(ready..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(bytes) => ready += bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(ready)
}
