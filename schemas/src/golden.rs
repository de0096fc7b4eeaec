//! Golden bytes: one record of every event version as it was first written. They are never
//! changed: a release that cannot read them, or writes them differently, has broken the log.

use ledger_core::log::Record;
use serde::{Deserialize, Serialize};

/// A record as a file: headers in order, the body as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenRecord {
    /// Its place in the log that it comes from.
    pub sequence: u64,
    /// Its subject.
    pub subject: String,
    /// Names and values in the order in which they are written.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub body: String,
}

impl From<&GoldenRecord> for Record {
    fn from(golden: &GoldenRecord) -> Self {
        Self {
            subject: golden.subject.clone(),
            headers: golden
                .headers
                .iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            body: golden.body.clone().into_bytes(),
        }
    }
}
