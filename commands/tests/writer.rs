//! The writer against logs that fail, other writers, and callers that ask twice.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use commands::clock::{Clock, FixedClock};
use commands::writer::{self, RunningWriter, WriterError, WriterHandle};
use futures::future::join_all;
use futures::{FutureExt, StreamExt};
use ledger_core::command::Command;
use ledger_core::id::Identifier;
use ledger_core::limits::QUEUE_COMMANDS_MAX;
use ledger_core::log::SharedLog;
use ledger_core::log::journal::Journal;
use ledger_core::log::memory::MemoryLog;
use schemas::command::{Origin, parse};
use schemas::record::decode;
use serde_json::Value;
use time::OffsetDateTime;
use time::macros::datetime;

use self::bent::{Act, BentLog};

#[path = "writer/bent.rs"]
mod bent;
#[path = "writer/deadlines.rs"]
mod deadlines;
#[path = "writer/ends.rs"]
mod ends;
#[path = "writer/lost.rs"]
mod lost;
#[path = "writer/runs.rs"]
mod runs;
#[path = "writer/service.rs"]
mod service;
#[path = "writer/sizes.rs"]
mod sizes;
#[path = "writer/snapshots.rs"]
mod snapshots;
#[path = "writer/standby.rs"]
mod standby;
#[path = "writer/unsettled.rs"]
mod unsettled;

const NOW: OffsetDateTime = datetime!(2026-05-01 09:00 UTC);

const OPEN: &str =
    r#"{"id":"open","command":"OpenBook","effective":"2026-01-01","data":{"currency":"USD"}}"#;
const INVOICE: &str = r#"{"id":"inv","command":"IssueInvoice","effective":"2026-01-02","data":{"invoice":"INV-1","customer":"C-1","currency":"USD","lines":[{"amount":"100.00"}]}}"#;
const PAYMENT: &str = r#"{"id":"pay","command":"RecordPayment","effective":"2026-01-03","data":{"payment":"PAY-1","customer":"C-1","amount":"65.00","currency":"USD","allocate":[{"invoice":"INV-1","amount":"65.00"}]}}"#;

fn customer(id: &str, name: &str) -> String {
    format!(
        r#"{{"id":"{id}","command":"RegisterCustomer","effective":"2026-01-01","data":{{"customer":"{name}","name":"One"}}}}"#
    )
}

fn book() -> Identifier {
    "main".parse().unwrap()
}

fn command(text: &str) -> Command {
    let origin = Origin {
        book: book(),
        actor: "test".to_owned(),
        today: "2026-05-01".parse().unwrap(),
        command_name: None,
    };
    parse(text.as_bytes(), &origin, &mut String::new).unwrap()
}

async fn start(log: &SharedLog) -> RunningWriter {
    writer::start(book(), 0, Arc::clone(log), Arc::new(FixedClock(NOW))).await.unwrap()
}

/// Hands a command in at once.
fn ask(handle: &WriterHandle, text: &str) -> impl Future<Output = Vec<u8>> + Send + use<> {
    handle.submit(command(text), None)
}

fn json(reply: &[u8]) -> Value {
    serde_json::from_slice(reply).unwrap()
}

fn code(reply: &[u8]) -> String {
    json(reply)["error"]["code"].as_str().unwrap_or("accepted").to_owned()
}

/// The types in the log, in their order.
async fn kinds(log: &SharedLog) -> Vec<String> {
    let stored = log.read(1, 100_000).await.unwrap();
    stored.iter().map(|one| decode(one).unwrap().data.type_name().to_owned()).collect()
}

fn bent(acts: &[Act]) -> (Arc<BentLog>, SharedLog) {
    let log = Arc::new(BentLog::new(acts));
    let shared: SharedLog = Arc::<BentLog>::clone(&log);
    (log, shared)
}

#[tokio::test]
async fn whatever_happens_to_an_append_a_command_is_stored_once() {
    let once = ["BookOpened", "CustomerRegistered", "InvoiceIssued"];
    let cases: [&[Act]; 7] = [
        &[],
        &[Act::StoredUnknown],
        &[Act::LostUnknown],
        &[Act::LostUnknown, Act::StoredUnknown],
        &[Act::LostUnknown, Act::LostUnknown],
        &[Act::Refused],
        &[Act::Refused, Act::StoredUnknown],
    ];
    let mut expected = None;
    for acts in cases {
        let (_, log) = bent(acts);
        let writer = start(&log).await;
        let handle = writer.handle();
        let replies =
            join_all([OPEN, &customer("c", "C-1"), INVOICE].map(|text| ask(&handle, text))).await;
        assert!(replies.iter().all(|reply| code(reply) == "accepted"), "{acts:?}");
        assert_eq!(kinds(&log).await, once, "{acts:?}");
        // The same replies as on a good day, then and now.
        assert_eq!(*expected.get_or_insert(replies.clone()), replies, "{acts:?}");
        assert_eq!(ask(&handle, INVOICE).await, replies[2], "{acts:?}");
        assert_eq!(kinds(&log).await, once, "{acts:?}");
    }
}

#[tokio::test]
async fn an_outcome_that_stays_unknown_is_told_and_the_next_try_settles_it() {
    let (bent, log) = bent(&[Act::LostUnknown, Act::LostUnknown, Act::LostUnknown]);
    let writer = start(&log).await;
    let handle = writer.handle();
    let reply = ask(&handle, OPEN).await;
    assert_eq!(code(&reply), "command.outcome_unknown");
    assert!(json(&reply)["error"]["message"].as_str().unwrap().contains("same id"));
    assert_eq!(bent.groups(), [1, 1, 1]);
    assert_eq!(log.last_sequence().await.unwrap(), 0);
    assert_eq!(code(&ask(&handle, OPEN).await), "accepted");
    assert_eq!(kinds(&log).await, ["BookOpened"]);
}

#[tokio::test]
async fn what_the_last_attempt_stored_is_answered_from_the_log() {
    let (_, log) = bent(&[Act::LostUnknown, Act::LostUnknown, Act::StoredUnknown]);
    let writer = start(&log).await;
    assert_eq!(code(&ask(&writer.handle(), OPEN).await), "accepted");
    assert_eq!(kinds(&log).await, ["BookOpened"]);
}

#[tokio::test]
async fn nothing_is_decided_while_the_log_cannot_be_read() {
    let (bent, log) = bent(&[Act::StoredUnknown]);
    let writer = start(&log).await;
    let handle = writer.handle();
    bent.fail_reads(3);
    // It is stored, and nobody can know: not yet, not for the next one either.
    assert_eq!(code(&ask(&handle, OPEN).await), "command.outcome_unknown");
    assert_eq!(code(&ask(&handle, OPEN).await), "command.outcome_unknown");
    assert_eq!(code(&ask(&handle, &customer("c", "C-1")).await), "command.outcome_unknown");
    // It can be read again: the first command was stored, the second was never decided.
    assert_eq!(code(&ask(&handle, OPEN).await), "accepted");
    assert_eq!(kinds(&log).await, ["BookOpened"]);
    assert_eq!(code(&ask(&handle, &customer("c", "C-1")).await), "accepted");
    assert_eq!(kinds(&log).await, ["BookOpened", "CustomerRegistered"]);
}

/// Callers ask again by the thousand when a server was away: each look into the log would keep
/// the others waiting until they ask again, too.
#[tokio::test]
async fn a_reply_of_the_past_needs_no_log() {
    let (bent, log) = bent(&[]);
    let writer = start(&log).await;
    let handle = writer.handle();
    let texts = [OPEN.to_owned(), customer("c", "C-1"), INVOICE.to_owned(), PAYMENT.to_owned()];
    let first = join_all(texts.each_ref().map(|text| ask(&handle, text))).await;
    bent.fail_reads(usize::MAX);
    let again = join_all(texts.each_ref().map(|text| ask(&handle, text))).await;
    assert_eq!(first, again);
    assert_eq!(bent.groups(), [5]);
}

#[tokio::test]
async fn a_caller_hears_nothing_before_it_is_stored() {
    let (bent, log) = bent(&[Act::Held]);
    let writer = start(&log).await;
    let handle = writer.handle();
    let mut open = Box::pin(ask(&handle, OPEN));
    let mut again = Box::pin(ask(&handle, OPEN));
    // Refused because of what is not stored yet: it must not be told before that is.
    let mut second = Box::pin(ask(&handle, &OPEN.replace(r#""open""#, r#""other""#)));
    while bent.groups().is_empty() {
        tokio::task::yield_now().await;
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
        assert!((&mut open).now_or_never().is_none());
        assert!((&mut again).now_or_never().is_none());
        assert!((&mut second).now_or_never().is_none());
    }
    bent.let_through();
    let (open, again, second) = (open.await, again.await, second.await);
    assert_eq!(code(&open), "accepted");
    assert_eq!(open, again);
    assert_eq!(code(&second), "book.exists");
}

#[tokio::test]
async fn what_stood_on_a_lost_group_is_decided_again() {
    let (bent, log) = bent(&[Act::Held, Act::LostUnknown]);
    let writer = start(&log).await;
    let handle = writer.handle();
    let open = ask(&handle, OPEN);
    while bent.groups().is_empty() {
        tokio::task::yield_now().await;
    }
    // Decided while the first group is on its way; the second append loses them.
    let customer = ask(&handle, &customer("c", "C-1"));
    let invoice = ask(&handle, INVOICE);
    bent.let_through();
    let replies = join_all([open, customer, invoice].map(FutureExt::boxed)).await;
    assert!(replies.iter().all(|reply| code(reply) == "accepted"), "{replies:?}");
    assert_eq!(bent.groups(), [1, 2, 2]);
    assert_eq!(kinds(&log).await, ["BookOpened", "CustomerRegistered", "InvoiceIssued"]);
}

#[tokio::test]
async fn two_writers_of_one_book_do_no_harm() {
    let log: SharedLog = Arc::new(MemoryLog::new());
    let writers = [start(&log).await, start(&log).await];
    assert_eq!(code(&ask(&writers[0].handle(), OPEN).await), "accepted");
    let mut asked = Vec::new();
    for number in 0..200 {
        let text = customer(&format!("c{number}"), &format!("C-{number}"));
        // Both are asked every time: the one that comes second answers what the first stored.
        for writer in &writers {
            asked.push((number, ask(&writer.handle(), &text)));
        }
        tokio::task::yield_now().await;
    }
    let mut replies = vec![Vec::new(); 200];
    for (number, reply) in asked {
        replies[number].push(reply.await);
    }
    for pair in replies {
        assert_eq!(code(&pair[0]), "accepted", "{pair:?}");
        assert_eq!(pair[0], pair[1]);
    }
    assert_eq!(log.last_sequence().await.unwrap(), 201, "each command is stored once");
}

#[tokio::test]
async fn the_same_command_has_the_same_reply_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let texts = [OPEN.to_owned(), customer("c", "C-1"), INVOICE.to_owned(), PAYMENT.to_owned()];
    let mut first = Vec::new();
    for restart in 0..3 {
        let log: SharedLog = Arc::new(Journal::open(folder.path()).unwrap());
        let writer = start(&log).await;
        let handle = writer.handle();
        // Twice each: in one group, in other groups, and after a restart.
        let asked: Vec<_> = texts.iter().chain(&texts).map(|text| ask(&handle, text)).collect();
        let replies: Vec<Vec<u8>> =
            futures::stream::iter(asked).then(|reply| reply).collect().await;
        assert_eq!(replies[..4], replies[4..], "restart {restart}");
        if restart == 0 {
            first = replies[..4].to_vec();
            assert_eq!(json(&first[3])["sequence"], 5);
            assert_eq!(json(&first[3])["events"].as_array().unwrap().len(), 2);
        }
        assert_eq!(replies[..4], first[..], "restart {restart}");
        assert_eq!(log.last_sequence().await.unwrap(), 5);
        drop(handle);
        writer.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn an_id_stands_for_the_command_that_was_accepted_with_it() {
    let log: SharedLog = Arc::new(MemoryLog::new());
    let writer = start(&log).await;
    let handle = writer.handle();
    // All in one group: the id is refused, taken, asked again, and used for something else.
    let asked = [
        OPEN.to_owned(),
        INVOICE.to_owned(),
        customer("c", "C-1"),
        INVOICE.to_owned(),
        INVOICE.to_owned(),
        INVOICE.replace("100.00", "100.01"),
        INVOICE.to_owned(),
    ];
    let replies = join_all(asked.map(|text| ask(&handle, &text))).await;
    let codes: Vec<String> = replies.iter().map(|reply| code(reply)).collect();
    let expected = [
        "accepted",
        "customer.unknown",
        "accepted",
        "accepted",
        "accepted",
        "command.id_reused",
        "accepted",
    ];
    assert_eq!(codes, expected);
    assert_eq!(json(&replies[5])["error"]["field"], "id");
    assert_eq!(replies[3], replies[4]);
    assert_eq!(replies[3], replies[6]);
    assert_eq!(log.last_sequence().await.unwrap(), 3);
    let of_another_kind = PAYMENT.replace(r#""pay""#, r#""inv""#);
    assert_eq!(code(&ask(&handle, &of_another_kind).await), "command.id_reused");
}

#[tokio::test]
async fn beyond_the_queue_the_book_is_busy_at_once() {
    let log: SharedLog = Arc::new(MemoryLog::new());
    let writer = start(&log).await;
    let handle = writer.handle();
    // Nothing here waits, so that on this one thread the writer takes nothing from its queue.
    let mut asked = vec![ask(&handle, OPEN)];
    for number in 1..QUEUE_COMMANDS_MAX {
        asked.push(ask(&handle, &customer(&format!("c{number}"), &format!("C-{number}"))));
    }
    let beyond = ask(&handle, &customer("beyond", "C-X"));
    let reply = beyond.now_or_never();
    assert_eq!(code(&reply.unwrap()), "book.busy");
    let replies = join_all(asked).await;
    assert!(replies.iter().all(|reply| code(reply) == "accepted"));
    assert_eq!(log.last_sequence().await.unwrap(), 4_096);
    assert_eq!(code(&ask(&handle, &customer("beyond", "C-X")).await), "accepted");
}

/// A clock that says what it was told to say.
#[derive(Debug)]
struct TellingClock(Mutex<VecDeque<OffsetDateTime>>);

impl Clock for TellingClock {
    fn now(&self) -> OffsetDateTime {
        self.0.lock().unwrap().pop_front().unwrap_or(NOW)
    }
}

#[tokio::test]
async fn a_clock_that_goes_back_does_not_turn_the_log_round() {
    let log: SharedLog = Arc::new(MemoryLog::new());
    let clock = TellingClock(Mutex::new(VecDeque::new()));
    let told = [NOW, NOW - time::Duration::HOUR, NOW + time::Duration::nanoseconds(1_999)];
    let clock = Arc::new(clock);
    let shared: Arc<dyn Clock> = Arc::<TellingClock>::clone(&clock);
    let writer = writer::start(book(), 0, Arc::clone(&log), shared).await.unwrap();
    let handle = writer.handle();
    assert_eq!(code(&ask(&handle, OPEN).await), "accepted");
    for (number, now) in told.into_iter().enumerate() {
        clock.0.lock().unwrap().push_back(now);
        let text = customer(&format!("c{number}"), &format!("C-{number}"));
        assert_eq!(code(&ask(&handle, &text).await), "accepted");
    }
    let stored = log.read(1, 10).await.unwrap();
    let at: Vec<i64> = stored
        .iter()
        .map(|one| decode(one).unwrap().recorded_at - NOW)
        .map(|since| i64::try_from(since.whole_nanoseconds()).unwrap())
        .collect();
    // Whole microseconds, and each after the one before it.
    assert_eq!(at, [0, 1_000, 2_000, 3_000]);
}

#[tokio::test]
async fn a_history_that_was_changed_is_not_written_on() {
    let log: SharedLog = Arc::new(MemoryLog::new());
    let writer = start(&log).await;
    let handle = writer.handle();
    for text in [OPEN.to_owned(), customer("c", "C-1"), INVOICE.to_owned()] {
        assert_eq!(code(&ask(&handle, &text).await), "accepted");
    }
    let mut records: Vec<_> =
        log.read(1, 10).await.unwrap().into_iter().map(|stored| stored.record).collect();
    records[1].body = String::from_utf8(records[1].body.clone())
        .unwrap()
        .replace(r#""name":"One""#, r#""name":"Two""#)
        .into_bytes();
    let changed: SharedLog = Arc::new(MemoryLog::from_records(records));
    let refused = writer::start(book(), 0, changed, Arc::new(FixedClock(NOW))).await;
    assert!(matches!(refused, Err(WriterError::HistoryChanged { sequence: 2, .. })), "{refused:?}");
}
