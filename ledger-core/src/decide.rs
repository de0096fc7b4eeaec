//! From a command to events, or a refusal.

use crate::command::Command;
use crate::event::NewEvent;
use crate::id::Identifier;
use crate::rejection::{Code, Rejection};
use crate::state::Ledger;

/// Decides one command against the state of the book named `book`. Pure: the same arguments
/// give the same events.
///
/// # Errors
/// A [`Rejection`] with its stable code; nothing is to be written then.
pub fn decide(
    _book: &Identifier,
    _state: &Ledger,
    command: &Command,
) -> Result<Vec<NewEvent>, Rejection> {
    Err(Rejection::new(Code::CommandNotSupported, command.data.name()))
}
