//! The disk reserve, on a small disk of its own that is filled and freed, and on a NATS server.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use async_nats::jetstream::{self, stream::Config};
use ledger_core::log::nats_server::NatsServer;
use tokio::runtime::Runtime;

use crate::daemon::{Answer, Daemon};
use crate::harness::{BOOK, Ledger};
use crate::shipped::Shipped;

const CUSTOMER: &str = r#"{"id":"k1","command":"RegisterCustomer","effective":"2026-01-01","data":{"customer":"K-1","name":"K"}}"#;

fn is_ready(answer: &Answer) -> bool {
    answer.status == 200
}

fn is_full(answer: &Answer) -> bool {
    let is_told = answer.body.lines().any(|line| line.starts_with("failed main: disk: "));
    answer.status == 503 && is_told
}

/// Refused at once, with what is free and when to come again.
fn is_refused(daemon: &Daemon) {
    let (head, answer) = daemon.ask_with_head(
        "POST /v1/books/main/commands",
        "application/json",
        CUSTOMER.as_bytes(),
    );
    assert_eq!(answer.status, 507, "{answer:?}");
    let error = &answer.json()["error"];
    assert_eq!(error["code"], "book.disk_reserve");
    assert_eq!(error["retry_after_ms"], 5_000);
    assert!(error["message"].as_str().unwrap().contains("MiB"), "{error}");
    assert!(head.to_ascii_lowercase().contains("\r\nretry-after: 5"), "{head}");
}

/// The daemon in a name space of its own, with a disk of 96 MiB as its data folder.
fn on_a_small_disk(ledger: &Ledger, arguments: &[&str]) -> Command {
    let daemon = ledger.command(arguments);
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--map-root-user", "sh", "-c"])
        .arg("mount -t tmpfs -o size=96m revledger \"$REVLEDGER_DATA\" && exec \"$0\" \"$@\"")
        .arg(daemon.get_program())
        .args(daemon.get_args())
        .env("RUST_LOG", "off")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for (name, value) in daemon.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// Whether the system lets its users have disks of their own.
fn has_small_disks() -> bool {
    let folder = tempfile::tempdir().unwrap();
    let mount = Command::new("unshare")
        .args(["--mount", "--map-root-user", "mount", "-t", "tmpfs", "revledger"])
        .arg(folder.path())
        .stderr(Stdio::null())
        .status();
    mount.is_ok_and(|status| status.success())
}

#[test]
fn a_disk_that_fills_up_takes_no_commands_until_there_is_room_again() {
    if !has_small_disks() {
        // The refusal is in the next test; what fills and frees a disk needs one.
        return;
    }
    let ledger = Ledger::new();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--disk-reserve", "32MiB"];
    let daemon = Daemon::run(on_a_small_disk(&ledger, &arguments));
    assert_eq!(daemon.commands(BOOK).lines()[3]["sequence"], 5);
    daemon.until("/readyz", is_ready);
    let disk = PathBuf::from(format!("/proc/{}/root", daemon.process()));
    let ballast = disk.join(ledger.path().strip_prefix("/").unwrap()).join("ballast");
    fs::write(&ballast, vec![1; 70 * 1024 * 1024]).unwrap();
    daemon.until("/readyz", is_full);
    is_refused(&daemon);
    // Reports go on.
    let report = daemon.get("/v1/books/main/reports/receivables?as_of=2026-03-01");
    assert_eq!((report.status, &report.json()["sequence"]), (200, &5.into()));
    assert_eq!(daemon.get("/readyz/reports").status, 200);
    fs::remove_file(&ballast).unwrap();
    daemon.until("/readyz", is_ready);
    assert_eq!(daemon.command(CUSTOMER).json()["sequence"], 6);
    assert_eq!(daemon.terminate(), 0);
}

#[test]
fn a_reserve_above_what_is_free_refuses_and_none_is_none() {
    let ledger = Ledger::new();
    let daemon = Daemon::start_with(&ledger, &["--disk-reserve", "1000000TiB"]);
    daemon.until("/readyz", is_full);
    is_refused(&daemon);
    let metrics = daemon.get("/metrics").body;
    assert!(metrics.contains("\nrevledger_disk_reserve_bytes 1099511627776000000\n"), "{metrics}");
    let refused = "revledger_commands_total{book=\"main\",command=\"RegisterCustomer\",code=\"book.disk_reserve\"} 1\n";
    assert!(metrics.contains(refused), "{metrics}");
    assert_eq!(daemon.terminate(), 0);
    let daemon = Daemon::start_with(&ledger, &["--disk-reserve", "0"]);
    assert_eq!(daemon.commands(BOOK).lines()[3]["sequence"], 5);
    let wrong = ledger.expect(2, &["serve", "--disk-reserve", "1MB"], "");
    assert!(wrong.err.contains("KiB, MiB, GiB, TiB"), "{}", wrong.err);
}

#[test]
fn a_nats_server_that_has_too_little_left_takes_no_commands() {
    let server = NatsServer::start().unwrap();
    let ledger = Ledger::new();
    let (url, monitor) = (server.url(), server.monitor_url());
    let options = ["--nats", &url, "--nats-monitor", &monitor, "--disk-reserve", "1000000TiB"];
    let daemon = Daemon::start_with(&ledger, &options);
    let ready = daemon.until("/readyz", is_full);
    assert!(ready.body.contains("nats-server solo has "), "{ready:?}");
    is_refused(&daemon);
    assert_eq!(daemon.terminate(), 0);
}

#[test]
fn the_servers_of_a_cluster_are_asked_over_the_connection() {
    let shipped = Shipped::start();
    let ledger = Ledger::new();
    let options = shipped.options("writer");
    let mut options: Vec<&str> = options.iter().map(String::as_str).collect();
    options.extend(["--disk-reserve", "1000000TiB"]);
    let daemon = Daemon::start_with(&ledger, &options);
    let ready = daemon.until("/readyz", is_full);
    assert!(ready.body.contains("failed main: disk: nats-server "), "{ready:?}");
    is_refused(&daemon);
    assert_eq!(daemon.terminate(), 0);
}

#[test]
fn an_account_that_fills_up_takes_no_commands_until_there_is_room_again() {
    let limits = "accounts { A { jetstream { max_store: 40MB, max_mem: 1MB }, \
                  users: [ { user: a, password: a } ] } }\nno_auth_user: a\n";
    let server = NatsServer::start_with(limits).unwrap();
    let ledger = Ledger::new();
    let url = server.url();
    // Without monitoring nothing is proven, and the account is asked.
    let options = ["--nats", &url, "--unsafe-dev", "--disk-reserve", "20MiB"];
    let daemon = Daemon::start_with(&ledger, &options);
    assert_eq!(daemon.commands(BOOK).lines()[3]["sequence"], 5);
    let runtime = Runtime::new().unwrap();
    let stream = runtime.block_on(async {
        let context = jetstream::new(async_nats::connect(&url).await.unwrap());
        let config = Config {
            name: "BALLAST".to_owned(),
            subjects: vec!["ballast".to_owned()],
            ..Config::default()
        };
        let stream = context.create_stream(config).await.unwrap();
        for _ in 0..30 {
            let megabyte = vec![1; 900 * 1024];
            context.publish("ballast", megabyte.into()).await.unwrap().await.unwrap();
        }
        stream
    });
    let ready = daemon.until("/readyz", is_full);
    assert!(ready.body.contains("the account at the NATS server has "), "{ready:?}");
    is_refused(&daemon);
    runtime.block_on(async { stream.purge().await }).unwrap();
    daemon.until("/readyz", is_ready);
    assert_eq!(daemon.command(CUSTOMER).json()["sequence"], 6);
    assert_eq!(daemon.terminate(), 0);
}
