//! What HTTP takes, and for how long it waits.

use std::io::{Read, Write};
use std::net::TcpStream;

use ledger_core::log::nats_server::NatsServer;

use crate::daemon::Daemon;
use crate::harness::{BOOK, Ledger};

#[test]
fn a_head_that_does_not_come_or_is_too_long_is_not_waited_for() {
    let ledger = Ledger::new();
    let daemon = Daemon::start(&ledger);
    // Many of them: nobody else is kept out.
    let mut slow: Vec<TcpStream> =
        (0..20).map(|_| TcpStream::connect(daemon.address()).unwrap()).collect();
    for stream in &mut slow {
        write!(stream, "POST /v1/books/main/commands HTTP/1.1\r\nHost: le").unwrap();
    }
    assert_eq!(daemon.commands(BOOK).lines()[3]["sequence"], 5);
    let padding = "x".repeat(20_000);
    let kind = format!("application/json\r\nX-Padding: {padding}");
    let long = daemon.ask("POST /v1/books/main/commands", &kind, b"{}");
    assert_eq!(long.status, 431, "{long:?}");
    for stream in &mut slow {
        let mut rest = Vec::new();
        // The daemon ends the connection; a daemon that waits for ever hangs the test.
        stream.read_to_end(&mut rest).ok();
        let rest = String::from_utf8_lossy(&rest);
        assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 408"), "{rest}");
    }
}

#[test]
fn more_connections_than_are_served_at_once_wait_for_their_turn() {
    let ledger = Ledger::new();
    let daemon = Daemon::start(&ledger);
    daemon.commands(BOOK);
    let connect = || TcpStream::connect(daemon.address()).unwrap();
    let mut held: Vec<TcpStream> = (0..ledger_core::limits::HTTP_CONNECTIONS_MAX)
        .map(|_| {
            let mut stream = connect();
            write!(stream, "GET /livez HTTP/1.1\r\nHost: le").unwrap();
            stream
        })
        .collect();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| daemon.get("/livez").status);
        // One of those that are served ends, whether at its own end or at its deadline.
        for stream in &mut held {
            write!(stream, "dger\r\nConnection: close\r\n\r\n").ok();
        }
        assert_eq!(waiting.join().unwrap(), 200);
    });
}

/// Sends so many commands in one request; the codes of their replies.
fn flood(daemon: &Daemon, caller: usize) -> Vec<String> {
    let line = |number: usize| {
        format!(
            "{{\"id\":\"f{caller}-{number}\",\"command\":\"RegisterCustomer\",\"effective\":\"2026-01-01\",\
             \"data\":{{\"customer\":\"F-{caller}-{number}\",\"name\":\"K\"}}}}\n"
        )
    };
    let lines: String = (0..400).map(line).collect();
    let codes = daemon.commands(&lines).lines().into_iter();
    codes.map(|reply| reply["error"]["code"].as_str().unwrap_or("accepted").to_owned()).collect()
}

#[test]
fn behind_a_log_that_hangs_callers_are_told_busy_or_unknown_and_when_to_come_again() {
    let server = NatsServer::start().unwrap();
    let ledger = Ledger::new();
    let (url, monitor) = (server.url(), server.monitor_url());
    let daemon = Daemon::start_with(&ledger, &["--nats", &url, "--nats-monitor", &monitor]);
    daemon.commands(BOOK);
    server.pause().unwrap();
    let codes = std::thread::scope(|scope| {
        let floods: Vec<_> = (0..5)
            .map(|caller| {
                scope.spawn({
                    let daemon = &daemon;
                    move || flood(daemon, caller)
                })
            })
            .collect();
        // More than are on their way and in the next group: this one is not looked at.
        daemon.until("/metrics", |answer| {
            let waiting = "revledger_queue_commands{book=\"main\"} ";
            let line = answer.body.lines().find_map(|line| line.strip_prefix(waiting));
            line.unwrap().parse::<u64>().unwrap() >= 100
        });
        let (head, busy) = daemon.ask_with_head(
            "POST /v1/books/main/commands",
            "application/json",
            BOOK.lines().next().unwrap().replace("c1", "late").as_bytes(),
        );
        // On a slow machine its turn to write is over by then.
        let told = (busy.status, busy.json()["error"]["code"].as_str().unwrap().to_owned());
        assert!(
            [(429, "book.busy".into()), (503, "book.standby".into())].contains(&told),
            "{told:?}"
        );
        let milliseconds = busy.json()["error"]["retry_after_ms"].as_u64().unwrap();
        let header = format!("\r\nretry-after: {}\r\n", milliseconds.div_ceil(1_000));
        assert!(format!("{head}\r\n").to_ascii_lowercase().contains(&header), "{head}");
        let codes = floods.into_iter().flat_map(|flood| flood.join().unwrap());
        codes.collect::<Vec<String>>()
    });
    let count = |code: &str| codes.iter().filter(|one| *one == code).count();
    let (busy, unknown) = (count("book.busy"), count("command.outcome_unknown"));
    // Without a server its turn to write ends, too, and nothing is decided any more.
    let standby = count("book.standby");
    let told = (busy + unknown + standby, busy + standby > 0, unknown > 0);
    assert_eq!(told, (2_000, true, true), "{busy} busy, {unknown} unknown, {standby} standby");
    server.resume().unwrap();
    daemon.until("/readyz", |answer| answer.status == 200);
    // Each is there once, whatever its caller was told.
    for caller in 0..5 {
        assert!(flood(&daemon, caller).iter().all(|code| code == "accepted"));
    }
    let report = daemon.get("/v1/books/main/reports/receivables?as_of=2026-03-01").json();
    assert_eq!(report["sequence"], 2_005);
    assert_eq!(daemon.terminate(), 0);
}

#[test]
fn many_lines_in_one_request_are_all_answered() {
    let ledger = Ledger::new();
    let daemon = Daemon::start(&ledger);
    daemon.commands(BOOK);
    let lines: String = (0..3_000)
        .map(|number| {
            format!(
                "{{\"id\":\"k{number}\",\"command\":\"RegisterCustomer\",\"effective\":\"2026-01-01\",\
                 \"data\":{{\"customer\":\"K-{number}\",\"name\":\"K\"}}}}\n"
            )
        })
        .collect();
    let answer = daemon.commands(&lines);
    assert_eq!(answer.status, 200);
    let replies = answer.lines();
    assert_eq!(replies.len(), 3_000);
    assert!(replies.iter().all(|reply| reply["outcome"] == "accepted"));
    assert_eq!(daemon.terminate(), 0);
}
