//! A book from the journal to JetStream and back: the same bytes, or the place is no book.

use std::process::Child;

use ledger_core::log::SharedLog;
use ledger_core::log::jetstream::{JetStreamLog, StreamSettings, StreamStanding};

use super::*;

/// Events of a book that takes a while to bring somewhere.
const MANY: usize = 4_000;

fn settings(server: &NatsServer) -> StreamSettings {
    StreamSettings {
        book: "main".to_owned(),
        shard: 0,
        replicas: Some(1),
        monitors: vec![server.monitor_url()],
        unsafe_dev: false,
    }
}

async fn client(server: &NatsServer) -> async_nats::Client {
    async_nats::connect(server.url()).await.unwrap()
}

/// Every event of the book's stream.
fn stream(server: &NatsServer) -> Vec<StoredRecord> {
    wait(async {
        let log = JetStreamLog::open_existing(client(server).await, settings(server)).await;
        log.unwrap().read(1, usize::MAX).await.unwrap()
    })
}

fn standing(server: &NatsServer) -> StreamStanding {
    wait(async { JetStreamLog::standing(&client(server).await, &settings(server)).await.unwrap() })
}

/// Leaves a stream as a migration does that was killed behind so many events.
fn leave_unfinished(server: &NatsServer, events: &[Record]) {
    wait(async {
        let log = JetStreamLog::open_to_fill(client(server).await, settings(server), "a test");
        log.await.unwrap().append(0, events.to_vec()).await.unwrap();
    });
}

fn book() -> Ledger {
    let ledger = Ledger::new();
    ledger.expect(0, &["apply", "-", "--quiet"], BOOK);
    ledger
}

fn to_stream<'a>(url: &'a str, monitor: &'a str) -> [&'a str; 7] {
    ["migrate", "--to", url, "--nats-monitor", monitor, "--format", "json"]
}

#[test]
fn there_and_back_is_the_same_book() {
    let server = NatsServer::start().unwrap();
    let (url, monitor) = (server.url(), server.monitor_url());
    let ledger = book();
    let before = tree(&journal(&ledger));
    let there = ledger.expect(0, &to_stream(&url, &monitor), "");
    assert_eq!((&there.json()["brought"], &there.json()["there_before"]), (&json!(5), &json!(0)));
    assert_eq!(there.json()["digests"], digests(&ledger, &[]));
    assert!(
        there.err.contains(&format!("revledger serve --book main --nats {url}")),
        "{}",
        there.err
    );
    assert_eq!(tree(&journal(&ledger)), before, "the source is untouched");
    assert_eq!(stream(&server), events(&journal(&ledger)));
    assert_eq!(digests(&ledger, &["--nats", &url]), there.json()["digests"]);
    ledger.expect(0, &["verify", "--nats", &url], "");
    // Again is the same.
    let again = ledger.expect(0, &to_stream(&url, &monitor), "").json();
    assert_eq!((&again["brought"], &again["there_before"]), (&json!(0), &json!(5)));

    // A daemon goes on with it, and back it comes with what it added.
    let nats = ["--nats", &url, "--nats-monitor", &monitor];
    let daemon = Daemon::start_with(&ledger, &nats);
    let next = BOOK.lines().nth(1).unwrap().replace("c2", "c5").replace("C-1", "C-2");
    assert_eq!(daemon.command(&next).json()["sequence"], 6);
    let new = Ledger::new();
    let back = ["migrate", "--nats", &url, "--to", text(new.path())];
    let refused = ledger.expect(3, &back, "");
    assert!(refused.err.contains("error[source.in_use]"), "{}", refused.err);
    let refused = ledger.expect(3, &["migrate", "--to", "/x", "--nats", "nats://127.0.0.1:1"], "");
    assert!(refused.err.contains("error[nats.unreachable]"), "{}", refused.err);
    assert_eq!(daemon.terminate(), 0);
    ledger.expect(0, &back, "");
    assert_eq!(events(&journal(&new)), stream(&server));
    assert_eq!(digests(&new, &[]), digests(&ledger, &["--nats", &url]));
    new.expect(0, &["verify"], "");
    // The old journal is an earlier state of what is in the stream now.
    let old = ledger.expect(1, &to_stream(&url, &monitor), "");
    assert!(old.err.contains("error[target.book_exists]"), "{}", old.err);
    assert!(old.err.contains("the same one up to event 5, but ends at 6, not at 5"), "{}", old.err);
    let old = ledger.expect(1, &[&back[..4], &[text(ledger.path())]].concat(), "");
    assert!(old.err.contains("up to event 5, but ends at 5, not at 6"), "{}", old.err);
}

#[test]
fn a_killed_migration_is_no_book_and_goes_on() {
    let server = NatsServer::start().unwrap();
    let (url, monitor) = (server.url(), server.monitor_url());
    let ledger = book();
    ledger.expect(0, &["apply", "-", "--quiet"], &customers(MANY));
    let mut child: Child = ledger.command(&to_stream(&url, &monitor)).spawn().unwrap();
    // Killed as soon as there is something: the end is far away then.
    let last = || {
        wait(async {
            let log = JetStreamLog::open_filled(client(&server).await, settings(&server)).await;
            match log {
                Ok(log) => log.last_sequence().await.unwrap(),
                Err(_) => 0,
            }
        })
    };
    while last() == 0 {
        assert_eq!(child.try_wait().unwrap(), None, "it ended before it was killed");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(standing(&server), StreamStanding::Unfinished);
    let nats = ["--nats", &url, "--nats-monitor", &monitor];
    for verb in [&["report", "receivables"][..], &["serve"], &["backup", "x"], &["verify"]] {
        let run = ledger.expect(3, &[verb, &nats].concat(), "");
        assert!(run.err.contains("error[store.unfinished]"), "{verb:?}: {}", run.err);
        assert!(run.err.contains("a migration has begun to fill it"), "{verb:?}: {}", run.err);
    }
    let again = ledger.expect(0, &to_stream(&url, &monitor), "").json();
    assert_eq!(again["last_sequence"], 5 + MANY);
    assert!(again["there_before"].as_u64().unwrap() > 0, "{again}");
    assert_eq!(stream(&server), events(&journal(&ledger)));
    assert_eq!(again["digests"], digests(&ledger, &["--nats", &url]));
}

#[test]
fn an_unfinished_stream_goes_on_from_every_event() {
    let ledger = book();
    let all = records(&events(&journal(&ledger)));
    let server = NatsServer::start().unwrap();
    let (url, monitor) = (server.url(), server.monitor_url());
    for there in 1..=all.len() {
        leave_unfinished(&server, &all[..there]);
        let run = ledger.expect(0, &to_stream(&url, &monitor), "").json();
        assert_eq!(run["there_before"], there);
        assert_eq!(records(&stream(&server)), all);
        wait(async {
            let context = async_nats::jetstream::new(client(&server).await);
            context.delete_stream("LEDGER_main_0").await.unwrap();
        });
    }
}

#[test]
fn a_place_with_something_else_is_refused_and_left_alone() {
    let server = NatsServer::start().unwrap();
    let (url, monitor) = (server.url(), server.monitor_url());
    let ledger = book();
    let mut other = records(&events(&journal(&ledger)));
    let value = &mut other[3].headers[1].1;
    *value = format!("{value}x").into();
    leave_unfinished(&server, &other[..4]);
    let run = ledger.expect(1, &to_stream(&url, &monitor), "");
    assert!(run.err.contains("error[target.differs]"), "{}", run.err);
    assert!(run.err.contains("event 4 is the first that is another one"), "{}", run.err);
    assert_eq!(standing(&server), StreamStanding::Unfinished);
    wait(async {
        let log = JetStreamLog::open_filled(client(&server).await, settings(&server)).await;
        assert_eq!(records(&log.unwrap().read(1, 10).await.unwrap()), other[..4]);
    });

    // A book of the same name in another data folder.
    let taken = Ledger::new();
    taken.expect(0, &["apply", "-", "--quiet"], &BOOK.replace("2026-01-01", "2026-01-02"));
    let before = tree(taken.path());
    let run = ledger.expect(1, &["migrate", "--to", text(taken.path())], "");
    assert!(run.err.contains("error[target.book_exists]"), "{}", run.err);
    assert!(run.err.contains("event 1 is the first that is another one there"), "{}", run.err);
    assert_eq!(tree(taken.path()), before);
}

#[test]
fn each_wrong_use_has_a_code_and_a_way_out() {
    let ledger = book();
    let folder = text(ledger.path());
    let empty = Ledger::new();
    write_journal(&journal(&empty), &[]);
    let same = format!("{folder}/../{}", ledger.path().file_name().unwrap().to_str().unwrap());
    let rows: [(i32, &[&str], &str); 7] = [
        (2, &["migrate", "--to", folder], "migrate.same_place"),
        (2, &["migrate", "--to", &same], "migrate.same_place"),
        (2, &["migrate", "--to", "nats://a:1", "--nats", "nats://a:1"], "migrate.same_place"),
        (2, &["migrate", "--to", "localhost:4222"], "migrate.target"),
        (3, &["migrate", "--to", "nats://127.0.0.1:1"], "nats.unreachable"),
        (3, &["migrate", "--to", "/x", "--book", "nobody"], "store.missing"),
        (1, &["migrate", "--to", "/x", "--data", text(empty.path())], "migrate.empty"),
    ];
    for (code, arguments, expected) in rows {
        let run = ledger.expect(code, arguments, "");
        assert!(run.err.contains(&format!("error[{expected}]")), "{arguments:?}: {}", run.err);
        assert!(run.err.contains("\n  do:  "), "{arguments:?}: {}", run.err);
    }
    // A process that writes to the journal.
    let daemon = Daemon::start(&ledger);
    let to = empty.path().join("new");
    let run = ledger.expect(3, &["migrate", "--to", text(&to)], "");
    assert!(run.err.contains("another process has it open"), "{}", run.err);
    assert_eq!(daemon.terminate(), 0);
    ledger.expect(0, &["migrate", "--to", text(&to)], "");
    assert_eq!(events(&to.join("main/journal")), events(&journal(&ledger)));
    // A stream of which it is not proven that it keeps what it acknowledges.
    let server = NatsServer::start_without_sync().unwrap();
    let run = ledger.expect(10, &["migrate", "--to", &server.url()], "");
    assert!(run.err.contains("error[store.unsafe]"), "{}", run.err);
    assert_eq!(standing(&server), StreamStanding::Missing);
}

/// The log of a book that only may be read: nothing is written there, not even a lock.
#[test]
fn the_source_is_only_read() {
    let ledger = book();
    fs::remove_file(journal(&ledger).join("lock")).unwrap();
    let before = tree(ledger.path());
    let new = Ledger::new();
    ledger.expect(0, &["migrate", "--to", text(new.path())], "");
    assert_eq!(tree(ledger.path()), before);
    let log: SharedLog = std::sync::Arc::new(Journal::open_with_anchor(&journal(&new), 5).unwrap());
    assert_eq!(wait(log.last_sequence()), Ok(5));
}

/// The answer to a group is lost with the server: what is there is asked for, and nothing is twice.
#[test]
fn a_server_that_restarts_in_between_loses_and_doubles_nothing() {
    let mut server = NatsServer::start().unwrap();
    let (url, monitor) = (server.url(), server.monitor_url());
    let ledger = book();
    ledger.expect(0, &["apply", "-", "--quiet"], &customers(MANY));
    let mut child: Child = ledger.command(&to_stream(&url, &monitor)).spawn().unwrap();
    while standing(&server) == StreamStanding::Missing {
        assert_eq!(child.try_wait().unwrap(), None, "it ended before it began");
    }
    server.restart().unwrap();
    // It waits for the server, or gives up: then it is run again.
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(matches!(output.status.code(), Some(0 | 3)), "{said}");
    ledger.expect(0, &to_stream(&url, &monitor), "");
    assert_eq!(stream(&server), events(&journal(&ledger)));
}
