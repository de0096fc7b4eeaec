//! The command service on NATS: a micro service named `revledger` (NATS ADR-32).

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use async_nats::service::Request;
use async_nats::{Client, HeaderMap, HeaderValue, Message};
use ledger_core::command::Command;
use ledger_core::id::Identifier;
use ledger_core::rejection::{Code, Rejection};
use schemas::command::{Origin, Refused, id_of, parse, parse_stated};
use schemas::record::TRACEPARENT;
use schemas::reply::{Outcome, Reply};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::JoinHandle;
use tracing::{debug, error, warn};

use self::actor::Sender;
use self::offer::Offer;
use crate::documents::DocumentFormat;
use crate::ids;
use crate::trace::Trace;
use crate::writer::{Call, Role, WriterHandle};

mod actor;
mod offer;

pub use self::actor::ActorSource;

/// Reports that are worked on at once; more wait for their turn. Commands have the bound of the
/// writer's queue, beyond which the answer is `book.busy`, at once.
pub(crate) const REPORTS_AT_ONCE_MAX: usize = 16;

/// A boxed answer of a report.
pub type ReportFuture<'a> = Pin<Box<dyn Future<Output = Result<String, Rejection>> + Send + 'a>>;

/// A boxed document.
pub type DocumentFuture<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, Rejection>> + Send + 'a>>;

/// Where transports ask for reports. The write side does not know the read side: the program
/// joins them.
pub trait Reports: Send + Sync + fmt::Debug {
    /// Runs a report with its filters by name; `format` is `json`, `csv` or `ndjson`.
    fn report<'a>(
        &'a self,
        name: &'a str,
        filters: BTreeMap<String, String>,
        format: &'a str,
    ) -> ReportFuture<'a>;

    /// Writes an invoice or a credit note as a document.
    fn document<'a>(
        &'a self,
        id: &'a str,
        format: DocumentFormat,
        language: Option<&'a str>,
    ) -> DocumentFuture<'a>;
}

/// A service that cannot start.
#[derive(Debug, thiserror::Error)]
#[error("the NATS service cannot start: {0}")]
pub struct ServiceError(String);

/// Who the service answers for.
#[derive(Debug, Clone)]
struct Desk {
    client: Client,
    book: Identifier,
    /// Unlike any other daemon's.
    instance: String,
    writer: WriterHandle,
    reports: Arc<dyn Reports>,
    permits: Arc<Semaphore>,
    actors: ActorSource,
}

/// The running service; dropping it stops answering.
#[derive(Debug)]
pub struct CommandService {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// Answers `ledger.<book>.cmd.*`, `ledger.<book>.cmd.<user>.*` and `ledger.<book>.qry.*` while the
/// writer has the book, and the discovery verbs always.
///
/// # Errors
/// Where the server refuses a subscription.
pub async fn start(
    client: Client,
    book: Identifier,
    writer: WriterHandle,
    reports: Arc<dyn Reports>,
    actors: ActorSource,
) -> Result<CommandService, ServiceError> {
    let permits = Arc::new(Semaphore::new(REPORTS_AT_ONCE_MAX));
    let mut standing = writer.standing();
    let instance = ids::instance_id();
    let desk = Desk { client, book, instance, writer, reports, permits, actors };
    let role = *standing.borrow_and_update();
    let offer = Offer::make(&desk, role).await?;
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(follow(desk, standing, offer, stopped));
    Ok(CommandService { stop, task })
}

impl CommandService {
    /// Stops answering.
    pub async fn stop(self) {
        if self.stop.send(()).is_ok()
            && let Err(error) = self.task.await
        {
            debug!(%error, "the service was stopped already");
        }
    }
}

/// Offers what the writer's role has, until it is told to stop.
async fn follow(
    desk: Desk,
    mut standing: watch::Receiver<Role>,
    offer: Offer,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut offer = Some(offer);
    loop {
        tokio::select! {
            changed = standing.changed() => {
                if let Some(old) = offer.take() {
                    old.withdraw().await;
                }
                if changed.is_err() {
                    return;
                }
                let role = *standing.borrow_and_update();
                match Offer::make(&desk, role).await {
                    Ok(new) => offer = Some(new),
                    Err(error) => error!(%error, "the book is not served on NATS"),
                }
            }
            _ = &mut stopped => {
                if let Some(old) = offer.take() {
                    old.withdraw().await;
                }
                return;
            }
        }
    }
}

impl Desk {
    /// The trace that a request says it belongs to.
    fn trace(&self, request: &Request) -> Option<Trace> {
        let headers = request.message.headers.as_ref()?;
        Trace::read_only(headers.get_all(TRACEPARENT).map(HeaderValue::as_str))
    }

    fn hand_in(
        &self,
        request: &Request,
        trace: Option<Trace>,
    ) -> impl Future<Output = Vec<u8>> + Send + use<> {
        let call = Call { bytes: request.message.payload.len(), trace: trace.clone() };
        let handed_in = self
            .read(request)
            .map(|command| self.writer.submit_as(command, call))
            .map_err(|refused| self.writer.refuse(&refused, trace.as_ref()));
        async move {
            match handed_in {
                Ok(reply) => reply.await,
                Err(reply) => reply,
            }
        }
    }

    /// The command in a request.
    fn read(&self, request: &Request) -> Result<Command, Refused> {
        let Message { subject, payload, .. } = &request.message;
        let sender = actor::sender(self.actors, &request.message);
        let Sender { actor, is_stated } =
            sender.map_err(|rejection| Refused { id: id_of(payload), rejection })?;
        let origin = Origin {
            book: self.book.clone(),
            actor,
            today: self.writer.today(),
            command_name: subject.rsplit('.').next().map(str::to_owned),
        };
        if is_stated {
            parse_stated(payload, &origin, &mut ids::command_id)
        } else {
            parse(payload, &origin, &mut ids::command_id)
        }
    }

    async fn answer(&self, request: &Request, bytes: Vec<u8>, trace: Option<Trace>) {
        let error = serde_json::from_slice::<Reply>(&bytes)
            .ok()
            .filter(|reply| reply.outcome == Outcome::Rejected)
            .and_then(|reply| reply.error);
        // Whoever writes now was sent the same message, and answers it.
        if error.as_ref().is_some_and(|error| error.code == Code::BookStandby.as_str()) {
            return;
        }
        let mut headers = HeaderMap::new();
        if let Some(trace) = trace {
            headers.insert(TRACEPARENT, trace.answer());
        }
        self.respond(request, bytes, error.as_ref(), headers).await;
    }

    async fn query(&self, request: &Request) {
        let name = request.message.subject.rsplit('.').next().unwrap_or("").to_owned();
        let payload = &request.message.payload;
        let filters: Result<BTreeMap<String, String>, _> =
            if payload.is_empty() { Ok(BTreeMap::new()) } else { serde_json::from_slice(payload) };
        let answer = match filters {
            Ok(filters) => self.reports.report(&name, filters, "json").await,
            Err(error) => Err(Rejection::new(
                Code::ReportFilter,
                format!("filters are a JSON object of strings: {error}"),
            )),
        };
        match answer {
            Ok(body) if body.len() <= self.payload_max() => {
                self.respond(request, body.into_bytes(), None, HeaderMap::new()).await;
            }
            Ok(body) => {
                let message = format!(
                    "the answer has {} bytes and a message at most {}; narrow the report with \
                     filters, or ask over HTTP or with `revledger report`",
                    body.len(),
                    self.payload_max()
                );
                self.refuse(request, &Rejection::new(Code::ReportTooLarge, message)).await;
            }
            Err(rejection) => self.refuse(request, &rejection).await,
        }
    }

    /// What the server takes as one message.
    fn payload_max(&self) -> usize {
        self.client.server_info().max_payload
    }

    async fn refuse(&self, request: &Request, rejection: &Rejection) {
        let body = Reply::rejected(None, rejection).to_bytes();
        self.respond(request, body, Some(rejection), HeaderMap::new()).await;
    }

    /// Answers with the contract's body also for a rejection, whose headers say so too: the
    /// service library would leave the body out.
    async fn respond(
        &self,
        request: &Request,
        body: Vec<u8>,
        error: Option<&Rejection>,
        mut headers: HeaderMap,
    ) {
        let Some(reply) = request.message.reply.clone() else { return };
        let sent = match error {
            None => request.respond_with_headers(Ok(body.into()), headers).await,
            Some(rejection) => {
                if let Some(seconds) = retry_after_seconds(rejection) {
                    headers.insert("Retry-After", seconds.to_string());
                }
                headers.insert("Nats-Service-Error-Code", status(&rejection.code).to_string());
                let text: String =
                    rejection.message.chars().filter(|letter| !letter.is_control()).collect();
                headers.insert("Nats-Service-Error", format!("{}: {text}", rejection.code));
                self.client.publish_with_headers(reply, headers, body.into()).await
            }
        };
        if let Err(error) = sent {
            warn!(%error, "a reply could not be sent; the caller sends its command id again");
        }
    }
}

/// Whole seconds after which the same is worth another try, where that is known: the header
/// `Retry-After`.
pub(crate) fn retry_after_seconds(rejection: &Rejection) -> Option<u64> {
    rejection.retry_after_ms.map(|milliseconds| milliseconds.div_ceil(1_000))
}

/// The number that goes with a code, after HTTP's.
pub fn status(code: &str) -> u16 {
    match code {
        "book.busy" => 429,
        "book.disk_reserve" => 507,
        "command.too_large" | "report.too_large" => 413,
        "command.id_reused" => 409,
        "command.outcome_unknown" => 504,
        "report.does_not_tie" => 500,
        "book.standby" | "book.not_ready" | "report.unavailable" | "stripe.fee_unknown" => 503,
        "command.malformed"
        | "command.unknown_field"
        | "command.missing_field"
        | "command.too_deep"
        | "webhook.signature"
        | "webhook.too_old"
        | "stripe.malformed" => 400,
        "actor.unproven" => 401,
        "actor.mismatch" => 403,
        "webhook.not_configured" => 404,
        code if code.ends_with(".unknown") => 404,
        _ => 422,
    }
}
