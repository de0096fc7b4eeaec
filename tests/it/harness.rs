//! Starts the program on a folder of its own, and reads what it says.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A data folder that goes away with the test.
pub(crate) struct Ledger {
    folder: TempDir,
}

/// What a run of the program said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_revledger"));
        command.args(arguments).env("REVLEDGER_DATA", self.folder.path());
        // What is set for somebody's own servers is nothing for a test.
        let own = std::env::vars_os().map(|(name, _)| name);
        for name in own.filter(|name| name.to_string_lossy().starts_with("NATS_")) {
            command.env_remove(name);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(arguments, "")
    }

    pub(crate) fn run_with(&self, arguments: &[&str], input: impl AsRef<[u8]>) -> Run {
        finish(self.command(arguments), input)
    }

    /// Runs it and demands an exit code.
    pub(crate) fn expect(&self, code: i32, arguments: &[&str], input: &str) -> Run {
        let run = self.run_with(arguments, input);
        assert_eq!(run.code, code, "{arguments:?}\nout: {}\nerr: {}", run.out, run.err);
        run
    }
}

/// Runs a command of [`Ledger::command`] to its end.
pub(crate) fn finish(mut command: Command, input: impl AsRef<[u8]>) -> Run {
    let mut child: Child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.as_ref().to_owned();
    // A thread of its own: a full pipe on either side must not block the other.
    let feeder = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    // A program that does not read its input closes the pipe: no fault of the test.
    feeder.join().unwrap().ok();
    Run {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Run {
    /// The output as one JSON object a line.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The output as one JSON value.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }
}

/// A small book: an invoice over a year, and a part payment.
pub(crate) const BOOK: &str = r#"{"id":"c1","command":"OpenBook","effective":"2026-01-01","data":{"currency":"USD"}}
{"id":"c2","command":"RegisterCustomer","effective":"2026-01-01","data":{"customer":"C-1","name":"One"}}
{"id":"c3","command":"IssueInvoice","effective":"2026-01-10","data":{"invoice":"INV-1","customer":"C-1","currency":"USD","due":"2026-02-09","lines":[{"description":"a year","amount":"1200.00","service_start":"2026-01-01","service_end":"2026-12-31"}]}}
{"id":"c4","command":"RecordPayment","effective":"2026-02-01","reason":"by wire","data":{"payment":"PAY-1","customer":"C-1","amount":"500.00","currency":"USD","allocate":[{"invoice":"INV-1","amount":"500.00"}]}}
"#;
