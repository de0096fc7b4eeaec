//! The read side: views folded from the log, and the reports over them.

pub mod invariants;
pub mod replay;
pub mod reports;
pub mod views;
