//! Writes golden bytes of event versions that have none yet, from `golden/commands.ndjson`:
//! `cargo run -p schemas --example golden`. What is there is never written again.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use ledger_core::decide::decide;
use ledger_core::event::{Event, EventData};
use ledger_core::id::Identifier;
use ledger_core::state::Ledger;
use schemas::chain::{Chain, hex};
use schemas::command::{Origin, parse};
use schemas::golden::GoldenRecord;
use schemas::record::{EncodeContext, encode};
use sha2::{Digest, Sha256};
use time::macros::datetime;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let book: Identifier = "golden".parse()?;
    let origin = Origin {
        book: book.clone(),
        actor: "maker".to_owned(),
        today: "2026-01-01".parse()?,
        command_name: None,
    };
    let mut ledger = Ledger::default();
    let mut chain = Chain::START;
    let mut sequence = 0;
    for line in fs::read_to_string(folder.join("commands.ndjson"))?.lines() {
        let command = parse(line.as_bytes(), &origin, &mut String::new)
            .map_err(|refused| format!("{line}: {}", refused.rejection))?;
        for new in decide(&book, &ledger, &command).map_err(|why| format!("{line}: {why}"))? {
            sequence += 1;
            let event = Event {
                sequence,
                id: format!("00000000-0000-5000-8000-{sequence:012}"),
                effective: new.effective,
                recorded_at: datetime!(2026-03-01 12:00 UTC)
                    + time::Duration::microseconds(i64::try_from(sequence)?),
                actor: command.actor.clone(),
                command_id: command.id.clone(),
                command_hash: command.content_hash,
                correlation_id: command.correlation_id.clone(),
                reason: command.reason.clone(),
                data: new.data,
                functional: new.functional,
            };
            ledger.apply(&event);
            let context = EncodeContext { book: &book, shard: 0, chain, traceparent: None };
            let (record, through) = encode(&event, &context)?;
            chain = through;
            let headers = record.headers.into_iter();
            let golden = GoldenRecord {
                sequence,
                subject: record.subject,
                headers: headers.map(|(name, value)| (name.into(), value.into())).collect(),
                body: String::from_utf8(record.body)?,
            };
            keep(&folder, &event, &golden)?;
        }
    }
    Ok(())
}

/// Writes the file and its line in the manifest, where there is none yet.
fn keep(folder: &Path, event: &Event, golden: &GoldenRecord) -> Result<(), Box<dyn Error>> {
    let (kind, version) = (event.data.type_name(), event.data.version());
    // The first closes had no figures: they are kept as they were.
    let is_sealed = matches!(&event.data, EventData::PeriodClosed(closed) if closed.seal.is_some());
    // With an entry in the book's currency, too.
    let also = match (is_sealed, &event.functional) {
        (true, _) => ".sealed",
        (false, Some(_)) => ".functional",
        (false, None) => "",
    };
    let name = format!("{kind}.v{version}{also}.json");
    let path = folder.join(&name);
    if path.exists() {
        return Ok(());
    }
    let text = serde_json::to_string_pretty(golden)? + "\n";
    fs::write(&path, &text)?;
    let manifest = folder.join("MANIFEST");
    let mut lines = fs::read_to_string(&manifest).unwrap_or_default();
    writeln!(lines, "{}  {name}", hex(&Sha256::digest(&text)))?;
    Ok(fs::write(manifest, lines)?)
}
