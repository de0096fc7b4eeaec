//! Revenue recognition in closed form: what is earned through any day is a function of the day.

pub mod schedule;
pub mod weight;
