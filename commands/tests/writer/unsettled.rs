//! A group that was sent and never answered may land at any time: nothing else is answered before it is
//! settled.

use std::time::Duration;

use commands::writer::Role;
use futures::future::join_all;
use ledger_core::log::AppendError;
use tokio::time::{Instant, timeout};

use crate::bent::Act;
use crate::standby::{comes_to, elected, seat};
use crate::{INVOICE, OPEN, ask, bent, code, command, customer, kinds, start};

/// The attempts behind which callers are told that nobody knows.
const GIVEN_UP: [Act; 3] = [Act::Late, Act::LostUnknown, Act::LostUnknown];

/// The invoice needs the customer, which is in the same group. Asked for alone it was refused, and
/// stored all the same when the group landed.
#[tokio::test(start_paused = true)]
async fn what_a_late_group_holds_is_not_refused_before_it() {
    for lands in [true, false] {
        let (bent, log) = bent(&[&[Act::Stored][..], &GIVEN_UP].concat());
        let writer = start(&log).await;
        let handle = writer.handle();
        assert_eq!(code(&ask(&handle, OPEN).await), "accepted");
        let both = join_all([&customer("c", "C-1"), INVOICE].map(|text| ask(&handle, text))).await;
        for reply in both {
            assert_eq!(code(&reply), "command.outcome_unknown");
        }
        assert_eq!(bent.groups(), [1, 2, 2, 2]);
        let asked = ask(&handle, INVOICE);
        if lands {
            assert_eq!(bent.arrive().await, Ok(3));
        }
        assert_eq!(code(&asked.await), "accepted", "lands: {lands}");
        if !lands {
            assert!(matches!(bent.arrive().await, Err(AppendError::WrongSequence { .. })));
        }
        assert_eq!(kinds(&log).await, ["BookOpened", "CustomerRegistered", "InvoiceIssued"]);
    }
}

/// A log that fails at once is asked again and again, but not in a loop; what waits is told so.
#[tokio::test(start_paused = true)]
async fn a_log_that_never_answers_is_left_alone_between_the_attempts() {
    let (bent, log) = bent(&[Act::Stored]);
    bent.then(&[Act::LostUnknown; 1_000]);
    let writer = start(&log).await;
    let handle = writer.handle();
    assert_eq!(code(&ask(&handle, OPEN).await), "accepted");
    assert_eq!(code(&ask(&handle, &customer("c", "C-1")).await), "command.outcome_unknown");
    let before = bent.groups().len();
    tokio::time::advance(Duration::ZERO).await;
    assert!(handle.meter().appends().recovering_for.is_some(), "nothing is taken meanwhile");
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    let attempts = bent.groups().len() - before;
    // The longest pause is 2.25 seconds.
    assert!((1_000 - 4..=1_600).contains(&attempts), "{attempts}");
    drop(handle);
    writer.shutdown().await.unwrap();
}

/// Callers have their deadlines, and local ones are told as often as before.
#[tokio::test(start_paused = true)]
async fn what_waits_behind_it_is_busy_and_local_callers_are_told_that_nobody_knows() {
    let (bent, log) = bent(&[Act::Stored]);
    bent.then(&[Act::LostUnknown; 1_000]);
    let writer = start(&log).await;
    let handle = writer.handle();
    assert_eq!(code(&ask(&handle, OPEN).await), "accepted");
    assert_eq!(code(&ask(&handle, &customer("c", "C-1")).await), "command.outcome_unknown");
    let refused = OPEN.replace(r#""open""#, r#""other""#);
    // What is stored is known, at once. Nothing is refused, and nothing new is decided.
    let remote =
        join_all([&refused, INVOICE, &customer("c", "C-1")].map(|text| ask(&handle, text)));
    let remote = tokio::spawn(remote);
    let (groups, asked_at) = (bent.groups().len(), Instant::now());
    assert_eq!(code(&ask(&handle, OPEN).await), "accepted");
    assert_eq!((bent.groups().len(), asked_at.elapsed()), (groups, Duration::ZERO));
    for reply in &remote.await.unwrap() {
        let told = code(reply);
        assert!(["book.busy", "command.outcome_unknown"].contains(&told.as_str()), "{told}");
    }
    let local = handle.submit_waiting(command(INVOICE)).await;
    assert_eq!(code(&local), "command.outcome_unknown");
    assert_eq!(kinds(&log).await, ["BookOpened"]);
}

/// Another writer's event in its place settles it: no copy can land, and its callers ask again.
#[tokio::test(start_paused = true)]
async fn an_event_of_another_writer_settles_it() {
    let (bent, log) = bent(&[&[Act::Stored][..], &GIVEN_UP].concat());
    let writer = start(&log).await;
    let handle = writer.handle();
    assert_eq!(code(&ask(&handle, OPEN).await), "accepted");
    assert_eq!(code(&ask(&handle, &customer("c", "C-1")).await), "command.outcome_unknown");
    let other = start(&log).await;
    assert_eq!(code(&ask(&other.handle(), &customer("d", "C-2")).await), "accepted");
    assert_eq!(code(&ask(&handle, INVOICE).await), "customer.unknown");
    assert!(matches!(bent.arrive().await, Err(AppendError::WrongSequence { .. })));
    assert_eq!(kinds(&log).await, ["BookOpened", "CustomerRegistered"]);
    assert!(handle.meter().appends().recovering_for.is_none());
}

/// A writer that ends has waited as long as it told its callers, and waits no longer.
#[tokio::test(start_paused = true)]
async fn a_writer_that_ends_lets_go_of_it() {
    for act in [Act::LostUnknown, Act::Held] {
        let (bent, log) = bent(&[&[Act::Stored][..], &GIVEN_UP, &[act; 1_000]].concat());
        let writer = start(&log).await;
        let handle = writer.handle();
        assert_eq!(code(&ask(&handle, OPEN).await), "accepted");
        assert_eq!(code(&ask(&handle, &customer("c", "C-1")).await), "command.outcome_unknown");
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(handle);
        // The log's own deadline, for the one that is on its way.
        bent.let_through();
        let ended = timeout(Duration::from_secs(3), writer.shutdown()).await;
        ended.unwrap().unwrap();
        assert!(bent.groups().len() <= 6, "{:?}", bent.groups());
    }
}

/// Commands that wait behind it are answered before the writer ends.
#[tokio::test(start_paused = true)]
async fn what_waits_behind_it_is_answered_at_the_end() {
    let (bent, log) = bent(&[Act::Stored]);
    bent.then(&[Act::LostUnknown; 1_000]);
    let writer = start(&log).await;
    let handle = writer.handle();
    assert_eq!(code(&ask(&handle, OPEN).await), "accepted");
    assert_eq!(code(&ask(&handle, &customer("c", "C-1")).await), "command.outcome_unknown");
    let waiting = tokio::spawn(ask(&handle, INVOICE));
    tokio::task::yield_now().await;
    drop(handle);
    timeout(Duration::from_secs(10), writer.shutdown()).await.unwrap().unwrap();
    let told = code(&waiting.await.unwrap());
    assert!(["book.busy", "command.outcome_unknown"].contains(&told.as_str()), "{told}");
    assert!(bent.groups().len() <= 8, "{:?}", bent.groups());
}

/// Whoever has the seat next finds out what became of it: this writer sends nothing more of it.
#[tokio::test(start_paused = true)]
async fn it_is_let_go_with_the_seat() {
    let (bent, log) = bent(&[&[Act::Stored][..], &GIVEN_UP].concat());
    let (chair, writer) = elected(&log).await;
    let handle = writer.handle();
    chair.give(seat(1));
    comes_to(&handle, Role::Writing { term: 1 }).await;
    assert_eq!(code(&ask(&handle, OPEN).await), "accepted");
    assert_eq!(code(&ask(&handle, &customer("c", "C-1")).await), "command.outcome_unknown");
    chair.take_away();
    comes_to(&handle, Role::Standby).await;
    assert_eq!(code(&ask(&handle, INVOICE).await), "book.standby");
    assert!(handle.meter().appends().recovering_for.is_none());
    chair.give(seat(2));
    comes_to(&handle, Role::Writing { term: 2 }).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(bent.groups().len(), 4, "nothing is sent again");
    assert_eq!(code(&ask(&handle, &customer("d", "C-2")).await), "accepted");
    assert_eq!(kinds(&log).await, ["BookOpened", "CustomerRegistered"]);
}

/// The next writer knows nothing of it, and asks what the log has in hand before it refuses.
#[tokio::test(start_paused = true)]
async fn the_next_writer_refuses_nothing_while_the_log_has_it_in_hand() {
    let (bent, log) = bent(&[&[Act::Stored][..], &GIVEN_UP].concat());
    let first = start(&log).await;
    assert_eq!(code(&ask(&first.handle(), OPEN).await), "accepted");
    join_all([&customer("c", "C-1"), INVOICE].map(|text| ask(&first.handle(), text))).await;
    first.shutdown().await.unwrap();
    assert_eq!(bent.groups(), [1, 2, 2, 2]);
    bent.has_it_in_hand();
    let next = start(&log).await;
    let handle = next.handle();
    assert_eq!(code(&ask(&handle, INVOICE).await), "command.outcome_unknown");
    assert_eq!(bent.arrive().await, Ok(3));
    assert_eq!(code(&ask(&handle, INVOICE).await), "accepted");
    assert_eq!(code(&ask(&handle, &customer("d", "C-1")).await), "customer.exists");
}

/// A log that cannot be read leaves the outcome unknown at the first attempt.
#[tokio::test(start_paused = true)]
async fn it_waits_for_a_log_that_can_be_read() {
    let (bent, log) = bent(&[Act::Stored, Act::Late]);
    let writer = start(&log).await;
    let handle = writer.handle();
    assert_eq!(code(&ask(&handle, OPEN).await), "accepted");
    bent.fail_reads(4);
    let both = join_all([&customer("c", "C-1"), INVOICE].map(|text| ask(&handle, text))).await;
    assert!(both.iter().all(|reply| code(reply) == "command.outcome_unknown"));
    assert_eq!(bent.groups(), [1, 2]);
    assert_eq!(bent.arrive().await, Ok(3));
    while handle.meter().appends().recovering_for.is_some() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // What the log holds is the answer, and nothing was sent for it.
    assert_eq!(handle.meter().late(), 2);
    assert_eq!(code(&ask(&handle, INVOICE).await), "accepted");
    assert_eq!(bent.groups(), [1, 2]);
}

#[cfg(feature = "planted-bugs")]
#[tokio::test(start_paused = true)]
async fn a_writer_that_lets_go_of_it_is_found() {
    use commands::planted::{Planted, plant};

    plant(Some(Planted::LetsGoOfWhatIsUnknown));
    let (bent, log) = bent(&[&[Act::Stored][..], &GIVEN_UP].concat());
    let writer = start(&log).await;
    let handle = writer.handle();
    assert_eq!(code(&ask(&handle, OPEN).await), "accepted");
    join_all([&customer("c", "C-1"), INVOICE].map(|text| ask(&handle, text))).await;
    assert_eq!(code(&ask(&handle, INVOICE).await), "customer.unknown");
    assert_eq!(bent.arrive().await, Ok(3), "both, of which one was refused");
    assert!(plant(None) > 0, "the bug had its effect");
}
