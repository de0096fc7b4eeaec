//! How the planted bugs outside of the log's own path behave.

use std::path::Path;

use commands::standing::Standing;
use ledger_core::command::Command;
use ledger_core::event::EventData;
use ledger_core::rejection::{Code, Rejection};
use ledger_core::snapshot::Unpublished;
use projections::facts::{EventFacts, ReceivablesFact};
use projections::views::Views;
use schemas::record::decode;
use schemas::reply::Reply;

use crate::bugs::Bug;
use crate::history::{Answer, Verdict, verdict};
use crate::reader::Kept;
use crate::world::World;

/// A reply that a cache in front of the writer gives.
pub(crate) fn cached(world: &World, operation: usize) -> Option<Vec<u8>> {
    if world.bug != Some(Bug::IsBlindToContent) {
        return None;
    }
    let history = world.history.lock().unwrap();
    let command = &history.operations[operation].command;
    let same_id = history.operations.iter().filter(|one| one.command.id == command.id);
    let other = same_id.filter(|one| one.command.content_hash != command.content_hash);
    let mut answers = other.flat_map(|one| &one.asks).filter_map(|ask| ask.answer.as_ref());
    let found = answers.find(|answer| matches!(answer.verdict, Verdict::Ok(_)))?;
    world.fires(Bug::IsBlindToContent);
    Some(found.bytes.clone())
}

/// What the writer gets of a command that is asked for again.
pub(crate) fn bent_command(world: &World, mut command: Command, number: usize) -> Command {
    if number > 0 && world.fires(Bug::GivesARetryAnotherId) {
        command.id = format!("{}-{number}", command.id).parse().unwrap();
    }
    command
}

/// What a caller gets of a reply.
pub(crate) fn bent_reply(world: &World, bytes: Vec<u8>, number: usize) -> Vec<u8> {
    if world.bug.is_none() {
        return bytes;
    }
    let is_repeat = number > 0 && matches!(verdict(&bytes), Verdict::Ok(_));
    let mut reply: Reply = serde_json::from_slice(&bytes).unwrap();
    if is_repeat && world.fires(Bug::MarksRepeats) {
        reply.duplicate = Some(true);
        return reply.to_bytes();
    }
    if is_repeat && world.fires(Bug::TellsAnotherSequence) {
        reply.sequence = reply.sequence.map(|sequence| sequence + 1);
        return reply.to_bytes();
    }
    let is_unknown = matches!(verdict(&bytes), Verdict::Unknown(_));
    if is_unknown && world.fires(Bug::TakesUnknownForANo) {
        return refusal(reply.id.as_deref());
    }
    bytes
}

fn refusal(id: Option<&str>) -> Vec<u8> {
    let rejection = Rejection::new(Code::CommandMalformed, "it did not work");
    Reply::rejected(id, &rejection).to_bytes()
}

/// Tells a caller no who waited long enough.
pub(crate) fn refuse(world: &World, operation: usize) -> Vec<u8> {
    let mut history = world.history.lock().unwrap();
    let (at, log_at) = (world.now(), world.last());
    let bytes = refusal(Some(history.operations[operation].command.id.as_str()));
    if let Some(ask) = history.operations[operation].asks.last_mut() {
        ask.answer.get_or_insert(Answer {
            at,
            log_at,
            bytes: bytes.clone(),
            verdict: verdict(&bytes),
        });
    }
    bytes
}

/// Makes of a writer's snapshot what a program with a bug would have written.
pub(crate) fn bend_snapshot(world: &World, path: &Path) {
    let Some(bug) = world.bug else { return };
    let Ok(Some(whole)) = Standing::read_snapshot(path) else { return };
    let stored = world.stored();
    let through = usize::try_from(whole.sequence).unwrap();
    let Some(events) = stored.get(..through) else { return };
    let events: Vec<_> = events.iter().map(|one| decode(one).unwrap()).collect();
    let settles = |data: &EventData| matches!(data, EventData::PaymentAllocated(_));
    let mut bent = folded(&events, |_| 1);
    if bug == Bug::SnapshotLosesLastEvent {
        bent = folded(&events[..through - 1], |_| 1);
    } else if bug == Bug::SnapshotForgetsReplies {
        bent = Standing::default();
        bent.ledger = whole.ledger.clone();
    } else if bug == Bug::SnapshotSettlesTwice && events.iter().any(|one| settles(&one.data)) {
        bent = folded(&events, |data| if settles(data) { 2 } else { 1 });
    } else if bug == Bug::SnapshotSkipsANumber && bent.ledger.book.is_some() {
        bent.ledger.book.as_mut().unwrap().last_invoice_number += 1;
    } else {
        return;
    }
    world.fires(bug);
    (bent.sequence, bent.chain) = (whole.sequence, whole.chain);
    bent.write_snapshot(path).and_then(Unpublished::publish).unwrap();
}

fn folded(events: &[ledger_core::event::Event], times: impl Fn(&EventData) -> usize) -> Standing {
    let mut standing = Standing::default();
    for event in events {
        standing.fold(event);
        for _ in 1..times(&event.data) {
            standing.ledger.apply(event);
        }
    }
    standing
}

/// Makes of the stored facts what a projector with a bug would have stored, which trusts its store.
pub(crate) fn bend_store(world: &World, kept: &mut Kept, rows: &[(u64, Vec<u8>)]) {
    let Some(bug) = world.bug else { return };
    if kept.rows.keys().next() != Some(&1) || kept.rows.len() < 10 || rows.is_empty() {
        return;
    }
    let settles = |row: &[u8]| facts(row).receivables.iter().any(is_settlement);
    let place = if bug == Bug::StoreSkipsAnEvent {
        rows.get(rows.len() / 2)
    } else if bug == Bug::StoreIsBehindItsPosition {
        rows.last()
    } else if bug == Bug::StoreSettlesTwice {
        rows.iter().find(|(_, row)| settles(row))
    } else {
        None
    };
    let Some(place) = place.map(|(sequence, _)| *sequence) else { return };
    let row = kept.rows.get_mut(&place).unwrap();
    let mut bent = facts(row);
    if bug == Bug::StoreSettlesTwice {
        let again: Vec<_> =
            bent.receivables.iter().filter(|one| is_settlement(one)).cloned().collect();
        bent.receivables.extend(again);
    } else {
        bent.receivables.clear();
        bent.deferred_revenue.clear();
    }
    *row = borsh::to_vec(&bent).unwrap();
    let mut views = Views::default();
    let fits = kept.rows.values().try_for_each(|row| views.fold(&facts(row)));
    let position = kept.position.as_mut().unwrap();
    if fits.is_ok() && views.sequence == position.sequence {
        world.fires(bug);
        let digests = views.digests().into_iter();
        position.digests = digests.map(|(name, digest)| (name.to_owned(), digest)).collect();
    }
}

fn facts(row: &[u8]) -> EventFacts {
    borsh::from_slice(row).unwrap()
}

fn is_settlement(fact: &ReceivablesFact) -> bool {
    matches!(fact, ReceivablesFact::Settlement { .. })
}
