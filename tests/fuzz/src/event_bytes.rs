//! Bodies of events as a log has them.

use std::sync::Arc;

use commands::clock::FixedClock;
use commands::writer::{self, WriterError};
use ledger_core::log::memory::MemoryLog;
use ledger_core::log::{Record, SharedLog, StoredRecord};
use projections::replay::{ReplayError, replay};
use schemas::chain::{CHAIN_HEADER, Chain};
use schemas::record::{EncodeContext, EncodeError, decode, encode};

use crate::book::{Desk, NOW, name};
use crate::chance::Chance;
use crate::{mutate, runtime};

/// Bytes of an input: more only take longer.
pub const BYTES_MAX: usize = 8 * 1024;
/// Events of the log that is changed: the first of the small book.
const EVENTS: usize = 12;

/// The first two bytes say what else is done; the rest is the body.
pub fn check(input: &[u8]) {
    let [place, way, body @ ..] = input else { return };
    let records = &Desk::golden().records;
    let place = usize::from(*place) % EVENTS;
    comes_back(body, place);
    match way % 3 {
        0 => {}
        1 => is_refused_by_its_chain(&records[..EVENTS], place, body),
        _ => is_folded_or_refused(&records[..place], body),
    }
}

/// What is read is written, and read again the same.
fn comes_back(body: &[u8], place: usize) {
    let record = Record { subject: "s".to_owned(), headers: Vec::new(), body: body.to_vec() };
    let stored = StoredRecord { sequence: place as u64 + 1, record };
    let Ok(event) = decode(&stored) else { return };
    let context = EncodeContext { book: &name(), shard: 0, chain: Chain::START, traceparent: None };
    match encode(&event, &context) {
        Ok((record, chain)) => {
            assert_eq!(chain, Chain::START.next(&record.body));
            let again = decode(&StoredRecord { record, ..stored });
            assert_eq!(again.as_ref(), Ok(&event), "another event comes back");
        }
        Err(EncodeError::TooLarge { .. }) => {}
        Err(error) => panic!("{error}: {event:?}"),
    }
}

/// A body in place of the true one, with the headers of that: nobody takes it for the history.
fn is_refused_by_its_chain(records: &[Record], place: usize, body: &[u8]) {
    let mut records = records.to_vec();
    let is_true = records[place].body == body;
    records[place].body = body.to_vec();
    let log: SharedLog = Arc::new(MemoryLog::from_records(records));
    runtime::run(async {
        let replayed = replay(&log, &mut |_| {}).await;
        let clock = Arc::new(FixedClock(NOW));
        let started = writer::start(name(), 0, Arc::clone(&log), clock).await;
        match (replayed, started) {
            (Ok(_), Ok(_)) if is_true => {}
            (
                Err(
                    ReplayError::Tampered { .. }
                    | ReplayError::Decode(_)
                    | ReplayError::Projection(_),
                ),
                Err(WriterError::HistoryChanged { .. } | WriterError::Decode(_)),
            ) if !is_true => {}
            (replayed, started) => {
                panic!("true: {is_true}; {:?}; {:?}", replayed.err(), started.err());
            }
        }
    });
}

/// A body behind a true history, with a chain that follows: somebody wrote it who may, or a later
/// release. A reader goes on, or says at which event it stopped.
fn is_folded_or_refused(records: &[Record], body: &[u8]) {
    let before = records.last().and_then(Chain::written).unwrap_or(Chain::START);
    let headers = vec![(CHAIN_HEADER.into(), before.next(body).to_hex().into())];
    let forged = Record { subject: "s".to_owned(), headers, body: body.to_vec() };
    let records: Vec<Record> = records.iter().cloned().chain([forged]).collect();
    let last = records.len() as u64;
    let log: SharedLog = Arc::new(MemoryLog::from_records(records));
    let replayed = runtime::run(async { replay(&log, &mut |_| {}).await });
    match replayed {
        Ok((views, _)) => assert_eq!(views.sequence, last),
        Err(ReplayError::Decode(_)) => {}
        Err(ReplayError::Projection(error)) => assert_eq!(error.sequence, last, "{error}"),
        Err(error @ (ReplayError::Log(_) | ReplayError::Tampered { .. } | ReplayError::Ended)) => {
            panic!("{error}")
        }
    }
}

/// The events of the small book, in their places and out of them.
pub fn seeds() -> Vec<Vec<u8>> {
    let records = &Desk::golden().records;
    let mut all = Vec::new();
    for (number, record) in records.iter().enumerate() {
        let place = u8::try_from(number % EVENTS).unwrap_or(0);
        for way in 0..3 {
            all.push([&[place, way], record.body.as_slice()].concat());
        }
    }
    all
}

/// Another input.
pub fn mutated(input: &[u8], chance: &mut Chance) -> Vec<u8> {
    let (head, body) = input.split_at_checked(2).unwrap_or((&[0, 2], input));
    let mut head = head.to_vec();
    if chance.below(4) == 0 {
        head[chance.below(2)] = u8::try_from(chance.below(256)).unwrap_or(0);
    }
    let mut body = mutate::lines(body, &[], chance, BYTES_MAX - 2);
    if body.last() == Some(&b'\n') {
        body.pop();
    }
    [head, body].concat()
}
