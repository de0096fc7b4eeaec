//! The probes tell the truth: each fault is made on real processes, and mended again.

use std::net::TcpStream;

use async_nats::jetstream;
use ledger_core::log::nats_server::NatsServer;
use tokio::runtime::Runtime;

use crate::daemon::{Answer, Daemon};
use crate::harness::{BOOK, Ledger};

fn options(server: &NatsServer) -> [String; 4] {
    ["--nats".to_owned(), server.url(), "--nats-monitor".to_owned(), server.monitor_url()]
}

fn start(ledger: &Ledger, server: &NatsServer) -> Daemon {
    let options = options(server);
    Daemon::start_with(ledger, &options.each_ref().map(String::as_str))
}

fn launch(ledger: &Ledger, server: &NatsServer) -> Daemon {
    let options = options(server);
    Daemon::launch(ledger, &options.each_ref().map(String::as_str))
}

/// What is wrong, as the probe says it.
fn failed(answer: &Answer) -> Vec<&str> {
    answer.body.lines().filter_map(|line| line.strip_prefix("failed ")).collect()
}

fn is_down_by(check: &str) -> impl Fn(&Answer) -> bool {
    move |answer| answer.status == 503 && failed(answer).iter().any(|one| one.starts_with(check))
}

fn is_up(answer: &Answer) -> bool {
    answer.status == 200
}

fn customer(number: usize) -> String {
    format!(
        r#"{{"id":"k{number}","command":"RegisterCustomer","effective":"2026-01-01","data":{{"customer":"K-{number}","name":"K"}}}}"#
    )
}

#[test]
fn a_daemon_that_works_says_what_it_looked_at() {
    let ledger = Ledger::new();
    let daemon = Daemon::start(&ledger);
    let live = daemon.get("/livez");
    assert_eq!((live.status, live.body.as_str()), (200, "ok runtime\nok main: writer\n"));
    let ready = daemon.until("/readyz", is_up);
    let checks: Vec<&str> = ready.body.lines().collect();
    let wanted = ["start", "writer", "role", "log", "append", "disk", "projector"];
    let wanted = wanted.map(|check| format!("ok main: {check}"));
    assert_eq!(checks[0], "ok serving");
    assert_eq!(checks[1..], wanted);
    let reports = daemon.until("/readyz/reports", is_up);
    assert_eq!(
        (reports.status, reports.body.as_str()),
        (200, "ok main: start\nok main: log\nok main: projector\n")
    );
}

#[test]
fn a_daemon_that_starts_lives_and_is_not_ready() {
    let server = NatsServer::start().unwrap();
    let ledger = Ledger::new();
    // The server takes the connection and says nothing.
    server.pause().unwrap();
    let daemon = launch(&ledger, &server);
    assert_eq!(daemon.get("/livez").status, 200);
    let ready = daemon.get("/readyz");
    assert!(is_down_by("serving: the daemon starts")(&ready), "{ready:?}");
    assert!(is_down_by("main: start: the log is being opened")(&ready), "{ready:?}");
    assert_eq!(daemon.get("/readyz/reports").status, 503);
    let (head, refused) = daemon.ask_with_head(
        "POST /v1/books/main/commands",
        "application/json",
        customer(1).as_bytes(),
    );
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (503, &"book.not_ready".into()));
    assert!(head.to_ascii_lowercase().contains("\r\nretry-after: 1"), "{head}");
    assert_eq!(daemon.get("/v1/books/main/reports/receivables").status, 503);
    server.resume().unwrap();
    daemon.until("/readyz", is_up);
    assert_eq!(daemon.commands(BOOK).lines()[3]["sequence"], 5);
    assert_eq!(daemon.terminate(), 0);
}

#[test]
fn a_daemon_that_is_told_to_end_while_it_starts_ends() {
    let server = NatsServer::start().unwrap();
    server.pause().unwrap();
    let daemon = launch(&Ledger::new(), &server);
    assert_eq!(daemon.get("/readyz").status, 503);
    assert_eq!(daemon.terminate(), 0);
    server.resume().unwrap();
}

#[test]
fn a_server_that_is_away_is_told_until_it_is_back() {
    let mut server = NatsServer::start().unwrap();
    let ledger = Ledger::new();
    let daemon = start(&ledger, &server);
    assert_eq!(daemon.commands(BOOK).lines()[3]["sequence"], 5);
    daemon.until("/readyz", is_up);
    server.kill().unwrap();
    let ready = daemon.until("/readyz", is_down_by("main: log: nothing was heard"));
    assert_eq!(daemon.get("/livez").status, 200, "starting it again would not help: {ready:?}");
    assert_eq!(daemon.get("/readyz/reports").status, 503);
    let metrics = daemon.get("/metrics").body;
    assert!(metrics.contains("\nrevledger_ready 0\n"), "{metrics}");
    server.restart().unwrap();
    daemon.until("/readyz", is_up);
    daemon.until("/readyz/reports", is_up);
    assert_eq!(daemon.command(&customer(1)).json()["sequence"], 6);
    assert_eq!(daemon.terminate(), 0);
}

#[test]
fn an_append_that_hangs_is_told_and_the_command_settled_later() {
    let server = NatsServer::start().unwrap();
    let ledger = Ledger::new();
    let daemon = start(&ledger, &server);
    daemon.commands(BOOK);
    server.pause().unwrap();
    let unknown = daemon.command(&customer(1));
    assert_eq!(unknown.status, 504, "{unknown:?}");
    assert_eq!(unknown.json()["error"]["code"], "command.outcome_unknown");
    daemon.until("/readyz", is_down_by("main: append: "));
    server.resume().unwrap();
    daemon.until("/readyz", is_up);
    assert_eq!(daemon.command(&customer(1)).json()["sequence"], 6);
    assert_eq!(daemon.terminate(), 0);
    ledger.expect(0, &["verify", "--nats", &server.url()], "");
}

#[test]
fn an_event_that_nobody_can_read_stops_the_projector_and_is_named() {
    let server = NatsServer::start().unwrap();
    let ledger = Ledger::new();
    let daemon = start(&ledger, &server);
    daemon.commands(BOOK);
    daemon.until("/readyz", is_up);
    Runtime::new().unwrap().block_on(async {
        let context = jetstream::new(async_nats::connect(server.url()).await.unwrap());
        let subject = "ledger.main.evt.0.C-1.customer.C-1";
        context.publish(subject, "no event".into()).await.unwrap().await.unwrap();
    });
    let ready = daemon.until("/readyz", is_down_by("main: projector: "));
    let why = failed(&ready).into_iter().find(|one| one.starts_with("main: projector")).unwrap();
    assert!(why.contains('6'), "it names the event: {why}");
    assert_eq!(daemon.get("/readyz/reports").status, 503);
    assert_eq!(daemon.get("/livez").status, 200);
    // It told the truth: nothing can be decided behind it, either.
    let command = daemon.command(&customer(1));
    assert_eq!(command.json()["error"]["code"], "command.outcome_unknown");
}

#[test]
fn a_daemon_that_drains_is_not_ready_and_answers_what_it_took() {
    let server = NatsServer::start().unwrap();
    let ledger = Ledger::new();
    let daemon = start(&ledger, &server);
    daemon.commands(BOOK);
    daemon.until("/readyz", is_up);
    server.pause().unwrap();
    let (answered, asked) = std::thread::scope(|scope| {
        let asked = scope.spawn(|| daemon.command(&customer(1)));
        // It is on its way to the log once it was taken from the queue.
        daemon.until("/metrics", |answer| {
            answer.body.contains("\nrevledger_queue_wait_seconds_count{book=\"main\"} 5\n")
        });
        daemon.ask_to_end();
        daemon.until("/readyz", is_down_by("serving: the daemon was told to end"));
        let refused = daemon.command(&customer(2));
        assert_eq!(refused.json()["error"]["code"], "book.not_ready", "{refused:?}");
        assert_eq!(daemon.get("/livez").status, 200);
        server.resume().unwrap();
        (asked.join().unwrap(), refused.status)
    });
    assert_eq!((answered.json()["sequence"].as_u64(), asked), (Some(6), 503));
    let address = daemon.address().to_owned();
    assert_eq!(daemon.wait().0, 0);
    assert!(TcpStream::connect(address).is_err());
    ledger.expect(0, &["verify", "--nats", &server.url()], "");
}
