//! Loads on a store of commands, and how long its answers take.
//!
//! A closed loop sends an order's next command when the one before it is answered: it finds what a store
//! can do, and its latencies are those at that load. An open loop sends commands at planned times,
//! whatever the store does meanwhile, and counts from the planned time: a store that stops for a while
//! pays for everybody who would have come in that while (no coordinated omission).

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::Outcome;
use crate::orders::Step;

mod closed;
mod latencies;
mod open;

pub use closed::{Closed, closed_loop};
pub use latencies::{Latencies, milliseconds};
pub use open::{Open, open_loop};

/// Something that takes the commands of orders.
pub trait Side: Send + Sync + 'static {
    /// Sends one command of an order over a worker's connection, and waits until it is acknowledged.
    ///
    /// # Errors
    /// Where it is refused, or the store fails.
    fn send(
        &self,
        worker: usize,
        step: Step,
        order: u64,
    ) -> impl Future<Output = Outcome<()>> + Send;
}

/// Numbers of orders that no run on the same store has used.
#[derive(Debug, Clone, Default)]
pub struct Numbers(Arc<AtomicU64>);

impl Numbers {
    /// As many numbers that nobody had; the first of them.
    pub fn take(&self, count: u64) -> u64 {
        self.0.fetch_add(count, Ordering::Relaxed)
    }

    /// How many orders were begun.
    pub fn taken(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a load measured.
#[derive(Debug, Clone)]
pub struct Load {
    /// Commands that were answered while it was measured.
    pub commands: u64,
    /// How long that was.
    pub took: Duration,
    /// How long each of them took.
    pub latencies: Latencies,
}

impl Load {
    /// Commands a second.
    pub fn rate(&self) -> u64 {
        crate::rate(self.commands, self.took)
    }
}
