//! NATS subjects (contract, sections 2, 6 and 7).

use std::fmt::Display;

use ledger_core::event::DocumentReference;
use ledger_core::id::{Identifier, Token, subject_token};

/// The subject of an event: `ledger.<book>.evt.<shard>.<customer>.<kind>.<document>`.
pub fn event_subject(book: &Identifier, shard: u32, document: &DocumentReference) -> String {
    let named = document.customer.as_ref().map(|customer| Token(customer.as_str()));
    let customer: &dyn Display = match &named {
        // A customer of that name must not look like the whole book.
        Some(Token("_book")) => &"%5Fbook",
        Some(customer) => customer,
        None => &"_book",
    };
    let (book, kind, id) = (Token(book.as_str()), document.kind, Token(document.id.as_str()));
    format!("ledger.{book}.evt.{shard}.{customer}.{kind}.{id}")
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
