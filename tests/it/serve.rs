//! The daemon on the embedded log: HTTP, a clean end, a kill, and logs that were changed.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;

use crate::daemon::Daemon;
use crate::harness::{BOOK, Ledger};

fn customer(number: usize) -> String {
    format!(
        r#"{{"id":"k{number}","command":"RegisterCustomer","effective":"2026-01-01","data":{{"customer":"K-{number}","name":"K"}}}}"#
    )
}

#[test]
fn commands_and_reports_over_http() {
    let ledger = Ledger::new();
    let daemon = Daemon::start(&ledger);
    let lines: Vec<&str> = BOOK.lines().collect();
    let first = daemon.command(lines[0]);
    assert_eq!((first.status, &first.json()["outcome"]), (200, &"accepted".into()));
    assert_eq!(daemon.command(lines[0]), first, "the same bytes");
    let many = daemon.commands(BOOK);
    assert_eq!(many.status, 200);
    let replies = many.lines();
    assert_eq!(replies.len(), 4);
    assert_eq!(replies[3]["sequence"], 5);
    assert_eq!(daemon.commands(BOOK), many);

    // What was answered is in every report after it.
    let report = daemon.get("/v1/books/main/reports/receivables?as_of=2026-03-01");
    assert_eq!(report.status, 200);
    assert_eq!(report.json()["rows"][0]["total"], "700.00");
    assert_eq!(report.json()["sequence"], 5);
    assert_eq!(report.json()["unsafe_dev"], serde_json::Value::Null);
    let csv = daemon.get("/v1/books/main/reports/open-items?as_of=2026-03-01&format=csv");
    assert!(csv.body.lines().nth(1).unwrap().starts_with("INV-1,C-1,"), "{}", csv.body);
    let known = daemon.get("/v1/books/main/reports/receivables?as_of=2026-03-01&at_sequence=3");
    assert_eq!(known.json()["rows"][0]["total"], "1200.00");
    assert_eq!(daemon.get("/livez").status, 200);
    assert_eq!(daemon.get("/readyz").status, 200);
}

#[test]
fn what_http_refuses_has_a_status_and_a_code() {
    let ledger = Ledger::new();
    let daemon = Daemon::start(&ledger);
    daemon.commands(BOOK);
    let reports = "/v1/books/main/reports";
    let too_much = vec![b' '; 17 * 1024 * 1024];
    let answers = [
        (daemon.command("no json"), 400, "command.malformed"),
        (daemon.command(&BOOK.lines().next().unwrap().replace("c1", "d1")), 422, "book.exists"),
        (
            daemon.command(&BOOK.lines().nth(1).unwrap().replace("One", "Two")),
            409,
            "command.id_reused",
        ),
        (daemon.get(&format!("{reports}/recievables")), 404, "report.unknown"),
        (daemon.get(&format!("{reports}/receivables?as_of=2026-02-30")), 422, "date.invalid"),
        (daemon.get(&format!("{reports}/receivables?asof=2026-02-01")), 422, "report.filter"),
        (daemon.get(&format!("{reports}/receivables?format=xml")), 422, "report.filter"),
        (daemon.get("/v1/books/other/reports/receivables"), 422, "book.mismatch"),
        (
            daemon.ask("POST /v1/books/main/commands", "application/x-ndjson", &too_much),
            413,
            "command.too_large",
        ),
    ];
    for (answer, status, code) in answers {
        assert_eq!(answer.json()["error"]["code"], code, "{answer:?}");
        assert_eq!(answer.status, status, "{answer:?}");
    }
    assert_eq!(daemon.get("/no/such/place").status, 404);
    assert_eq!(daemon.command(&customer(1)).json()["outcome"], "accepted", "it goes on");
}

#[test]
fn a_daemon_that_is_told_to_end_leaves_a_whole_book() {
    let ledger = Ledger::new();
    let daemon = Daemon::start(&ledger);
    daemon.commands(BOOK);
    // One book has one daemon.
    let second = ledger.expect(3, &["serve", "--listen", "127.0.0.1:0"], "");
    assert!(second.err.contains("error[store."), "{}", second.err);
    let taken = Ledger::new().expect(3, &["serve", "--listen", daemon.address()], "");
    assert!(taken.err.contains("--listen"), "{}", taken.err);
    let open = ledger.expect(2, &["serve", "--listen", "0.0.0.0:0"], "");
    assert!(open.err.contains("loopback"), "{}", open.err);
    assert_eq!(daemon.terminate(), 0);
    assert!(ledger.expect(0, &["verify"], "").out.contains("ok"));
    let compared = ledger.expect(0, &["replay", "--compare", "--format", "json"], "").json();
    assert_eq!(compared["sequence"], 5);
    let rows = compared["projections"].as_array().unwrap();
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row["same"] == true), "{compared}");
    let again = Daemon::start(&ledger);
    assert_eq!(again.command(&customer(1)).json()["sequence"], 6);
}

#[test]
fn what_a_killed_daemon_acknowledged_is_there() {
    for killed_after in [0, 1, 7, 60] {
        let ledger = Ledger::new();
        let mut daemon = Daemon::start(&ledger);
        daemon.commands(BOOK);
        let acknowledged = requests_until_killed(&mut daemon, killed_after);
        let again = Daemon::start(&ledger);
        for (number, reply) in acknowledged.iter().enumerate() {
            assert_eq!(again.command(&customer(number)).body, *reply, "after {killed_after}");
        }
        // The request that was under way when it died is there once or not at all.
        let rest = again.command(&customer(killed_after)).json();
        assert_eq!(rest["sequence"], 6 + killed_after, "after {killed_after}");
        assert_eq!(again.terminate(), 0);
        ledger.expect(0, &["verify"], "");
    }
}

/// Sends one command after another on one connection, one more than it reads replies, and kills
/// the daemon; the replies.
fn requests_until_killed(daemon: &mut Daemon, replies: usize) -> Vec<String> {
    let mut stream = TcpStream::connect(daemon.address()).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut send = |number: usize| {
        let body = customer(number);
        write!(
            stream,
            "POST /v1/books/main/commands HTTP/1.1\r\nHost: ledger\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
    };
    let mut acknowledged = Vec::new();
    for number in 0..replies {
        send(number);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        acknowledged.push(String::from_utf8(body).unwrap());
    }
    send(replies);
    daemon.kill();
    acknowledged
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_log_that_lost_its_end_is_not_gone_on_with() {
    let ledger = Ledger::new();
    ledger.expect(0, &["apply", "-"], BOOK);
    let (journal, kept) = (ledger.path().join("main/journal"), ledger.path().join("kept"));
    copy(&journal, &kept);
    let daemon = Daemon::start(&ledger);
    daemon.command(&customer(1));
    assert_eq!(daemon.terminate(), 0);
    // Somebody puts an older copy back: whole by itself, and shorter than what was acknowledged.
    fs::remove_dir_all(&journal).unwrap();
    copy(&kept, &journal);
    for arguments in [
        &["serve", "--listen", "127.0.0.1:0"][..],
        &["apply", "-"],
        &["report", "receivables"],
        &["replay"],
    ] {
        let run = ledger.expect(20, arguments, "");
        assert!(run.err.contains("error[store."), "{arguments:?}: {}", run.err);
        assert!(run.err.contains("restore"), "{arguments:?}: {}", run.err);
    }
    let verify = ledger.expect(1, &["verify"], "");
    assert!(verify.out.contains("anchor"), "{}", verify.out);
}
