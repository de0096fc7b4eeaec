//! Which segments were checked to their last byte before, so that opening a journal costs what is new.
//!
//! Only the newest segment is written to. An older one is known again by its length and the time of its
//! last change, which every program that writes to it moves on. What changes on the disk by itself is found
//! where it is read, and by [`Journal::check`](super::Journal::check), which trusts nothing.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use borsh::{BorshDeserialize, BorshSerialize};

use super::segment::Segment;

const FILE: &str = "checked";
/// Clocks of file systems tick coarsely.
const SETTLED_AFTER: Duration = Duration::from_secs(2);
const MAGIC: [u8; 8] = *b"rlchkd1\n";

/// What was checked, by the first sequences of the segments.
#[derive(Debug, Default)]
pub(super) struct Checked(BTreeMap<u64, Entry>);

#[derive(Debug, BorshSerialize, BorshDeserialize)]
struct Entry {
    segment: Segment,
    /// Nanoseconds since 1970.
    modified: u128,
}

impl Checked {
    /// What an earlier opening found; nothing where its note is missing or damaged.
    pub(super) fn read(dir: &Path) -> Self {
        Self::of(&dir.join(FILE)).unwrap_or_default()
    }

    fn of(path: &Path) -> Option<Self> {
        let (bytes, noted) = (fs::read(path).ok()?, modified(&fs::metadata(path).ok()?)?);
        let (note, checksum) = bytes.strip_prefix(&MAGIC)?.split_last_chunk::<4>()?;
        if crc32c::crc32c(note) != u32::from_le_bytes(*checksum) {
            return None;
        }
        let mut entries = Vec::<Entry>::try_from_slice(note).ok()?;
        // A change in the same tick of the clock as the note could not be seen.
        entries.retain(|entry| entry.modified + SETTLED_AFTER.as_nanos() < noted);
        let by_first = |entry: Entry| (entry.segment.first, entry);
        Some(Self(entries.into_iter().map(by_first).collect()))
    }

    /// The segment of a file, where it was checked and has not been changed since.
    pub(super) fn segment(&self, first: u64, path: &Path) -> Option<Segment> {
        let entry = self.0.get(&first)?;
        let metadata = fs::metadata(path).ok()?;
        let is_same =
            entry.segment.length == metadata.len() && entry.modified == modified(&metadata)?;
        is_same.then(|| entry.segment.clone().in_file(path))
    }

    /// Notes segments that are checked, and not written to any more. Without the note the next opening
    /// costs more, and nothing else.
    pub(super) fn note(dir: &Path, segments: &[Segment]) {
        let entries = segments.iter().filter_map(|segment| {
            let modified = modified(&fs::metadata(&segment.path).ok()?)?;
            Some(Entry { segment: segment.clone(), modified })
        });
        // A note that is lost, or cut short, is no note.
        drop(write(dir, &entries.collect::<Vec<_>>()));
    }
}

fn write(dir: &Path, entries: &[Entry]) -> io::Result<()> {
    let new = dir.join(format!("{FILE}.new"));
    let note = borsh::to_vec(entries)?;
    let mut file = File::create(&new)?;
    file.write_all(&MAGIC)?;
    file.write_all(&note)?;
    file.write_all(&crc32c::crc32c(&note).to_le_bytes())?;
    fs::rename(new, dir.join(FILE))
}

fn modified(metadata: &Metadata) -> Option<u128> {
    let since = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(since.as_nanos())
}
