//! A double of Stripe's API as documented: idempotency keys, declines, and what goes wrong on the way.

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

#[path = "stripe_double/intents.rs"]
mod intents;

use intents::{confirm, settle};

pub(crate) const KEY: &str = "sk_test_double";

/// 2026-03-01, noon in UTC.
pub(crate) const NOON: i64 = 1_772_366_400;

/// What happens to the next charge.
pub(crate) enum Fault {
    /// The answer is lost on its way; it is charged.
    Drop,
    /// It is charged, and no answer ever comes.
    Hang(Sender<()>),
    /// It is charged, and the answer waits until it is let go.
    Slow(Sender<()>, Receiver<()>),
    /// Stripe is at work on it, and not done before [`Double::finishes`].
    Working(Sender<()>),
    /// It is charged, and the answer says that something went wrong.
    ErrorAfter,
    /// It is not charged, and the answer says that something went wrong.
    ErrorBefore,
    /// Too many calls.
    TooMany,
}

#[derive(Default)]
struct Account {
    /// Newest last.
    intents: Vec<Value>,
    /// By idempotency key: the form, and the first answer.
    answers: BTreeMap<String, (String, u16, Value)>,
    faults: VecDeque<Option<Fault>>,
    /// Method, path, and for a charge its form.
    calls: Vec<String>,
    /// What the bank says of a debit that is processing.
    settled: Option<bool>,
    /// The key and form of a charge that Stripe is at work on.
    working: Option<(String, String)>,
    /// What is said to each call, whatever it asks for.
    refusal: Option<Value>,
}

type Shared = Arc<Mutex<Account>>;

/// A running double.
pub(crate) struct Double {
    account: Shared,
    pub(crate) url: String,
}

impl Double {
    pub(crate) fn start() -> Self {
        let account = Shared::default();
        let (sender, receiver) = channel();
        let state = Arc::clone(&account);
        // Ends with the test's process.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                sender.send(listener.local_addr().unwrap()).unwrap();
                let router = Router::new()
                    .route("/v1/payment_intents", post(create).get(list))
                    .route("/v1/payment_intents/{id}", get(show))
                    .route("/v1/payment_intents/{id}/cancel", post(cancel))
                    .route("/v1/charges/{id}", get(show_charge))
                    .with_state(state);
                axum::serve(listener, router).await.unwrap();
            });
        });
        Self { account, url: format!("http://{}", receiver.recv().unwrap()) }
    }

    pub(crate) fn fails(&self, fault: Fault) {
        self.account.lock().unwrap().faults.push_back(Some(fault));
    }

    /// The next charge goes well, and a fault that is named after it waits for the one after.
    pub(crate) fn works(&self) {
        self.account.lock().unwrap().faults.push_back(None);
    }

    /// Stripe forgets keys after a day.
    pub(crate) fn forgets_keys(&self) {
        self.account.lock().unwrap().answers.clear();
    }

    /// Stripe is done with what it was at work on.
    pub(crate) fn finishes(&self) {
        let mut account = self.account.lock().unwrap();
        let (key, form) = account.working.take().unwrap();
        let (status, said) = confirm(&mut account, &pairs(&form));
        account.answers.insert(key, (form, status, said));
    }

    /// Each call to intents is refused with this error from now on.
    pub(crate) fn refuses(&self, error: Option<Value>) {
        self.account.lock().unwrap().refusal = error;
    }

    /// The bank has answered what was processing.
    pub(crate) fn bank_says(&self, is_paid: bool) {
        self.account.lock().unwrap().settled = Some(is_paid);
    }

    /// The charges that took money, the first first.
    pub(crate) fn charges(&self) -> Vec<Value> {
        let account = self.account.lock().unwrap();
        let taken = account.intents.iter().map(|intent| &intent["latest_charge"]);
        taken.filter(|charge| charge["status"] == "succeeded").cloned().collect()
    }

    pub(crate) fn statuses(&self) -> Vec<String> {
        let account = self.account.lock().unwrap();
        account.intents.iter().map(|one| one["status"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.account.lock().unwrap().calls)
    }
}

/// An event as a webhook or an export has it.
pub(crate) fn event(id: &str, kind: &str, object: &Value) -> String {
    json!({"id": id, "object": "event", "type": kind, "created": NOON, "data": {"object": object}})
        .to_string()
}

fn answer(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    (status, [("content-type", "application/json")], body.to_string()).into_response()
}

fn refused(headers: &HeaderMap) -> Option<Response> {
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    assert!(header("stripe-version").is_some(), "the version is pinned");
    let is_right = header("authorization") == Some(format!("Bearer {KEY}"));
    let error = json!({"error": {"type": "invalid_request_error",
        "message": "Invalid API Key provided: sk_test_********"}});
    (!is_right).then(|| answer(401, &error))
}

/// Pairs of a form or query.
fn pairs(text: &str) -> BTreeMap<String, String> {
    let uri: Uri = format!("http://double/?{text}").parse().unwrap();
    Query::<Vec<(String, String)>>::try_from_uri(&uri).unwrap().0.into_iter().collect()
}

async fn create(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    if let Some(response) = refused(&headers) {
        return response;
    }
    let form = String::from_utf8(body.to_vec()).unwrap();
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    let fault = match begin(&mut shared.lock().unwrap(), &key, form) {
        Ok(fault) => fault,
        Err((status, said)) => return answer(status, &said),
    };
    match fault {
        Some(Fault::Drop) => {
            let cut = std::io::Error::other("cut");
            Body::from_stream(futures::stream::iter([Err::<Bytes, _>(cut)])).into_response()
        }
        Some(Fault::Hang(charged) | Fault::Working(charged)) => {
            charged.send(()).unwrap();
            std::future::pending().await
        }
        Some(Fault::Slow(charged, go)) => {
            charged.send(()).unwrap();
            go.recv().unwrap();
            first_answer(&shared, &key)
        }
        Some(Fault::ErrorAfter | Fault::ErrorBefore | Fault::TooMany) | None => {
            first_answer(&shared, &key)
        }
    }
}

/// Does what the fault of this charge lets it do; or the answer, where nothing is done.
fn begin(account: &mut Account, key: &str, form: String) -> Result<Option<Fault>, (u16, Value)> {
    account.calls.push(format!("POST /v1/payment_intents {form}"));
    if let Some(error) = &account.refusal {
        return Err((400, json!({"error": error})));
    }
    if account.working.as_ref().is_some_and(|(known, _)| known == key) {
        let error = json!({"error": {"type": "idempotency_error",
            "code": "idempotency_key_in_use", "message": "another request has this key"}});
        return Err((409, error));
    }
    if let Some((before, status, body)) = account.answers.get(key) {
        if *before == form {
            return Err((*status, body.clone()));
        }
        let error = json!({"error": {"type": "idempotency_error",
            "message": "Keys for idempotent requests can only be used with the same parameters"}});
        return Err((400, error));
    }
    let sorry = (500, json!({"error": {"type": "api_error", "message": "sorry"}}));
    let fault = account.faults.pop_front().flatten();
    match fault {
        Some(Fault::TooMany) => {
            let error = json!({"error": {"type": "invalid_request_error", "code": "rate_limit"}});
            return Err((429, error));
        }
        Some(Fault::ErrorBefore) => {
            account.answers.insert(key.to_owned(), (form, sorry.0, sorry.1.clone()));
            return Err(sorry);
        }
        Some(Fault::Working(_)) => account.working = Some((key.to_owned(), form)),
        Some(Fault::Drop | Fault::Hang(_) | Fault::Slow(..) | Fault::ErrorAfter) | None => {
            let (mut status, mut said) = confirm(account, &pairs(&form));
            if matches!(fault, Some(Fault::ErrorAfter)) {
                (status, said) = sorry;
            }
            if said["error"]["type"] == "invalid_request_error" {
                // Nothing was begun, so nothing is kept.
                return Err((status, said));
            }
            account.answers.insert(key.to_owned(), (form, status, said));
        }
    }
    Ok(fault)
}

fn first_answer(shared: &Shared, key: &str) -> Response {
    let account = shared.lock().unwrap();
    let (_, status, said) = &account.answers[key];
    answer(*status, said)
}

async fn list(
    State(shared): State<Shared>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    if let Some(response) = refused(&headers) {
        return response;
    }
    let query = pairs(&query.unwrap_or_default());
    let mut account = shared.lock().unwrap();
    account.calls.push("GET /v1/payment_intents".to_owned());
    if let Some(error) = &account.refusal {
        return answer(400, &json!({"error": error}));
    }
    settle(&mut account);
    assert!(query["created[gte]"].parse::<i64>().is_ok());
    // Two a page, so that pages are read.
    let of_them = account.intents.iter().rev().filter(|one| one["customer"] == query["customer"]);
    let mut rest: Vec<Value> = of_them.cloned().collect();
    if let Some(after) = query.get("starting_after") {
        let at = rest.iter().position(|one| one["id"] == after.as_str()).unwrap();
        rest.drain(..=at);
    }
    let has_more = rest.len() > 2;
    rest.truncate(2);
    answer(200, &json!({"object": "list", "data": rest, "has_more": has_more}))
}

async fn show(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    if let Some(response) = refused(&headers) {
        return response;
    }
    let mut account = shared.lock().unwrap();
    account.calls.push(format!("GET /v1/payment_intents/{id}"));
    settle(&mut account);
    let found = account.intents.iter().find(|one| one["id"] == id.as_str());
    answer(200, found.unwrap())
}

async fn show_charge(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    if let Some(response) = refused(&headers) {
        return response;
    }
    let mut account = shared.lock().unwrap();
    account.calls.push(format!("GET /v1/charges/{id}"));
    let charges = account.intents.iter().map(|intent| &intent["latest_charge"]);
    match charges.into_iter().find(|charge| charge["id"] == id.as_str()) {
        Some(charge) => answer(200, charge),
        None => answer(
            404,
            &json!({"error": {"type": "invalid_request_error",
            "code": "resource_missing", "param": "id", "message": "No such charge"}}),
        ),
    }
}

async fn cancel(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    if let Some(response) = refused(&headers) {
        return response;
    }
    let mut account = shared.lock().unwrap();
    account.calls.push(format!("POST /v1/payment_intents/{id}/cancel"));
    let found = account.intents.iter_mut().find(|one| one["id"] == id.as_str()).unwrap();
    found["status"] = json!("canceled");
    found["cancellation_reason"] = json!("abandoned");
    answer(200, found)
}
