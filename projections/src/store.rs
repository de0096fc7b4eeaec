//! Where the projections' facts behind their last snapshot are kept between runs: everything here can
//! be built again.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

mod sled;

pub use self::sled::{SledClaim, SledStore};

/// How far the stored facts go: what has to fit before they are trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The last event whose facts are stored.
    pub sequence: u64,
    /// The log's hash chain through it, in hex.
    pub chain: String,
    /// The program that lays facts out as these are.
    pub program: String,
    /// The version of each projection's facts.
    pub versions: BTreeMap<String, u32>,
    /// The digest of each projection at that event, in hex.
    pub digests: BTreeMap<String, String>,
}

/// A store that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it open.
    #[error("{path} is open in another process")]
    InUse {
        /// Its folder.
        path: String,
    },
    /// It failed; what it holds can be built again from the log.
    #[error("the stored projections in {path} failed: {reason}")]
    Failed {
        /// Its folder.
        path: String,
        /// What it said.
        reason: String,
    },
}

/// An ordered store of rows, one an event, with the position that they reach.
pub trait FactStore: Send + Sync + fmt::Debug {
    /// How far the rows go; none where there are none, or none that can be read.
    ///
    /// # Errors
    /// [`StoreError`] where the store fails.
    fn position(&self) -> Result<Option<Position>, StoreError>;

    /// Adds rows and sets the position, all or nothing.
    ///
    /// # Errors
    /// [`StoreError`]; nothing of it is stored then.
    fn commit(&mut self, rows: &[(u64, Vec<u8>)], position: &Position) -> Result<(), StoreError>;

    /// Shows every row behind the event `after` to `see`, in order of sequence, as long as it says
    /// true.
    ///
    /// # Errors
    /// [`StoreError`] where the store fails.
    fn each(&self, after: u64, see: &mut dyn FnMut(u64, &[u8]) -> bool) -> Result<(), StoreError>;

    /// Throws the rows through an event away: a snapshot holds them now. The position stays.
    ///
    /// # Errors
    /// [`StoreError`] where the store fails.
    fn forget(&mut self, through: u64) -> Result<(), StoreError>;

    /// Throws everything away.
    ///
    /// # Errors
    /// [`StoreError`] where the store fails.
    fn clear(&mut self) -> Result<(), StoreError>;
}
