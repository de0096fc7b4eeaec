//! Snapshot files: what a fold over the log came to, so that a start costs the log's tail.
//!
//! A snapshot is never the truth and never the only home of anything: whatever does not fit, to the
//! last bit, is thrown away and folded again (`docs/ARCHITECTURE.md`, Snapshots). A file is
//!
//! ```text
//! magic, 8 bytes | parts, one after another | contents | length of the contents, 8 bytes
//!   | CRC-32C of the contents, 4 bytes | magic
//! ```
//!
//! where the contents name the program that wrote the file, the event up to which it goes, and the
//! length and checksum of each part. Numbers are little-endian, values are in the form of borsh.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use borsh::{BorshDeserialize, BorshSerialize};

pub mod instant;
mod lists;
mod reader;

use self::reader::PartReader;
pub use lists::{List, Map};

/// The first and the last bytes of a file; the digit is the version of the form.
const MAGIC: [u8; 8] = *b"rlsnap1\n";
/// Bytes behind the contents: their length, their checksum, and the magic.
const FOOTER_BYTES: u64 = 8 + 4 + 8;
/// Contents are small: more is no snapshot.
const CONTENTS_BYTES_MAX: u64 = 1024 * 1024;
/// Bytes that are written at a time.
const BUFFER_BYTES: usize = 1024 * 1024;

/// Events behind a snapshot that are worth another one, at least.
const EVENTS_MIN: u64 = 20_000;
/// And the log has grown by one part in so many since: all snapshots together cost as much as a few of
/// the last one then.
const GROWTH_PARTS: u64 = 4;

/// Whether a log has grown so much behind the last event of its snapshot that another one is worth it.
pub fn is_due(in_snapshot: u64, sequence: u64) -> bool {
    sequence.saturating_sub(in_snapshot) >= EVENTS_MIN.max(in_snapshot / GROWTH_PARTS)
}

/// What a snapshot must fit before it is used.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Heading {
    /// The program that wrote it, and all that decides how it lays its values out.
    pub program: String,
    /// The last event that was folded.
    pub sequence: u64,
    /// The log's hash chain through it.
    pub chain: [u8; 32],
}

/// A snapshot that cannot be written, or not be used.
#[derive(Debug, thiserror::Error)]
#[error("the snapshot {path} cannot be used: {reason}")]
pub struct SnapshotError {
    /// The file.
    pub path: String,
    /// What does not fit, or what the disk said.
    pub reason: String,
}

/// One value of a snapshot.
pub trait Part: Sync {
    /// Writes it.
    ///
    /// # Errors
    /// Where the disk fails.
    fn write_to(&self, writer: &mut dyn Write) -> io::Result<()>;
}

impl<T: BorshSerialize + Sync> Part for T {
    fn write_to(&self, mut writer: &mut dyn Write) -> io::Result<()> {
        self.serialize(&mut writer)
    }
}

#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
struct Contents {
    heading: Heading,
    parts: Vec<Stored>,
}

/// Where a part is.
#[derive(Debug, Clone, Copy, BorshSerialize, BorshDeserialize)]
struct Stored {
    start: u64,
    length: u64,
    checksum: u32,
}

/// A snapshot that is written, and does not count yet: what it was made of may change from now on.
#[derive(Debug)]
#[must_use = "it counts once it is published"]
pub struct Unpublished {
    file: File,
    new: PathBuf,
    path: PathBuf,
}

impl Unpublished {
    /// Writes a snapshot beside the one that is there.
    ///
    /// # Errors
    /// [`SnapshotError`] where the disk fails.
    pub fn write(
        path: &Path,
        heading: Heading,
        parts: &[&dyn Part],
    ) -> Result<Self, SnapshotError> {
        // Two programs may write at a time: each its own file, and the last one's stays.
        let new = path.with_extension(format!("{}.new", std::process::id()));
        match write_new(&new, heading, parts) {
            Ok(file) => Ok(Self { file, new, path: path.to_owned() }),
            Err(error) => Err(given_up(&new, path, &error)),
        }
    }

    /// Brings it to the disk, in place of the one that is there: all of it, or nothing.
    ///
    /// # Errors
    /// [`SnapshotError`] where the disk fails; the old one stands then.
    pub fn publish(self) -> Result<(), SnapshotError> {
        let Self { file, new, path } = self;
        let published = file
            .sync_all()
            .and_then(|()| fs::rename(&new, &path))
            .and_then(|()| File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all());
        published.map_err(|error| given_up(&new, &path, &error))
    }
}

/// A file that cannot be removed either is overwritten by the next one.
fn given_up(new: &Path, path: &Path, error: &io::Error) -> SnapshotError {
    drop(fs::remove_file(new));
    unusable(path, error)
}

fn write_new(path: &Path, heading: Heading, parts: &[&dyn Part]) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = File::create(path)?;
    let mut writer = Checked::new(BufWriter::with_capacity(BUFFER_BYTES, file));
    writer.write_all(&MAGIC)?;
    let mut stored = Vec::with_capacity(parts.len());
    for part in parts {
        let start = writer.begin();
        part.write_to(&mut writer)?;
        let (length, checksum) = (writer.at - start, writer.checksum);
        stored.push(Stored { start, length, checksum });
    }
    let contents = borsh::to_vec(&Contents { heading, parts: stored })?;
    let length = contents.len().to_le_bytes();
    writer.write_all(&contents)?;
    writer.write_all(&length)?;
    writer.write_all(&crc32c::crc32c(&contents).to_le_bytes())?;
    writer.write_all(&MAGIC)?;
    writer.inner.into_inner().map_err(io::IntoInnerError::into_error)
}

/// Counts and sums what is written.
struct Checked<W> {
    inner: W,
    at: u64,
    checksum: u32,
}

impl<W: Write> Checked<W> {
    fn new(inner: W) -> Self {
        Self { inner, at: 0, checksum: 0 }
    }

    /// Begins a part; where it starts.
    fn begin(&mut self) -> u64 {
        self.checksum = 0;
        self.at
    }
}

impl<W: Write> Write for Checked<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.inner.write_all(bytes)?;
        self.checksum = crc32c::crc32c_append(self.checksum, bytes);
        self.at += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A snapshot that is open: its contents fit their checksum.
#[derive(Debug)]
pub struct Snapshot {
    path: PathBuf,
    contents: Contents,
}

impl Snapshot {
    /// Opens a snapshot; none where there is none.
    ///
    /// # Errors
    /// [`SnapshotError`] where it cannot be read, or its contents do not fit.
    pub fn open(path: &Path) -> Result<Option<Self>, SnapshotError> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unusable(path, &error)),
        };
        let contents = contents(&mut file).map_err(|error| unusable(path, &error))?;
        Ok(Some(Self { path: path.to_owned(), contents }))
    }

    /// What it must fit.
    pub fn heading(&self) -> &Heading {
        &self.contents.heading
    }

    /// Reads one of its parts, in the order of writing from 0.
    ///
    /// # Errors
    /// [`SnapshotError`] where the part is not what was written.
    pub fn part<T: BorshDeserialize>(&self, number: usize) -> Result<T, SnapshotError> {
        self.read(number).map_err(|error| unusable(&self.path, &error))
    }

    /// An error about a part that does not fit the others.
    pub fn misfit(&self, reason: &str) -> SnapshotError {
        SnapshotError { path: self.path.display().to_string(), reason: reason.to_owned() }
    }

    fn read<T: BorshDeserialize>(&self, number: usize) -> io::Result<T> {
        let missing = || invalid(&format!("it has no part {number}"));
        let stored = self.contents.parts.get(number).ok_or_else(missing)?;
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(stored.start))?;
        let mut reader = PartReader::new(file, stored.length);
        let value = T::deserialize_reader(&mut reader);
        // What does not fit its checksum is told as that, whatever was read into it.
        if reader.finish()? != stored.checksum {
            return Err(invalid(&format!("part {number} does not fit its checksum")));
        }
        if reader.is_left_over() {
            return Err(invalid(&format!("part {number} is longer than its value")));
        }
        value
    }
}

fn contents(file: &mut File) -> io::Result<Contents> {
    let end = file.seek(SeekFrom::End(0))?;
    let footer_at = end.checked_sub(FOOTER_BYTES).ok_or_else(|| invalid("it is too short"))?;
    file.seek(SeekFrom::Start(footer_at))?;
    let (mut length, mut checksum, mut magic) = ([0; 8], [0; 4], [0; 8]);
    file.read_exact(&mut length)?;
    file.read_exact(&mut checksum)?;
    file.read_exact(&mut magic)?;
    if magic != MAGIC {
        return Err(invalid("it does not end as a snapshot does"));
    }
    let length = u64::from_le_bytes(length);
    let start = footer_at.checked_sub(length).filter(|_| length <= CONTENTS_BYTES_MAX);
    file.seek(SeekFrom::Start(start.ok_or_else(|| invalid("its contents are too long"))?))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    if crc32c::crc32c(&bytes) != u32::from_le_bytes(checksum) {
        return Err(invalid("its contents do not fit their checksum"));
    }
    Contents::try_from_slice(&bytes)
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

fn unusable(path: &Path, error: &io::Error) -> SnapshotError {
    SnapshotError { path: path.display().to_string(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_snapshot_is_due_when_the_log_has_grown_by_a_part() {
        for (in_snapshot, sequence, is_due) in [
            (0, 19_999, false),
            (0, 20_000, true),
            (1_000_000, 1_249_999, false),
            (1_000_000, 1_250_000, true),
            // A log that shrank is not a matter of snapshots.
            (5, 4, false),
        ] {
            assert_eq!(super::is_due(in_snapshot, sequence), is_due, "{in_snapshot} {sequence}");
        }
    }
}
