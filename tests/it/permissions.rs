//! Who may do what on the shipped cluster: every right that a role needs, and every one that it
//! must not have, tried on real servers.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{self, stream::Config};
use async_nats::{Client, Event};
use futures::StreamExt;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{Receiver, channel};

use crate::shipped::Shipped;

/// A hang is a failure.
const WAIT: Duration = Duration::from_secs(30);

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Try {
    Publish,
    Subscribe,
}

use Try::{Publish, Subscribe};

/// User, what it tries, on which subject, and whether it may.
const TABLE: &[(&str, Try, &str, bool)] = &[
    // A person: her own commands, reports, her own answers.
    ("alice", Publish, "ledger.main.cmd.alice.IssueInvoice", true),
    ("alice", Publish, "ledger.other.cmd.alice.OpenBook", true),
    ("alice", Publish, "ledger.main.qry.receivables", true),
    ("alice", Subscribe, "_INBOX_alice.>", true),
    ("alice", Publish, "ledger.main.cmd.billing.IssueInvoice", false),
    ("alice", Publish, "ledger.main.cmd.IssueInvoice", false),
    ("alice", Publish, "ledger.main.evt.0.C-1.invoice.INV-1", false),
    ("alice", Subscribe, "_INBOX_billing.>", false),
    ("alice", Subscribe, "_INBOX.>", false),
    ("alice", Subscribe, "_INBOX_writer.>", false),
    ("alice", Subscribe, ">", false),
    ("alice", Subscribe, "ledger.>", false),
    ("alice", Subscribe, "ledger.main.cmd.alice.*", false),
    ("alice", Subscribe, "ledger.main.evt.>", false),
    ("alice", Publish, "_INBOX_billing.1", false),
    ("alice", Publish, "ledger.main.writer", false),
    ("alice", Subscribe, "ledger.main.writer", false),
    ("alice", Publish, "$JS.API.STREAM.INFO.LEDGER_main_0", false),
    ("alice", Publish, "$JS.API.STREAM.MSG.GET.LEDGER_main_0", false),
    ("alice", Publish, "$JS.API.STREAM.DELETE.LEDGER_main_0", false),
    ("alice", Publish, "$SYS.REQ.SERVER.PING", false),
    ("alice", Publish, "$SRV.PING", false),
    // A service: the two commands that it is for.
    ("billing", Publish, "ledger.main.cmd.billing.RunBilling", true),
    ("billing", Publish, "ledger.main.cmd.billing.IssueInvoice", true),
    ("billing", Subscribe, "_INBOX_billing.>", true),
    ("billing", Publish, "ledger.main.cmd.billing.WriteOffInvoice", false),
    ("billing", Publish, "ledger.main.cmd.alice.RunBilling", false),
    ("billing", Publish, "ledger.main.qry.receivables", false),
    ("billing", Publish, "ledger.main.evt.0.C-1.invoice.INV-1", false),
    ("billing", Publish, "ledger.main.writer", false),
    ("billing", Subscribe, "ledger.main.writer", false),
    ("billing", Subscribe, "_INBOX_alice.>", false),
    // The writer: events, and what it needs to read them. Nothing takes events away.
    ("writer", Publish, "ledger.main.evt.0.C-1.invoice.INV-1", true),
    ("writer", Publish, "$JS.API.STREAM.INFO.LEDGER_main_0", true),
    ("writer", Publish, "$JS.API.STREAM.CREATE.LEDGER_main_0", true),
    ("writer", Publish, "$JS.API.CONSUMER.CREATE.LEDGER_main_0", true),
    ("writer", Publish, "$JS.API.CONSUMER.MSG.NEXT.LEDGER_main_0.c", true),
    ("writer", Publish, "$SYS.REQ.SERVER.PING.JSZ", true),
    ("writer", Subscribe, "ledger.main.cmd.*", true),
    ("writer", Subscribe, "ledger.main.cmd.*.*", true),
    ("writer", Subscribe, "ledger.main.qry.*", true),
    ("writer", Publish, "ledger.main.writer", true),
    ("writer", Subscribe, "ledger.main.writer", true),
    ("writer", Subscribe, "$SRV.PING.revledger", true),
    ("writer", Subscribe, "_INBOX_writer.>", true),
    ("writer", Publish, "ledger.main.cmd.alice.IssueInvoice", false),
    ("writer", Publish, "$JS.API.STREAM.CREATE.OTHER", false),
    ("writer", Publish, "$JS.API.STREAM.UPDATE.LEDGER_main_0", false),
    ("writer", Publish, "$JS.API.STREAM.PURGE.LEDGER_main_0", false),
    ("writer", Publish, "$JS.API.STREAM.DELETE.LEDGER_main_0", false),
    ("writer", Publish, "$JS.API.STREAM.MSG.DELETE.LEDGER_main_0", false),
    ("writer", Publish, "$JS.API.STREAM.SNAPSHOT.LEDGER_main_0", false),
    ("writer", Publish, "$JS.API.STREAM.RESTORE.LEDGER_main_0", false),
    ("writer", Publish, "$JS.API.STREAM.PEER.REMOVE.LEDGER_main_0", false),
    ("writer", Publish, "$JS.API.STREAM.LEADER.STEPDOWN.LEDGER_main_0", false),
    ("writer", Publish, "$JS.API.META.LEADER.STEPDOWN", false),
    ("writer", Publish, "$JS.API.CONSUMER.DELETE.LEDGER_main_0.c", false),
    ("writer", Publish, "$SYS.REQ.SERVER.PING.VARZ", false),
    ("writer", Subscribe, "_INBOX_projector.>", false),
    ("writer", Subscribe, ">", false),
    // Readers of the log: they read.
    ("projector", Publish, "$JS.API.STREAM.INFO.LEDGER_main_0", true),
    ("projector", Publish, "$JS.API.CONSUMER.CREATE.LEDGER_main_0", true),
    ("projector", Publish, "$JS.API.CONSUMER.CREATE.LEDGER_main_0.adapter.ledger.main.evt.>", true),
    ("projector", Publish, "$JS.API.CONSUMER.MSG.NEXT.LEDGER_main_0.adapter", true),
    ("projector", Publish, "$JS.ACK.LEDGER_main_0.adapter.1.1.1.1.0", true),
    ("projector", Subscribe, "_INBOX_projector.>", true),
    ("projector", Publish, "ledger.main.evt.0.C-1.invoice.INV-1", false),
    ("projector", Publish, "ledger.main.cmd.alice.IssueInvoice", false),
    ("projector", Publish, "$JS.API.STREAM.CREATE.LEDGER_main_0", false),
    ("projector", Publish, "$JS.API.STREAM.UPDATE.LEDGER_main_0", false),
    ("projector", Publish, "$JS.API.STREAM.PURGE.LEDGER_main_0", false),
    ("projector", Publish, "$JS.API.STREAM.DELETE.LEDGER_main_0", false),
    ("projector", Publish, "$JS.API.STREAM.MSG.DELETE.LEDGER_main_0", false),
    ("projector", Subscribe, "_INBOX_writer.>", false),
    ("projector", Publish, "ledger.main.writer", false),
    ("projector", Subscribe, "ledger.main.writer", false),
    ("projector", Subscribe, "ledger.main.cmd.>", false),
];

/// A user's connection, and what the server said to it.
struct Tried {
    client: Client,
    said: Receiver<String>,
}

impl Tried {
    async fn connect(shipped: &Shipped, user: &str) -> Self {
        let (sender, said) = channel(256);
        let sender = Arc::new(Mutex::new(sender));
        let options = shipped.user(user).event_callback(move |event| {
            let sender = Arc::clone(&sender);
            async move {
                if let Event::ServerError(error) = event {
                    sender.lock().await.send(error.to_string()).await.ok();
                }
            }
        });
        let servers: Vec<String> = shipped.url().split(',').map(str::to_owned).collect();
        let client = options.connect(servers).await.expect("the cluster takes the user");
        Self { client, said }
    }

    /// Whether the server lets it. Behind it something is tried that nobody may: the server
    /// answers in order, so that its refusal says that there is none before it.
    async fn may(&mut self, what: Try, subject: &str, number: usize) -> bool {
        let fence = format!("fence.{number}");
        match what {
            Publish => {
                self.client.publish(subject.to_owned(), "{}".into()).await.unwrap();
            }
            Subscribe => {
                let subscribed = self.client.subscribe(subject.to_owned()).await.unwrap();
                // Kept until the server has answered.
                self.client.publish(fence.clone(), "".into()).await.unwrap();
                let may = self.nothing_before(subject, &fence).await;
                drop(subscribed);
                return may;
            }
        }
        self.client.publish(fence.clone(), "".into()).await.unwrap();
        self.nothing_before(subject, &fence).await
    }

    async fn nothing_before(&mut self, subject: &str, fence: &str) -> bool {
        let mut may = true;
        loop {
            let said = tokio::time::timeout(WAIT, self.said.recv()).await.unwrap().unwrap();
            if said.contains(&format!("\"{fence}\"")) {
                return may;
            }
            // The server writes subjects as they were sent.
            assert!(said.contains(&format!("\"{subject}\"")), "{said}, and {subject} was tried");
            may = false;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_role_may_do_what_it_needs_and_nothing_else() {
    let shipped = Shipped::start();
    for user in ["alice", "billing", "writer", "projector"] {
        let mut tried = Tried::connect(&shipped, user).await;
        let rows = TABLE.iter().enumerate().filter(|(_, row)| row.0 == user);
        for (number, (_, what, subject, may)) in rows {
            let found = tried.may(*what, subject, number).await;
            assert_eq!(found, *may, "{user}: {what:?} {subject}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_change_a_stream() {
    let shipped = Shipped::start();
    let admin = jetstream::new(shipped.connect("admin").await);
    let config = Config {
        name: "LEDGER_main_0".to_owned(),
        subjects: vec!["ledger.main.evt.0.>".to_owned()],
        num_replicas: 3,
        ..Config::default()
    };
    admin.create_stream(config.clone()).await.unwrap();
    let subject = "ledger.main.evt.0.C-1.invoice.INV-1";
    let writer = jetstream::new(shipped.connect("writer").await);
    writer.publish(subject, "{}".into()).await.unwrap().await.unwrap();
    for user in ["writer", "projector", "alice"] {
        let mut tried = Tried::connect(&shipped, user).await;
        let verbs = ["UPDATE", "PURGE", "DELETE", "MSG.DELETE"];
        for (number, verb) in verbs.iter().enumerate() {
            let subject = format!("$JS.API.STREAM.{verb}.LEDGER_main_0");
            assert!(!tried.may(Publish, &subject, number).await, "{user} {verb}");
        }
    }
    let mut stream = admin.get_stream("LEDGER_main_0").await.unwrap();
    assert_eq!(stream.info().await.unwrap().state.messages, 1);
    let changed = Config { max_messages: 5, ..config };
    admin.update_stream(changed).await.expect("an administrator may");
    stream.purge().await.expect("an administrator may");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_in_without_tls_and_a_password() {
    let shipped = Shipped::start();
    let servers: Vec<String> = shipped.url().split(',').map(str::to_owned).collect();
    let without = async_nats::ConnectOptions::new()
        .add_root_certificates(shipped.authority())
        .require_tls(true);
    assert!(without.connect(servers.clone()).await.is_err(), "without a password");
    let wrong = async_nats::ConnectOptions::with_user_and_password("writer".into(), "p".into())
        .add_root_certificates(shipped.authority())
        .require_tls(true);
    assert!(wrong.connect(servers.clone()).await.is_err(), "with a wrong one");
    // Another authority, as somebody in between has.
    let other = tempfile::tempdir().unwrap();
    crate::shipped::make_secrets(other.path());
    let password = std::fs::read_to_string(shipped.password_file("writer")).unwrap();
    let elsewhere = async_nats::ConnectOptions::with_user_and_password(
        "writer".into(),
        password.trim().to_owned(),
    )
    .add_root_certificates(other.path().join("ca.pem"))
    .require_tls(true);
    assert!(elsewhere.connect(servers).await.is_err(), "of another authority");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_writes_who_sent_a_command_whatever_the_client_wrote() {
    let shipped = Shipped::start();
    let writer = shipped.connect("writer").await;
    let mut taken = writer.subscribe("ledger.main.cmd.*.*").await.unwrap();
    let alice = shipped.connect("alice").await;
    let forged = r#"{"acc":"EDGE","user":"cfo"}"#;
    for count in 0..4 {
        let mut headers = async_nats::HeaderMap::new();
        for _ in 0..count {
            headers.append("Nats-Request-Info", forged);
        }
        headers.append("nats-request-info", forged);
        let subject = "ledger.main.cmd.alice.OpenBook";
        let message = loop {
            let inbox = alice.new_inbox();
            let sent = alice.publish_with_reply_and_headers(
                subject,
                inbox,
                headers.clone(),
                count.to_string().into(),
            );
            sent.await.unwrap();
            // The first ones may come before the subscription is known everywhere.
            let patience = Duration::from_secs(2);
            if let Ok(message) = tokio::time::timeout(patience, taken.next()).await {
                break message.unwrap();
            }
        };
        let headers = message.headers.unwrap();
        let users: Vec<serde_json::Value> = headers
            .get_all("Nats-Request-Info")
            .map(|value| serde_json::from_str(value.as_str()).unwrap())
            .collect();
        assert_eq!(users.len(), 1, "{count} forged: {users:?}");
        assert_eq!(users[0]["user"], "alice", "{count} forged: {users:?}");
        assert_eq!(users[0]["acc"], "EDGE");
    }
}
