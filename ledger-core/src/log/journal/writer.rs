//! The one writer of a journal: its lock, its file, and what happens when the disk fails.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::segment::{Segment, Tail, segment_path, sync_dir};
use super::{LOCK_FILE, unavailable};
use crate::log::frame::encode;
use crate::log::{AppendError, LogError, Record};

/// What only the process that appends has.
#[derive(Debug)]
pub(super) struct Writer {
    dir: PathBuf,
    /// The segment that is written to; `None` before the first group.
    pub(super) file: Option<File>,
    /// Why nothing more is appended: after a failed write or sync it is not known what the disk
    /// holds, and a second sync may report success for pages that the kernel has dropped.
    broken: Option<String>,
    buffer: Vec<u8>,
    /// Held as long as this lives; the system releases it when the process ends.
    _lock: File,
}

impl Writer {
    /// Creates the directory where it is missing, and takes its lock.
    pub(super) fn lock(dir: &Path) -> Result<Writer, LogError> {
        create_dir(dir).map_err(|error| unavailable(dir, &error))?;
        let path = dir.join(LOCK_FILE);
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| unavailable(&path, &error))?;
        locked(dir, &path, lock.try_lock())?;
        let dir = dir.to_owned();
        Ok(Writer { dir, file: None, broken: None, buffer: Vec::new(), _lock: lock })
    }

    /// Opens the newest segment behind its last whole group, and cuts off a torn tail.
    ///
    /// The last group is written once more, the same bytes in the same place: if the process
    /// before this one ended on a failed sync, its bytes may be in the page cache but not on the
    /// disk, and only writing them again makes the next sync count.
    pub(super) fn resume(&mut self, segment: &Segment, tail: Tail) -> Result<(), LogError> {
        let failed = |error: io::Error| disk(&segment.path, &error);
        let opened = OpenOptions::new().write(true).open(&segment.path);
        let mut file = opened.map_err(|error| unavailable(&segment.path, &error))?;
        if tail != Tail::None {
            file.set_len(segment.length).map_err(failed)?;
        }
        let read = segment.last_group_bytes();
        let group = read.map_err(|error| unavailable(&segment.path, &error))?;
        file.seek(SeekFrom::Start(segment.last_group)).map_err(failed)?;
        file.write_all(&group).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        sync_dir(&self.dir).map_err(|error| disk(&self.dir, &error))?;
        self.file = Some(file);
        Ok(())
    }

    /// Why nothing more is appended, if so.
    pub(super) fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// Puts a group into the buffer, behind the sequence `last`. Returns the bytes of it.
    pub(super) fn prepare(&mut self, last: u64, group: &[Record]) -> Result<usize, AppendError> {
        self.buffer.clear();
        let refused = |reason: String| AppendError::Refused { reason };
        let size = u16::try_from(group.len()).map_err(|error| refused(error.to_string()))?;
        for (place, record) in (0..size).zip(group) {
            let sequence = last + 1 + u64::from(place);
            encode(&mut self.buffer, sequence, (place, size), record).map_err(refused)?;
        }
        Ok(self.buffer.len())
    }

    /// Begins a new segment, durable in its directory before anything is written to it.
    pub(super) fn roll(&mut self, first: u64) -> Result<Segment, AppendError> {
        let path = segment_path(&self.dir, first);
        let created = OpenOptions::new().write(true).create_new(true).open(&path);
        let file = created.and_then(|file| {
            file.sync_all()?;
            sync_dir(&self.dir)?;
            Ok(file)
        });
        match file {
            Ok(file) => {
                self.file = Some(file);
                Ok(Segment::new(first, path))
            }
            Err(error) => {
                let reason =
                    self.give_up(&format!("{} cannot be created: {error}", path.display()));
                Err(AppendError::Disk { reason })
            }
        }
    }

    /// Writes the group in the buffer and syncs it once.
    pub(super) fn commit(&mut self) -> Result<(), AppendError> {
        let written = match &mut self.file {
            Some(file) => file.write_all(&self.buffer).and_then(|()| file.sync_data()),
            None => Err(io::Error::other("no segment is open")),
        };
        written.map_err(|error| {
            let reason = self.give_up(&format!("the group was not written: {error}"));
            AppendError::Disk { reason }
        })
    }

    fn give_up(&mut self, cause: &str) -> String {
        let reason = format!(
            "{cause}; nothing more is appended to the journal {}: \
             mend the disk and restart, which checks what is stored",
            self.dir.display()
        );
        self.broken = Some(reason.clone());
        reason
    }
}

/// Keeps writers away as long as the file that is returned lives; none where no writer ever had the
/// journal open.
pub(super) fn keep_away(dir: &Path) -> Result<Option<File>, LogError> {
    let path = dir.join(LOCK_FILE);
    let lock = match File::open(&path) {
        Ok(lock) => lock,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unavailable(&path, &error)),
    };
    locked(dir, &path, lock.try_lock_shared())?;
    Ok(Some(lock))
}

fn locked(dir: &Path, path: &Path, tried: Result<(), TryLockError>) -> Result<(), LogError> {
    match tried {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(LogError::Unavailable {
            what: format!("journal {}", dir.display()),
            reason: "another process has it open: stop it first, or open it read-only".to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(unavailable(path, &error)),
    }
}

/// A write or a sync that failed while a journal was opened.
fn disk(path: &Path, error: &io::Error) -> LogError {
    LogError::Disk {
        what: path.display().to_string(),
        reason: format!("{error}: mend the disk and restart, which checks what is stored"),
    }
}

/// Creates a directory and those above it, durably.
fn create_dir(dir: &Path) -> io::Result<()> {
    let missing: Vec<&Path> =
        dir.ancestors().take_while(|dir| !dir.as_os_str().is_empty() && !dir.exists()).collect();
    fs::create_dir_all(dir)?;
    for created in missing.into_iter().rev() {
        let parent = created.parent().filter(|parent| !parent.as_os_str().is_empty());
        sync_dir(parent.unwrap_or(Path::new(".")))?;
    }
    Ok(())
}
