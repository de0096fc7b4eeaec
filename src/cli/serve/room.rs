//! The reserve of the disk: looked at beside the writer, which takes no commands while less is
//! free. A ledger that fills its disk to the last byte cannot even be mended.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use commands::writer::Gate;
use ledger_core::limits::RETRY_AFTER_MS_MAX;
use ledger_core::log::SharedLog;
use ledger_core::log::jetstream::JetStreamLog;
use ledger_core::rejection::{Code, Rejection};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::vitals::{Room, Vitals, held};

/// How often the log and the disk are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often servers are asked what they have left.
const ASK_EVERY: Duration = Duration::from_secs(5);
/// How long the last answer holds where there is none.
const HOLDS_FOR: Duration = Duration::from_secs(60);

/// What of a book is looked at.
pub(super) struct Watched {
    pub(super) vitals: Arc<Vitals>,
    pub(super) log: SharedLog,
    /// The same log, where it is a stream.
    pub(super) stream: Option<Arc<JetStreamLog>>,
    /// The folder of the log, where it is a journal.
    pub(super) journal: Option<PathBuf>,
    /// What stops the writer from taking commands.
    pub(super) gate: Arc<Gate>,
    /// Bytes that stay free.
    pub(super) reserve: u64,
}

impl Watched {
    /// Looks again and again; never returns.
    pub(super) async fn watch(&self) -> std::convert::Infallible {
        tokio::join!(self.watch_log(), self.watch_room()).0
    }

    /// Asks the log where it ends: that it answers is proven by nothing else while nobody asks.
    async fn watch_log(&self) -> std::convert::Infallible {
        let mut pause = interval(LOOK_EVERY);
        pause.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            pause.tick().await;
            match self.log.last_sequence().await {
                Ok(last) => self.vitals.log.answered(last),
                Err(error) => self.vitals.log.failed(error.to_string()),
            }
        }
    }

    async fn watch_room(&self) -> std::convert::Infallible {
        let every = if self.stream.is_some() { ASK_EVERY } else { LOOK_EVERY };
        let mut pause = interval(every);
        pause.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told_at: Option<Instant> = None;
        let mut known_at = Instant::now();
        loop {
            pause.tick().await;
            let room = match self.look().await {
                Ok(room) => room,
                Err(problem) => {
                    // Once an hour: it does not say that anything is wrong with the book.
                    if told_at.is_none_or(|at| at.elapsed() > Duration::from_secs(3_600)) {
                        warn!(problem, "nobody knows how much room is left for the log");
                        told_at = Some(Instant::now());
                    }
                    None
                }
            };
            if room.is_some() {
                known_at = Instant::now();
            } else if known_at.elapsed() < HOLDS_FOR {
                // A server that is away has not got more room by that.
                continue;
            }
            self.keep_reserve(room);
        }
    }

    fn keep_reserve(&self, room: Option<Room>) {
        let too_little = room.as_ref().and_then(|room| too_little(room, self.reserve));
        *held(&self.vitals.room) = room;
        let is_ours = |why: &Rejection| why.code == Code::BookDiskReserve.as_str();
        let before = self.gate.why_shut();
        let is_ours = before.as_ref().map(is_ours);
        match (too_little, is_ours) {
            // Somebody else has shut it.
            (_, Some(false)) | (None, None) => {}
            (Some(rejection), None) => {
                warn!(book = self.vitals.book, why = rejection.message, "no commands are taken");
                self.gate.shut(rejection);
            }
            (Some(rejection), Some(true)) => self.gate.shut(rejection),
            (None, Some(true)) => {
                info!(book = self.vitals.book, "there is room again: commands are taken");
                self.gate.open();
            }
        }
    }

    async fn look(&self) -> Result<Option<Room>, String> {
        if let Some(stream) = &self.stream {
            let left = stream.storage_left().await.map_err(|error| error.to_string())?;
            return Ok(left.map(|left| Room { what: left.what, left: left.bytes }));
        }
        let Some(journal) = self.journal.clone() else { return Ok(None) };
        match spawn_blocking(move || room_of(&journal)).await {
            Ok(looked) => looked.map(Some),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// What is free for us on the file system of a folder.
fn room_of(folder: &Path) -> Result<Room, String> {
    let what = format!("the file system of {}", folder.display());
    match rustix::fs::statvfs(folder) {
        Ok(disk) => Ok(Room { what, left: disk.f_bavail.saturating_mul(disk.f_frsize) }),
        Err(error) => Err(format!("{what}: {error}")),
    }
}

/// Why no commands are taken, where less is left than the reserve.
pub(super) fn too_little(room: &Room, reserve: u64) -> Option<Rejection> {
    if room.left >= reserve {
        return None;
    }
    let message = format!(
        "{} has {} left, and {} are kept in reserve: nothing was stored. Make room there, and send \
         it again; reports go on",
        room.what,
        mebibytes(room.left),
        mebibytes(reserve)
    );
    Some(Rejection::new(Code::BookDiskReserve, message).retry_after_ms(RETRY_AFTER_MS_MAX))
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes / 1024 / 1024)
}

/// Reads a size: bytes, or with one of the units KiB, MiB, GiB, TiB.
///
/// # Errors
/// Where it is none.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let unit: u64 = match text.strip_prefix(digits).unwrap_or_default().trim() {
        "" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        other => return Err(format!("there is no unit {other:?}: KiB, MiB, GiB, TiB")),
    };
    let number: u64 = digits.parse().map_err(|_| "it is no whole number".to_owned())?;
    number.checked_mul(unit).ok_or_else(|| "it is too large".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, wanted) in [
            ("0", 0),
            ("4096", 4_096),
            ("256MiB", 268_435_456),
            ("1 GiB", 1_073_741_824),
            ("3KiB", 3_072),
            ("2TiB", 2_199_023_255_552),
        ] {
            assert_eq!(size(text), Ok(wanted), "{text}");
        }
        for text in ["", "MiB", "1MB", "-1", "1.5GiB", "99999999999TiB", "1 M"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn less_than_the_reserve_is_too_little() {
        let room = |left| Room { what: "the disk".to_owned(), left };
        assert_eq!(too_little(&room(0), 0), None);
        assert_eq!(too_little(&room(10 << 20), 10 << 20), None);
        let why = too_little(&room((10 << 20) - 1), 10 << 20).unwrap();
        assert_eq!(why.code, "book.disk_reserve");
        assert_eq!(why.retry_after_ms, Some(5_000));
        assert!(why.message.starts_with("the disk has 9 MiB left, and 10 MiB are kept"), "{why}");
    }

    #[test]
    fn a_file_system_says_what_is_free() {
        let folder = tempfile::tempdir().unwrap();
        assert!(room_of(folder.path()).unwrap().left > 0);
        assert!(room_of(&folder.path().join("none")).is_err());
    }
}
