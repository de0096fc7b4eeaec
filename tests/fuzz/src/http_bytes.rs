//! Requests over HTTP: the bytes of one connection, heads, queries and bodies, to the daemon's own routes
//! over the small book.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use commands::clock::FixedClock;
use commands::documents::DocumentFormat;
use commands::http::{self, Books, Check, Served, Status};
use commands::service::{DocumentFuture, ReportFuture, Reports};
use commands::webhook::StripeWebhook;
use commands::writer;
use ledger_core::id::Identifier;
use ledger_core::log::memory::MemoryLog;
use ledger_core::log::{SharedLog, StoredRecord};
use ledger_core::rejection::{Code, Rejection};
use projections::reports;
use projections::views::Views;
use schemas::record::decode;
use schemas::reply::{Outcome, Reply};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use crate::book::{Desk, GOLDEN, NOW, name};
use crate::chance::Chance;
use crate::{mutate, runtime, seeds};

/// Bytes of an input: more only take longer.
pub const BYTES_MAX: usize = 16 * 1024;
/// Of a test's own; nobody is paid with it.
const SECRET: &str = "whsec_fuzz";

/// The small book's reports, of its views as they are.
#[derive(Debug)]
struct Golden(Mutex<Views>);

impl Reports for Golden {
    fn report<'a>(
        &'a self,
        report: &'a str,
        filters: BTreeMap<String, String>,
        format: &'a str,
    ) -> ReportFuture<'a> {
        Box::pin(async move {
            let views = self.0.lock().unwrap();
            let mut wanted = reports::Filters::default();
            filters.into_iter().for_each(|(filter, value)| wanted.set(&filter, value));
            let today = "2026-12-01".parse().unwrap();
            let table = reports::run(report, &wanted, &views, today)?;
            Ok(format!("{format}: {} rows", table.rows.len()))
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

#[derive(Debug)]
struct Well;

impl Status for Well {
    fn live(&self) -> Vec<Check> {
        vec![Check::new("main: writer", None)]
    }

    fn ready(&self) -> Vec<Check> {
        vec![Check::new("main: log", None)]
    }

    fn ready_for_reports(&self) -> Vec<Check> {
        vec![Check::new("main: views", Some("line\nline".to_owned()))]
    }

    fn metrics(&self) -> String {
        "# EOF\n".to_owned()
    }
}

/// The first byte says what the rest is: the bytes of a connection, or an event that Stripe signs.
pub fn check(input: &[u8]) {
    let Some((what, rest)) = input.split_first() else { return };
    let sent = if what % 4 == 3 { signed(rest) } else { rest.to_vec() };
    runtime::run(served(&sent));
}

async fn served(sent: &[u8]) {
    let folder = tempfile::TempDir::new().unwrap();
    let clock = Arc::new(FixedClock(NOW));
    let log: SharedLog = Arc::new(MemoryLog::from_records(Desk::golden().records.clone()));
    let running = writer::start(name(), 0, Arc::clone(&log), clock.clone()).await.unwrap();
    let books = Books::default();
    let webhook = StripeWebhook::new(SECRET, folder.path().join("refused.ndjson"), clock);
    books.open(vec![Served {
        book: name(),
        writer: running.handle(),
        reports: Arc::new(Golden(Mutex::new(views().clone()))),
        webhook: webhook.map(Arc::new),
    }]);
    let router = http::router(books, Arc::new(Well));
    let before = Desk::golden().records.len();
    let first = exchange(router.clone(), sent).await;
    let stored = events(&log).await;
    answers_are_true(sent, &first, &stored);
    // The same once more, as callers do who heard nothing.
    let second = exchange(router, sent).await;
    let (first, second) = (String::from_utf8_lossy(&first), String::from_utf8_lossy(&second));
    for line in first.lines().filter(|line| is_accepted(line, sent)) {
        assert!(second.contains(line), "accepted, and answered in other words: {line}: {second}");
    }
    let later = events(&log).await;
    assert_eq!(later[..stored.len()], stored, "what was stored is another");
    let known: BTreeSet<&Identifier> = stored.iter().map(|(id, _)| id).collect();
    for (id, sequence) in &later[stored.len()..] {
        assert!(!known.contains(id), "{id} is stored again, as {sequence}");
    }
    each_once(&later);
    if later.len() > before {
        let found = projections::prefix::check(&log, later.len() as u64, &mut |_| {}).await;
        let found = found.unwrap();
        assert_eq!(found.first, None, "the books are wrong");
    }
    assert_eq!(running.pulse().problem(), None, "the writer ended");
    running.shutdown().await.unwrap();
}

fn views() -> &'static Views {
    static VIEWS: std::sync::OnceLock<Views> = std::sync::OnceLock::new();
    VIEWS.get_or_init(|| Desk::golden().views())
}

/// The bytes that come back until the daemon closes the connection, which it does: time is virtual.
async fn exchange(router: axum::Router, sent: &[u8]) -> Vec<u8> {
    let (ours, theirs) = duplex(64 * 1024);
    let serving = tokio::spawn(http::serve_connection(theirs, router));
    let (mut reading, mut writing) = tokio::io::split(ours);
    let hour = std::time::Duration::from_secs(3_600);
    let mut came = Vec::new();
    let talk = async {
        // The daemon may have closed before it read everything.
        let write = async {
            drop(writing.write_all(sent).await);
            drop(writing.flush().await);
        };
        let read = reading.read_to_end(&mut came);
        let ((), read) = tokio::join!(write, read);
        read.unwrap()
    };
    tokio::time::timeout(hour, talk).await.expect("the connection stays open");
    serving.await.expect("whoever serves the connection died");
    came
}

/// The command and the sequence of each event.
async fn events(log: &SharedLog) -> Vec<(Identifier, u64)> {
    let records = log.read(1, 100_000).await.unwrap();
    let event = |stored: &StoredRecord| {
        let event = decode(stored).unwrap();
        (event.command_id, event.sequence)
    };
    records.iter().map(event).collect()
}

/// The events of a command stand together.
fn each_once(events: &[(Identifier, u64)]) {
    let mut seen = BTreeSet::new();
    let mut before = None;
    for (id, sequence) in events {
        if before != Some(id) {
            assert!(seen.insert(id), "{id} has events twice, again at {sequence}");
        }
        before = Some(id);
    }
}

/// Every answer is one of HTTP, and whatever it says is accepted is stored.
fn answers_are_true(sent: &[u8], came: &[u8], stored: &[(Identifier, u64)]) {
    let mut rest = came;
    // Answers to HEAD say how long they would be.
    let has_heads = sent.windows(4).any(|part| part == b"HEAD");
    while !rest.is_empty() {
        let shown = String::from_utf8_lossy(&rest[..rest.len().min(400)]);
        assert!(rest.starts_with(b"HTTP/1."), "no answer of HTTP: {shown}");
        let status = rest.get(9..12).and_then(|digits| str::from_utf8(digits).ok());
        let status: u16 = status.and_then(|digits| digits.parse().ok()).expect("a status");
        assert!((100..=599).contains(&status), "{shown}");
        assert!(status != 500, "the daemon does not know what to say: {shown}");
        let end = rest.windows(4).position(|part| part == b"\r\n\r\n").expect("the head's end") + 4;
        let head = String::from_utf8_lossy(&rest[..end]).to_lowercase();
        if has_heads {
            return;
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
        let body = rest.get(end..end + length).expect("the whole body");
        body.split(|byte| *byte == b'\n').for_each(|line| is_true(line, stored));
        rest = &rest[end + length..];
    }
}

fn is_true(line: &[u8], stored: &[(Identifier, u64)]) {
    let Ok(reply) = serde_json::from_slice::<Reply>(line) else { return };
    if reply.outcome != Outcome::Accepted {
        let error = reply.error.expect("a refusal says why");
        assert!(!error.code.is_empty() && !error.message.is_empty());
        return;
    }
    for event in reply.events.unwrap_or_default() {
        let found = stored.iter().find(|(_, sequence)| *sequence == event.sequence);
        let id = found.map(|(id, _)| id.to_string());
        assert_eq!(id, reply.id, "accepted, and not stored");
    }
}

/// Whether a line accepts a command whose caller named it.
fn is_accepted(line: &str, sent: &[u8]) -> bool {
    let Ok(reply) = serde_json::from_str::<Reply>(line) else { return false };
    let Some(id) = reply.id.filter(|id| !id.is_empty()) else { return false };
    let is_named = sent.windows(id.len()).any(|part| part == id.as_bytes());
    reply.outcome == Outcome::Accepted && is_named
}

/// A request as Stripe sends it.
fn signed(body: &[u8]) -> Vec<u8> {
    use hmac::{Hmac, KeyInit, Mac};
    let now = NOW.unix_timestamp();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{now}.").as_bytes());
    mac.update(body);
    let signature = schemas::chain::hex(&mac.finalize().into_bytes());
    let head = format!(
        "POST /v1/books/main/webhooks/stripe HTTP/1.1\r\nhost: x\r\n\
         stripe-signature: t={now},v1={signature}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn post(kind: &str, body: &str) -> String {
    format!(
        "POST /v1/books/main/commands HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Each golden command, other and again; all of them as lines; every route; events of Stripe.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    for line in GOLDEN.lines().step_by(3) {
        let other = line.replacen("\"id\":\"g-", "\"id\":\"n-", 1);
        texts.push(post("application/json", line));
        texts.push(post("application/json", &other));
    }
    let lines: Vec<String> =
        GOLDEN.lines().skip(28).map(|line| line.replacen("\"g-", "\"m-", 1)).collect();
    texts.push(post("application/x-ndjson", &lines.join("\n")));
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    for report in reports::REPORTS {
        texts.push(get(&format!("/v1/books/main/reports/{}?as_of=2026-09-30", report.name)));
    }
    texts.push(get("/v1/books/main/reports/revenue?by=month&from=2026-01-01&to=2026-12-31"));
    texts.push(get("/v1/books/main/reports/open-items?format=csv&customer=C%2F1%20%C3%BC"));
    texts.push(get("/v1/books/main/documents/INV-X.pdf?language=de"));
    texts.push(get("/v1/books/other/documents/INV-X.xml"));
    texts.extend(["/livez", "/readyz", "/readyz/reports", "/metrics", "/"].map(get));
    texts.push("POST /v1/books/main/commands HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n".to_owned());
    texts.push("POST /v1/books/main/commands HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n{".to_owned());
    texts.push(format!("{}{}", get("/livez"), post("application/json", "[]")));
    let mut all: Vec<Vec<u8>> =
        texts.into_iter().map(|text| [&[0], text.as_bytes()].concat()).collect();
    let events = std::fs::read(seeds::root().join("tests/fuzz/files/stripe.ndjson")).unwrap();
    all.extend(events.split(|byte| *byte == b'\n').map(|event| [&[3], event].concat()));
    all
}

/// Another input: bytes anywhere, or the JSON of a body with its length.
pub fn mutated(input: &[u8], chance: &mut Chance) -> Vec<u8> {
    let Some((what, sent)) = input.split_first() else { return vec![0] };
    if what % 4 == 3 {
        return [vec![3], mutate::lines(sent, &[], chance, BYTES_MAX - 1)].concat();
    }
    let body = sent.windows(4).position(|part| part == b"\r\n\r\n").map(|at| at + 4);
    if let Some((head, body)) = body.and_then(|at| sent.split_at_checked(at))
        && !body.is_empty()
        && chance.below(3) > 0
    {
        let others = seeds::golden_lines();
        let body = mutate::lines(body, others, chance, BYTES_MAX / 2);
        let head = String::from_utf8_lossy(head);
        let lines = head.split("\r\n").filter(|line| !line.starts_with("content-length"));
        let head: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
        let head = format!("{}\r\ncontent-length: {}\r\n\r\n", head.join("\r\n"), body.len());
        return [&[0], head.as_bytes(), &body].concat();
    }
    [vec![0], mutate::bytes(sent, chance, BYTES_MAX - 1)].concat()
}
