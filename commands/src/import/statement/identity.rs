//! What tells one payment from every other one, whatever file it comes in.

use std::collections::BTreeMap;

use super::{Entry, Part, Statement};

/// The payments of one entry: their ids in the book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The id of the entry as one payment.
    pub whole: String,
    /// The ids of its parts; the one of the whole where it has one part alone.
    pub parts: Vec<String>,
    /// The id that its first part has in a file that gives the parts.
    pub first: String,
}

/// The identities of a statement's entries, in order.
///
/// Where the bank gives an entry its own id, that and the account name it, so that the entry is
/// found again in another file. Else it is its statement, its dates, its amount and its texts.
/// What is equal in all of that is counted.
pub fn identities(statement: &Statement) -> Vec<Identity> {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    statement
        .entries
        .iter()
        .map(|entry| {
            let key = key(statement, entry);
            let count = seen.entry(key.clone()).or_default();
            *count += 1;
            let key = format!("{key}\u{0}{count}");
            let parts = match entry.parts.as_slice() {
                [_] => vec![id(&key)],
                parts => parts.iter().zip(1..).map(|(_, number)| part_id(&key, number)).collect(),
            };
            Identity { whole: id(&key), parts, first: part_id(&key, 1) }
        })
        .collect()
}

fn key(statement: &Statement, entry: &Entry) -> String {
    match &entry.bank_id {
        Some(bank_id) => format!("{}\u{0}bank\u{0}{bank_id}", statement.account),
        None => {
            let texts = entry.parts.iter().map(text).collect::<Vec<_>>().join("\u{0}");
            format!(
                "{}\u{0}statement\u{0}{}\u{0}{:?}\u{0}{:?}\u{0}{}{}\u{0}{texts}",
                statement.account,
                statement.id,
                entry.booked,
                entry.valued,
                entry.signed(),
                entry.currency,
            )
        }
    }
}

fn text(part: &Part) -> String {
    let end_to_end = part.end_to_end.as_deref().unwrap_or_default();
    format!("{end_to_end}\u{0}{}", part.remittance)
}

fn part_id(key: &str, number: u32) -> String {
    id(&format!("{key}\u{0}part\u{0}{number}"))
}

fn id(key: &str) -> String {
    let name = format!("import\u{0}receipt\u{0}{key}");
    format!("BANK-{}", uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, name.as_bytes()))
}
