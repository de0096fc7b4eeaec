//! What HTTP takes, and for how long it waits.

use std::io::{Read, Write};
use std::net::TcpStream;

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
