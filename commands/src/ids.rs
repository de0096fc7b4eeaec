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
    // One for every event: byte by byte, without the machinery of formatting.
    let mut name = Vec::with_capacity(book.as_str().len() + command.as_str().len() + 8);
    name.extend_from_slice(book.as_str().as_bytes());
    name.push(0);
    name.extend_from_slice(command.as_str().as_bytes());
    name.push(0);
    if index == 0 {
        name.push(b'0');
    } else {
        name.extend_from_slice(index.to_string().as_bytes());
    }
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, &name);
    id.hyphenated().encode_lower(&mut Uuid::encode_buffer()).to_owned()
}
