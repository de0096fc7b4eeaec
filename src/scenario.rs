//! Scenario files (contract, section 8): what they say, how they run, what differs.

mod bench;
mod compare;
pub(crate) mod file;
pub(crate) mod missing;
pub(crate) mod run;
