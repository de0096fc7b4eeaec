//! The tip anchor: how far the log surely went, in a small file of its own beside it.
//!
//! A log that no longer holds the anchored event was cut or changed: the program stops.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use ledger_core::log::SharedLog;
use projections::projector::must_hold;
use schemas::chain::Chain;
use serde::{Deserialize, Serialize};

use crate::exit::Failure;

/// How far a log went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Tip {
    /// The last event.
    sequence: u64,
    /// The hash chain through it, in hex.
    chain: String,
}

/// The file that keeps the anchor of one log.
#[derive(Debug, Clone)]
pub(crate) struct Anchor {
    path: PathBuf,
}

impl Anchor {
    /// The anchor of a log of the kind (`journal`, `stream`), in the book's folder.
    pub(crate) fn of(folder: &Path, kind: &str) -> Self {
        Self { path: folder.join(format!("{kind}.anchor")) }
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What was anchored; none where nothing was yet.
    ///
    /// # Errors
    /// Where the file is there and cannot be read: it is not to be guessed.
    pub(crate) fn read(&self) -> Result<Option<(u64, Chain)>, Failure> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::file(&self.path, &error)),
        };
        let damaged = |why: &dyn std::fmt::Display| {
            Failure::store("anchor.unreadable", format!("{} is damaged", self.path.display()))
                .because(why)
                .help("run `verify`; where the log is whole, remove the file: it is written again")
        };
        let tip: Tip = serde_json::from_slice(&bytes).map_err(|error| damaged(&error))?;
        let chain = Chain::from_hex(&tip.chain).ok_or_else(|| damaged(&"its hash is no hash"))?;
        Ok(Some((tip.sequence, chain)))
    }

    /// Checks that the log still holds what was anchored.
    ///
    /// # Errors
    /// `store.tampered` where it does not, `store.corrupt` where it cannot be read up to there.
    pub(crate) async fn check(&self, log: &SharedLog) -> Result<(), Failure> {
        let Some((sequence, chain)) = self.read()? else { return Ok(()) };
        must_hold(log, sequence, chain).await.map_err(|error| {
            let failure = Failure::from(error);
            failure.help(format!(
                "the log shrank or changed since {} was written: restore it from a copy",
                self.path.display()
            ))
        })
    }

    /// Anchors the log's last event.
    ///
    /// # Errors
    /// Where the log cannot be read or the file not written.
    pub(crate) async fn write_tip_of(&self, log: &SharedLog) -> Result<(), Failure> {
        let last = log.last_sequence().await?;
        let found = if last == 0 { Vec::new() } else { log.read(last, 1).await? };
        match found.first().and_then(|stored| Chain::written(&stored.record)) {
            Some(chain) => self.write(last, chain),
            None => Ok(()),
        }
    }

    /// Anchors an event: the old file or the new one is there at any moment.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub(crate) fn write(&self, sequence: u64, chain: Chain) -> Result<(), Failure> {
        let tip = Tip { sequence, chain: chain.to_hex() };
        let new = self.path.with_extension("anchor.new");
        let write = || -> std::io::Result<()> {
            if let Some(folder) = self.path.parent() {
                fs::create_dir_all(folder)?;
            }
            let mut file = File::create(&new)?;
            file.write_all(&serde_json::to_vec(&tip)?)?;
            file.sync_all()?;
            fs::rename(&new, &self.path)
        };
        write().map_err(|error| Failure::file(&self.path, &error))
    }
}
