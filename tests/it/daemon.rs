//! Starts `revledger serve` on a free port, and talks HTTP to it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::Ledger;

/// A hang is a failure.
const ENDS_WITHIN: Duration = Duration::from_secs(120);

/// A daemon that dies with the test.
pub(crate) struct Daemon {
    child: Child,
    address: String,
    ready: String,
}

/// An answer over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Daemon {
    /// Starts it, and reads from its own output where it listens.
    pub(crate) fn start(ledger: &Ledger) -> Self {
        Self::start_with(ledger, &[])
    }

    /// The same with more options.
    pub(crate) fn start_with(ledger: &Ledger, options: &[&str]) -> Self {
        Self::start_in(ledger, options, &[])
    }

    /// The same with more variables, too.
    pub(crate) fn start_in(
        ledger: &Ledger,
        options: &[&str],
        variables: &[(&str, &OsStr)],
    ) -> Self {
        let mut command =
            ledger.command(&[&["serve", "--listen", "127.0.0.1:0"], options].concat());
        command.env("RUST_LOG", "off").envs(variables.iter().copied());
        Self::run(command)
    }

    /// Starts it by a command that runs it in the end.
    pub(crate) fn run(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        let address = ready.split("http://").nth(1).unwrap_or_else(|| {
            let mut errors = String::new();
            child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
            panic!("no address in {ready:?}: {errors}")
        });
        let address = address.split([',', ' ']).next().unwrap().to_owned();
        Self { child, address, ready }
    }

    /// Starts it, and waits only until HTTP answers.
    pub(crate) fn launch(ledger: &Ledger, options: &[&str]) -> Self {
        // Somebody else may take the port meanwhile, but hardly ever does.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let mut command = ledger.command(&[&["serve", "--listen", &address], options].concat());
        let child = command.env("RUST_LOG", "off").spawn().unwrap();
        let daemon = Self { child, address, ready: String::new() };
        let began = Instant::now();
        while TcpStream::connect(&daemon.address).is_err() {
            assert!(began.elapsed() < ENDS_WITHIN, "nobody listens");
            std::thread::yield_now();
        }
        daemon
    }

    /// Asks again and again, until the answer is the wanted one.
    pub(crate) fn until(&self, path: &str, is_wanted: impl Fn(&Answer) -> bool) -> Answer {
        let began = Instant::now();
        loop {
            let answer = self.get(path);
            if is_wanted(&answer) {
                return answer;
            }
            assert!(began.elapsed() < ENDS_WITHIN, "{path}: {answer:?}");
            std::thread::yield_now();
        }
    }

    /// The number of its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// One request on a connection of its own.
    pub(crate) fn ask(&self, head: &str, kind: &str, body: &[u8]) -> Answer {
        self.ask_with_head(head, kind, body).1
    }

    /// What it said when it was ready.
    pub(crate) fn ready(&self) -> &str {
        &self.ready
    }

    /// As [`Self::ask`], with the head of the answer.
    pub(crate) fn ask_with_head(&self, head: &str, kind: &str, body: &[u8]) -> (String, Answer) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        let mut request = format!(
            "{head} HTTP/1.1\r\nHost: ledger\r\nConnection: close\r\nContent-Type: {kind}\r\n\
             Content-Length: {length}\r\n\r\n"
        )
        .into_bytes();
        request.extend_from_slice(body);
        // A daemon that refuses it by its length does not read it to its end.
        stream.write_all(&request).ok();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).unwrap_or("0").parse().unwrap();
        (head.to_owned(), Answer { status, body: body.to_owned() })
    }

    pub(crate) fn command(&self, envelope: &str) -> Answer {
        self.ask("POST /v1/books/main/commands", "application/json", envelope.as_bytes())
    }

    pub(crate) fn commands(&self, lines: &str) -> Answer {
        self.ask("POST /v1/books/main/commands", "application/x-ndjson", lines.as_bytes())
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path}"), "text/plain", b"")
    }

    /// Asks it to end, as a service manager does.
    pub(crate) fn ask_to_end(&self) {
        let process = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
    }

    /// The same; its exit code.
    pub(crate) fn terminate(mut self) -> i32 {
        self.ask_to_end();
        self.child.wait().unwrap().code().unwrap()
    }

    /// Waits until it ends by itself; its exit code, and what it said at last.
    pub(crate) fn wait(mut self) -> (i32, String) {
        let mut errors = self.child.stderr.take().unwrap();
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut text = String::new();
            errors.read_to_string(&mut text).unwrap();
            sender.send(text).ok();
        });
        // It closes its standard error when it ends; a daemon that goes on is a failure.
        let text = receiver.recv_timeout(ENDS_WITHIN).expect("the daemon goes on");
        (self.child.wait().unwrap().code().unwrap(), text)
    }

    /// SIGKILL: it gets no chance to tidy up.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends it a signal, such as `STOP` and `CONT`.
    pub(crate) fn signal(&self, name: &str) {
        let process = self.child.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &process]).status();
        assert!(sent.unwrap().success(), "{name}");
    }

    /// Its address.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    pub(crate) fn lines(&self) -> Vec<Value> {
        self.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}
