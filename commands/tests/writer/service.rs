//! The command service on a real server: a full queue answers at once, and loses nobody.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, Message};
use commands::clock::SystemClock;
use commands::documents::DocumentFormat;
use commands::service::{self, ActorSource, DocumentFuture, ReportFuture, Reports};
use commands::writer;
use futures::StreamExt;
use ledger_core::limits::QUEUE_COMMANDS_MAX;
use ledger_core::log::nats_server::NatsServer;
use ledger_core::log::{EventLog, SharedLog};
use ledger_core::rejection::{Code, Rejection};
use serde_json::Value;

use crate::bent::{Act, BentLog};

/// A hang is a failure.
const WAIT: Duration = Duration::from_secs(60);

/// Reports that say what they were asked, or are too long for a message.
#[derive(Debug)]
struct Echo;

impl Reports for Echo {
    fn report<'a>(
        &'a self,
        name: &'a str,
        filters: BTreeMap<String, String>,
        format: &'a str,
    ) -> ReportFuture<'a> {
        Box::pin(async move {
            match name {
                "echo" => Ok(format!("{format} {filters:?}")),
                "long" => Ok("x".repeat(2 * 1024 * 1024)),
                _ => Err(Rejection::new(Code::ReportUnknown, "there is no such report")),
            }
        })
    }

    fn document<'a>(
        &'a self,
        _: &'a str,
        _: DocumentFormat,
        _: Option<&'a str>,
    ) -> DocumentFuture<'a> {
        Box::pin(async { Err(Rejection::new(Code::DocumentUnknown, "there is no such document")) })
    }
}

async fn request(client: &Client, subject: &str, payload: &str) -> Message {
    let asked = client.request(subject.to_owned(), payload.to_owned().into());
    tokio::time::timeout(WAIT, asked).await.unwrap().unwrap()
}

fn code(message: &Message) -> String {
    let reply: Value = serde_json::from_slice(&message.payload).unwrap();
    reply["error"]["code"].as_str().unwrap_or("accepted").to_owned()
}

fn header<'a>(message: &'a Message, name: &str) -> Option<&'a str> {
    message.headers.as_ref()?.get(name).map(async_nats::HeaderValue::as_str)
}

fn customer(number: usize) -> String {
    format!(
        r#"{{"id":"c{number}","command":"RegisterCustomer","effective":"2026-01-01","data":{{"customer":"C-{number}","name":"C"}}}}"#
    )
}

const OPEN: &str =
    r#"{"id":"open","command":"OpenBook","effective":"2026-01-01","data":{"currency":"USD"}}"#;

#[tokio::test]
async fn a_flood_is_answered_in_full() {
    let server = NatsServer::start().unwrap();
    let client = async_nats::connect(server.url()).await.unwrap();
    let log = Arc::new(BentLog::new(&[Act::Held]));
    let shared: SharedLog = Arc::<BentLog>::clone(&log);
    let book = "acme".parse().unwrap();
    let writer = writer::start(book, 0, shared, Arc::new(SystemClock)).await.unwrap();
    let book = "acme".parse().unwrap();
    let service = service::start(
        client.clone(),
        book,
        writer.handle(),
        Arc::new(Echo),
        ActorSource::Transport,
    )
    .await
    .unwrap();

    let caller = async_nats::connect(server.url()).await.unwrap();
    let inbox = caller.new_inbox();
    let mut replies = caller.subscribe(inbox.clone()).await.unwrap();
    let sent = 3 * QUEUE_COMMANDS_MAX;
    let publish = |name: &str, payload: String| {
        let subject = format!("ledger.acme.cmd.{name}");
        caller.publish_with_reply(subject, inbox.clone(), payload.into())
    };
    publish("OpenBook", OPEN.to_owned()).await.unwrap();
    for number in 1..sent {
        publish("RegisterCustomer", customer(number)).await.unwrap();
    }
    caller.flush().await.unwrap();
    // Nothing is stored yet, and still there are answers: those that found the queue full.
    let mut next = async || tokio::time::timeout(WAIT, replies.next()).await.unwrap().unwrap();
    let first = next().await;
    assert_eq!(code(&first), "book.busy");
    assert_eq!(header(&first, "Nats-Service-Error-Code"), Some("429"));
    assert!(header(&first, "Nats-Service-Error").unwrap().starts_with("book.busy: "));
    // And when it is worth to come again, in the body and for whoever reads headers only.
    let seconds: u64 = header(&first, "Retry-After").unwrap().parse().unwrap();
    let body: Value = serde_json::from_slice(&first.payload).unwrap();
    let milliseconds = body["error"]["retry_after_ms"].as_u64().unwrap();
    assert_eq!(milliseconds.div_ceil(1_000), seconds);
    log.let_through();
    let mut counts: BTreeMap<String, usize> = BTreeMap::from([(code(&first), 1)]);
    for _ in 1..sent {
        *counts.entry(code(&next().await)).or_default() += 1;
    }
    let accepted = counts["accepted"];
    assert_eq!(counts["book.busy"] + accepted, sent, "{counts:?}");
    assert!(accepted >= QUEUE_COMMANDS_MAX, "{counts:?}");
    assert_eq!(log.last_sequence().await.unwrap(), u64::try_from(accepted).unwrap());

    answers_what_is_no_command(&caller).await;
    service.stop().await;
    writer.shutdown().await.unwrap();
}

async fn answers_what_is_no_command(caller: &Client) {
    let wrong = request(caller, "ledger.acme.cmd.OpenBook", &customer(1)).await;
    assert_eq!(code(&wrong), "command.malformed");
    assert_eq!(header(&wrong, "Nats-Service-Error-Code"), Some("400"));
    let unknown = request(caller, "ledger.acme.cmd.OpenBok", &OPEN.replace("Book", "Bok")).await;
    assert_eq!(code(&unknown), "command.unknown");

    let echo = request(caller, "ledger.acme.qry.echo", r#"{"as_of":"2026-01-31"}"#).await;
    assert_eq!(echo.payload, r#"json {"as_of": "2026-01-31"}"#);
    let refusals = [
        ("ledger.acme.qry.long", "", "report.too_large"),
        ("ledger.acme.qry.other", "", "report.unknown"),
        ("ledger.acme.qry.echo", r#"{"as_of":1}"#, "report.filter"),
    ];
    for (subject, payload, expected) in refusals {
        assert_eq!(code(&request(caller, subject, payload).await), expected, "{subject}");
    }
    for verb in ["PING", "INFO", "STATS"] {
        let answer = request(caller, &format!("$SRV.{verb}.revledger"), "").await;
        let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
        assert_eq!(answer["name"], "revledger", "{verb}: {answer}");
    }
}
