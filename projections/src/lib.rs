//! The read side: views folded from the log, and the reports over them.

pub mod consolidation;
pub mod facts;
pub mod invariants;
pub mod outlook;
pub mod prefix;
pub mod projector;
pub mod replay;
pub mod reports;
pub mod seals;
pub mod snapshot;
pub mod store;
pub mod views;
