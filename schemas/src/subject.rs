//! NATS subjects (contract, sections 2, 6 and 7).

use ledger_core::event::DocumentReference;
use ledger_core::id::{Identifier, subject_token};

/// The subject of an event: `ledger.<book>.evt.<shard>.<customer>.<kind>.<document>`.
pub fn event_subject(book: &Identifier, shard: u32, document: &DocumentReference) -> String {
    let customer = match &document.customer {
        // A customer of that name must not look like the whole book.
        Some(customer) if customer.as_str() == "_book" => "%5Fbook".to_owned(),
        Some(customer) => customer.token(),
        None => "_book".to_owned(),
    };
    format!(
        "ledger.{}.evt.{shard}.{customer}.{}.{}",
        book.token(),
        document.kind,
        document.id.token()
    )
}

/// The subject on which a command is sent.
pub fn command_subject(book: &Identifier, command: &str) -> String {
    format!("ledger.{}.cmd.{}", book.token(), subject_token(command))
}

/// The subject on which a report is asked for.
pub fn query_subject(book: &Identifier, report: &str) -> String {
    format!("ledger.{}.qry.{}", book.token(), subject_token(report))
}

/// All event subjects of a shard: what its stream keeps.
pub fn stream_subjects(book: &Identifier, shard: u32) -> String {
    format!("ledger.{}.evt.{shard}.>", book.token())
}
