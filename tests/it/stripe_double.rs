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

/// Creates an intent and confirms it: what comes of it depends on the payment method.
fn confirm(account: &mut Account, form: &BTreeMap<String, String>) -> (u16, Value) {
    let number = account.intents.len() + 1;
    let metadata: BTreeMap<&str, &str> = form
        .iter()
        .filter_map(|(name, value)| {
            let name = name.strip_prefix("metadata[")?.strip_suffix(']')?;
            Some((name, value.as_str()))
        })
        .collect();
    let amount: i64 = form["amount"].parse().unwrap();
    if !form.contains_key("confirm") {
        let intent = json!({"id": format!("pi_{number}"), "object": "payment_intent",
            "created": NOON, "amount": amount, "customer": form["customer"], "metadata": metadata,
            "status": "requires_payment_method", "latest_charge": null});
        account.intents.push(intent.clone());
        return (200, intent);
    }
    assert_eq!((form["confirm"].as_str(), form["off_session"].as_str()), ("true", "true"));
    if let Some((status, error)) = makes_no_sense(form) {
        return (status, json!({"error": error}));
    }
    let charge = |status: &str| {
        let fee = amount * 29 / 1000 + 30;
        json!({"id": format!("ch_{number}"), "object": "charge", "status": status, "amount": amount,
            "currency": form["currency"], "customer": form["customer"], "captured": true,
            "created": NOON, "metadata": metadata, "description": form["description"],
            "payment_method_details": {"type": "card"}, "failure_code": null,
            "balance_transaction": {"fee": fee, "currency": form["currency"]}})
    };
    let mut intent = json!({"id": format!("pi_{number}"), "object": "payment_intent",
        "created": NOON, "amount": amount, "customer": form["customer"], "metadata": metadata,
        "status": "succeeded", "latest_charge": charge("succeeded"), "last_payment_error": null});
    let mut declined = |intent: &mut Value, code: &str, why: &str| {
        let charge_id = format!("ch_{number}");
        let error = json!({"type": "card_error", "code": code, "decline_code": why,
            "charge": charge_id, "message": "Your card was declined."});
        intent["status"] = json!("requires_payment_method");
        intent["last_payment_error"] = error.clone();
        intent["latest_charge"] = charge("failed");
        account.intents.push(intent.clone());
        let mut error = error;
        error["payment_intent"] = intent.clone();
        (402, json!({"error": error}))
    };
    match form["payment_method"].as_str() {
        "pm_card_chargeDeclined" => {
            return declined(&mut intent, "card_declined", "generic_decline");
        }
        "pm_card_chargeDeclinedInsufficientFunds" => {
            return declined(&mut intent, "card_declined", "insufficient_funds");
        }
        "pm_card_authenticationRequired" => {
            let required = "authentication_required";
            return declined(&mut intent, required, required);
        }
        "pm_requires_action" => {
            intent["status"] = json!("requires_action");
            intent["latest_charge"] = Value::Null;
        }
        "pm_sepa" => {
            intent["status"] = json!("processing");
            intent["latest_charge"] = charge("pending");
        }
        _ => {}
    }
    account.intents.push(intent.clone());
    (200, intent)
}

/// Why nothing is begun.
fn makes_no_sense(form: &BTreeMap<String, String>) -> Option<(u16, Value)> {
    let refused = |status, code: Option<&str>, param: Option<&str>, message: &str| {
        let error = json!({"type": "invalid_request_error", "code": code, "param": param,
            "message": message});
        Some((status, error))
    };
    if form.get("automatic_payment_methods[allow_redirects]").is_none_or(|word| word != "never") {
        let message = "because some payment methods might redirect, provide a return_url";
        return refused(400, None, None, message);
    }
    let no_such = "No such PaymentMethod: 'pm_gone'";
    match form["payment_method"].as_str() {
        "pm_gone" => refused(404, Some("resource_missing"), Some("payment_method"), no_such),
        "pm_unclear" => refused(400, None, None, "That does not work."),
        _ => None,
    }
}

/// The bank's answer to what was processing.
fn settle(account: &mut Account) {
    let Some(is_paid) = account.settled else { return };
    for intent in account.intents.iter_mut().filter(|one| one["status"] == "processing") {
        let (status, charge) = if is_paid {
            ("succeeded", "succeeded")
        } else {
            ("requires_payment_method", "failed")
        };
        intent["status"] = json!(status);
        intent["latest_charge"]["status"] = json!(charge);
        if !is_paid {
            intent["last_payment_error"] =
                json!({"code": "debit_not_authorized", "charge": intent["latest_charge"]["id"]});
        }
    }
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
