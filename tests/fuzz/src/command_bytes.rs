//! Commands as they come over NATS and HTTP: lines of JSON, each of them read, decided and folded.

use ledger_core::command::Command;
use serde_json::{Map, Value, json};

use crate::book::{Desk, Fate, read};
use crate::chance::Chance;
use crate::{mutate, seeds};

/// Bytes of an input: more only take longer.
pub const BYTES_MAX: usize = 24 * 1024;
/// Lines of an input.
const LINES_MAX: usize = 24;

/// Whatever is read is written and read again the same; whatever is decided is decided the same again;
/// whatever is accepted leaves the books right.
pub fn check(input: &[u8]) {
    let mut desk: Option<Desk> = None;
    let mut changed = false;
    for line in input.split(|byte| *byte == b'\n').take(LINES_MAX) {
        let Ok(command) = read(line) else { continue };
        comes_back(&command);
        let desk = desk.get_or_insert_with(|| first(&command));
        changed |= desk.give(&command) == Fate::Accepted;
    }
    if let (Some(desk), true) = (desk, changed) {
        desk.check();
    }
}

/// An empty book for whoever opens one, else the small one.
fn first(command: &Command) -> Desk {
    if command.data.name() == "OpenBook" { Desk::default() } else { Desk::golden().clone() }
}

fn comes_back(command: &Command) {
    let mut envelope = json!({
        "id": command.id, "effective": command.effective, "correlation_id": command.correlation_id,
    });
    let data = serde_json::to_value(&command.data).unwrap();
    let fields: &mut Map<String, Value> = envelope.as_object_mut().unwrap();
    fields.extend(data.as_object().cloned().unwrap());
    fields.extend(command.reason.iter().map(|reason| ("reason".to_owned(), json!(reason))));
    let text = envelope.to_string();
    match read(text.as_bytes()) {
        // Its content is hashed as the caller wrote it: defaults are spelled out here.
        Ok(again) => {
            assert_eq!(Command { content_hash: command.content_hash, ..again }, *command, "{text}");
        }
        Err(refused) => {
            let code = refused.rejection.code.as_str();
            assert!(code == "command.too_large", "{refused:?}: {text}");
        }
    }
}

/// Every published example, and the golden commands in parts.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut all = seeds::scenarios();
    all.extend(crate::book::GOLDEN.lines().map(|line| line.as_bytes().to_vec()));
    all.push(crate::book::GOLDEN.as_bytes().to_vec());
    all
}

/// Another input.
pub fn mutated(input: &[u8], chance: &mut Chance) -> Vec<u8> {
    mutate::lines(input, seeds::golden_lines(), chance, BYTES_MAX)
}
