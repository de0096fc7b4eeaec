//! Webhooks of Stripe: each signed event becomes the commands that an import makes of it.
//!
//! An answer of 200 means that the event is done with: accepted, of no meaning, there already, or
//! refused for good, and then kept in a file that `import stripe` reads. Stripe sends again what
//! has any other answer, for days: so what is early or comes at a busy moment is not lost.
//!
//! Stripe's events do not say what a charge cost. A charge that was asked for is left to the adapter
//! first, which is told; money that it has not recorded after an hour is recorded without its fee.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use ledger_core::id::Identifier;
use ledger_core::limits::EVENT_BYTES_MAX;
use ledger_core::rejection::{Code, Rejection};
use schemas::command::{Origin, parse};
use schemas::reply::{Outcome, Reply};
use serde_json::{Value, json};
use time::Duration;
use tracing::warn;

use crate::clock::Clock;
use crate::http::{Books, Whole, json_response, rejection_response};
use crate::import::stripe::{self, About, Read};
use crate::writer::{Call, WriterHandle};
use crate::{ids, stripe_signature};

/// Who asks, in the audit trail.
const ACTOR: &str = "stripe";

/// Events come in any order: what names something unknown is sent again for so long, and a fee is
/// waited for.
const IN_ANY_ORDER: Duration = Duration::hours(1);

/// Where events are kept that nothing says are this book's, beside those that were refused.
const UNKNOWN: &str = "stripe-unknown.ndjson";

/// What the endpoint needs: the secrets that are in force, and where refused events are kept.
pub struct StripeWebhook {
    secrets: Vec<String>,
    /// One event at a time is kept.
    refused: Mutex<PathBuf>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for StripeWebhook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The secrets are nobody's business.
        formatter.debug_struct("StripeWebhook").finish_non_exhaustive()
    }
}

impl StripeWebhook {
    /// An endpoint with the signing secrets of a text, separated by white space: two while one is
    /// being rotated. None where there is none.
    pub fn new(secrets: &str, refused: PathBuf, clock: Arc<dyn Clock>) -> Option<Self> {
        let secrets: Vec<String> = secrets.split_whitespace().map(str::to_owned).collect();
        let refused = Mutex::new(refused);
        (!secrets.is_empty()).then_some(Self { secrets, refused, clock })
    }

    /// Whether one of the secrets signed the body.
    fn verify(&self, header: &str, body: &[u8]) -> Result<(), Rejection> {
        let now = self.clock.now().unix_timestamp();
        let mut refused = None;
        for secret in &self.secrets {
            match stripe_signature::verify(header, body, secret.as_bytes(), now) {
                Ok(()) => return Ok(()),
                // A right signature of another time says more than a wrong one.
                Err(error) if error.code == Code::WebhookTooOld.as_str() => return Err(error),
                Err(error) => refused = Some(error),
            }
        }
        let none = || Rejection::new(Code::WebhookSignature, "there is no secret");
        Err(refused.unwrap_or_else(none))
    }

    /// Keeps an event that is not recorded: once, however often it comes.
    fn keep(&self, event: &str, place: Place) -> io::Result<()> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let path = match place {
            Place::Refused => refused.clone(),
            Place::Unknown => refused.with_file_name(UNKNOWN),
        };
        let known = match std::fs::read_to_string(&path) {
            Ok(known) => known,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        if known.lines().any(|line| line == event) {
            return Ok(());
        }
        let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
        writeln!(file, "{event}")?;
        file.sync_all()
    }
}

/// Where an event is kept.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// With those that are this book's, or may well be.
    Refused,
    /// With those that nothing says are this book's.
    Unknown,
}

/// What the handler needs.
#[derive(Debug)]
struct Shared<'a> {
    book: &'a Identifier,
    writer: &'a WriterHandle,
}

/// The route `POST /v1/books/{book}/webhooks/stripe`; without secrets it answers 404.
pub(crate) fn router(books: Books) -> Router {
    Router::new()
        .route("/v1/books/{book}/webhooks/stripe", post(receive))
        .layer(DefaultBodyLimit::max(EVENT_BYTES_MAX))
        .with_state(books)
}

async fn receive(
    State(books): State<Books>,
    Path(book): Path<String>,
    headers: HeaderMap,
    body: Result<Whole, Response>,
) -> Response {
    let served = match books.find(&book) {
        Ok(served) => served,
        Err(response) => return *response,
    };
    let body = match body {
        Ok(body) => body,
        Err(response) => return response,
    };
    let bytes = &body.bytes;
    let shared = Shared { book: &served.book, writer: &served.writer };
    let Some(webhook) = &served.webhook else {
        let message = "no signing secret is configured; start the daemon with \
                       --stripe-webhook-secret-file";
        return rejection_response(&Rejection::new(Code::WebhookNotConfigured, message));
    };
    let header = headers.get("stripe-signature").and_then(|value| value.to_str().ok());
    if let Err(rejection) = webhook.verify(header.unwrap_or_default(), bytes) {
        warn!(code = rejection.code, why = rejection.message, "a webhook was refused");
        return rejection_response(&rejection);
    }
    match Event::read(bytes, shared.book.as_str()) {
        Ok(event) => shared.take(webhook, &event).await,
        Err(reason) => {
            warn!(reason, "a signed webhook is no event");
            rejection_response(&Rejection::new(Code::StripeMalformed, reason))
        }
    }
}

/// A signed event.
struct Event {
    id: String,
    /// On one line.
    text: String,
    created: i64,
    /// Whether it is a credit note that pays money back. Its refund comes as an event of its own,
    /// and would be booked twice.
    pays_back: bool,
    about: About,
}

impl Event {
    fn read(body: &[u8], book: &str) -> Result<Self, String> {
        let event: Value =
            serde_json::from_slice(body).map_err(|error| format!("no JSON: {error}"))?;
        let id = event["id"].as_str().ok_or("event.id is missing or no text")?.to_owned();
        event["type"].as_str().ok_or("event.type is missing or no text")?;
        let created = event["created"].as_i64().ok_or("event.created is missing or no number")?;
        let text = event.to_string();
        let pays_back = !stripe::credited_refunds(&text).is_empty();
        let about = stripe::about(&event, book);
        Ok(Self { id, text, created, pays_back, about })
    }
}

/// What became of an event.
enum Verdict {
    /// Nothing more is to come of it.
    Done(Value),
    /// It is to be sent again.
    Again(Rejection),
    /// It never goes in as it is.
    Refused(Rejection),
    /// It is of a payment that this book does not know, and nothing says that it is this book's.
    Unknown(Rejection),
}

impl Shared<'_> {
    async fn take(&self, webhook: &Arc<StripeWebhook>, event: &Event) -> Response {
        let age = webhook.clock.now().unix_timestamp().saturating_sub(event.created);
        let verdict = self.decide(event, age < IN_ANY_ORDER.whole_seconds()).await;
        match verdict {
            Verdict::Done(body) => json_response(200, body.to_string().into_bytes()),
            Verdict::Again(rejection) => {
                warn!(event = event.id, code = rejection.code, "a webhook is to come again");
                json_response(503, Reply::rejected(Some(&event.id), &rejection).to_bytes())
            }
            Verdict::Refused(rejection) => {
                let body = Reply::rejected(Some(&event.id), &rejection).to_bytes();
                keep(webhook, event, Place::Refused, &rejection, body).await
            }
            Verdict::Unknown(rejection) => {
                let reason = format!(
                    "{}; nothing in the event says that it is of this book, so it is kept in \
                     {UNKNOWN} and not recorded",
                    rejection.message
                );
                let body = json!({"id": event.id, "outcome": "skipped", "reason": reason});
                let body = body.to_string().into_bytes();
                keep(webhook, event, Place::Unknown, &rejection, body).await
            }
        }
    }

    /// Hands in what the event says. `is_young`: what it is about may still come.
    async fn decide(&self, event: &Event, is_young: bool) -> Verdict {
        if event.pays_back {
            let message = format!(
                "the credit note of {} pays money back, and its refund is an event of its own: \
                 import both together, or record the credit with IssueCredit",
                event.id
            );
            return Verdict::Refused(Rejection::new(Code::StripeMalformed, message));
        }
        let envelopes = match stripe::commands(&event.text, &BTreeSet::new(), self.book.as_str()) {
            Ok(Read::Commands(envelopes)) => envelopes,
            Ok(Read::Skipped(kind)) => {
                return Verdict::Done(json!({"id": event.id, "outcome": "skipped", "type": kind}));
            }
            Err(reason) => return Verdict::Refused(Rejection::new(Code::StripeMalformed, reason)),
        };
        if let Some(charge) = event.about.without_fee.as_deref().filter(|_| is_young)
            && let Some(rejection) = self.waits_for_fee(event, charge).await
        {
            return Verdict::Again(rejection);
        }
        let mut replies = Vec::new();
        for envelope in &envelopes {
            let reply = self.submit(envelope).await;
            if reply.outcome == Outcome::Rejected
                && let Some(error) = &reply.error
            {
                let code = error.code.as_str();
                if is_passing(code) || (is_young && names_unknown(code)) {
                    return Verdict::Again(error.clone());
                }
                if code == Code::PaymentUnknown.as_str() && !event.about.is_ours {
                    return Verdict::Unknown(error.clone());
                }
                if !is_there(code, envelope["command"].as_str()) {
                    return Verdict::Refused(error.clone());
                }
            }
            replies.push(reply);
        }
        Verdict::Done(json!({"id": event.id, "outcome": "accepted", "replies": replies}))
    }

    /// Why a charge that does not say its fee is to come again; nothing where it is recorded.
    async fn waits_for_fee(&self, event: &Event, charge: &str) -> Option<Rejection> {
        // An allocation to nothing is refused in any case: for the payment, where that is unknown.
        let reply = self
            .submit(&json!({
                "id": format!("stripe/{}/known", event.id), "command": "AllocatePayment",
                "data": {"payment": charge, "allocations": []},
            }))
            .await;
        let error = reply.error?;
        if is_passing(error.code.as_str()) {
            return Some(error);
        }
        let message = format!(
            "the event of {charge} does not say its fee: the adapter records both, and without it \
             the money is recorded an hour after the event"
        );
        let is_unknown = error.code == Code::PaymentUnknown.as_str();
        is_unknown.then(|| Rejection::new(Code::StripeFeeUnknown, message))
    }

    async fn submit(&self, envelope: &Value) -> Reply {
        let origin = Origin {
            book: self.book.clone(),
            actor: ACTOR.to_owned(),
            today: self.writer.today(),
            command_name: None,
        };
        let bytes = envelope.to_string().into_bytes();
        match parse(&bytes, &origin, &mut ids::command_id) {
            Err(refused) => Reply::rejected(refused.id.as_deref(), &refused.rejection),
            Ok(command) => {
                let call = Call { bytes: bytes.len(), trace: None };
                let reply = self.writer.submit_as(command, call).await;
                serde_json::from_slice(&reply).unwrap_or_else(|error| {
                    let message = format!("the reply cannot be read: {error}");
                    let unknown = Rejection::new(Code::CommandOutcomeUnknown, message);
                    Reply::rejected(None, &unknown)
                })
            }
        }
    }
}

/// Keeps an event and answers with `body`; what could not be kept is to come again.
async fn keep(
    webhook: &Arc<StripeWebhook>,
    event: &Event,
    place: Place,
    rejection: &Rejection,
    body: Vec<u8>,
) -> Response {
    let (webhook, text) = (Arc::clone(webhook), event.text.clone());
    let kept = tokio::task::spawn_blocking(move || webhook.keep(&text, place)).await;
    let (code, why) = (&rejection.code, &rejection.message);
    if !matches!(kept, Ok(Ok(()))) {
        warn!(event = event.id, code, why, "a webhook that is not recorded could not be kept");
        return json_response(503, Reply::rejected(Some(&event.id), rejection).to_bytes());
    }
    warn!(event = event.id, code, why, "a webhook is not recorded, and kept");
    json_response(200, body)
}

/// Refusals that the next try may not have.
fn is_passing(code: &str) -> bool {
    [
        Code::BookBusy,
        Code::BookDiskReserve,
        Code::BookNotReady,
        Code::BookStandby,
        Code::CommandOutcomeUnknown,
        Code::BookNotOpen,
    ]
    .iter()
    .any(|passing| passing.as_str() == code)
}

/// Refusals of what names something that the ledger does not know (yet).
fn names_unknown(code: &str) -> bool {
    [
        Code::CustomerUnknown,
        Code::InvoiceUnknown,
        Code::PaymentUnknown,
        Code::ChargebackUnknown,
        Code::CreditUnknown,
    ]
    .iter()
    .any(|unknown| unknown.as_str() == code)
}

/// Refusals of what is in the ledger already, told by an adapter, an import, or by hand.
fn is_there(code: &str, command: Option<&str>) -> bool {
    // Money for an invoice that is void is not there: it is kept for somebody to see to.
    let is_voided = code == Code::InvoiceVoid.as_str() && command == Some("VoidInvoice");

    [
        Code::PaymentExists,
        Code::CustomerExists,
        Code::InvoiceExists,
        Code::CreditExists,
        Code::PaymentRequestFinished,
    ]
    .iter()
    .any(|there| there.as_str() == code)
        || is_voided
}
