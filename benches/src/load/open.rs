//! Open loops: commands come at planned times.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};

use super::{Latencies, Load, Numbers, Side};
use crate::Outcome;
use crate::orders::{STEPS, Step};

/// How an open loop loads a store.
#[derive(Debug, Clone, Copy)]
pub struct Open {
    /// Connections that take turns, where a store has connections.
    pub workers: usize,
    /// Commands a second.
    pub rate: u64,
    /// What is not counted, at least as many seconds as gaps are kept for.
    pub warm_up: Duration,
    /// What is counted.
    pub measured: Duration,
}

/// Seconds between the first command of an order and its last one: its next command is planned a second
/// after the one before, and so is not planned before that one is answered, unless that takes longer.
const GAPS: u64 = 2;

/// Loads a store with commands at planned times, evenly apart. Latency counts from the planned time, also
/// where a command waits for the one of its order before it, or its sender wakes up late.
///
/// # Errors
/// Where a command is refused, or the store fails.
pub async fn open_loop<S: Side>(side: &Arc<S>, numbers: &Numbers, plan: Open) -> Outcome<Load> {
    let warm_up = plan.warm_up.max(Duration::from_secs(GAPS + 1));
    let plan = Open { warm_up, rate: plan.rate.max(3), ..plan };
    let seen = Arc::new(Mutex::new(Latencies::new()?));
    let sender = Sender {
        side: Arc::clone(side),
        seen: Arc::clone(&seen),
        plan,
        begun: Instant::now(),
        first: numbers.take(plan.rate / 3 * (warm_up + plan.measured).as_secs() + plan.rate),
        placed: VecDeque::new(),
        invoiced: VecDeque::new(),
    };
    // A thread of its own: the runtime's timers are exact to a millisecond only.
    let runtime = Handle::current();
    let sent = spawn_blocking(move || sender.run(&runtime)).await?;
    for task in sent {
        task.await??;
    }
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Load { commands: seen.count(), took: plan.measured, latencies: seen.clone() })
}

/// Sends the commands of a plan.
struct Sender<S> {
    side: Arc<S>,
    seen: Arc<Mutex<Latencies>>,
    plan: Open,
    begun: Instant,
    /// The number of the first order.
    first: u64,
    /// Tells, order by order, when it is placed.
    placed: VecDeque<oneshot::Receiver<()>>,
    /// The same for its invoice.
    invoiced: VecDeque<oneshot::Receiver<()>>,
}

impl<S: Side> Sender<S> {
    /// Sends all of them; the tasks that wait for the answers.
    fn run(mut self, runtime: &Handle) -> Vec<JoinHandle<Outcome<()>>> {
        let whole = self.plan.warm_up + self.plan.measured;
        let mut tasks = Vec::new();
        for slot in 0.. {
            let planned = self.planned(slot);
            if planned >= whole {
                break;
            }
            if let Some(early) = planned.checked_sub(self.begun.elapsed()) {
                thread::sleep(early);
            }
            tasks.extend(self.send(slot, planned, runtime));
        }
        tasks
    }

    /// When a command is to be sent, from the beginning on.
    fn planned(&self, slot: u64) -> Duration {
        let (seconds, rest) = (slot / self.plan.rate, slot % self.plan.rate);
        Duration::from_secs(seconds) + Duration::from_nanos(rest * 1_000_000_000 / self.plan.rate)
    }

    /// Sends the command of a slot. Each third one places an order, invoices the one of a second ago, and
    /// pays the one of two seconds ago.
    fn send(
        &mut self,
        slot: u64,
        planned: Duration,
        runtime: &Handle,
    ) -> Option<JoinHandle<Outcome<()>>> {
        let turn = usize::try_from(slot % 3).unwrap_or_default();
        let step = STEPS[turn];
        let ago = self.plan.rate / 3 * (slot % 3);
        // Nothing is there to be invoiced or paid at first.
        let order = self.first + (slot / 3).checked_sub(ago)?;
        let (tell, told) = oneshot::channel();
        let before = match step {
            Step::Place => {
                self.placed.push_back(told);
                None
            }
            Step::Invoice => {
                self.invoiced.push_back(told);
                Some(self.placed.pop_front()?)
            }
            Step::Pay => Some(self.invoiced.pop_front()?),
        };
        let worker = usize::try_from(order).unwrap_or_default() % self.plan.workers.max(1);
        let (side, seen, begun) = (Arc::clone(&self.side), Arc::clone(&self.seen), self.begun);
        let counts = planned >= self.plan.warm_up;
        Some(runtime.spawn(async move {
            if let Some(before) = before {
                before.await?;
            }
            side.send(worker, step, order).await?;
            let latency = begun.elapsed().saturating_sub(planned);
            if counts {
                seen.lock().unwrap_or_else(PoisonError::into_inner).record(latency)?;
            }
            // Nobody waits for a payment, or for the last orders.
            tell.send(()).ok();
            Ok(())
        }))
    }
}
