//! The log against a second, plain reading of it: every command is decided again at its place, every
//! refusal at the places where it may have been decided, and the books are folded and checked.

use commands::clock::FixedClock;
use commands::preview::{Would, would};
use commands::standing::Standing;
use ledger_core::command::Command;
use ledger_core::event::invoice::IssuedLine;
use ledger_core::event::{Event, EventData};
use ledger_core::log::SharedLog;
use ledger_core::log::memory::MemoryLog;
use projections::prefix::Checked;
use projections::replay::{catch_up, replay};
use projections::seals;
use rust_decimal::Decimal;
use schemas::chain::Chain;
use schemas::reply::Reply;
use time::OffsetDateTime;

use crate::check::Told;
use crate::history::{History, Verdict};
use crate::server::book;
use crate::situations::Situation;
use crate::world::World;

const CLOCK: FixedClock = FixedClock(OffsetDateTime::UNIX_EPOCH);

/// A refusal with the places of the log between its question and its answer.
struct Refusal<'a> {
    command: &'a Command,
    bytes: &'a [u8],
    from: u64,
    through: u64,
}

/// Decides everything again.
pub(crate) fn decisions(world: &World, told: &Told) -> Vec<String> {
    let history = world.history.lock().unwrap();
    let mut wrong = Vec::new();
    let mut refusals = refusals(&history);
    let mut standing = Standing::default();
    for at in 0..=told.events.len() {
        refusals.retain(|one| !(one.from <= standing.sequence && is_right(one, &standing)));
        let late = refusals.iter().filter(|one| one.through <= standing.sequence);
        wrong.extend(late.map(|one| {
            let said = crate::check::text(one.bytes);
            format!(
                "{}: nothing between {} and {} refuses it: {said}",
                one.command.id, one.from, one.through
            )
        }));
        refusals.retain(|one| one.through > standing.sequence);
        let Some(event) = told.events.get(at) else { break };
        wrong.extend(decided(&history, told, &standing, event));
        standing.fold(event);
        standing.chain = standing.chain.next(&told.entries[at].record.body);
    }
    wrong
}

fn refusals(history: &History) -> Vec<Refusal<'_>> {
    let mut all = Vec::new();
    for operation in &history.operations {
        for ask in &operation.asks {
            let (Verdict::Fail(_), Some(answer)) = (ask.verdict(), &ask.answer) else { continue };
            all.push(Refusal {
                command: &operation.command,
                bytes: &answer.bytes,
                from: ask.log_at,
                through: answer.log_at,
            });
        }
    }
    all
}

fn is_right(refusal: &Refusal<'_>, standing: &Standing) -> bool {
    let would = would(&book(), standing, refusal.command, &CLOCK);
    let reply = would
        .err()
        .map(|rejection| Reply::rejected(Some(refusal.command.id.as_str()), &rejection).to_bytes());
    reply.as_deref() == Some(refusal.bytes)
}

/// What is wrong with the decision that begins with an event, if one does.
fn decided(history: &History, told: &Told, standing: &Standing, event: &Event) -> Option<String> {
    let id = event.command_id.as_str();
    let stored = told.by_id.get(id)?;
    if told.events[*stored.first()?].sequence != event.sequence {
        return None;
    }
    let operation = history.operations.iter().find(|one| {
        one.command.id == event.command_id && one.command.content_hash == event.command_hash
    })?;
    let is_run = operation.command.data.name() == "RunBilling";
    let landed = told.entries[*stored.first()?].at;
    if is_run && stored.iter().any(|at| told.entries[*at].at != landed) {
        return None;
    }
    let would = match would(&book(), standing, &operation.command, &CLOCK) {
        Ok(Would::Write(events)) => events,
        Ok(Would::Repeat(first)) => return Some(format!("{id}: is a repeat of event {first}")),
        Err(rejection) => return Some(format!("{id}: is stored, and {rejection}")),
    };
    let is_same = |one: &Event, other: &Event| {
        Event { recorded_at: other.recorded_at, ..one.clone() } == *other
    };
    let fits = would.len() == stored.len()
        && would.iter().zip(stored).all(|(one, at)| is_same(one, &told.events[*at]));
    (!fits).then(|| {
        format!("{id}: decides {} events, and {} are stored, or others", would.len(), stored.len())
    })
}

/// Folds the books and checks them; their digests.
pub(crate) async fn books(world: &World) -> Result<Vec<(&'static str, String)>, String> {
    let records = world.stored().into_iter().map(|stored| stored.record).collect();
    let log: SharedLog = std::sync::Arc::new(MemoryLog::from_records(records));
    let (mut checked, mut chain) = (Checked::default(), Chain::START);
    let folded = catch_up(&log, &mut checked, &mut chain, None, &mut |_| {}).await;
    folded.map_err(|error| format!("the log cannot be folded: {error}"))?;
    if let Some(violation) = checked.finish() {
        return Err(format!("the books do not tie: {violation:?}"));
    }
    if let Some(violation) = seals::check(&checked.views).into_iter().next() {
        return Err(format!("a seal does not fit: {violation:?}"));
    }
    let fresh = replay(&log, &mut |_| {}).await;
    let (views, _) = fresh.map_err(|error| format!("the log cannot be folded: {error}"))?;
    Ok(views.digests())
}

/// Situations that the log tells.
pub(crate) fn situations(world: &World, told: &Told, writers: usize) {
    let mut numbered_by = None;
    for (event, entry) in told.events.iter().zip(&told.entries) {
        let EventData::InvoiceIssued(invoice) = &event.data else { continue };
        if invoice.number.is_some() {
            let is_other = numbered_by.is_some_and(|before| before != entry.process);
            if is_other && writers == 1 {
                world.note(Situation::NumberAfterCrash);
            }
            numbered_by = Some(entry.process);
        }
        let is_spread = |line: &IssuedLine| {
            let days = line
                .service_end
                .zip(line.service_start)
                .map(|(end, start)| end.days_since(start) + 1);
            let cents = line.net.decimal() * Decimal::from(100);
            days.is_some_and(|days| !(cents % Decimal::from(days)).is_zero())
        };
        if invoice.lines.iter().any(is_spread) {
            world.note(Situation::LastCent);
        }
    }
}
