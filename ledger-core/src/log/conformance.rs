//! One suite that every event log passes, whatever keeps its records.
//!
//! The logs differ in what they are made of, not in what they promise: the ledger is tested on
//! memory and runs on the journal or on JetStream, and this suite is why that is the same ledger.

use std::future::{Future, poll_fn};
use std::task::Poll;

use super::{AppendError, Body, LogFuture, Record, SharedLog, StoredRecord};
use crate::limits::{EVENT_BYTES_MAX, GROUP_BYTES_MAX, GROUP_RECORDS_MAX};

/// Runs every check, each on a fresh and empty log from `open`.
///
/// Subjects are below `ledger.acme.evt.0.`; header names are unique within a record and sorted,
/// because a server may keep them in an order of its own.
///
/// # Panics
///
/// Where the log does not conform; the message says in which check and how.
pub async fn run<F, Fut>(open: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = SharedLog>,
{
    empty_log(&open().await).await;
    dense_sequences(&open().await).await;
    reading_windows(&open().await).await;
    wrong_sequence(&open().await).await;
    bytes_come_back(&open().await).await;
    over_the_limits(&open().await).await;
    racing_writers(&open().await).await;
    concurrent_readers(&open().await).await;
}

/// A record that can be told from any other by its number.
#[must_use]
pub fn sample(number: u64) -> Record {
    Record {
        subject: format!("ledger.acme.evt.0.C-{}.invoice.INV-{number}", number % 7),
        headers: vec![
            ("Ledger-Command".into(), format!("command-{number}").into()),
            ("Ledger-Type".into(), "invoice.issued".into()),
        ],
        body: format!("{{\"number\":{number},\"text\":\"{}\"}}", "x".repeat(sample_length(number)))
            .into_bytes(),
    }
}

/// The samples of the numbers `from` to `to`, both included.
#[must_use]
pub fn samples(from: u64, to: u64) -> Vec<Record> {
    (from..=to).map(sample).collect()
}

fn sample_length(number: u64) -> usize {
    usize::try_from(number % 50).unwrap_or(0)
}

async fn empty_log(log: &SharedLog) {
    assert_last(log, 0, "an empty log").await;
    for from in [0, 1, 2, u64::MAX] {
        let read = read(log, from, 10, "an empty log").await;
        assert!(read.is_empty(), "an empty log returned records from {from}: {read:?}");
        assert_bodies(log, (from, 10), &[]).await;
    }
    assert!(!log.describe().is_empty(), "a log says what and where it is");
}

async fn dense_sequences(log: &SharedLog) {
    let mut last = 0;
    for size in [1, 2, 1, 1_000, 1, 1_000, 2] {
        append(log, last, samples(last + 1, last + size), "dense sequences").await;
        last += size;
        assert_last(log, last, "dense sequences").await;
    }
    assert_holds(log, last, "dense sequences").await;
}

async fn reading_windows(log: &SharedLog) {
    append(log, 0, samples(1, 600), "windows").await;
    append(log, 600, samples(601, 1_000), "windows").await;
    let cases = [
        (0, 1, 1, 1),
        (0, 10, 1, 10),
        (1, 10, 1, 10),
        (1, 1_000, 1, 1_000),
        (1, 5_000, 1, 1_000),
        (255, 4, 255, 258),
        (500, 250, 500, 749),
        (600, 2, 600, 601),
        (1_000, 1, 1_000, 1_000),
        (999, 10, 999, 1_000),
        (3, 2, 3, 4),
    ];
    for (from, max, first, last) in cases {
        let found = read(log, from, max, "windows").await;
        let wanted = stored(first, last);
        assert!(found == wanted, "read({from}, {max}) did not return {first} to {last}");
        assert_bodies(log, (from, max), &wanted).await;
    }
    for (from, max) in [(1_001, 10), (5_000, 10), (u64::MAX, 10), (1, 0)] {
        let found = read(log, from, max, "windows").await;
        assert!(found.is_empty(), "read({from}, {max}) returned {} records", found.len());
        assert_bodies(log, (from, max), &[]).await;
    }
}

async fn wrong_sequence(log: &SharedLog) {
    append(log, 0, samples(1, 3), "wrong sequence").await;
    for expected in [0, 1, 2, 4, 1_000] {
        for size in [1, 3] {
            let answer = log.append(expected, samples(100, 99 + size)).await;
            assert!(
                matches!(
                    answer,
                    Err(AppendError::WrongSequence { .. } | AppendError::Unknown { .. })
                ),
                "an append behind {expected} of a log of 3 was answered {answer:?}"
            );
            assert_last(log, 3, "after an append behind the wrong sequence").await;
        }
    }
    assert_holds(log, 3, "after appends behind the wrong sequence").await;
    append(log, 3, samples(4, 5), "after appends behind the wrong sequence").await;
    assert_holds(log, 5, "after appends behind the wrong sequence").await;
}

async fn bytes_come_back(log: &SharedLog) {
    let subject = |tail: &str| format!("ledger.acme.evt.0.{tail}");
    let header = |name: &str, value: &str| (name.into(), value.into());
    let records = vec![
        Record {
            subject: subject("Käufer-客户-Ω.invoice.INV-é"),
            headers: vec![header("Ledger-Id", "客户-Ω-🦀"), header("Ledger-Type", "a: b, c")],
            body: "{\"id\":\"客户-Ω-🦀\"}".as_bytes().to_vec(),
        },
        Record { subject: subject("C-1.order.O-1"), headers: vec![], body: b"{}".to_vec() },
        Record { subject: subject("C-1.order.O-2"), headers: vec![], body: vec![] },
        Record {
            subject: subject("C-1.order.O-3"),
            headers: vec![header("Ledger-Empty", "")],
            body: (0..=u8::MAX).cycle().take(1_000).collect(),
        },
        Record {
            subject: subject("C-1.order.O-4"),
            headers: vec![header("Ledger-Type", "large")],
            body: (0..=u8::MAX).cycle().take(EVENT_BYTES_MAX).collect(),
        },
    ];
    append(log, 0, records.clone(), "bytes").await;
    append(log, 5, records.iter().take(1).cloned().collect(), "bytes").await;
    let found = read(log, 1, 10, "bytes").await;
    assert!(found.len() == 6, "bytes: {} records of 6 came back", found.len());
    for (sequence, (found, wanted)) in
        (1_u64..).zip(found.iter().zip(records.iter().chain(records.first())))
    {
        let at = &wanted.subject;
        assert!(found.sequence == sequence, "bytes: {at} came back at {}", found.sequence);
        assert!(found.record.subject == *at, "bytes: the subject of {at} changed");
        assert!(found.record.headers == wanted.headers, "bytes: the headers of {at} changed");
        assert!(found.record.body == wanted.body, "bytes: the body of {at} changed");
    }
}

async fn over_the_limits(log: &SharedLog) {
    append(log, 0, samples(1, 1), "limits").await;
    let sized = |bytes: usize| Record { body: vec![b'x'; bytes], ..sample(1) };
    let too_many_bytes = GROUP_BYTES_MAX / EVENT_BYTES_MAX + 1;
    let records = u64::try_from(GROUP_RECORDS_MAX).unwrap_or(u64::MAX);
    let groups = [
        ("no records", vec![]),
        ("too many records", samples(2, records + 2)),
        ("too large a body", vec![sized(EVENT_BYTES_MAX + 1)]),
        ("too large a body behind a small one", vec![sample(2), sized(EVENT_BYTES_MAX + 1)]),
        ("too many bytes", vec![sized(EVENT_BYTES_MAX); too_many_bytes]),
    ];
    for (what, group) in groups {
        let answer = log.append(1, group).await;
        assert!(
            matches!(answer, Err(AppendError::Refused { .. })),
            "a group with {what} was answered {answer:?}"
        );
        assert_last(log, 1, what).await;
    }
    append(log, 1, samples(2, 2), "after refused groups").await;
    assert_holds(log, 2, "after refused groups").await;
}

async fn racing_writers(log: &SharedLog) {
    let mut last = 0;
    for round in 0..20_u64 {
        let size = 1 + round % 3;
        let groups = [10_000 + round * 10, 20_000 + round * 10]
            .map(|first| samples(first, first + size - 1));
        let answers =
            join(groups.iter().map(|group| log.append(last, group.clone())).collect()).await;
        let winners: Vec<_> = groups
            .iter()
            .zip(&answers)
            .filter_map(|(group, answer)| answer.is_ok().then_some(group))
            .collect();
        assert!(winners.len() == 1, "two writers behind {last} were answered {answers:?}");
        let refused = answers.iter().any(|answer| {
            matches!(answer, Err(AppendError::WrongSequence { .. } | AppendError::Unknown { .. }))
        });
        assert!(refused, "the losing writer behind {last} was answered {answers:?}");
        let found: Vec<_> =
            read(log, last + 1, 100, "race").await.into_iter().map(|found| found.record).collect();
        assert!(
            winners.iter().all(|group| **group == found),
            "the log does not hold exactly the winner's group behind {last}"
        );
        last += size;
        assert_last(log, last, "race").await;
    }
}

async fn concurrent_readers(log: &SharedLog) {
    append(log, 0, samples(1, 1_000), "concurrent readers").await;
    let writer: LogFuture<'_, ()> = Box::pin(async move {
        for group in 0..20 {
            let last = 1_000 + group * 10;
            append(log, last, samples(last + 1, last + 10), "beside readers").await;
        }
    });
    let mut tasks = vec![writer];
    for window in [1, 17, 100, 256, 1_000] {
        tasks.push(Box::pin(async move {
            let mut next = 1;
            while next <= 1_000 {
                let found = read(log, next, window, "concurrent readers").await;
                let count = u64::try_from(found.len()).unwrap_or(u64::MAX);
                assert!(count > 0, "a reader beside others found nothing at {next}");
                assert!(
                    found == stored(next, next + count - 1),
                    "a reader beside others found something else at {next}"
                );
                next += count;
            }
        }));
    }
    join(tasks).await;
    assert_holds(log, 1_200, "after concurrent readers").await;
}

/// Appends where it must succeed.
async fn append(log: &SharedLog, expected: u64, group: Vec<Record>, check: &str) {
    let wanted = expected + u64::try_from(group.len()).unwrap_or(u64::MAX);
    let answer = log.append(expected, group).await;
    assert!(answer == Ok(wanted), "{check}: an append behind {expected} gave {answer:?}");
}

/// Reads where it must succeed.
async fn read(log: &SharedLog, from: u64, max: usize, check: &str) -> Vec<StoredRecord> {
    let answer = log.read(from, max).await;
    assert!(answer.is_ok(), "{check}: read({from}, {max}) gave {:?}", answer.err());
    answer.unwrap_or_default()
}

/// The bodies alone are those of the same records, with the header that is asked for, or none.
async fn assert_bodies(log: &SharedLog, (from, max): (u64, usize), records: &[StoredRecord]) {
    for (header, is_there) in [("Ledger-Command", true), ("Ledger-Nothing", false)] {
        let answer = log.read_bodies(from, max, header).await;
        assert!(answer.is_ok(), "read_bodies({from}, {max}) gave {:?}", answer.err());
        let bodies = answer.unwrap_or_default();
        let numbers = 0..bodies.len();
        let found: Vec<_> = bodies.iter(numbers).collect();
        let values: Vec<String> =
            records.iter().map(|stored| format!("command-{}", stored.sequence)).collect();
        let wanted = records.iter().zip(&values).map(|(stored, value)| Body {
            sequence: stored.sequence,
            header: is_there.then_some(value.as_bytes()),
            bytes: &stored.record.body,
        });
        let wanted: Vec<_> = wanted.collect();
        assert!(found == wanted, "read_bodies({from}, {max}, {header:?}) is not what read gives");
        assert!(bodies.last() == records.last().map(|stored| stored.sequence));
    }
}

async fn assert_last(log: &SharedLog, wanted: u64, check: &str) {
    let answer = log.last_sequence().await;
    assert!(answer == Ok(wanted), "{check}: the last sequence is {answer:?}, not {wanted}");
    let settled = log.settled_sequence().await;
    assert!(settled == Ok(wanted), "{check}: the settled sequence is {settled:?}, not {wanted}");
}

/// The log holds exactly the samples 1 to `last`, read in windows of 777.
async fn assert_holds(log: &SharedLog, last: u64, check: &str) {
    let mut next = 1;
    while next <= last {
        let found = read(log, next, 777, check).await;
        let count = u64::try_from(found.len()).unwrap_or(u64::MAX);
        assert!(count > 0, "{check}: nothing at {next}, the log should end at {last}");
        let wanted = stored(next, next + count - 1);
        assert!(found == wanted, "{check}: other records than were appended from {next} on");
        assert_bodies(log, (next, 777), &wanted).await;
        next += count;
    }
    assert!(next == last + 1, "{check}: the log goes on to {}, not to {last}", next - 1);
    assert_last(log, last, check).await;
}

fn stored(first: u64, last: u64) -> Vec<StoredRecord> {
    (first..=last).map(|sequence| StoredRecord { sequence, record: sample(sequence) }).collect()
}

/// Polls all at once until each is done, on whatever executor runs the suite.
async fn join<T>(mut tasks: Vec<LogFuture<'_, T>>) -> Vec<T> {
    let mut done: Vec<Option<T>> = tasks.iter().map(|_| None).collect();
    poll_fn(|context| {
        for (task, done) in tasks.iter_mut().zip(&mut done) {
            if done.is_none()
                && let Poll::Ready(answer) = task.as_mut().poll(context)
            {
                *done = Some(answer);
            }
        }
        if done.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}
