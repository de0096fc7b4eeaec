//! The loads do the work that they say, and count all of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use benches::Outcome;
use benches::ledger::Ledger;
use benches::load::{Closed, Load, Numbers, Open, Side, closed_loop, open_loop};
use benches::orders::{STEPS, Step, Terms, command, opening};
use ledger_core::log::SharedLog;
use ledger_core::log::memory::MemoryLog;

/// A side that remembers what it was sent.
#[derive(Debug, Default)]
struct Notes(Mutex<Vec<(u64, Step)>>);

impl Side for Notes {
    async fn send(&self, _worker: usize, step: Step, order: u64) -> Outcome<()> {
        self.0.lock().map_err(|error| error.to_string())?.push((order, step));
        Ok(())
    }
}

async fn closed<S: Side>(side: &Arc<S>, numbers: &Numbers) -> Outcome<Load> {
    let (warm_up, measured) = (Duration::ZERO, Duration::from_millis(200));
    let plan = Closed { workers: 4, orders_each: 2, warm_up, measured };
    closed_loop(side, numbers, plan).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_loop_finishes_the_orders_that_it_begins() {
    let log: SharedLog = Arc::new(MemoryLog::new());
    let (ledger, writer) = Ledger::start(&log).await.unwrap();
    let numbers = Numbers::default();
    closed(&ledger, &numbers).await.unwrap();
    drop(ledger);
    writer.shutdown().await.unwrap();
    let events = log.last_sequence().await.unwrap() - u64::try_from(opening().len()).unwrap();
    assert!(events > 0);
    assert_eq!(events, numbers.taken() * 4, "a payment makes two events, the others one");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_loop_counts_each_command_that_was_planned() {
    let notes = Arc::new(Notes::default());
    let numbers = Numbers::default();
    let (warm_up, measured) = (Duration::ZERO, Duration::from_secs(1));
    let plan = Open { workers: 4, rate: 600, warm_up, measured };
    let load = open_loop(&notes, &numbers, plan).await.unwrap();
    assert_eq!(load.commands, 600);
    // Three seconds of warming up: orders are placed in all four, invoiced in three, paid in two.
    let sent = notes.0.lock().unwrap();
    let count = |step| sent.iter().filter(|(_, sent)| *sent == step).count();
    assert_eq!(STEPS.map(count), [800, 600, 400]);
    for (order, _) in sent.iter() {
        assert!(*order < numbers.taken(), "{order} may be used again");
        let steps = sent.iter().filter(|(sent, _)| sent == order).map(|(_, step)| *step);
        let steps: Vec<Step> = steps.collect();
        assert_eq!(steps, STEPS[..steps.len()], "order {order}");
    }
}

#[test]
fn an_invoice_and_its_payment_are_for_the_same_total() {
    // 100.00 + 200.00, and a tenth of both.
    assert_eq!(Terms::of(0).total(), 33_000);
    assert!(command(Step::Pay, 0).contains(r#""amount":"330.00""#));
    // 103.70 + 200.00 = 303.70, and 30.37.
    assert_eq!(Terms::of(1).total(), 33_407);
    assert!(command(Step::Pay, 1).contains(r#""amount":"334.07""#));
}
