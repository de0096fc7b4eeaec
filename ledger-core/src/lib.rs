//! The pure domain of the revenue ledger, and its event log.
//!
//! In reading order: values ([`money`], [`calendar`], [`id`]), what may be asked ([`command`])
//! and what has happened ([`event`]), the state and the two functions over it ([`state`],
//! [`decide`](mod@decide)), revenue ([`revenue`]), double entry ([`posting`]), and the [`log`] that keeps it all.
//! Everything but the log and snapshots is synchronous and has no clock, no randomness and no I/O.

pub mod ageing;
pub mod billing;
pub mod calendar;
pub mod chart;
pub mod closing;
pub mod collection;
pub mod command;
pub mod content_hash;
pub mod decide;
pub mod dunning;
pub mod event;
pub mod fx;
pub mod id;
pub mod limits;
pub mod log;
pub mod money;
pub mod paged;
pub mod policy;
pub mod posting;
pub mod rejection;
pub mod revenue;
mod schema;
#[cfg(feature = "journal")]
pub mod snapshot;
pub mod state;
pub mod wire;
