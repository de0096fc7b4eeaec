//! A whole log in one file: the format of backups, version 1.
//!
//! The file is a start, every event as a frame of the journal (`frame.rs`), and an end. Numbers are
//! little-endian, a text is its length in 4 bytes and its UTF-8. The start:
//!
//! | at     | bytes | what                                                                    |
//! |--------|-------|-------------------------------------------------------------------------|
//! | 0      | 8     | `RVBACKUP`                                                              |
//! | 8      | 4     | version of the format: 1                                                |
//! | 12     | 4     | CRC32C of the 12 bytes above, in every version                          |
//! | 16     | 4     | bytes of what follows, n: at most 4,096                                 |
//! | 20     | n     | shard (4), last sequence (8), book, instant of the backup, program: texts |
//! | 20 + n | 4     | CRC32C of the bytes from 16 on                                          |
//!
//! The frames have the sequences 1, 2, 3 and so on, each at place 0 of a group of 1. The end:
//!
//! | at | bytes | what                                     |
//! |----|-------|------------------------------------------|
//! | 0  | 4     | `RVBE`                                   |
//! | 4  | 8     | number of events                         |
//! | 12 | 8     | sequence of the last one                 |
//! | 20 | 8     | bytes of the file before this end        |
//! | 28 | 32    | hash chain through the last event        |
//! | 60 | 32    | SHA-256 of all bytes of the file above   |
//! | 92 | 4     | CRC32C of the 92 bytes above, of this end |
//!
//! A file without its end was torn, and bytes behind it are not its own. This knows nothing of what
//! events say: the chain is a number that the one who writes it knows and the one who reads it checks.

use std::io;

pub use self::read::BackupReader;
pub use self::write::BackupWriter;

mod read;
#[cfg(test)]
mod tests;
mod write;

/// The newest version of the format that this release reads, and the one that it writes.
pub const VERSION: u32 = 1;

const MAGIC: [u8; 8] = *b"RVBACKUP";
const START_BYTES: usize = 16;
const ABOUT_BYTES_MAX: usize = 4_096;
const END_MAGIC: [u8; 4] = *b"RVBE";
const END_BYTES: usize = 96;
/// Where in an end its SHA-256 stands, and where its CRC32C.
const END_HASHED: usize = 60;
const END_CHECKED: usize = 92;

/// What a backup says of itself before its first event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The book, as its user writes it.
    pub book: String,
    /// The shard of the book; 0 where there is only one.
    pub shard: u32,
    /// The last sequence of the log when the backup began, and of the file.
    pub through: u64,
    /// When that was, in RFC 3339.
    pub created_at: String,
    /// The program that wrote it, and its version.
    pub program: String,
}

/// What a backup says of itself behind its last event, and what was counted of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// Events, which is the sequence of the last one.
    pub events: u64,
    /// The hash chain through the last event.
    pub chain: [u8; 32],
    /// Bytes of the whole file.
    pub bytes: u64,
    /// SHA-256 of the whole file, as other programs compute it.
    pub sha256: [u8; 32],
}

/// A file that is no backup that this release can read to its end.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It begins otherwise than every backup does.
    #[error("it does not begin as a backup does")]
    NotABackup,
    /// A later release wrote it.
    #[error("it has version {version} of the format, and this release reads {VERSION}")]
    Newer {
        /// Its version.
        version: u32,
    },
    /// It ends before its end.
    #[error("it was cut short: it ends at byte {at}, behind event {last}")]
    Torn {
        /// Bytes of the file.
        at: u64,
        /// The last event that is whole.
        last: u64,
    },
    /// Its bytes are not those that were written.
    #[error("it is damaged at byte {at}, behind event {last}: {reason}")]
    Damaged {
        /// Where the part begins that does not fit.
        at: u64,
        /// The last event that is whole.
        last: u64,
        /// What does not fit.
        reason: String,
    },
    /// The file cannot be read.
    #[error("it cannot be read")]
    Read(#[source] io::Error),
}

/// A backup that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file cannot be written.
    #[error("it cannot be written")]
    Write(#[from] io::Error),
    /// What was handed in is not the log that was promised.
    #[error("the log is not the one that the backup is of: {reason}")]
    Misfit {
        /// What does not fit.
        reason: String,
    },
}
