//! What must hold of every history: the clients' replies against the log.

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::content_hash::ContentHash;
use ledger_core::event::Event;
use ledger_core::limits::COMMAND_EVENTS_MAX;
use ledger_core::log::bounds::record_bytes;
use schemas::chain::Chain;
use schemas::record::decode;
use schemas::reply::Reply;

use crate::history::{Ask, Operation, Verdict, verdict};
use crate::server::book;
use crate::situations::Situation;
use crate::world::{Entry, World};

/// A log that was read to its end.
pub(crate) struct Told {
    pub(crate) events: Vec<Event>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) chain: Chain,
    /// By command id, the indices of its events.
    pub(crate) by_id: BTreeMap<String, Vec<usize>>,
}

/// Reads the log as it lies on the disk.
pub(crate) fn read(world: &World) -> Result<Told, String> {
    let entries = world.entries.lock().unwrap().clone();
    let mut told =
        Told { events: Vec::new(), entries, chain: Chain::START, by_id: BTreeMap::new() };
    for stored in world.stored() {
        let sequence = stored.sequence;
        told.chain = told.chain.next(&stored.record.body);
        if Chain::written(&stored.record) != Some(told.chain) {
            return Err(format!("the hash chain breaks at event {sequence}"));
        }
        let event = decode(&stored).map_err(|error| format!("event {sequence}: {error}"))?;
        if told.events.last().is_some_and(|before: &Event| before.recorded_at >= event.recorded_at)
        {
            return Err(format!("event {sequence} was recorded before the one in front of it"));
        }
        let bytes = record_bytes(&stored.record);
        if event.bytes_at_most().is_some_and(|at_most| bytes > at_most) {
            return Err(format!("event {sequence} is larger than its bound says: {bytes} bytes"));
        }
        told.by_id.entry(event.command_id.to_string()).or_default().push(told.events.len());
        told.events.push(event);
    }
    Ok(told)
}

impl Told {
    /// The events of an operation, where it is the one that got its id.
    pub(crate) fn events_of(&self, operation: &Operation) -> Vec<usize> {
        let of_id = self.by_id.get(operation.command.id.as_str()).cloned().unwrap_or_default();
        let hash = operation.command.content_hash;
        of_id.into_iter().filter(|at| self.events[*at].command_hash == hash).collect()
    }

    /// The one reply to a command that is stored.
    fn reply(&self, operation: &Operation, events: &[usize]) -> Vec<u8> {
        let skipped = if events.len() > COMMAND_EVENTS_MAX { events.len() - 1 } else { 0 };
        let documents: Vec<_> = events[skipped..]
            .iter()
            .map(|at| {
                let event = &self.events[*at];
                (event.sequence, event.data.type_name(), event.data.document())
            })
            .collect();
        let listed = documents.iter().map(|(at, kind, document)| (*at, *kind, document));
        Reply::accepted(&book(), 0, &operation.command.id, listed).to_bytes()
    }
}

/// Everything that is wrong with the replies.
pub(crate) fn replies(world: &World, told: &Told) -> Vec<String> {
    let history = world.history.lock().unwrap();
    let mut wrong = invented(&history.operations, told);
    for operation in &history.operations {
        let events = told.events_of(operation);
        let id = &operation.command.id;
        let mut blame = |what: String| wrong.push(format!("{id}: {what}"));
        stored_once(operation, told, &events, &mut blame);
        for ask in &operation.asks {
            answer(operation, ask, told, &events, &mut blame);
        }
        told_busy(operation, told, &events, &mut blame);
        told_no(operation, told, &events, &mut blame);
        at_last(operation, told, &events, &mut blame);
        situations(world, operation, told, &events);
    }
    wrong.extend(out_of_order(&history.operations, told));
    wrong
}

/// Events that nobody asked for.
fn invented(operations: &[Operation], told: &Told) -> Vec<String> {
    let asked: BTreeSet<(&str, ContentHash)> =
        operations.iter().map(|one| (one.command.id.as_str(), one.command.content_hash)).collect();
    let is_asked =
        |event: &&Event| asked.contains(&(event.command_id.as_str(), event.command_hash));
    let strange = told.events.iter().filter(|event| !is_asked(event));
    strange
        .map(|event| format!("nobody asked for event {} ({})", event.sequence, event.command_id))
        .collect()
}

/// A command's events stand side by side, unless it is a billing run of several groups.
fn stored_once(
    operation: &Operation,
    told: &Told,
    events: &[usize],
    blame: &mut impl FnMut(String),
) {
    let of_id = told.by_id.get(operation.command.id.as_str()).map_or(0, Vec::len);
    if !events.is_empty() && events.len() != of_id {
        blame("its id has events of two contents".to_owned());
    }
    let is_run = operation.command.data.name() == "RunBilling";
    let is_dense = events.iter().zip(events.iter().skip(1)).all(|(one, next)| one + 1 == *next);
    if !is_run && !is_dense {
        blame(format!("its events are apart: {events:?}"));
    }
    let ends =
        events.iter().filter(|at| told.events[**at].data.type_name() == "BillingRunCompleted");
    if is_run && ends.count() > 1 {
        blame("its run ended twice".to_owned());
    }
}

fn answer(
    operation: &Operation,
    ask: &Ask,
    told: &Told,
    events: &[usize],
    blame: &mut impl FnMut(String),
) {
    let Some(answer) = &ask.answer else { return };
    let first_landed = events.first().map(|at| told.entries[*at].at);
    match ask.verdict() {
        Verdict::Ok(_) if events.is_empty() => {
            blame("was accepted, and is not in the log".to_owned())
        }
        Verdict::Ok(_) => {
            if answer.bytes != told.reply(operation, events) {
                blame(format!("its reply is not what is stored: {}", text(&answer.bytes)));
            }
            if events.iter().any(|at| told.entries[*at].at > answer.at) {
                blame("was answered before it was stored".to_owned());
            }
        }
        Verdict::Fail(code) => {
            // A run that was cut off is in the log in part, and may be refused later.
            let is_part = operation.command.data.name() == "RunBilling";
            if !is_part && first_landed.is_some_and(|at| at < ask.at) {
                blame(format!("was refused with {code} when it was stored already"));
            }
            let all_refused = operation.asks.iter().all(Ask::is_refused);
            let at_last_too =
                operation.at_last.iter().all(|(_, one)| matches!(verdict(one), Verdict::Fail(_)));
            if all_refused && at_last_too && !events.is_empty() {
                blame(format!("was refused with {code}, and is in the log"));
            }
        }
        Verdict::Unknown(_) => {}
    }
}

/// Who is told busy is told that nothing is stored of what it sent: nobody else sent the command before
/// it was stored, and still it is there.
fn told_busy(operation: &Operation, told: &Told, events: &[usize], blame: &mut impl FnMut(String)) {
    let Some(first) = events.first() else { return };
    let landed = told.entries[*first].at;
    let asked_at_last = operation.at_last.first().map(|(log_at, _)| *log_at);
    if asked_at_last.is_some_and(|log_at| told.events[*first].sequence > log_at) {
        return;
    }
    let mut before = operation.asks.iter().filter(|ask| ask.at <= landed).peekable();
    let is_busy = |ask: &Ask| ask.verdict() == Verdict::Unknown("book.busy".to_owned());
    if before.peek().is_some() && before.all(is_busy) {
        blame("was told busy, and is in the log".to_owned());
    }
}

/// Who refuses a command stores nothing of it later, be it a group that it sent before and gave up: then
/// nobody else may have been answered. A group of a writer that died, or of another one, may land behind
/// the refusal (docs/RELIABILITY.md, Limits).
fn told_no(operation: &Operation, told: &Told, events: &[usize], blame: &mut impl FnMut(String)) {
    let Some(stored) = events.first().map(|first| &told.entries[*first]) else { return };
    // A run that was cut off is in the log in part, and may be refused later.
    if operation.command.data.name() == "RunBilling" {
        return;
    }
    let by_writer = || operation.asks.iter().filter(|ask| ask.process == Some(stored.process));
    for ask in by_writer().filter(|ask| ask.is_refused()) {
        let Some(refused_at) = ask.answer.as_ref().map(|answer| answer.at) else { continue };
        let waits = |ask: &Ask| ask.answer.as_ref().is_none_or(|answer| answer.at > refused_at);
        let is_asked = by_writer().any(|ask| ask.at <= stored.at && waits(ask));
        if refused_at < stored.at && !is_asked {
            blame("was refused, and stored later by the same writer".to_owned());
        }
    }
}

/// Once all is well: one answer, and always the same one.
fn at_last(operation: &Operation, told: &Told, events: &[usize], blame: &mut impl FnMut(String)) {
    for (log_at, bytes) in &operation.at_last {
        let was_stored = events.first().is_some_and(|at| told.events[*at].sequence <= *log_at);
        match verdict(bytes) {
            Verdict::Unknown(code) => blame(format!("is still not known: {code}")),
            Verdict::Fail(code) => {
                let is_part = operation.command.data.name() == "RunBilling";
                if was_stored && !is_part {
                    blame(format!("is stored, and was refused at last: {code}"));
                }
                let was_ok = operation.asks.iter().any(Ask::is_ok);
                if was_ok {
                    blame(format!("was accepted, and is refused now: {code}"));
                }
            }
            Verdict::Ok(_) => {
                if *bytes != told.reply(operation, events) {
                    blame(format!("has another reply at last: {}", text(bytes)));
                }
            }
        }
    }
}

/// What was accepted before another was asked for stands in front of it.
fn out_of_order(operations: &[Operation], told: &Told) -> Vec<String> {
    let mut accepted: Vec<(u64, usize)> = Vec::new();
    for operation in operations {
        let ok = operation.asks.iter().filter(|ask| ask.is_ok());
        let at = ok.filter_map(|ask| ask.answer.as_ref()).map(|answer| answer.at).min();
        accepted.extend(at.zip(told.events_of(operation).last().copied()));
    }
    accepted.sort_unstable();
    let mut wrong = Vec::new();
    for operation in operations {
        let asked = operation.asks.iter().map(|ask| ask.at).min();
        let (Some(asked), Some(first)) = (asked, told.events_of(operation).first().copied()) else {
            continue;
        };
        let before = accepted.iter().take_while(|(at, _)| *at < asked).map(|(_, last)| *last).max();
        if before.is_some_and(|before| before > first) {
            wrong
                .push(format!("{}: stands in front of what was done before", operation.command.id));
        }
    }
    wrong
}

fn situations(world: &World, operation: &Operation, told: &Told, events: &[usize]) {
    let mut doubt: Option<u64> = None;
    let asked = operation.asks.iter().map(|ask| ask.log_at).min().unwrap_or(0);
    for ask in &operation.asks {
        let is_unknown = matches!(ask.verdict(), Verdict::Unknown(_));
        if doubt.is_some_and(|since| ask.at > since) {
            let landed = events.first().is_some_and(|at| told.entries[*at].at < ask.at);
            let situation =
                if landed { Situation::UnknownThenPresent } else { Situation::UnknownThenAbsent };
            world.note(situation);
        }
        if is_unknown {
            doubt = Some(ask.answer.as_ref().map_or(ask.at, |answer| answer.at));
        }
        match ask.verdict() {
            Verdict::Fail(code) if code == "command.id_reused" => world.note(Situation::IdReused),
            Verdict::Fail(code) if code == "period.closed" => {
                let answered = ask.answer.as_ref().map_or(ask.log_at, |answer| answer.log_at);
                let closes =
                    told.events.iter().filter(|event| event.data.type_name() == "PeriodClosed");
                if closes.into_iter().any(|one| one.sequence > asked && one.sequence <= answered) {
                    world.note(Situation::PeriodClosedRace);
                }
            }
            Verdict::Ok(_) => {
                if events.first().is_some_and(|at| told.entries[*at].at < ask.at) {
                    world.note(Situation::Repeated);
                }
            }
            Verdict::Fail(_) | Verdict::Unknown(_) => {}
        }
    }
    let is_run = operation.command.data.name() == "RunBilling";
    let groups: BTreeSet<u64> = events.iter().map(|at| told.entries[*at].process).collect();
    let ends =
        events.last().is_some_and(|at| told.events[*at].data.type_name() == "BillingRunCompleted");
    if is_run && groups.len() > 1 && ends {
        world.note(Situation::RunCutOff);
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
