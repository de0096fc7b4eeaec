//! The exit codes, each from a real process: 10 unsafe set-ups, 20 a changed history, 30 a disk
//! that fails. What 0, 1, 2 and 3 mean is in the tests of the verbs.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use async_nats::jetstream::stream::{Config, DiscardPolicy};
use async_nats::jetstream::{self, Context};
use ledger_core::log::nats_server::NatsServer;
use tokio::runtime::Runtime;

use crate::daemon::Daemon;
use crate::harness::{BOOK, Ledger};

const STREAM: &str = "LEDGER_main_0";

fn customer(number: usize) -> String {
    format!(
        r#"{{"id":"k{number}","command":"RegisterCustomer","effective":"2026-01-01","data":{{"customer":"K-{number}","name":"K"}}}}"#
    )
}

/// A server, and somebody who may do anything to it.
struct Nats {
    server: NatsServer,
    runtime: Runtime,
    context: Context,
}

impl Nats {
    fn of(server: NatsServer) -> Self {
        let runtime = Runtime::new().unwrap();
        let context = runtime
            .block_on(async { jetstream::new(async_nats::connect(server.url()).await.unwrap()) });
        Self { server, runtime, context }
    }

    fn options(&self) -> [String; 4] {
        let (url, monitor) = (self.server.url(), self.server.monitor_url());
        ["--nats".to_owned(), url, "--nats-monitor".to_owned(), monitor]
    }

    /// Starts a daemon that has to refuse; what it says.
    fn refused(&self, code: i32, ledger: &Ledger, more: &[&str]) -> String {
        let options = self.options();
        let mut arguments = vec!["serve", "--listen", "127.0.0.1:0"];
        arguments.extend(options.iter().map(String::as_str));
        arguments.extend(more);
        ledger.expect(code, &arguments, "").err
    }

    fn daemon(&self, ledger: &Ledger, more: &[&str]) -> Daemon {
        let options = self.options();
        let mut arguments: Vec<&str> = options.iter().map(String::as_str).collect();
        arguments.extend(more);
        Daemon::start_with(ledger, &arguments)
    }

    fn change(&self, change: impl FnOnce(&mut Config)) {
        self.runtime.block_on(async {
            let stream = self.context.get_stream(STREAM).await.unwrap();
            let mut config = stream.cached_info().config.clone();
            change(&mut config);
            self.context.update_stream(config).await.unwrap();
        });
    }
}

#[test]
fn a_server_that_does_not_sync_is_refused_with_the_line_to_write() {
    let nats = Nats::of(NatsServer::start_without_sync().unwrap());
    let ledger = Ledger::new();
    let said = nats.refused(10, &ledger, &[]);
    assert!(said.contains("error[store.unsafe]"), "{said}");
    assert!(said.contains("jetstream { sync_interval: always }"), "{said}");
    let alone =
        ledger.expect(10, &["serve", "--listen", "127.0.0.1:0", "--nats", &nats.options()[1]], "");
    assert!(alone.err.contains("--nats-monitor"), "{}", alone.err);
    // For trying things out, and every report says so.
    let daemon = nats.daemon(&ledger, &["--unsafe-dev"]);
    daemon.commands(BOOK);
    let report = daemon.get("/v1/books/main/reports/receivables?as_of=2026-03-01").json();
    assert_eq!(report["rows"][0]["unsafe_dev"], "true");
    assert_eq!(daemon.terminate(), 0);
}

#[test]
fn a_stream_whose_limits_somebody_changed_ends_the_daemon() {
    let nats = Nats::of(NatsServer::start().unwrap());
    let ledger = Ledger::new();
    let daemon = nats.daemon(&ledger, &[]);
    assert_eq!(daemon.commands(BOOK).lines().len(), 4);
    nats.change(|config| config.max_age = std::time::Duration::from_secs(3_600 * 24 * 3_650));
    let line = "nats stream edit LEDGER_main_0 --max-age=0s";
    let (code, said) = daemon.wait();
    assert_eq!(code, 10, "{said}");
    assert!(said.contains("error[store.unsafe]") && said.contains(line), "{said}");
    let said = nats.refused(10, &ledger, &[]);
    assert!(said.contains(line), "{said}");
    // Where no money is at stake it is served, and marked.
    let daemon = nats.daemon(&ledger, &["--unsafe-dev"]);
    let report = daemon.get("/v1/books/main/reports/receivables?as_of=2026-03-01").json();
    assert_eq!(report["rows"][0]["unsafe_dev"], "true");
    assert_eq!(daemon.terminate(), 0);
    nats.change(|config| config.max_age = std::time::Duration::ZERO);
    let daemon = nats.daemon(&ledger, &[]);
    assert_eq!(daemon.command(&customer(1)).json()["sequence"], 6);
    assert_eq!(daemon.terminate(), 0);
}

#[test]
fn a_stream_that_is_gone_ends_the_daemon_and_is_not_made_again() {
    let nats = Nats::of(NatsServer::start().unwrap());
    let ledger = Ledger::new();
    let daemon = nats.daemon(&ledger, &[]);
    assert_eq!(daemon.commands(BOOK).lines().len(), 4);
    // Whatever a report has shown is anchored.
    assert_eq!(daemon.get("/v1/books/main/reports/receivables").json()["sequence"], 5);
    nats.runtime.block_on(nats.context.delete_stream(STREAM)).unwrap();
    let (code, said) = daemon.wait();
    assert_eq!(code, 20, "{said}");
    assert!(said.contains("error[store.corrupt]"), "{said}");
    assert!(said.contains("5 was acknowledged"), "{said}");
    let said = nats.refused(20, &ledger, &[]);
    assert!(said.contains("there is no such stream, but 5 was acknowledged"), "{said}");
    assert!(nats.runtime.block_on(nats.context.get_stream(STREAM)).is_err(), "it was made again");

    // Somebody who begins anew under the same name gets no further.
    let other = Ledger::new();
    let daemon = nats.daemon(&other, &[]);
    assert_eq!(daemon.commands(&BOOK.replace("One", "Another")).lines().len(), 4);
    assert_eq!(daemon.terminate(), 0);
    let said = nats.refused(20, &ledger, &[]);
    assert!(said.contains("error[store.tampered]"), "{said}");
}

#[test]
fn a_stream_that_lost_its_beginning_ends_a_daemon_that_did_not_read_it_again() {
    let nats = Nats::of(NatsServer::start().unwrap());
    let ledger = Ledger::new();
    let daemon = nats.daemon(&ledger, &[]);
    assert_eq!(daemon.commands(BOOK).lines().len(), 4);
    // What it keeps at its end is all that it starts from.
    assert_eq!(daemon.terminate(), 0);
    nats.change(|config| (config.max_messages, config.discard) = (2, DiscardPolicy::Old));
    nats.change(|config| (config.max_messages, config.discard) = (-1, DiscardPolicy::New));
    let daemon = nats.daemon(&ledger, &[]);
    let (code, said) = daemon.wait();
    assert_eq!(code, 20, "{said}");
    assert!(said.contains("error[store.corrupt]"), "{said}");
}

#[test]
fn the_help_of_the_daemon_lists_its_exit_codes() {
    let help = Ledger::new().expect(0, &["serve", "--help"], "").out;
    for code in ["0", "1", "2", "3", "10", "20", "30"] {
        assert!(help.lines().any(|line| line.trim().starts_with(&format!("{code}  "))), "{help}");
    }
}

#[test]
fn a_server_that_is_not_there_is_no_reason_to_distrust_it() {
    let server = NatsServer::start().unwrap();
    let url = server.url();
    drop(server);
    let run = Ledger::new().expect(3, &["serve", "--listen", "127.0.0.1:0", "--nats", &url], "");
    assert!(run.err.contains("error[nats.unreachable]"), "{}", run.err);
}

/// A disk whose calls fail while a file lies in its folder.
struct FailingDisk {
    library: PathBuf,
    switch: PathBuf,
}

impl FailingDisk {
    fn new(folder: &Path) -> Self {
        let library = folder.join("failing_disk.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/failing_disk.c");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .arg(&library)
            .arg(source)
            .arg("-ldl")
            .status();
        assert!(built.unwrap().success(), "the tests need a C compiler");
        Self { library, switch: folder.join("fails") }
    }

    fn variables(&self) -> [(&str, &OsStr); 2] {
        [("LD_PRELOAD", self.library.as_os_str()), ("FAILING_DISK", self.switch.as_os_str())]
    }

    fn fail(&self, call: &str) {
        fs::write(self.switch.with_extension(call), "").unwrap();
    }

    fn mend(&self, call: &str) {
        fs::remove_file(self.switch.with_extension(call)).unwrap();
    }
}

#[test]
fn a_disk_that_fails_ends_the_daemon_and_the_next_one_checks_what_is_stored() {
    for call in ["write", "fdatasync"] {
        let ledger = Ledger::new();
        let disk = FailingDisk::new(ledger.path());
        let daemon = Daemon::start_in(&ledger, &[], &disk.variables());
        let stored = daemon.commands(BOOK);
        assert_eq!(stored.lines()[3]["sequence"], 5, "{call}");
        disk.fail(call);
        let unknown = daemon.command(&customer(1));
        assert_eq!(unknown.json()["error"]["code"], "command.outcome_unknown", "{unknown:?}");
        let (code, said) = daemon.wait();
        assert_eq!(code, 30, "{call}: {said}");
        assert!(said.contains("error[store.disk]") && said.contains("same ids"), "{said}");
        // While the disk fails, no start gets further: the last group is written once more.
        if call == "write" {
            let run = apply(&ledger, &disk, "");
            assert_eq!(run.code, 30, "{run:?}");
        }
        disk.mend(call);
        let daemon = Daemon::start_in(&ledger, &[], &disk.variables());
        assert_eq!(daemon.commands(BOOK), stored, "{call}: what was answered is there");
        // Whether or not the group had reached the disk: it is done once.
        assert_eq!(daemon.command(&customer(1)).json()["sequence"], 6, "{call}");
        assert_eq!(daemon.terminate(), 0);
        ledger.expect(0, &["verify"], "");
    }
}

#[test]
fn a_disk_that_fails_ends_apply() {
    let ledger = Ledger::new();
    let disk = FailingDisk::new(ledger.path());
    ledger.expect(0, &["apply", "-"], BOOK);
    disk.fail("fdatasync");
    let run = apply(&ledger, &disk, &format!("{}\n{}\n", customer(1), customer(2)));
    assert_eq!(run.code, 30, "{run:?}");
    assert!(run.err.contains("error[store.disk]"), "{}", run.err);
    for reply in run.lines() {
        assert_eq!(reply["error"]["code"], "command.outcome_unknown", "{reply}");
    }
    disk.mend("fdatasync");
    let again = apply(&ledger, &disk, &format!("{}\n{}\n", customer(1), customer(2)));
    assert_eq!((again.code, again.lines().len()), (0, 2), "{again:?}");
    assert_eq!(again.lines()[1]["sequence"], 7);
}

fn apply(ledger: &Ledger, disk: &FailingDisk, input: &str) -> crate::harness::Run {
    let mut command = ledger.command(&["apply", "-"]);
    command.envs(disk.variables());
    crate::harness::finish(command, input)
}
