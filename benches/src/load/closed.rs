//! Closed loops: a worker sends a command when the one before it is answered.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use tokio::task::JoinSet;

use super::{Latencies, Load, Numbers, Side};
use crate::Outcome;
use crate::orders::STEPS;

/// How a closed loop loads a store.
#[derive(Debug, Clone, Copy)]
pub struct Closed {
    /// Tasks, each with a connection of its own where a store has connections.
    pub workers: usize,
    /// Orders that each of them has in flight, one command of each.
    pub orders_each: usize,
    /// What is not counted.
    pub warm_up: Duration,
    /// What is counted.
    pub measured: Duration,
}

/// Loads a store with closed loops.
///
/// # Errors
/// Where a command is refused, or the store fails.
pub async fn closed_loop<S: Side>(side: &Arc<S>, numbers: &Numbers, plan: Closed) -> Outcome<Load> {
    let from = Instant::now() + plan.warm_up;
    let window = Window { from, until: from + plan.measured };
    let mut tasks = JoinSet::new();
    for worker in 0..plan.workers {
        let (side, numbers) = (Arc::clone(side), numbers.clone());
        tasks.spawn(async move {
            let seen = Mutex::new(Latencies::new()?);
            let orders =
                (0..plan.orders_each).map(|_| orders(&*side, worker, &numbers, window, &seen));
            try_join_all(orders).await?;
            Outcome::Ok(seen.into_inner().unwrap_or_else(PoisonError::into_inner))
        });
    }
    let mut latencies = Latencies::new()?;
    while let Some(worker) = tasks.join_next().await {
        latencies.add(&worker??)?;
    }
    Ok(Load { commands: latencies.count(), took: plan.measured, latencies })
}

/// When replies are counted.
#[derive(Debug, Clone, Copy)]
struct Window {
    from: Instant,
    until: Instant,
}

/// One order after another until the time is over; the last one is finished.
async fn orders<S: Side>(
    side: &S,
    worker: usize,
    numbers: &Numbers,
    window: Window,
    seen: &Mutex<Latencies>,
) -> Outcome<()> {
    while Instant::now() < window.until {
        let order = numbers.take(1);
        for step in STEPS {
            let sent = Instant::now();
            side.send(worker, step, order).await?;
            let answered = Instant::now();
            if window.from <= answered && answered < window.until {
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                seen.record(answered - sent)?;
            }
        }
    }
    Ok(())
}
