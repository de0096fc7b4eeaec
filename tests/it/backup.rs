//! A book in one file and back: every byte, or nothing.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use ledger_core::log::journal::Journal;
use ledger_core::log::nats_server::NatsServer;
use ledger_core::log::{EventLog, Record, StoredRecord};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::harness::{BOOK, Ledger};

#[path = "backup/damage.rs"]
mod damage;
#[path = "backup/migrate.rs"]
mod migrate;
#[path = "backup/unfinished.rs"]
mod unfinished;

/// Runs the futures of logs.
fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(future)
}

/// Every event of a journal.
fn events(journal: &Path) -> Vec<StoredRecord> {
    wait(Journal::open_read_only(journal).unwrap().read(1, usize::MAX)).unwrap()
}

fn journal(ledger: &Ledger) -> PathBuf {
    ledger.path().join("main/journal")
}

fn records(events: &[StoredRecord]) -> Vec<Record> {
    events.iter().map(|stored| stored.record.clone()).collect()
}

/// Writes a journal that holds so many of the events.
fn write_journal(folder: &Path, events: &[Record]) {
    let journal = Journal::open(folder).unwrap();
    if !events.is_empty() {
        let last = u64::try_from(events.len()).unwrap();
        assert_eq!(wait(journal.append(0, events.to_vec())), Ok(last));
    }
}

/// Every file below a folder with its bytes.
fn tree(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(tree(&path));
        } else {
            let bytes = fs::read(&path).unwrap();
            found.push((path, bytes));
        }
    }
    found.sort();
    found
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A book with [`BOOK`] and its backup, written by a run that is returned as JSON.
fn backed_up() -> (Ledger, PathBuf, Value) {
    let ledger = Ledger::new();
    ledger.expect(0, &["apply", "-", "--quiet"], BOOK);
    let file = ledger.path().join("main.rvbackup");
    let run = ledger.expect(0, &["backup", text(&file), "--digests", "--format", "json"], "");
    (ledger, file, run.json())
}

/// A command that registers a customer.
fn customer(number: usize) -> String {
    let data = json!({"customer": format!("K-{number}"), "name": "K"});
    let command = json!({"id": format!("k{number}"), "command": "RegisterCustomer",
        "effective": "2026-01-01", "data": data});
    format!("{command}\n")
}

fn customers(count: usize) -> String {
    (0..count).map(customer).collect()
}

fn digests(ledger: &Ledger, options: &[&str]) -> Value {
    let run = ledger.expect(0, &[&["replay", "--format", "json"], options].concat(), "");
    let rows = run.json()["projections"].as_array().unwrap().clone();
    let named =
        |row: &Value| (row["projection"].as_str().unwrap().to_owned(), row["digest"].clone());
    Value::Object(rows.iter().map(named).collect())
}

#[test]
fn a_restored_book_is_the_book() {
    let (old, file, told) = backed_up();
    assert_eq!((&told["events"], &told["last_sequence"]), (&json!(5), &json!(5)));
    assert_eq!(told["book"], "main");
    assert_eq!(told["bytes"], fs::metadata(&file).unwrap().len());
    assert_eq!(told["digests"], digests(&old, &[]));
    let checked = ["backup", "--verify", text(&file), "--digests", "--format", "json"];
    // On a machine without a book.
    assert_eq!(Ledger::new().expect(0, &checked, "").json(), told);

    let new = Ledger::new();
    let restore = ["restore", text(&file), "--digests", "--format", "json"];
    let restored = new.expect(0, &restore, "").json();
    for field in ["events", "last_sequence", "chain", "digests"] {
        assert_eq!(restored[field], told[field], "{field}");
    }
    assert_eq!(events(&journal(&new)), events(&journal(&old)));
    assert_eq!(digests(&new, &[]), told["digests"]);
    let anchor = |ledger: &Ledger| fs::read(ledger.path().join("main/journal.anchor")).unwrap();
    assert_eq!(anchor(&new), anchor(&old));
    new.expect(0, &["verify"], "");
    // What was answered before is answered the same, and what comes next goes on.
    let again = |ledger: &Ledger| ledger.expect(0, &["apply", "-"], BOOK).out;
    assert_eq!(again(&new), again(&old));
    let next = BOOK.lines().nth(1).unwrap().replace("c2", "c5").replace("C-1", "C-2");
    assert_eq!(new.expect(0, &["apply", "-"], &next).lines()[0]["sequence"], 6);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 6, failure_persistence: None, ..ProptestConfig::default()
    })]
    #[test]
    fn whatever_is_in_a_book_comes_back(
        payments in vec(("\\PC{1,20}", 1_u32..100_000, "\\PC{0,30}"), 1..40)
    ) {
        let mut lines: String = BOOK.lines().take(2).map(|line| format!("{line}\n")).collect();
        for (number, (name, cents, reason)) in payments.into_iter().enumerate() {
            let amount = format!("{}.{:02}", cents / 100, cents % 100);
            let command = json!({"id": format!("p{number}"), "command": "RecordPayment",
                "effective": "2026-02-01", "reason": reason, "data": {
                    "payment": format!("{name}{number}"), "customer": "C-1", "amount": amount,
                    "currency": "USD", "allocate": "none"}});
            writeln!(lines, "{command}").unwrap();
        }
        let (old, new) = (Ledger::new(), Ledger::new());
        // A name that is refused is refused: the others are the book.
        old.run_with(&["apply", "-", "--quiet"], &lines);
        let file = old.path().join("b");
        old.expect(0, &["backup", text(&file), "--quiet"], "");
        new.expect(0, &["restore", text(&file), "--quiet"], "");
        prop_assert_eq!(events(&journal(&new)), events(&journal(&old)));
        prop_assert_eq!(digests(&new, &[]), digests(&old, &[]));
    }
}

#[test]
fn a_backup_beside_a_daemon_is_a_prefix_of_what_it_wrote() {
    let ledger = Ledger::new();
    let daemon = Daemon::start(&ledger);
    daemon.commands(BOOK);
    let files: Vec<PathBuf> = std::thread::scope(|scope| {
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let daemon = &daemon;
        let writer = scope.spawn(move || {
            let mut number = 0;
            while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                let lines: Vec<String> = (number..number + 50).map(customer).collect();
                assert_eq!(daemon.commands(&lines.concat()).status, 200);
                number += 50;
            }
        });
        let backup = |number: usize| {
            let file = ledger.path().join(format!("{number}.rvbackup"));
            ledger.expect(0, &["backup", text(&file)], "");
            file
        };
        let files = (0..5).map(backup).collect();
        drop(stop);
        writer.join().unwrap();
        files
    });
    assert_eq!(daemon.terminate(), 0);
    let all = events(&journal(&ledger));
    let mut before = 5;
    for file in files {
        let new = Ledger::new();
        new.expect(0, &["restore", text(&file)], "");
        let restored = events(&journal(&new));
        assert!(restored.len() >= before, "no less than what was answered before it");
        assert!(all.starts_with(&restored), "{} events are no prefix", restored.len());
        before = restored.len();
        new.expect(0, &["verify"], "");
    }
}

#[test]
fn a_stream_and_a_journal_have_the_same_backup() {
    let server = NatsServer::start().unwrap();
    let (url, monitor) = (server.url(), server.monitor_url());
    let nats = ["--nats", &url, "--nats-monitor", &monitor];
    let (old, file, told) = backed_up();
    let restore = [&["restore", text(&file), "--format", "json"], &nats[..]].concat();
    let restored = old.expect(0, &restore, "").json();
    assert_eq!(restored["chain"], told["chain"]);
    assert_eq!(digests(&old, &["--nats", &url]), told["digests"]);
    assert!(old.path().join("main/stream.anchor").is_file());
    let again = old.expect(1, &restore, "");
    assert!(again.err.contains("error[target.book_exists]"), "{}", again.err);

    // A daemon takes it up where it was.
    let daemon = Daemon::start_with(&old, &nats);
    let served = daemon.get("/v1/books/main/reports/receivables?as_of=2026-03-01");
    assert_eq!(served.json()["rows"][0]["total"], "700.00");
    let other = old.path().join("stream.rvbackup");
    old.expect(0, &["backup", text(&other), "--nats", &url], "");
    assert_eq!(daemon.terminate(), 0);
    let new = Ledger::new();
    new.expect(0, &["restore", text(&other)], "");
    assert_eq!(events(&journal(&new)), events(&journal(&old)));
    // Nothing but the instant is another in the two files.
    let frames = |file: &Path| {
        let bytes = fs::read(file).unwrap();
        let first = bytes.windows(4).position(|four| four == b"RVJ1").unwrap();
        bytes[first..bytes.len() - 36].to_vec()
    };
    assert_eq!(frames(&file), frames(&other));
}

#[test]
fn a_stream_that_a_daemon_serves_is_not_restored_into() {
    let server = NatsServer::start().unwrap();
    let (url, monitor) = (server.url(), server.monitor_url());
    let nats = ["--nats", &url, "--nats-monitor", &monitor];
    let (old, file, _) = backed_up();
    let restore = [&["restore", text(&file)], &nats[..]].concat();
    let new = Ledger::new();
    let daemon = Daemon::start_with(&new, &nats);
    let refused = old.expect(3, &restore, "");
    assert!(refused.err.contains("error[target.in_use]"), "{}", refused.err);
    assert_eq!(daemon.terminate(), 0);
    // The stream that it made is empty: nothing is in the way.
    old.expect(0, &restore, "");
    // A journal that was opened and never used is not in the way either.
    let journal_daemon = Daemon::start(&new);
    let refused = new.expect(3, &["restore", text(&file)], "");
    assert!(refused.err.contains("another process has it open"), "{}", refused.err);
    assert_eq!(journal_daemon.terminate(), 0);
    new.expect(0, &["restore", text(&file)], "");
    assert_eq!(events(&journal(&new)), events(&journal(&old)));
}
