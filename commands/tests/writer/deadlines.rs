//! Callers do not wait for ever: busy while nothing is stored, unknown while it may be, in virtual
//! time.

use std::sync::Arc;
use std::time::Duration;

use commands::clock::FixedClock;
use commands::writer::{self, Call, RunningWriter, Settings};
use futures::FutureExt;
use futures::future::join_all;
use ledger_core::limits::{
    COMMAND_BYTES_MAX, KNOWN_WITHIN_MS, QUEUE_BYTES_MAX, RETRY_AFTER_MS_MAX, RETRY_AFTER_MS_MIN,
    TAKEN_WITHIN_MS,
};
use ledger_core::log::SharedLog;
use tokio::time::{Instant, advance};

use crate::bent::{Act, BentLog};
use crate::{NOW, OPEN, ask, bent, book, code, command, customer, json, kinds, start};

/// Lets everybody do what there is to do at this instant.
async fn settle() {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
}

async fn wait_for_appends(log: &BentLog, count: usize) {
    while log.groups().len() < count {
        tokio::task::yield_now().await;
    }
}

/// A writer whose first append hangs; the command in it.
async fn stuck() -> (Arc<BentLog>, SharedLog, RunningWriter) {
    let (log, shared) = bent(&[Act::Held]);
    let writer = start(&shared).await;
    (log, shared, writer)
}

#[tokio::test(start_paused = true)]
async fn a_command_that_was_taken_and_hangs_is_unknown_and_settled_later() {
    let (log, shared, writer) = stuck().await;
    let handle = writer.handle();
    let asked_at = Instant::now();
    let reply = ask(&handle, OPEN).await;
    assert_eq!(code(&reply), "command.outcome_unknown");
    assert!(json(&reply)["error"]["message"].as_str().unwrap().contains("same id"));
    assert!(json(&reply)["error"]["retry_after_ms"].is_null());
    assert_eq!(asked_at.elapsed().as_millis(), u128::from(KNOWN_WITHIN_MS));
    // The log answers after all: the same id has its one answer.
    log.let_through();
    assert_eq!(code(&ask(&handle, OPEN).await), "accepted");
    assert_eq!(kinds(&shared).await, ["BookOpened"]);
    let counts: Vec<_> = handle.meter().replies().collect();
    assert_eq!(counts, [("OpenBook", "accepted", 1), ("OpenBook", "command.outcome_unknown", 1)]);
    assert_eq!(handle.meter().late(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_command_that_is_not_taken_in_time_is_busy_and_never_stored() {
    let (log, shared, writer) = stuck().await;
    let handle = writer.handle();
    let open = tokio::spawn(ask(&handle, OPEN));
    wait_for_appends(&log, 1).await;
    // While one group is on its way the next is decided, up to what a group takes: the rest waits.
    let asked_at = Instant::now();
    let texts: Vec<_> =
        (0..2_500).map(|number| customer(&format!("c{number}"), &format!("C-{number}"))).collect();
    let replies = join_all(texts.iter().map(|text| tokio::spawn(ask(&handle, text)))).await;
    assert!(asked_at.elapsed() <= Duration::from_millis(TAKEN_WITHIN_MS + KNOWN_WITHIN_MS));
    let replies: Vec<Vec<u8>> = replies.into_iter().map(Result::unwrap).collect();
    let busy: Vec<usize> =
        (0..texts.len()).filter(|number| code(&replies[*number]) == "book.busy").collect();
    let unknown = replies.iter().filter(|reply| code(reply) == "command.outcome_unknown").count();
    assert_eq!(busy.len() + unknown, texts.len());
    assert!(busy.len() >= 1_000 && unknown > 0, "{} {unknown}", busy.len());
    for number in &busy {
        let retry = json(&replies[*number])["error"]["retry_after_ms"].as_u64().unwrap();
        assert!((RETRY_AFTER_MS_MIN..=RETRY_AFTER_MS_MAX).contains(&retry), "{retry}");
    }
    log.let_through();
    assert_eq!(code(&open.await.unwrap()), "command.outcome_unknown");
    // Behind it in the queue: what waited in front of it is decided by now, or passed over.
    assert_eq!(code(&ask(&handle, &customer("last", "C-LAST")).await), "accepted");
    assert_eq!(shared.last_sequence().await.unwrap(), u64::try_from(2 + unknown).unwrap());
    assert_eq!((handle.meter().queue_commands(), handle.meter().queue_bytes()), (0, 0));
    let stored = shared.read(1, 10_000).await.unwrap();
    for number in busy {
        let subject = format!(".C-{number}.");
        assert!(!stored.iter().any(|one| one.record.subject.contains(&subject)), "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_billing_run_is_waited_for() {
    let (log, _, writer) = stuck().await;
    let handle = writer.handle();
    let open = tokio::spawn(ask(&handle, OPEN));
    wait_for_appends(&log, 1).await;
    let run = r#"{"id":"run","command":"RunBilling","effective":"2026-01-01","data":{"through":"2026-01-31"}}"#;
    let mut run = Box::pin(ask(&handle, run));
    assert!((&mut run).now_or_never().is_none());
    settle().await;
    advance(Duration::from_secs(60)).await;
    settle().await;
    assert_eq!(code(&open.await.unwrap()), "command.outcome_unknown");
    assert!((&mut run).now_or_never().is_none(), "it takes as long as it takes");
    log.let_through();
    let reply = run.await;
    assert_ne!(code(&reply), "command.outcome_unknown", "{}", json(&reply));
}

#[tokio::test(start_paused = true)]
async fn local_callers_have_no_deadline() {
    let (log, shared, writer) = stuck().await;
    let handle = writer.handle();
    let mut open = Box::pin(handle.submit_waiting(command(OPEN)));
    assert!((&mut open).now_or_never().is_none());
    settle().await;
    advance(Duration::from_secs(3_600)).await;
    settle().await;
    assert!((&mut open).now_or_never().is_none());
    log.let_through();
    assert_eq!(code(&open.await), "accepted");
    assert_eq!(kinds(&shared).await, ["BookOpened"]);
}

#[tokio::test(start_paused = true)]
async fn the_queue_has_a_bound_in_bytes() {
    let (log, shared, writer) = stuck().await;
    let handle = writer.handle();
    let large = |number: usize| {
        let text = customer(&format!("c{number}"), &format!("C-{number}"));
        let call = Call { bytes: COMMAND_BYTES_MAX, trace: None };
        handle.submit_as(command(&text), call)
    };
    let open = ask(&handle, OPEN);
    // On this one thread the writer takes nothing meanwhile.
    let asked: Vec<_> = (0..QUEUE_BYTES_MAX / COMMAND_BYTES_MAX).map(large).collect();
    let beyond = large(9_999).now_or_never().unwrap();
    assert_eq!(code(&beyond), "book.busy");
    assert!(json(&beyond)["error"]["message"].as_str().unwrap().contains("bytes"));
    log.let_through();
    assert_eq!(code(&open.await), "accepted");
    assert!(join_all(asked).await.iter().all(|reply| code(reply) == "accepted"));
    assert_eq!(code(&large(9_999).await), "accepted");
    assert_eq!(shared.last_sequence().await.unwrap(), 130);
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_is_shut_refuses_at_once() {
    use ledger_core::rejection::{Code, Rejection};
    let (_, shared) = bent(&[]);
    let clock = Arc::new(FixedClock(NOW));
    let log = Arc::clone(&shared);
    let writer = writer::start_with(Settings::default(), book(), 0, log, clock).await.unwrap();
    let handle = writer.handle();
    assert_eq!(code(&ask(&handle, OPEN).await), "accepted");
    handle.gate().shut(Rejection::new(Code::BookDiskReserve, "full").retry_after_ms(5_000));
    let refused = ask(&handle, &customer("c", "C-1")).now_or_never().unwrap();
    assert_eq!(code(&refused), "book.disk_reserve");
    assert_eq!(json(&refused)["error"]["retry_after_ms"], 5_000);
    // Who works on the machine itself knows what it does.
    assert_eq!(code(&handle.submit_waiting(command(&customer("d", "C-2"))).await), "accepted");
    handle.gate().open();
    assert_eq!(code(&ask(&handle, &customer("c", "C-1")).await), "accepted");
    assert_eq!(shared.last_sequence().await.unwrap(), 3);
}
