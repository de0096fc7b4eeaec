//! What the daemon shows of itself is what docs/OPERATIONS.md says, and the shipped alerts use it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::daemon::Daemon;
use crate::harness::{BOOK, Ledger};

/// A metric's type and labels.
type Kinds = BTreeMap<String, (String, BTreeSet<String>)>;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The rows of the table whose first column has that head.
fn table(head: &str) -> Vec<Vec<String>> {
    let page = read("docs/OPERATIONS.md");
    let lines = page.lines().skip_while(|line| !line.starts_with(&format!("| {head} |")));
    let rows = lines.skip(2).take_while(|line| line.starts_with('|'));
    let cells = |row: &str| {
        let row = row.trim_matches('|');
        row.split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
    };
    rows.map(cells).collect()
}

fn documented() -> Kinds {
    let rows = table("metric").into_iter();
    rows.map(|row| {
        let labels = row[2].split(',').map(|label| label.trim().to_owned());
        let labels = labels.filter(|label| !label.is_empty()).collect();
        (row[0].clone(), (row[1].clone(), labels))
    })
    .collect()
}

/// What a text in Prometheus' format shows, with the labels of its samples.
fn shown(text: &str) -> Kinds {
    let mut kinds = Kinds::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            let none = (kind.to_owned(), BTreeSet::new());
            assert!(kinds.insert(name.to_owned(), none).is_none(), "{name} is there twice");
        }
        if line.starts_with('#') {
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().unwrap().is_finite(), "{line}");
        let (name, labels) = sample.split_once('{').unwrap_or((sample, "}"));
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| {
            let family = name.strip_suffix(end)?;
            kinds.contains_key(family).then(|| family.to_owned())
        });
        let family = family.unwrap_or_else(|| name.to_owned());
        let known = kinds.get_mut(&family).unwrap_or_else(|| panic!("{name} has no type"));
        let labels = labels.trim_end_matches('}').split("\",").filter(|label| !label.is_empty());
        let labels = labels.map(|label| label.split('=').next().unwrap().to_owned());
        known.1.extend(labels.filter(|label| label != "le"));
    }
    kinds
}

fn value(text: &str, sample: &str) -> f64 {
    let line = text.lines().find(|line| line.starts_with(&format!("{sample} ")));
    let line = line.unwrap_or_else(|| panic!("there is no {sample} in {text}"));
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[test]
fn the_daemon_shows_what_is_documented() {
    let ledger = Ledger::new();
    let daemon = Daemon::start(&ledger);
    daemon.commands(BOOK);
    // Its end writes the snapshots.
    assert_eq!(daemon.terminate(), 0);
    let daemon = Daemon::start(&ledger);
    daemon.commands(BOOK);
    daemon.command("no command");
    daemon.command(&BOOK.lines().next().unwrap().replace("c1", "d1"));
    daemon.get("/v1/books/main/reports/receivables?as_of=2026-03-01");
    let is_checked = "\nrevledger_journal_checked_timestamp_seconds{book=\"main\"}";
    let text = daemon.until("/metrics", |answer| answer.body.contains(is_checked)).body;
    assert_eq!(shown(&text), documented());

    let commands = |command: &str, code: &str| {
        let sample = format!(
            "revledger_commands_total{{book=\"main\",command=\"{command}\",code=\"{code}\"}}"
        );
        value(&text, &sample).to_string()
    };
    assert_eq!(commands("OpenBook", "accepted"), "1");
    assert_eq!(commands("OpenBook", "book.exists"), "1");
    assert_eq!(commands("unreadable", "command.malformed"), "1");
    for (sample, wanted) in [
        ("revledger_ready", "1"),
        ("revledger_log_sequence{book=\"main\"}", "5"),
        ("revledger_projection_sequence{book=\"main\"}", "5"),
        ("revledger_projection_lag_events{book=\"main\"}", "0"),
        ("revledger_queue_commands{book=\"main\"}", "0"),
        ("revledger_queue_bytes{book=\"main\"}", "0"),
        // The four that were repeated, and the one that was refused.
        ("revledger_decide_seconds_count{book=\"main\"}", "5"),
        ("revledger_reply_seconds_count{book=\"main\"}", "5"),
        ("revledger_append_seconds_count{book=\"main\"}", "0"),
        ("revledger_role{book=\"main\",role=\"active\"}", "1"),
    ] {
        assert_eq!(value(&text, sample).to_string(), wanted, "{sample}");
    }
    assert!(value(&text, "process_resident_memory_bytes") > 1_000_000.0);
}

#[test]
fn a_group_that_was_stored_is_measured() {
    let ledger = Ledger::new();
    let daemon = Daemon::start(&ledger);
    daemon.commands(BOOK);
    let text = daemon.get("/metrics").body;
    let events = value(&text, "revledger_group_events_sum{book=\"main\"}");
    let groups = value(&text, "revledger_group_events_count{book=\"main\"}");
    assert_eq!((events.to_string(), groups), ("5".to_owned(), groups));
    assert!((1.0..=4.0).contains(&groups), "{text}");
    let appends = value(&text, "revledger_append_seconds_count{book=\"main\"}");
    assert_eq!(appends.to_string(), groups.to_string());
    let buckets = "revledger_group_events_bucket{book=\"main\",le=\"+Inf\"}";
    assert_eq!(value(&text, buckets).to_string(), groups.to_string());
}

#[test]
fn the_shipped_alerts_use_what_there_is_and_are_explained() {
    let rules: Value =
        serde_yaml_ng::from_str(&read("docker/prometheus/revledger.rules.yml")).unwrap();
    let rules = rules["groups"][0]["rules"].as_array().unwrap();
    let known = documented();
    let mut alerts = BTreeSet::new();
    for rule in rules {
        alerts.insert(rule["alert"].as_str().unwrap().to_owned());
        assert!(rule["annotations"]["summary"].is_string(), "{rule}");
        let expression = rule["expr"].as_str().unwrap();
        let words =
            expression.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        for word in
            words.filter(|word| word.starts_with("revledger_") || word.starts_with("process_"))
        {
            let name = word.strip_suffix("_bucket").unwrap_or(word);
            assert!(known.contains_key(name), "{word} in {expression}");
        }
    }
    let explained: BTreeSet<String> =
        table("alert").into_iter().map(|row| row[0].clone()).collect();
    assert_eq!(alerts, explained);
}
