//! Against a plain map of what was taken.

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::content_hash::ContentHash;
use ledger_core::event::collections::CustomerReleased;
use ledger_core::event::{DocumentReference, Event, EventData};
use ledger_core::id::Identifier;
use ledger_core::limits::COMMAND_EVENTS_MAX;
use time::OffsetDateTime;

use super::{BLOCK_BYTES, NOWHERE, Replies, hash};
use crate::standing::Answered;

fn event(sequence: u64, command: &str, customer: &str) -> Event {
    Event {
        sequence,
        id: String::new(),
        effective: "2026-01-01".parse().unwrap(),
        recorded_at: OffsetDateTime::UNIX_EPOCH,
        actor: String::new(),
        command_id: command.parse().unwrap(),
        command_hash: content(command),
        correlation_id: command.parse().unwrap(),
        reason: None,
        data: EventData::CustomerReleased(CustomerReleased {
            customer: customer.parse().unwrap(),
            blocks: BTreeSet::new(),
            in_force: BTreeSet::new(),
        }),
        functional: None,
    }
}

/// Another one for each id.
fn content(command: &str) -> ContentHash {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&hash(&command.parse().unwrap()).to_be_bytes());
    ContentHash(bytes)
}

/// The plain way.
fn take(plain: &mut BTreeMap<Identifier, Answered>, event: &Event) {
    let answered = plain.entry(event.command_id.clone()).or_insert_with(|| Answered {
        content_hash: event.command_hash,
        first: event.sequence,
        count: 0,
        events: Vec::new(),
    });
    if answered.count >= COMMAND_EVENTS_MAX {
        answered.events.clear();
    }
    answered.count += 1;
    let document: DocumentReference = event.data.document();
    answered.events.push((event.sequence, event.data.type_name(), document));
}

/// What both know after the same events, also through a snapshot's bytes.
fn holds_the_same(events: impl IntoIterator<Item = (String, String)>) -> Replies {
    let (mut replies, mut plain) = (Replies::default(), BTreeMap::new());
    for (sequence, (command, customer)) in (1..).zip(events) {
        let event = event(sequence, &command, &customer);
        replies.take(&event);
        take(&mut plain, &event);
    }
    let bytes = borsh::to_vec(&replies).unwrap();
    let read: Replies = borsh::from_slice(&bytes).unwrap();
    assert_eq!(borsh::to_vec(&read).unwrap(), bytes);
    for replies in [&replies, &read] {
        for (id, answered) in &plain {
            assert_eq!(replies.get(id).unwrap().as_ref(), Some(answered), "{id}");
            assert_eq!(replies.count(id).unwrap(), answered.count);
        }
        assert_eq!(replies.get(&"never sent".parse().unwrap()).unwrap(), None);
        assert_eq!(replies.count(&"never sent".parse().unwrap()).unwrap(), 0);
    }
    read
}

#[test]
fn every_id_is_found_again_over_many_blocks() {
    let ids = (0..20_000).map(|number| (format!("id-{number}"), format!("C-{}", number % 7)));
    let replies = holds_the_same(ids);
    assert!(replies.blocks.len() > 1, "{} blocks", replies.blocks.len());
    assert!(replies.blocks.iter().all(|block| block.len() < BLOCK_BYTES + 1_000));
}

#[test]
fn long_ids_and_strange_ones_are_found_again() {
    let long = "\u{e4}".repeat(64);
    let same_start = format!("{}b", &long[..126]);
    let ids = [long, same_start, "a".into(), "A".into(), "1".repeat(128), "1".repeat(127)];
    holds_the_same(ids.into_iter().map(|id| (id.clone(), id)));
}

#[test]
fn a_command_of_many_events_lists_them_and_then_only_the_last_one() {
    for count in [2, 3, COMMAND_EVENTS_MAX, COMMAND_EVENTS_MAX + 1, COMMAND_EVENTS_MAX * 2 + 5] {
        let events = (0..count).map(|number| ("run".to_owned(), format!("C-{number}")));
        holds_the_same(std::iter::once(("before".to_owned(), "C".to_owned())).chain(events));
    }
}

#[test]
fn a_command_that_goes_on_behind_others_is_whole() {
    let ids = ["run", "a", "run", "run", "b", "c", "run", "a", "b", "run", "d"];
    let mut events: Vec<_> = ids.map(|id| (id.to_owned(), format!("C-{id}"))).to_vec();
    holds_the_same(events.clone());
    // Also one that lists only its last event.
    let many = COMMAND_EVENTS_MAX + 3;
    events.extend((0..many).map(|number| ("run".to_owned(), format!("C-{number}"))));
    events.push(("between".to_owned(), "C".to_owned()));
    events.push(("run".to_owned(), "C-last".to_owned()));
    holds_the_same(events);
}

#[test]
fn ids_of_one_hash_are_told_apart() {
    let mut replies = Replies::default();
    for (sequence, id) in (1..).zip(["a", "b", "c"]) {
        replies.take(&event(sequence, id, id));
    }
    // As if all three had the hash of "b": a chain from the newest record to the oldest.
    let id = |text: &str| text.parse::<Identifier>().unwrap();
    let of = |text: &str| replies.places[&hash(&id(text))];
    let chain = [("c", of("b")), ("b", of("a")), ("a", NOWHERE)];
    let mut chained = replies.clone();
    for (text, before) in chain {
        let place = of(text);
        let bytes = borsh::to_vec(&before).unwrap();
        let at = usize::try_from(place.byte).unwrap();
        chained.blocks[0][at..at + 8].copy_from_slice(&bytes);
    }
    for text in ["a", "b", "c"] {
        chained.places.insert(hash(&id(text)), of("c"));
    }
    chained.places.insert(hash(&id("d")), of("c"));
    for (sequence, text) in (1..).zip(["a", "b", "c"]) {
        assert_eq!(chained.get(&id(text)).unwrap().unwrap().first, sequence);
    }
    assert_eq!(chained.get(&id("d")).unwrap(), None);
}

#[test]
fn damaged_bytes_are_never_an_answer() {
    let mut replies = Replies::default();
    replies.take(&event(1, "a", "C-1"));
    let id: Identifier = "a".parse().unwrap();
    let whole = replies.blocks[0].len();
    for length in 0..whole {
        let mut cut = replies.clone();
        cut.blocks[0].truncate(length);
        assert!(cut.get(&id).is_err(), "cut at {length} of {whole}");
        cut.take(&event(2, "a", "C-1"));
        assert!(cut.get(&id).is_err(), "cut at {length} of {whole}, and written to");
    }
}
