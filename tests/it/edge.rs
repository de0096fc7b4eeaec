//! People and services behind the shipped cluster's EDGE account: the daemon over TLS, and who its
//! events say asked.

use async_nats::{Client, HeaderMap};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::daemon::Daemon;
use crate::harness::{BOOK, Ledger};
use crate::shipped::Shipped;

fn daemon(ledger: &Ledger, shipped: &Shipped, more: &[&str]) -> Daemon {
    let options = shipped.options("writer");
    let mut arguments: Vec<&str> = options.iter().map(String::as_str).collect();
    arguments.extend(more);
    Daemon::start_with(ledger, &arguments)
}

/// Runs a verb as a user of the cluster.
fn run(
    ledger: &Ledger,
    shipped: &Shipped,
    (user, verb): (&str, &[&str]),
    input: &str,
) -> (i32, String) {
    let options = shipped.options(user);
    let mut arguments = verb.to_vec();
    arguments.extend(options.iter().map(String::as_str));
    let run = ledger.run_with(&arguments, input);
    (run.code, format!("{}{}", run.out, run.err))
}

/// Who asked for each event.
fn actors(daemon: &Daemon) -> Vec<String> {
    let trail = daemon.get("/v1/books/main/reports/audit-trail").json();
    let rows = trail["rows"].as_array().unwrap();
    rows.iter().map(|row| row["actor"].as_str().unwrap().to_owned()).collect()
}

fn invoice(id: &str, more: &str) -> String {
    format!(
        r#"{{"id":"{id}","command":"IssueInvoice","effective":"2026-01-10"{more},"data":{{"invoice":"{id}","customer":"C-1","currency":"USD","due":"2026-02-09","lines":[{{"amount":"10.00"}}]}}}}"#
    )
}

/// Sends a command with these headers; its code, or `accepted`.
async fn send(client: &Client, subject: &str, infos: &[&str], body: String) -> String {
    let mut headers = HeaderMap::new();
    infos.iter().for_each(|info| headers.append("Nats-Request-Info", *info));
    let asked = client.request_with_headers(subject.to_owned(), headers, body.into());
    let reply: Value = serde_json::from_slice(&asked.await.unwrap().payload).unwrap();
    reply["error"]["code"].as_str().unwrap_or("accepted").to_owned()
}

#[test]
fn the_actor_is_whom_the_server_names_and_nobody_else() {
    let shipped = Shipped::start();
    let ledger = Ledger::new();
    let daemon = daemon(&ledger, &shipped, &["--actor-from-nats"]);
    let caller = Ledger::new();
    let (code, said) = run(&caller, &shipped, ("alice", &["apply", "-"]), BOOK);
    assert_eq!(code, 0, "{said}");
    assert_eq!(actors(&daemon), ["alice"; 5]);
    // The same user by variables, as docs/OPERATIONS.md does it.
    let mut command = caller.command(&["apply", "-"]);
    command
        .env("NATS_URL", shipped.url())
        .env("NATS_USER", "alice")
        .env("NATS_PASSWORD_FILE", shipped.password_file("alice"))
        .env("NATS_CA", shipped.authority());
    assert_eq!(crate::harness::finish(command, BOOK).code, 0, "the same ids, the same replies");

    let stream = Runtime::new().unwrap().block_on(async {
        let admin = async_nats::jetstream::new(shipped.connect("admin").await);
        admin.get_stream("LEDGER_main_0").await.unwrap().cached_info().config.clone()
    });
    assert_eq!(stream.num_replicas, 3);

    let forged = r#"{"acc":"EDGE","user":"cfo"}"#;
    let stated = r#","actor":"alice""#;
    let lied = r#","actor":"cfo""#;
    let own = "ledger.main.cmd.alice.IssueInvoice";
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let alice = shipped.connect("alice").await;
        assert_eq!(send(&alice, own, &[], invoice("A-1", stated)).await, "accepted");
        assert_eq!(send(&alice, own, &[], invoice("A-2", lied)).await, "actor.mismatch");
        // The server takes away what she writes there.
        assert_eq!(send(&alice, own, &[forged], invoice("A-3", "")).await, "accepted");
        assert_eq!(send(&alice, own, &[forged, forged], invoice("A-4", "")).await, "accepted");
        let billing = shipped.connect("billing").await;
        let subject = "ledger.main.cmd.billing.IssueInvoice";
        assert_eq!(send(&billing, subject, &[], invoice("A-5", "")).await, "accepted");
        // The service's own account: nobody stamps what is sent there.
        let admin = shipped.connect("admin").await;
        let subject = "ledger.main.cmd.IssueInvoice";
        assert_eq!(send(&admin, subject, &[], invoice("A-6", "")).await, "actor.unproven");
        assert_eq!(send(&admin, own, &[], invoice("A-6", "")).await, "actor.unproven");
        // Reports need no name.
        let asked =
            alice.request("ledger.main.qry.receivables", r#"{"as_of":"2026-03-01"}"#.into());
        let report: Value = serde_json::from_slice(&asked.await.unwrap().payload).unwrap();
        assert_eq!(report["rows"][0]["total"], "740.00", "{report}");
    });
    assert_eq!(actors(&daemon)[5..], ["alice", "alice", "alice", "billing"]);

    // Readers of the log have a user of their own, and it is whole.
    let (code, said) = run(&caller, &shipped, ("projector", &["verify"]), "");
    assert_eq!(code, 0, "{said}");
    let report = ["report", "receivables", "--as-of", "2026-03-01", "--format", "csv"];
    let (code, said) = run(&caller, &shipped, ("projector", &report), "");
    assert!(code == 0 && said.contains("740.00"), "{said}");
    assert_eq!(daemon.terminate(), 0);
}

#[test]
fn without_the_option_everybody_is_nats_and_the_body_has_no_actor() {
    let shipped = Shipped::start();
    let ledger = Ledger::new();
    let daemon = daemon(&ledger, &shipped, &[]);
    let (code, said) = run(&Ledger::new(), &shipped, ("alice", &["apply", "-"]), BOOK);
    assert_eq!(code, 0, "{said}");
    assert_eq!(actors(&daemon), ["nats"; 5]);
    Runtime::new().unwrap().block_on(async {
        let alice = shipped.connect("alice").await;
        let own = "ledger.main.cmd.alice.IssueInvoice";
        let stated = invoice("A-1", r#","actor":"alice""#);
        assert_eq!(send(&alice, own, &[], stated).await, "command.unknown_field");
    });
    assert_eq!(daemon.terminate(), 0);
}

#[test]
fn the_daemon_shows_its_certificate_where_the_cluster_demands_one() {
    let shipped = Shipped::start_with(|config| {
        let (clients, rest) = config.split_once("min_version").unwrap();
        format!("{clients}verify: true\n  min_version{rest}")
    });
    let ledger = Ledger::new();
    let node = shipped.secrets.path().join("ledger-1");
    let (certificate, key) = (node.join("node.pem"), node.join("node-key.pem"));
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let (code, said) = run(&ledger, &shipped, ("writer", &serve), "");
    assert!(code == 3 && said.contains("error[nats.unreachable]"), "{code}: {said}");
    let shown = ["--nats-cert", certificate, "--nats-key", key];
    let daemon = daemon(&ledger, &shipped, &shown);
    let apply = [&["apply", "-"], &shown[..]].concat();
    let (code, said) = run(&Ledger::new(), &shipped, ("alice", &apply), BOOK);
    assert_eq!(code, 0, "{said}");
    assert_eq!(daemon.terminate(), 0);

    let half = [&serve[..], &shown[..2]].concat();
    let (code, said) = run(&ledger, &shipped, ("writer", &half), "");
    assert!(code == 2 && said.contains("--nats-key"), "{code}: {said}");
    let absent = [&serve[..], &["--nats-cert", "/no/such.pem", "--nats-key", key]].concat();
    let (code, said) = run(&ledger, &shipped, ("writer", &absent), "");
    assert!(code == 2 && said.contains("/no/such.pem"), "{code}: {said}");
    let other = tempfile::tempdir().unwrap();
    crate::shipped::make_secrets(other.path());
    let authority = other.path().join("ca.pem");
    let (url, user) = (shipped.url(), shipped.password_file("writer"));
    let options = ["--nats", &url, "--nats-user", "writer", "--nats-password-file"];
    let rest = [user.to_str().unwrap(), "--nats-ca", authority.to_str().unwrap()];
    let run = ledger.run(&[&serve[..], &options, &rest, &shown].concat());
    assert!(run.code == 3 && run.err.contains("certificate"), "{run:?}");
}
