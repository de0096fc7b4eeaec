//! Who the program is at the server: credentials files, nkeys, and passwords, each from a file.

use std::fs;
use std::path::{Path, PathBuf};

use ledger_core::log::nats_server::NatsServer;

use crate::daemon::Daemon;
use crate::harness::{BOOK, Ledger};

/// The public key of the user in `user.creds`.
const USER: &str = "UDPOVFFRX6OHZPKNCAVJW66TEAUJEPL3VBK63RFJOCY5ULFYHISW4ZJC";

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/credentials").join(name)
}

/// The options of a daemon on a server.
fn on<'a>(url: &'a str, monitor: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["--nats", url, "--nats-monitor", monitor], more].concat()
}

#[test]
fn a_credentials_file_opens_a_server_of_an_operator() {
    let config = fs::read_to_string(file("operator.conf")).unwrap();
    let server = NatsServer::start_with(&config).unwrap();
    let (url, monitor) = (server.url(), server.monitor_url());
    let creds = file("user.creds");
    let creds = ["--nats-creds", creds.to_str().unwrap()];
    let ledger = Ledger::new();
    let daemon = Daemon::start_with(&ledger, &on(&url, &monitor, &creds));
    let apply = [&["apply", "-", "--nats", &url], &creds[..]].concat();
    Ledger::new().expect(0, &apply, BOOK);
    assert_eq!(daemon.terminate(), 0);
    let refused = ledger.expect(3, &["serve", "--listen", "127.0.0.1:0", "--nats", &url], "");
    assert!(refused.err.contains("authorization violation"), "{}", refused.err);
}

#[test]
fn a_user_with_an_nkey_is_recorded_by_its_public_key() {
    let accounts = format!(
        "accounts {{\n\
           CORE {{ jetstream: enabled, users: [ {{ user: writer, password: p1 }} ]\n\
             exports: [ {{ service: \"ledger.*.cmd.*.*\" }} ] }}\n\
           EDGE {{ imports: [ {{ service: {{ account: CORE, subject: \"ledger.*.cmd.*.*\" }}\n\
               share: true }} ]\n\
             users: [ {{ nkey: {USER}, permissions: {{\n\
               publish: \"ledger.*.cmd.{USER}.*\", subscribe: \"_INBOX_{USER}.>\" }} }} ] }}\n\
         }}\n"
    );
    let server = NatsServer::start_with(&accounts).unwrap();
    let (url, monitor) = (server.url(), server.monitor_url());
    let ledger = Ledger::new();
    let password = ledger.path().join("password");
    fs::write(&password, "p1\n").unwrap();
    let writer = ["--nats-user", "writer", "--nats-password-file", password.to_str().unwrap()];
    let options = on(&url, &monitor, &[&writer[..], &["--actor-from-nats"]].concat());
    let daemon = Daemon::start_with(&ledger, &options);
    let creds = fs::read_to_string(file("user.creds")).unwrap();
    let seed = ledger.path().join("seed");
    fs::write(&seed, creds.lines().find(|line| line.starts_with("SU")).unwrap()).unwrap();
    let user = ["--nats-user", USER, "--nats-nkey-file", seed.to_str().unwrap()];
    let apply = [&["apply", "-", "--nats", &url], &user[..]].concat();
    Ledger::new().expect(0, &apply, BOOK);
    let trail = daemon.get("/v1/books/main/reports/audit-trail").json();
    assert_eq!(trail["rows"][4]["actor"], USER);
    assert_eq!(daemon.terminate(), 0);
}

#[test]
fn secrets_that_cannot_be_used_are_named_and_not_shown() {
    let server = NatsServer::start_with("authorization { user: a, password: p1 }").unwrap();
    let url = server.url();
    let ledger = Ledger::new();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--nats"];
    let cases: [(i32, &[&str], &str); 5] = [
        (2, &["--nats-password-file", "/x", "--nats-creds", "/y"], "one file only"),
        (2, &["--nats-password-file", "/x"], "--nats-user"),
        (2, &["--nats-user", "a", "--nats-password-file", "/no/such"], "/no/such"),
        (2, &["--nats-creds", "/no/such"], "/no/such"),
        (3, &["--nats-user", "a"], "authorization violation"),
    ];
    for (code, options, said) in cases {
        let run = ledger.expect(code, &[&serve[..], &[&url], options].concat(), "");
        assert!(run.err.contains(said), "{options:?}: {}", run.err);
    }
    let wrong = url.replace("nats://", "nats://a:geheim@");
    let run = ledger.expect(3, &[&serve[..], &[&wrong]].concat(), "");
    assert!(!run.err.contains("geheim") && !run.out.contains("geheim"), "{}", run.err);
    let alone = ledger.expect(2, &["serve", "--actor-from-nats"], "");
    assert!(alone.err.contains("error[serve.no_server]"), "{}", alone.err);
}
