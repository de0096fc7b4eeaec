//! What the writer would do with a command: its checks, in its order, and nothing stored.

use ledger_core::command::{Command, CommandData};
use ledger_core::decide::decide;
use ledger_core::event::Event;
use ledger_core::id::Identifier;
use ledger_core::limits::COMMAND_EVENTS_MAX;
use ledger_core::rejection::{Code, Rejection};
use schemas::record::{EncodeContext, encode};

use crate::clock::{self, Clock};
use crate::standing::Standing;

/// What would come of a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Would {
    /// Its events would be written.
    Write(Vec<Event>),
    /// It was accepted before: its first event has this sequence, and nothing would be written.
    Repeat(u64),
}

/// What would come of a command on a book that stands as given.
///
/// # Errors
/// The refusal that the writer would give.
pub fn would(
    book: &Identifier,
    standing: &Standing,
    command: &Command,
    clock: &dyn Clock,
) -> Result<Would, Rejection> {
    if let Some(answered) = standing.answered(command)? {
        return Ok(Would::Repeat(answered.first));
    }
    if let CommandData::OpenBook(open) = &command.data {
        clock::today(clock, open.time_zone.as_deref().unwrap_or("UTC"))?;
    }
    let new = decide(book, &standing.ledger, command)?;
    // A billing run is stored in as many groups as it takes.
    let is_run = matches!(command.data, CommandData::RunBilling(_));
    if new.len() > COMMAND_EVENTS_MAX && !is_run {
        let message = "the command has more events than one group takes; split it";
        return Err(Rejection::new(Code::CommandTooLarge, message));
    }
    if new.is_empty() {
        let message = "the command changes nothing, so there is nothing to store";
        return Err(Rejection::new(Code::CommandMalformed, message));
    }
    let events = standing.envelope(book, command, new, clock.now());
    let mut chain = standing.chain;
    for event in &events {
        let context = EncodeContext { book, shard: 0, chain, traceparent: None };
        let encoded = encode(event, &context);
        let too_large = |error: &dyn std::fmt::Display| {
            Rejection::new(Code::CommandTooLarge, error.to_string())
        };
        (_, chain) = encoded.map_err(|error| too_large(&error))?;
    }
    Ok(Would::Write(events))
}
