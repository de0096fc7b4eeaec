//! Every event version that was ever written is still read, and written, as it was.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use ledger_core::event::EventData;
use ledger_core::id::Identifier;
use ledger_core::log::{Record, StoredRecord};
use schemas::chain::{CHAIN_HEADER, Chain, hex};
use schemas::golden::GoldenRecord;
use schemas::record::{DecodeError, EncodeContext, decode, encode};
use sha2::{Digest, Sha256};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// The manifest's file names, each with the golden record in it.
fn golden() -> Vec<(String, GoldenRecord)> {
    let manifest = fs::read_to_string(folder().join("MANIFEST")).unwrap();
    let read = |line: &str| {
        let (hash, name) = line.split_once("  ").unwrap();
        let text = fs::read_to_string(folder().join(name)).unwrap();
        assert_eq!(hash, hex(&Sha256::digest(&text)), "{name} was changed");
        (name.to_owned(), serde_json::from_str(&text).unwrap())
    };
    manifest.lines().map(read).collect()
}

#[test]
fn the_manifest_lists_every_file_and_every_event_of_this_release() {
    let listed: BTreeSet<String> = golden().into_iter().map(|(name, _)| name).collect();
    let on_disk: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".json"))
        .collect();
    assert_eq!(listed, on_disk);
    for (kind, version) in EventData::TYPES {
        assert!(listed.contains(&format!("{kind}.v{version}.json")), "{kind} v{version}");
    }
}

#[test]
fn golden_bytes_are_read_and_written_again_byte_for_byte() {
    let book: Identifier = "golden".parse().unwrap();
    for (name, golden) in golden() {
        let record = Record::from(&golden);
        let event = decode(&StoredRecord { sequence: golden.sequence, record: record.clone() });
        let event = event.unwrap_or_else(|error| panic!("{name}: {error}"));
        // The chain hangs on the events before; all the rest follows from the event alone.
        let context =
            EncodeContext { book: &book, shard: 0, chain: Chain::START, traceparent: None };
        let (again, _) = encode(&event, &context).unwrap();
        let without_chain = |record: Record| {
            let headers = record.headers.into_iter().filter(|(name, _)| name != CHAIN_HEADER);
            (record.subject, record.body, headers.collect::<Vec<_>>())
        };
        assert_eq!(without_chain(again), without_chain(record), "{name}");
    }
}

#[test]
fn a_field_of_a_later_release_is_ignored_and_a_later_version_is_not() {
    let (_, golden) = golden().into_iter().next().unwrap();
    let read = |body: String| {
        let record = Record { body: body.into_bytes(), ..Record::from(&golden) };
        decode(&StoredRecord { sequence: golden.sequence, record })
    };
    let plain = read(golden.body.clone()).unwrap();
    let more = golden.body.replacen('{', r#"{"tomorrow":[1],"#, 1);
    assert_eq!(read(more).unwrap(), plain);
    for (version, known) in [("0", false), ("1", true), ("2", false)] {
        let body = golden.body.replace(r#""version":1"#, &format!(r#""version":{version}"#));
        let outcome = read(body);
        let is_refused = matches!(outcome, Err(DecodeError::FromTheFuture { .. }));
        assert_eq!(is_refused, !known, "version {version}");
    }
    let other = golden.body.replacen("\"type\":\"", "\"type\":\"Strange", 1);
    assert!(matches!(read(other), Err(DecodeError::FromTheFuture { .. })));
}

/// What fuzzing found: it was read, and would be written again as another one.
#[test]
fn a_time_that_is_not_written_so_is_refused() {
    let (_, golden) = golden().remove(0);
    let read = |recorded_at: &str| {
        let mut body: serde_json::Value = serde_json::from_str(&golden.body).unwrap();
        body["recorded_at"] = recorded_at.into();
        let mut record = Record::from(&golden);
        record.body = body.to_string().into_bytes();
        decode(&StoredRecord { sequence: 1, record })
    };
    assert!(read("2026-01-01T00:00:00.000001Z").is_ok());
    for other in ["2026-01-01T00:00:00.0000001Z", "2026-01-01T01:00:00.000001+01:00"] {
        let refused = read(other).unwrap_err();
        assert!(refused.to_string().contains("not in UTC and whole microseconds"), "{refused}");
    }
}
