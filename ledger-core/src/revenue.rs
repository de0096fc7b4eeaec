//! Revenue recognition in closed form: what is earned through any day is a function of the day.

pub mod closes;
pub mod explain;
pub mod progress;
pub mod rebase;
pub mod recurring;
pub mod schedule;
pub mod usage;
pub mod valuation;
pub mod weight;
