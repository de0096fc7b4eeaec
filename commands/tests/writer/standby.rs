//! A writer that is chosen: it stands by, takes up, and decides nothing once its seat is gone.

use std::sync::Arc;
use std::time::Duration;

use commands::clock::FixedClock;
use commands::writer::{self, Chair, Role, RunningWriter, Seat, Tenure, WriterHandle};
use futures::FutureExt;
use futures::future::join_all;
use ledger_core::log::SharedLog;
use ledger_core::log::memory::MemoryLog;
use tokio::time::Instant;

use crate::bent::Act;
use crate::{NOW, OPEN, ask, bent, book, code, customer, json, kinds, start};

/// A hang is a failure.
const WITHIN: Duration = Duration::from_secs(60);

pub(crate) async fn elected(log: &SharedLog) -> (Chair, RunningWriter) {
    let (chair, tenure) = Tenure::elected();
    let clock = Arc::new(FixedClock(NOW));
    let writer = writer::start_in(tenure, None, book(), 0, Arc::clone(log), clock).await.unwrap();
    (chair, writer)
}

/// A seat that does not run out in a test.
pub(crate) fn seat(term: u64) -> Seat {
    Seat { term, until: Instant::now() + Duration::from_secs(3_600) }
}

pub(crate) async fn comes_to(handle: &WriterHandle, role: Role) {
    let mut standing = handle.standing();
    let came = standing.wait_for(|now| *now == role);
    tokio::time::timeout(WITHIN, came).await.unwrap().unwrap();
}

#[tokio::test]
async fn who_stands_by_refuses_and_goes_on_behind_what_the_other_wrote() {
    let log: SharedLog = Arc::new(MemoryLog::new());
    let (chair, standby) = elected(&log).await;
    let handle = standby.handle();
    let refused = ask(&handle, OPEN).await;
    assert_eq!(
        (code(&refused), json(&refused)["id"].clone()),
        ("book.standby".into(), "open".into())
    );
    assert_eq!(*handle.standing().borrow(), Role::Standby);
    let other = start(&log).await;
    let first = ask(&other.handle(), OPEN).await;
    assert_eq!(code(&ask(&handle, &customer("c", "C-1")).await), "book.standby");
    chair.give(seat(7));
    comes_to(&handle, Role::Writing { term: 7 }).await;
    // The one answer, and the next number.
    assert_eq!(ask(&handle, OPEN).await, first);
    assert_eq!(json(&ask(&handle, &customer("c", "C-1")).await)["sequence"], 2);
    chair.take_away();
    comes_to(&handle, Role::Standby).await;
    assert_eq!(code(&ask(&handle, OPEN).await), "book.standby");
    assert_eq!(code(&ask(&other.handle(), &customer("d", "C-2")).await), "accepted");
    // Another term is taken up anew, also where nobody saw the end of the one before.
    chair.give(seat(8));
    chair.give(seat(9));
    comes_to(&handle, Role::Writing { term: 9 }).await;
    assert_eq!(json(&ask(&handle, &customer("e", "C-3")).await)["sequence"], 4);
    drop(handle);
    standby.shutdown().await.unwrap();
}

#[tokio::test]
async fn who_stands_by_has_little_left_to_read() {
    let (bent, log) = bent(&[]);
    let (chair, standby) = elected(&log).await;
    let other = start(&log).await;
    assert_eq!(code(&ask(&other.handle(), OPEN).await), "accepted");
    bent.forget_reads();
    // It looks behind what it has read.
    let deadline = Instant::now() + WITHIN;
    while !bent.first_reads().contains(&2) {
        assert!(Instant::now() < deadline, "{:?}", bent.first_reads());
        tokio::task::yield_now().await;
    }
    bent.forget_reads();
    chair.give(seat(1));
    comes_to(&standby.handle(), Role::Writing { term: 1 }).await;
    assert!(bent.first_reads().iter().all(|from| *from == 2), "{:?}", bent.first_reads());
}

/// Hands in one command that is on its way to the log and one that is decided behind it, takes the seat
/// away, and lets the log go on; both answers, and what is stored.
async fn demoted_with_one_on_its_way(act: Act, how: impl Fn(&Chair)) -> (Vec<String>, Vec<String>) {
    let (bent, log) = bent(&[Act::Stored, Act::Held]);
    bent.then(&[act]);
    let (chair, writer) = elected(&log).await;
    let handle = writer.handle();
    chair.give(seat(1));
    comes_to(&handle, Role::Writing { term: 1 }).await;
    assert_eq!(code(&ask(&handle, OPEN).await), "accepted");
    let mut stored = Box::pin(ask(&handle, &customer("c", "C-1")));
    while bent.groups().len() < 2 {
        tokio::task::yield_now().await;
    }
    // Refused and accepted ones wait behind it.
    let behind = [customer("d", "C-2"), customer("e", "C-1")];
    let mut waiting = Box::pin(join_all(behind.map(|text| ask(&handle, &text))));
    for _ in 0..100 {
        assert!((&mut stored).now_or_never().is_none() && (&mut waiting).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    how(&chair);
    bent.let_through();
    let mut codes = vec![code(&stored.await)];
    codes.extend(waiting.await.iter().map(|reply| code(reply)));
    (codes, kinds(&log).await)
}

#[tokio::test]
async fn what_is_on_its_way_is_answered_and_what_waits_is_refused() {
    let taken = |chair: &Chair| chair.take_away();
    let ran_out = |chair: &Chair| chair.give(Seat { term: 1, until: Instant::now() });
    let another = |chair: &Chair| chair.give(seat(2));
    for how in [&taken as &dyn Fn(&Chair), &ran_out] {
        let (codes, stored) = demoted_with_one_on_its_way(Act::Stored, how).await;
        assert_eq!(codes, ["accepted", "book.standby", "book.standby"]);
        assert_eq!(stored, ["BookOpened", "CustomerRegistered"]);
    }
    // A new term at once: what was on its way under the old one is no longer waited for.
    let (codes, stored) = demoted_with_one_on_its_way(Act::Stored, another).await;
    assert_eq!(codes[1..], ["book.standby", "book.standby"]);
    assert!(["accepted", "command.outcome_unknown"].contains(&codes[0].as_str()), "{codes:?}");
    assert_eq!(stored, ["BookOpened", "CustomerRegistered"]);
}

#[cfg(feature = "planted-bugs")]
#[tokio::test]
async fn a_writer_that_acts_beyond_its_tenure_is_found() {
    use commands::planted::{Planted, plant};

    plant(Some(Planted::ActsBeyondItsTenure));
    let (codes, stored) = demoted_with_one_on_its_way(Act::Stored, |chair| chair.take_away()).await;
    assert!(plant(None) > 0, "the bug had its effect");
    assert_ne!(codes, ["accepted", "book.standby", "book.standby"]);
    assert_ne!(stored, ["BookOpened", "CustomerRegistered"]);
}

#[tokio::test]
async fn an_outcome_that_is_unknown_at_the_end_of_a_tenure_is_told_so() {
    let (bent, log) = bent(&[Act::Stored, Act::LostUnknown]);
    let (chair, writer) = elected(&log).await;
    let handle = writer.handle();
    chair.give(seat(1));
    comes_to(&handle, Role::Writing { term: 1 }).await;
    assert_eq!(code(&ask(&handle, OPEN).await), "accepted");
    // The seat ends while the group is on its way.
    bent.then(&[Act::Stored]);
    let asked = ask(&handle, &customer("c", "C-1"));
    while bent.groups().len() < 2 {
        tokio::task::yield_now().await;
    }
    chair.take_away();
    let reply = code(&asked.await);
    assert!(["command.outcome_unknown", "accepted"].contains(&reply.as_str()), "{reply}");
    comes_to(&handle, Role::Standby).await;
    chair.give(seat(2));
    comes_to(&handle, Role::Writing { term: 2 }).await;
    assert_eq!(code(&ask(&handle, &customer("c", "C-1")).await), "accepted");
    assert_eq!(kinds(&log).await, ["BookOpened", "CustomerRegistered"]);
}
