//! Ids: random ones for commands that have none, derived ones for events.

use ledger_core::id::Identifier;
use uuid::Uuid;

/// A new command id: a UUIDv7, so that ids sort by time.
pub fn command_id() -> String {
    Uuid::now_v7().to_string()
}

/// A new id of a running daemon; the one that started earlier has the smaller one.
pub fn instance_id() -> String {
    Uuid::now_v7().simple().to_string()
}

/// The id of a command's n-th event: the same command gives the same event ids in every log.
pub fn event_id(book: &Identifier, command: &Identifier, index: usize) -> String {
    let name = format!("{}\u{0}{}\u{0}{index}", book.as_str(), command.as_str());
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).to_string()
}
