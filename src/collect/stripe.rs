//! Stripe's HTTP API: the four calls that collecting needs, and what an answer means.
//!
//! Documented at <https://docs.stripe.com/api>. The version is pinned, so that an account's default
//! changes nothing here.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use super::refusal::{self, Fault};
use crate::exit::Failure;

/// The name of the processor in schedules.
pub(crate) const PROCESSOR: &str = "stripe";

/// Where Stripe is.
pub(crate) const API_URL: &str = "https://api.stripe.com";

/// The version of the API that the answers are read by.
const VERSION: &str = "2026-05-27.dahlia";

/// How long one call may take; a charge takes a few seconds.
const CALL_MAX: Duration = Duration::from_secs(80);

/// The first pause before a call is repeated; each next one is twice as long.
const PAUSE: Duration = Duration::from_millis(250);

/// Bytes of an answer.
const ANSWER_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A secret key, which no message shows.
#[derive(Clone)]
pub(crate) struct Key(String);

impl Key {
    /// A key as a file or a variable holds it.
    ///
    /// # Errors
    /// `stripe.key_invalid` where it cannot be one.
    pub(crate) fn of(text: &str) -> Result<Self, Failure> {
        let text = text.trim();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Failure::usage("stripe.key_invalid", "that is no secret key of Stripe")
                .help("a key such as sk_live_... or rk_live_..., alone in its file"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Key(..)")
    }
}

/// A connection to Stripe.
#[derive(Debug)]
pub(crate) struct Stripe {
    agent: ureq::Agent,
    key: Key,
    url: String,
    /// How often a call without a clear answer is repeated.
    retries: u32,
    /// Whether the key's account has answered for something of this book.
    is_proven: AtomicBool,
}

/// What Stripe said.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// The object that was asked for.
    Object(Value),
    /// The card or bank said no.
    Declined(Value),
    /// It is refused for what is the customer's own; nothing was done.
    Invalid(Value),
    /// The account has no such customer or payment method; nothing was done.
    Missing(String),
    /// It is refused, and nobody can say whose fault that is; nothing was done.
    Unclear(String),
    /// Nobody knows whether it was done.
    Unknown(String),
}

/// A call.
enum Call<'a> {
    Get(&'a [(&'a str, String)]),
    /// The form, and the key under which Stripe does it once.
    Post(&'a [(String, String)], &'a str),
}

impl Stripe {
    /// A connection; nothing is sent yet.
    ///
    /// # Errors
    /// `stripe.url_invalid` for a URL that would send the key in clear.
    pub(crate) fn new(url: &str, key: Key, retries: u32) -> Result<Self, Failure> {
        let url = url.trim_end_matches('/').to_owned();
        let host = url.strip_prefix("http://").map(|rest| {
            let end = rest.find('/').unwrap_or(rest.len());
            rest.get(..end).unwrap_or("").rsplit_once(':').map_or(rest, |(host, _)| host)
        });
        let is_safe = match host {
            None => url.starts_with("https://"),
            Some(host) => matches!(host, "127.0.0.1" | "localhost" | "[::1]"),
        };
        if !is_safe {
            return Err(Failure::usage("stripe.url_invalid", format!("cannot use {url}"))
                .because("the secret key would travel in clear")
                .help("use https://"));
        }
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(CALL_MAX))
            .max_redirects(0)
            .user_agent(concat!("revledger/", env!("CARGO_PKG_VERSION")))
            .build();
        let is_proven = AtomicBool::new(false);
        Ok(Self { agent: config.into(), key, url, retries, is_proven })
    }

    /// Whether the key's account is surely the one that this book's customers are in.
    pub(crate) fn is_proven(&self) -> bool {
        self.is_proven.load(Ordering::Relaxed)
    }

    /// Does a `POST` once, however often it is sent.
    ///
    /// # Errors
    /// `stripe.unauthorized` where Stripe does not take the key, `stripe.setup_invalid` where it
    /// refuses the set-up.
    pub(crate) fn post(
        &self,
        path: &str,
        form: &[(String, String)],
        idempotency_key: &str,
    ) -> Result<Answer, Failure> {
        self.ask(path, &Call::Post(form, idempotency_key))
    }

    /// Reads an object or a list.
    ///
    /// # Errors
    /// As [`Stripe::post`].
    pub(crate) fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Answer, Failure> {
        self.ask(path, &Call::Get(query))
    }

    /// Repeats a call until it has a clear answer, with pauses that grow, and the same key.
    fn ask(&self, path: &str, call: &Call<'_>) -> Result<Answer, Failure> {
        let mut pause = PAUSE;
        let mut left = self.retries;
        loop {
            let answer = match self.once(path, call) {
                Ok((status, body)) => read(status, body)?,
                Err(error) => Answer::Unknown(error.to_string()),
            };
            if proves(&answer) {
                self.is_proven.store(true, Ordering::Relaxed);
            }
            if left == 0 || !matches!(answer, Answer::Unknown(_)) {
                return Ok(answer);
            }
            left -= 1;
            sleep(pause);
            pause *= 2;
        }
    }

    fn once(&self, path: &str, call: &Call<'_>) -> Result<(u16, Value), ureq::Error> {
        let url = format!("{}{path}", self.url);
        let bearer = format!("Bearer {}", self.key.0);
        let mut response = match call {
            Call::Get(query) => {
                let pairs = query.iter().map(|(name, value)| (*name, value.as_str()));
                let request = self.agent.get(&url).query_pairs(pairs);
                request.header("Authorization", &bearer).header("Stripe-Version", VERSION).call()?
            }
            Call::Post(form, key) => {
                let request = self.agent.post(&url).header("Authorization", &bearer);
                let request = request.header("Stripe-Version", VERSION);
                let form = form.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                request.header("Idempotency-Key", *key).send_form(form)?
            }
        };
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec()?;
        Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }
}

/// Whether an answer shows that the account has something of this book. An empty list shows nothing.
fn proves(answer: &Answer) -> bool {
    match answer {
        Answer::Object(body) => body["data"].as_array().is_none_or(|list| !list.is_empty()),
        Answer::Declined(_) => true,
        Answer::Invalid(_) | Answer::Missing(_) | Answer::Unclear(_) | Answer::Unknown(_) => false,
    }
}

/// What an answer means.
fn read(status: u16, mut body: Value) -> Result<Answer, Failure> {
    let error = body["error"].take();
    let said = error["message"].as_str().unwrap_or("no reason given").to_owned();
    let is_conflict = error["type"] == "idempotency_error";
    Ok(match status {
        200..=299 if body.is_object() => Answer::Object(body),
        401 | 403 => {
            return Err(Failure::store("stripe.unauthorized", "Stripe does not take the key")
                .because(said)
                .help(
                    "check the key file: payment intents need write, charges and balance \
                     transactions read permission; what is in flight stays so until then",
                ));
        }
        402 => {
            refusal::check_decline(&error)?;
            Answer::Declined(error)
        }
        // The same key with other parameters: an earlier release sent it, and what became of it
        // is to be found out.
        400 if is_conflict => Answer::Unknown(said),
        // Only Stripe's own word says that nothing was done. All else may come from something in
        // between, or behind a charge: 409, the same key is being worked on; 429, too many calls.
        400 | 404 if error["type"] == "invalid_request_error" => match refusal::fault(&error) {
            Fault::Own => Answer::Invalid(error),
            Fault::Missing => Answer::Missing(said),
            Fault::SetUp => return Err(refusal::set_up(&said)),
            Fault::Unclear => Answer::Unclear(said),
        },
        _ => Answer::Unknown(format!("{status}: {said}")),
    })
}
