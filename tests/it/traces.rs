//! One trace from the caller through the daemon's log line to the event, and back.

use async_nats::{Client, HeaderMap, Message};
use ledger_core::log::journal::Journal;
use ledger_core::log::nats_server::NatsServer;
use ledger_core::log::{EventLog, StoredRecord};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::daemon::Daemon;
use crate::harness::{BOOK, Ledger};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

fn header() -> String {
    format!("00-{TRACE}-{PARENT}-01")
}

fn customer(number: usize) -> String {
    format!(
        r#"{{"id":"k{number}","command":"RegisterCustomer","effective":"2026-01-01","data":{{"customer":"K-{number}","name":"Jane Canary","email":"canary@example.org"}}}}"#
    )
}

/// The lines of the commands with that id.
fn lines(said: &str, id: &str) -> Vec<Value> {
    let lines = said.lines().map(|line| serde_json::from_str(line).unwrap());
    lines
        .filter(|line: &Value| line["target"] == "revledger::command" && line["fields"]["id"] == id)
        .collect()
}

/// The span of an answer's header, which is of the trace.
fn span(answer: &str) -> String {
    let parts: Vec<&str> = answer.split('-').collect();
    assert_eq!((parts[0], parts[1], parts[3]), ("00", TRACE, "01"), "{answer}");
    assert_ne!(parts[2], PARENT);
    parts[2].to_owned()
}

fn has_trace(line: &Value, span: &str) {
    let fields = &line["fields"];
    assert_eq!((&fields["trace_id"], &fields["span_id"]), (&TRACE.into(), &span.into()), "{line}");
}

fn traceparent(stored: &StoredRecord) -> Option<&str> {
    let mut headers = stored.record.headers.iter();
    headers.find(|(name, _)| name == "traceparent").map(|(_, value)| value.as_str())
}

fn json_log(ledger: &Ledger, more: &[&str]) -> Daemon {
    let options = [&["--log-format", "json"], more].concat();
    Daemon::start_in(ledger, &options, &[("RUST_LOG", "info".as_ref())])
}

#[test]
fn a_trace_over_http_is_in_the_log_line_the_event_and_the_answer() {
    let ledger = Ledger::new();
    let daemon = json_log(&ledger, &[]);
    daemon.commands(BOOK);
    let ask = |kind: &str, header: &str, body: &str| {
        let kind = format!("application/{kind}\r\n{header}");
        let (head, answer) =
            daemon.ask_with_head("POST /v1/books/main/commands", &kind, body.as_bytes());
        assert_eq!(answer.status, 200, "{answer:?}");
        let head = head.to_ascii_lowercase();
        head.lines().find_map(|line| Some(line.strip_prefix("traceparent: ")?.to_owned()))
    };
    let traced = format!("traceparent: {}", header());
    let single = span(&ask("json", &traced, &customer(1)).unwrap());
    let many = format!("{}\n{}\n", customer(2), customer(3));
    let both = span(&ask("x-ndjson", &traced, &many).unwrap());
    let malformed = "traceparent: 00-0000-00-01";
    assert_eq!(ask("json", malformed, &customer(4)), None);
    assert_eq!(ask("json", &format!("{traced}\r\n{traced}"), &customer(5)), None);
    daemon.command(&customer(5).replace("K-5", "K-6"));
    daemon.command("no command");
    daemon.ask_to_end();
    let (code, said) = daemon.wait();
    assert_eq!(code, 0, "{said}");
    has_trace(&lines(&said, "k1")[0], &single);
    has_trace(&lines(&said, "k2")[0], &both);
    has_trace(&lines(&said, "k3")[0], &both);
    let line = &lines(&said, "k1")[0];
    assert_eq!(line["level"], "INFO");
    assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "{line}");
    let fields = &line["fields"];
    assert_eq!(fields["book"], "main");
    assert_eq!(fields["command"], "RegisterCustomer");
    assert_eq!((&fields["outcome"], &fields["sequence"]), (&"accepted".into(), &6.into()));
    assert!(fields["latency_us"].as_u64().is_some(), "{line}");
    assert!(lines(&said, "k4")[0]["fields"]["trace_id"].is_null());
    let refused = &lines(&said, "k5")[1]["fields"];
    assert_eq!(
        (&refused["outcome"], &refused["code"]),
        (&"rejected".into(), &"command.id_reused".into())
    );
    assert!(said.contains("command.malformed"), "{said}");
    // Nothing of a person, and no payloads.
    assert!(!said.contains("Canary") && !said.contains("canary@example.org"), "{said}");

    let journal = Journal::open_read_only(&ledger.path().join("main/journal")).unwrap();
    let stored = Runtime::new().unwrap().block_on(journal.read(6, 10)).unwrap();
    let traces: Vec<_> = stored.iter().map(traceparent).collect();
    let own = header();
    let own = Some(own.as_str());
    assert_eq!(traces, [own, own, own, None, None]);
    // An auditor sees it beside the event.
    for (document, trace) in [("K-1", own), ("K-4", None)] {
        let told = ledger.run(&["audit", document]).out;
        let line = trace.map(|trace| format!("in trace {trace}\n"));
        assert_eq!(told.contains("in trace"), line.is_some(), "{told}");
        assert!(line.is_none_or(|line| told.contains(&line)), "{told}");
        let told: Value =
            serde_json::from_str(&ledger.run(&["audit", document, "--format", "json"]).out)
                .unwrap();
        assert_eq!(told["rows"][0]["traceparent"].as_str(), trace);
    }
}

async fn request(client: &Client, traced: &str, body: String) -> Message {
    let mut headers = HeaderMap::new();
    headers.insert("traceparent", traced);
    let subject = "ledger.main.cmd.RegisterCustomer";
    client.request_with_headers(subject, headers, body.into()).await.unwrap()
}

#[test]
fn a_trace_over_nats_is_in_the_log_line_the_event_and_the_answer() {
    let server = NatsServer::start().unwrap();
    let ledger = Ledger::new();
    let (url, monitor) = (server.url(), server.monitor_url());
    let daemon = json_log(&ledger, &["--nats", &url, "--nats-monitor", &monitor]);
    daemon.commands(BOOK);
    let runtime = Runtime::new().unwrap();
    let (accepted, refused, malformed) = runtime.block_on(async {
        let client = async_nats::connect(&url).await.unwrap();
        let accepted = request(&client, &header(), customer(1)).await;
        let refused = request(&client, &header(), customer(1).replace("K-1", "K-9")).await;
        let malformed = request(&client, "nonsense", customer(2)).await;
        (accepted, refused, malformed)
    });
    let answer = |message: &Message| {
        let headers = message.headers.as_ref();
        headers.and_then(|headers| Some(headers.get("traceparent")?.as_str().to_owned()))
    };
    let spans = [&accepted, &refused].map(|message| span(&answer(message).unwrap()));
    assert_ne!(spans[0], spans[1]);
    assert_eq!(answer(&malformed), None);
    daemon.ask_to_end();
    let (code, said) = daemon.wait();
    assert_eq!(code, 0, "{said}");
    let found = lines(&said, "k1");
    has_trace(&found[0], &spans[0]);
    has_trace(&found[1], &spans[1]);
    assert_eq!(found[1]["fields"]["code"], "command.id_reused");
    assert!(lines(&said, "k2")[0]["fields"]["trace_id"].is_null());
    let kept = runtime.block_on(async {
        let context = async_nats::jetstream::new(async_nats::connect(&url).await.unwrap());
        let stream = context.get_stream("LEDGER_main_0").await.unwrap();
        let mut kept = Vec::new();
        for sequence in [6, 7] {
            let message = stream.get_raw_message(sequence).await.unwrap();
            kept.push(message.headers.get("traceparent").map(ToString::to_string));
        }
        kept
    });
    assert_eq!(kept, [Some(header()), None]);
}
