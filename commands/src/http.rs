//! Commands and reports over HTTP. Loopback only in this release: it has no TLS and no users.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures::StreamExt;
use futures::stream::FuturesOrdered;
use ledger_core::id::Identifier;
use ledger_core::limits::{GROUP_BYTES_MAX, HTTP_CONNECTIONS_MAX, QUEUE_COMMANDS_MAX};
use ledger_core::rejection::{Code, Rejection};
use schemas::command::{Origin, parse};
use schemas::record::TRACEPARENT;
use schemas::reply::{Outcome, Reply};
use tokio::sync::Semaphore;

pub(crate) use self::body::Whole;
use crate::documents::DocumentFormat;
use crate::ids;
use crate::service::{REPORTS_AT_ONCE_MAX, Reports, retry_after_seconds, status};
use crate::trace::Trace;
use crate::webhook::{self, StripeWebhook};
use crate::writer::{Call, WriterHandle};

mod body;
mod patient;
mod probes;
mod server;

pub use self::probes::{Check, Status};
pub use self::server::{serve, serve_connection};

/// Lines of one request that wait in the writer's queue: a part of it, so that others get in.
const WAITING_MAX: usize = QUEUE_COMMANDS_MAX / 8;

/// When a daemon that starts or ends may be asked again.
const STARTED_WITHIN_MS: u64 = 1_000;

/// A book, and what answers for it.
#[derive(Debug, Clone)]
pub struct Served {
    /// The book.
    pub book: Identifier,
    /// Takes its commands.
    pub writer: WriterHandle,
    /// Makes its reports.
    pub reports: Arc<dyn Reports>,
    /// Takes Stripe's webhooks, where it has a secret.
    pub webhook: Option<Arc<StripeWebhook>>,
}

/// The books that are served, by name; none before they are open.
#[derive(Debug, Clone)]
pub struct Books(Arc<Shelf>);

#[derive(Debug)]
struct Shelf {
    books: OnceLock<BTreeMap<String, Served>>,
    is_ending: AtomicBool,
    /// Requests that bring commands: as many as there are connections, so that nobody waits.
    requests: Arc<Semaphore>,
    /// Memory for bodies of more than one command.
    bodies: Arc<Semaphore>,
    reports: Semaphore,
}

impl Default for Books {
    fn default() -> Self {
        Self(Arc::new(Shelf {
            books: OnceLock::new(),
            is_ending: AtomicBool::new(false),
            requests: Arc::new(Semaphore::new(HTTP_CONNECTIONS_MAX)),
            bodies: Arc::new(Semaphore::new(body::UNITS)),
            reports: Semaphore::new(REPORTS_AT_ONCE_MAX),
        }))
    }
}

impl Books {
    /// Serves these books from now on; the first call counts.
    pub fn open(&self, books: Vec<Served>) {
        let books = books.into_iter().map(|served| (served.book.to_string(), served)).collect();
        self.0.books.get_or_init(|| books);
    }

    /// Takes no commands any more; what was taken is answered, as are reports.
    pub fn end(&self) {
        self.0.is_ending.store(true, Ordering::Release);
    }

    /// Waits until every request that brought commands is answered.
    pub async fn answered(&self) {
        let all = u32::try_from(HTTP_CONNECTIONS_MAX).unwrap_or(u32::MAX);
        // It is never closed.
        drop(self.0.requests.acquire_many(all).await);
    }

    /// The book of a path; else the answer to who asked.
    pub(crate) fn find(&self, book: &str) -> Result<&Served, Box<Response>> {
        let Some(books) = self.0.books.get() else {
            let message =
                "the daemon starts, and has not read the log yet; /readyz says how far it is";
            return Err(not_ready(message));
        };
        books.get(book).ok_or_else(|| {
            let names: Vec<&str> = books.keys().map(String::as_str).collect();
            let what = if names.len() == 1 { "book" } else { "books" };
            let message =
                format!("this daemon serves the {what} {}, not {book:?}", names.join(", "));
            Box::new(rejection_response(&Rejection::new(Code::BookMismatch, message)))
        })
    }

    /// The answer to who brings commands, where none are taken any more.
    fn refused(&self) -> Option<Response> {
        let is_ending = self.0.is_ending.load(Ordering::Acquire);
        is_ending.then(|| *not_ready("the daemon ends; send it again to the next one"))
    }
}

fn not_ready(message: &str) -> Box<Response> {
    let rejection = Rejection::new(Code::BookNotReady, message);
    Box::new(rejection_response(&rejection.retry_after_ms(STARTED_WITHIN_MS)))
}

/// The routes: `POST /v1/books/{book}/commands`, `GET /v1/books/{book}/reports/{name}`,
/// `GET /v1/books/{book}/documents/{id}.pdf` and `.xml`, `POST /v1/books/{book}/webhooks/stripe`,
/// and those of [`Status`].
pub fn router(books: Books, status: Arc<dyn Status>) -> Router {
    Router::new()
        .route("/v1/books/{book}/commands", post(commands))
        .route("/v1/books/{book}/reports/{name}", get(report))
        .route("/v1/books/{book}/documents/{file}", get(document))
        .layer(DefaultBodyLimit::max(GROUP_BYTES_MAX))
        .with_state(books.clone())
        .merge(webhook::router(books))
        .merge(probes::router(status))
}

pub(crate) fn rejection_response(rejection: &Rejection) -> Response {
    let body = Reply::rejected(None, rejection).to_bytes();
    let mut response = json_response(status(&rejection.code), body);
    tell_when(&mut response, rejection);
    response
}

/// Adds when it is worth another try.
fn tell_when(response: &mut Response, rejection: &Rejection) {
    if let Some(seconds) = retry_after_seconds(rejection) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
}

pub(crate) fn json_response(code: u16, body: Vec<u8>) -> Response {
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (code, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

async fn commands(
    State(books): State<Books>,
    Path(book): Path<String>,
    headers: HeaderMap,
    body: Result<Whole, Response>,
) -> Response {
    let trace = read_trace(&headers);
    let shared = match books.find(&book) {
        Ok(shared) => shared,
        Err(response) => return *response,
    };
    let body = match body {
        Ok(body) => body,
        Err(response) => return response,
    };
    let mut response = if is_many(&headers) {
        many(shared, &body.bytes, trace.as_ref()).await
    } else {
        single(shared, &body.bytes, trace.as_ref()).await
    };
    let answer = trace.and_then(|trace| HeaderValue::try_from(trace.answer()).ok());
    if let Some(answer) = answer {
        response.headers_mut().insert(TRACEPARENT, answer);
    }
    response
}

fn read_trace(headers: &HeaderMap) -> Option<Trace> {
    let values = headers.get_all(TRACEPARENT).iter();
    Trace::read_only(values.map(|value| value.to_str().unwrap_or_default()))
}

fn is_many(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/x-ndjson"))
}

async fn single(shared: &Served, body: &[u8], trace: Option<&Trace>) -> Response {
    let reply = one(shared, body, trace).await;
    let error = serde_json::from_slice::<Reply>(&reply)
        .ok()
        .filter(|reply| reply.outcome == Outcome::Rejected)
        .and_then(|reply| reply.error);
    let code = error.as_ref().map_or(200, |error| status(&error.code));
    let mut response = json_response(code, reply);
    error.iter().for_each(|error| tell_when(&mut response, error));
    response
}

async fn many(shared: &Served, body: &[u8], trace: Option<&Trace>) -> Response {
    let mut waiting = FuturesOrdered::new();
    let mut replies = Vec::new();
    for line in body.split(|byte| *byte == b'\n') {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        // Handed in before the one in front of it is answered: they share groups.
        waiting.push_back(one(shared, line, trace));
        if waiting.len() == WAITING_MAX {
            push_line(&mut replies, waiting.next().await);
        }
    }
    while let Some(reply) = waiting.next().await {
        push_line(&mut replies, Some(reply));
    }
    ([(header::CONTENT_TYPE, "application/x-ndjson")], replies).into_response()
}

fn push_line(lines: &mut Vec<u8>, line: Option<Vec<u8>>) {
    lines.extend(line.into_iter().flatten());
    lines.push(b'\n');
}

/// Hands one envelope in, at once, and gives the future of its reply.
fn one(
    shared: &Served,
    bytes: &[u8],
    trace: Option<&Trace>,
) -> impl Future<Output = Vec<u8>> + Send + use<> {
    let origin = Origin {
        book: shared.book.clone(),
        actor: "http".to_owned(),
        today: shared.writer.today(),
        command_name: None,
    };
    let call = Call { bytes: bytes.len(), trace: trace.cloned() };
    let handed_in = parse(bytes, &origin, &mut ids::command_id)
        .map(|command| shared.writer.submit_as(command, call))
        .map_err(|refused| shared.writer.refuse(&refused, trace));
    async move {
        match handed_in {
            Ok(reply) => reply.await,
            Err(reply) => reply,
        }
    }
}

async fn report(
    State(books): State<Books>,
    Path((book, name)): Path<(String, String)>,
    Query(mut filters): Query<BTreeMap<String, String>>,
) -> Response {
    let shared = match books.find(&book) {
        Ok(shared) => shared,
        Err(response) => return *response,
    };
    let format = filters.remove("format").unwrap_or_else(|| "json".to_owned());
    let kind = match format.as_str() {
        "json" => "application/json",
        "csv" => "text/csv; charset=utf-8",
        "ndjson" => "application/x-ndjson",
        other => {
            let message = format!("there is no format {other:?}; there are json, csv, ndjson");
            return rejection_response(&Rejection::at(Code::ReportFilter, "format", message));
        }
    };
    let _turn = books.0.reports.acquire().await;
    match shared.reports.report(&name, filters, &format).await {
        Ok(body) => ([(header::CONTENT_TYPE, kind)], body).into_response(),
        Err(rejection) => rejection_response(&rejection),
    }
}

async fn document(
    State(books): State<Books>,
    Path((book, file)): Path<(String, String)>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let shared = match books.find(&book) {
        Ok(shared) => shared,
        Err(response) => return *response,
    };
    let (id, ending) = file.rsplit_once('.').unwrap_or((&file, ""));
    let (format, kind) = match ending {
        "pdf" => (DocumentFormat::Pdf, "application/pdf"),
        "xml" => (DocumentFormat::Ubl, "application/xml"),
        _ => {
            let message = format!("{file:?} ends in no format of a document: .pdf or .xml");
            return rejection_response(&Rejection::new(Code::DocumentFormat, message));
        }
    };
    if let Some(other) = query.keys().find(|name| *name != "language") {
        let message = format!("a document has no filter {other:?}; it has language");
        return rejection_response(&Rejection::at(Code::ReportFilter, other, message));
    }
    let language = query.get("language").map(String::as_str);
    let _turn = books.0.reports.acquire().await;
    match shared.reports.document(id, format, language).await {
        Ok(body) => ([(header::CONTENT_TYPE, kind)], body).into_response(),
        Err(rejection) => rejection_response(&rejection),
    }
}
