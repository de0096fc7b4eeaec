//! The store in sled 0.34.7, with what its faults demand: it is never the only home of anything,
//! its rows and their position change in one batch, values stay small, and whatever it does to
//! its files is answered by building them again (`docs/ARCHITECTURE.md`, The store).

use std::fs::{self, File, TryLockError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing::warn;

use super::{FactStore, Position, StoreError};

/// Bytes that sled may hold in memory.
const CACHE_BYTES: u64 = 32 * 1024 * 1024;
/// Bytes of one value: larger ones make sled slow, and above 64 KiB they go to files of their own.
const VALUE_BYTES_MAX: usize = 60 * 1024;
/// How often, and how long, a store that was closed just now is waited for.
const RELEASE_ATTEMPTS_MAX: usize = 200;
const RELEASE_PAUSE: Duration = Duration::from_millis(10);
/// Rows that are thrown away in one batch.
const FORGOTTEN_AT_ONCE: usize = 10_000;
const POSITION_KEY: &[u8] = b"position";
const ROW_PREFIX: u8 = b'r';

/// Facts in a folder of their own.
pub struct SledStore {
    folder: PathBuf,
    database: ::sled::Db,
    /// Held for as long as the store is open: sled's own lock cannot be told from its damage.
    _lock: File,
}

impl std::fmt::Debug for SledStore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SledStore").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// A store that nobody else can open any more, and that was not opened yet: that takes longer, the more
/// was stored.
#[derive(Debug)]
pub struct SledClaim {
    folder: PathBuf,
    lock: File,
}

impl SledClaim {
    /// Claims the store of a folder, which is made where there is none.
    ///
    /// # Errors
    /// [`StoreError::InUse`] while another process has it; [`StoreError::Failed`] where the
    /// folder cannot be used.
    pub fn of(folder: &Path) -> Result<Self, StoreError> {
        let failed = |error: std::io::Error| failed(folder, &error);
        fs::create_dir_all(folder).map_err(failed)?;
        let lock = File::create(folder.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::InUse { path: folder.display().to_string() });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        Ok(Self { folder: folder.to_owned(), lock })
    }

    /// Opens the store. One that cannot be opened is thrown away: it can be built again.
    ///
    /// # Errors
    /// [`StoreError::Failed`] where the folder cannot be used.
    pub fn open(self) -> Result<SledStore, StoreError> {
        let Self { folder, lock } = self;
        let failed = |error: std::io::Error| failed(&folder, &error);
        let files = folder.join("sled");
        let database = match open_released_database(&files) {
            Ok(database) => database,
            Err(reason) => {
                warn!(%reason, "the stored projections cannot be opened; building them again");
                fs::remove_dir_all(&files).map_err(failed)?;
                open_database(&files).map_err(|reason| StoreError::Failed {
                    path: folder.display().to_string(),
                    reason,
                })?
            }
        };
        Ok(SledStore { folder, database, _lock: lock })
    }
}

impl SledStore {
    /// Claims and opens the store of a folder.
    ///
    /// # Errors
    /// As [`SledClaim::of`].
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        SledClaim::of(folder)?.open()
    }

    fn guard<T>(
        &self,
        work: impl FnOnce(&::sled::Db) -> Result<T, ::sled::Error>,
    ) -> Result<T, StoreError> {
        guarded(|| work(&self.database)).map_err(|reason| StoreError::Failed {
            path: self.folder.display().to_string(),
            reason,
        })
    }
}

/// sled panics on some damage: a panic is told as an error, too.
fn guarded<T>(work: impl FnOnce() -> Result<T, ::sled::Error>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("sled panicked".to_owned()),
    }
}

/// A store that was closed just now is let go of by a thread of sled's own, a little later. Nobody
/// else has it: our lock is held.
fn open_released_database(files: &Path) -> Result<::sled::Db, String> {
    for _ in 0..RELEASE_ATTEMPTS_MAX {
        match open_database(files) {
            Err(reason) if reason.contains("could not acquire lock") => {
                std::thread::sleep(RELEASE_PAUSE);
            }
            outcome => return outcome,
        }
    }
    open_database(files)
}

fn open_database(files: &Path) -> Result<::sled::Db, String> {
    remove_half_snapshots(files).map_err(|error| error.to_string())?;
    guarded(|| {
        ::sled::Config::new()
            .path(files)
            .cache_capacity(CACHE_BYTES)
            // Flushed where we say: it is no fsync in any case.
            .flush_every_ms(None)
            .open()
    })
}

/// A kill while sled opens can leave a snapshot that blocks every later open.
fn remove_half_snapshots(files: &Path) -> std::io::Result<()> {
    if !files.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(files)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "generating") {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn failed(folder: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Failed { path: folder.display().to_string(), reason: error.to_string() }
}

/// The key of a part of a row: sorted by sequence, then by part.
fn key(sequence: u64, part: u16) -> [u8; 11] {
    let mut key = [ROW_PREFIX; 11];
    let (numbers, parts) = (sequence.to_be_bytes(), part.to_be_bytes());
    for (place, byte) in key.iter_mut().skip(1).zip(numbers.into_iter().chain(parts)) {
        *place = byte;
    }
    key
}

/// The sequence in a key.
fn sequence_of(key: &[u8]) -> Option<u64> {
    key.get(1..9).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes)
}

impl FactStore for SledStore {
    fn position(&self) -> Result<Option<Position>, StoreError> {
        let bytes = self.guard(|database| database.get(POSITION_KEY))?;
        // One that cannot be read is as good as none: everything is built again.
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    fn commit(&mut self, rows: &[(u64, Vec<u8>)], position: &Position) -> Result<(), StoreError> {
        let mut batch = ::sled::Batch::default();
        for (sequence, row) in rows {
            for (part, bytes) in (0_u16..).zip(row.chunks(VALUE_BYTES_MAX)) {
                batch.insert(&key(*sequence, part), bytes);
            }
        }
        let position = serde_json::to_vec(position).map_err(|error| StoreError::Failed {
            path: self.folder.display().to_string(),
            reason: error.to_string(),
        })?;
        batch.insert(POSITION_KEY, position);
        self.guard(|database| {
            database.apply_batch(batch)?;
            database.flush().map(|_| ())
        })
    }

    fn each(&self, after: u64, see: &mut dyn FnMut(u64, &[u8]) -> bool) -> Result<(), StoreError> {
        self.guard(|database| {
            let mut at = 0;
            let mut row = Vec::new();
            for entry in database.range(key(after.saturating_add(1), 0)..=key(u64::MAX, u16::MAX)) {
                let (key, part) = entry?;
                let sequence = sequence_of(&key).unwrap_or(0);
                if sequence != at && !row.is_empty() {
                    if !see(at, &row) {
                        return Ok(());
                    }
                    row.clear();
                }
                at = sequence;
                row.extend_from_slice(&part);
            }
            if !row.is_empty() {
                see(at, &row);
            }
            Ok(())
        })
    }

    fn forget(&mut self, through: u64) -> Result<(), StoreError> {
        self.guard(|database| {
            loop {
                let rows = database.range(key(0, 0)..=key(through, u16::MAX)).keys();
                let keys = rows.take(FORGOTTEN_AT_ONCE).collect::<Result<Vec<_>, _>>()?;
                if keys.is_empty() {
                    return database.flush().map(|_| ());
                }
                let mut batch = ::sled::Batch::default();
                keys.into_iter().for_each(|key| batch.remove(key));
                database.apply_batch(batch)?;
            }
        })
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        self.guard(|database| {
            database.clear()?;
            database.flush().map(|_| ())
        })
    }
}
