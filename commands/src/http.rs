//! Commands and reports over HTTP. Loopback only in this release: it has no TLS and no users.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures::StreamExt;
use futures::stream::FuturesOrdered;
use ledger_core::id::Identifier;
use ledger_core::limits::{GROUP_BYTES_MAX, QUEUE_COMMANDS_MAX};
use ledger_core::rejection::{Code, Rejection};
use schemas::command::{Origin, parse};
use schemas::reply::{Outcome, Reply};

use crate::documents::DocumentFormat;
use crate::ids;
use crate::service::{Reports, status};
use crate::webhook::{self, StripeWebhook};
use crate::writer::WriterHandle;

/// Lines of one request that wait in the writer's queue: a part of it, so that others get in.
const WAITING_MAX: usize = QUEUE_COMMANDS_MAX / 8;

/// Seconds after which it is worth to ask again what is not available: another daemon takes over within
/// ten.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

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

/// The books that are served, by name.
#[derive(Debug, Clone)]
pub(crate) struct Books(Arc<BTreeMap<String, Served>>);

impl Books {
    /// The book of a path; else the answer to who asked.
    pub(crate) fn find(&self, book: &str) -> Result<&Served, Box<Response>> {
        self.0.get(book).ok_or_else(|| {
            let books: Vec<&str> = self.0.keys().map(String::as_str).collect();
            let what = if books.len() == 1 { "book" } else { "books" };
            let message =
                format!("this daemon serves the {what} {}, not {book:?}", books.join(", "));
            Box::new(rejection_response(&Rejection::new(Code::BookMismatch, message)))
        })
    }
}

/// The routes: `POST /v1/books/{book}/commands`, `GET /v1/books/{book}/reports/{name}`,
/// `GET /v1/books/{book}/documents/{id}.pdf` and `.xml`, `POST /v1/books/{book}/webhooks/stripe`,
/// `/livez` and `/readyz`.
pub fn router(books: Vec<Served>) -> Router {
    let books = books.into_iter().map(|served| (served.book.to_string(), served));
    let books = Books(Arc::new(books.collect()));
    Router::new()
        .route("/v1/books/{book}/commands", post(commands))
        .route("/v1/books/{book}/reports/{name}", get(report))
        .route("/v1/books/{book}/documents/{file}", get(document))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(|| async { "ok\n" }))
        .layer(DefaultBodyLimit::max(GROUP_BYTES_MAX))
        .with_state(books.clone())
        .merge(webhook::router(books))
}

pub(crate) fn rejection_response(rejection: &Rejection) -> Response {
    json_response(status(&rejection.code), Reply::rejected(None, rejection).to_bytes())
}

pub(crate) fn json_response(code: u16, body: Vec<u8>) -> Response {
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (code, [(header::CONTENT_TYPE, "application/json")], body).into_response();
    if code == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    }
    response
}

async fn commands(
    State(books): State<Books>,
    Path(book): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let shared = match books.find(&book) {
        Ok(shared) => shared,
        Err(response) => return *response,
    };
    let body = match body {
        Ok(body) => body,
        Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let message =
                format!("a request has at most {GROUP_BYTES_MAX} bytes; send the lines in parts");
            return rejection_response(&Rejection::new(Code::CommandTooLarge, message));
        }
        Err(error) => {
            let message = format!("the request's body cannot be read: {error}");
            return rejection_response(&Rejection::new(Code::CommandMalformed, message));
        }
    };
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_many = kind.is_some_and(|kind| kind.starts_with("application/x-ndjson"));
    if !is_many {
        let reply = one(shared, &body).await;
        let code = serde_json::from_slice::<Reply>(&reply)
            .ok()
            .filter(|reply| reply.outcome == Outcome::Rejected)
            .and_then(|reply| reply.error)
            .map_or(200, |error| status(&error.code));
        return json_response(code, reply);
    }
    let mut waiting = FuturesOrdered::new();
    let mut replies = Vec::new();
    for line in body.split(|byte| *byte == b'\n') {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        // Handed in before the one in front of it is answered: they share groups.
        waiting.push_back(one(shared, line));
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
fn one(shared: &Served, bytes: &[u8]) -> impl Future<Output = Vec<u8>> + Send + use<> {
    let origin = Origin {
        book: shared.book.clone(),
        actor: "http".to_owned(),
        today: shared.writer.today(),
        command_name: None,
    };
    let handed_in = parse(bytes, &origin, &mut ids::command_id)
        .map(|command| shared.writer.submit(command, None));
    async move {
        match handed_in {
            Ok(reply) => reply.await,
            Err(refused) => Reply::rejected(refused.id.as_deref(), &refused.rejection).to_bytes(),
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
    match shared.reports.document(id, format, language).await {
        Ok(body) => ([(header::CONTENT_TYPE, kind)], body).into_response(),
        Err(rejection) => rejection_response(&rejection),
    }
}
