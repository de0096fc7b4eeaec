//! A command on a ledger in memory, decided and folded.

use ledger_core::calendar::Day;
use ledger_core::command::Command;
use ledger_core::content_hash::ContentHash;
use ledger_core::decide::decide;
use ledger_core::event::{Event, EventData};
use ledger_core::rejection::Rejection;
use ledger_core::state::Ledger;
use serde_json::{Value, json};
use time::OffsetDateTime;

/// What it makes, folded into the ledger behind the event `sequence`.
pub(crate) fn send(
    (ledger, sequence): (&mut Ledger, &mut u64),
    on: Day,
    name: &str,
    data: &Value,
) -> Result<Vec<EventData>, Rejection> {
    let command = Command {
        id: "c".parse().unwrap(),
        effective: on,
        reason: None,
        correlation_id: "c".parse().unwrap(),
        actor: "a".to_owned(),
        content_hash: ContentHash::default(),
        data: serde_json::from_value(json!({"command": name, "data": data})).unwrap(),
    };
    let decided = decide(&"b".parse().unwrap(), ledger, &command)?;
    for new in &decided {
        *sequence += 1;
        ledger.apply(&Event {
            sequence: *sequence,
            id: sequence.to_string(),
            effective: new.effective,
            recorded_at: OffsetDateTime::UNIX_EPOCH,
            actor: "a".to_owned(),
            command_id: "c".parse().unwrap(),
            command_hash: ContentHash::default(),
            correlation_id: "c".parse().unwrap(),
            reason: None,
            data: new.data.clone(),
            functional: new.functional.clone(),
        });
    }
    Ok(decided.into_iter().map(|new| new.data).collect())
}
