//! SIGTERM under load: whatever was acknowledged is there, and the daemon ends well.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_nats::Client;
use ledger_core::log::nats_server::NatsServer;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::daemon::Daemon;
use crate::harness::{BOOK, Ledger};

/// Callers at once.
const CALLERS: usize = 8;

fn customer(id: &str) -> String {
    format!(
        r#"{{"id":"{id}","command":"RegisterCustomer","effective":"2026-01-01","data":{{"customer":"{id}","name":"K"}}}}"#
    )
}

/// One connection that sends commands until it is cut; the replies by id.
fn call_until_cut(
    address: &str,
    caller: usize,
    accepted: &AtomicUsize,
) -> BTreeMap<String, String> {
    let mut replies = BTreeMap::new();
    let Ok(mut stream) = TcpStream::connect(address) else { return replies };
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    for number in 0.. {
        let id = format!("k{caller}-{number}");
        let body = customer(&id);
        let sent = write!(
            stream,
            "POST /v1/books/main/commands HTTP/1.1\r\nHost: ledger\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let Some(reply) = sent.ok().and_then(|()| read_reply(&mut reader)) else { break };
        if reply.contains(r#""outcome":"accepted""#) {
            accepted.fetch_add(1, Ordering::SeqCst);
            replies.insert(id, reply);
        } else {
            assert!(reply.contains("book.not_ready"), "{reply}");
        }
    }
    replies
}

fn read_reply(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(String::from_utf8(body).unwrap())
}

/// Loads a daemon from several callers, ends it once so many commands are accepted, and compares
/// with what the next daemon says.
fn end_under_load(ledger: &Ledger, options: &[&str], accepted_before: usize, round: usize) {
    let daemon = Daemon::start_with(ledger, options);
    let address = daemon.address().to_owned();
    let accepted = AtomicUsize::new(0);
    let replies: BTreeMap<String, String> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let (address, accepted) = (&address, &accepted);
                scope.spawn(move || call_until_cut(address, round * CALLERS + caller, accepted))
            })
            .collect();
        while accepted.load(Ordering::SeqCst) < accepted_before {
            std::thread::yield_now();
        }
        assert_eq!(daemon.terminate(), 0);
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    });
    assert!(replies.len() >= accepted_before);
    let again = Daemon::start_with(ledger, options);
    let ids: Vec<&String> = replies.keys().collect();
    let body: String = ids.iter().map(|id| customer(id) + "\n").collect();
    let answers = again.commands(&body);
    let answers: Vec<&str> = answers.body.lines().collect();
    assert_eq!(answers.len(), ids.len());
    for (id, answer) in ids.into_iter().zip(answers) {
        assert_eq!(answer, replies[id], "what was acknowledged is there");
    }
    assert_eq!(again.terminate(), 0);
}

#[test]
fn what_was_acknowledged_before_an_end_under_load_is_there() {
    let ledger = Ledger::new();
    ledger.expect(0, &["apply", "-"], BOOK);
    for (round, accepted_before) in [1, 50, 400, 1_500].into_iter().enumerate() {
        end_under_load(&ledger, &[], accepted_before, round);
    }
    ledger.expect(0, &["verify"], "");
}

#[test]
fn the_same_on_a_nats_server_whose_callers_use_it_too() {
    let server = NatsServer::start().unwrap();
    let ledger = Ledger::new();
    let (url, monitor) = (server.url(), server.monitor_url());
    let options = ["--nats", &url, "--nats-monitor", &monitor];
    let daemon = Daemon::start_with(&ledger, &options);
    daemon.commands(BOOK);
    assert_eq!(daemon.terminate(), 0);
    for (round, accepted_before) in [20, 200].into_iter().enumerate() {
        end_under_load(&ledger, &options, accepted_before, round);
    }
    let runtime = Runtime::new().unwrap();
    let client = runtime.block_on(async_nats::connect(&url)).unwrap();
    let daemon = Daemon::start_with(&ledger, &options);
    let (sent, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let accepted: Vec<(String, Vec<u8>)> = std::thread::scope(|scope| {
        let calling = scope.spawn(|| runtime.block_on(call_over_nats(&client, &sent, &ended)));
        while sent.load(Ordering::SeqCst) < 300 {
            assert!(!calling.is_finished(), "nobody answers any more");
            std::thread::yield_now();
        }
        assert_eq!(daemon.terminate(), 0);
        ended.store(1, Ordering::SeqCst);
        calling.join().unwrap()
    });
    assert!(accepted.len() >= 300);
    let again = Daemon::start_with(&ledger, &options);
    let body: String = accepted.iter().map(|(id, _)| customer(id) + "\n").collect();
    for ((_, reply), line) in accepted.iter().zip(again.commands(&body).body.lines()) {
        assert_eq!(line.as_bytes(), reply);
    }
    assert_eq!(again.terminate(), 0);
    ledger.expect(0, &["verify", "--nats", &url], "");
}

/// Sends commands one after another until nobody answers any more; what was accepted.
async fn call_over_nats(
    client: &Client,
    sent: &AtomicUsize,
    ended: &AtomicUsize,
) -> Vec<(String, Vec<u8>)> {
    let mut accepted = Vec::new();
    for number in 0.. {
        let id = format!("n{number}");
        let subject = "ledger.main.cmd.RegisterCustomer".to_owned();
        let Ok(reply) = client.request(subject, customer(&id).into()).await else { break };
        let outcome: Value = serde_json::from_slice(&reply.payload).unwrap();
        if outcome["outcome"] == "accepted" {
            sent.fetch_add(1, Ordering::SeqCst);
            accepted.push((id, reply.payload.to_vec()));
        }
        if ended.load(Ordering::SeqCst) == 1 {
            break;
        }
    }
    accepted
}
