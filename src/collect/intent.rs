//! From a request to Stripe's payment intent, and back to a result.
//!
//! A crash anywhere must neither charge twice nor lose a charge. So the key of the one `POST` that
//! charges is made of the request's event, and Stripe does it once for a day. Whatever is older,
//! or has no clear answer, is looked up among the customer's intents by its metadata before it is
//! sent (again), and never with another key.

use ledger_core::calendar::Day;
use ledger_core::event::request::PaymentRequested;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use commands::import::stripe::{collected, money};

use super::outbox::Pending;
use super::refusal;
use super::stripe::{Answer, Stripe};
use crate::exit::Failure;

mod closed;
mod earlier;

/// Stripe forgets keys after 24 hours; the rest is for clocks that differ.
const KEY_LIFE: Duration = Duration::hours(23);

/// How much earlier than the request an intent may seem to be made.
const CLOCKS_DIFFER: Duration = Duration::hours(1);

/// What came of a request.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Money: the charge as Stripe has it.
    Charged(Value),
    /// No money.
    Failed {
        /// Why, in Stripe's word.
        code: String,
        /// The charge that failed.
        charge: Option<String>,
    },
    /// The invoice is no longer open for it, and nothing was charged.
    NotOpen,
    /// The bank has not answered.
    Processing {
        /// The intent.
        intent: String,
    },
    /// The account has no such customer or payment method: if it is the right account, there was no
    /// charge and will be none.
    Missing(String),
    /// It is not known.
    Unknown {
        /// The intent, where it is known.
        intent: Option<String>,
        /// What was seen.
        why: String,
    },
}

/// What the ledger knows of a request.
pub(crate) struct Standing<'a> {
    /// Whether its invoice is open for it.
    pub(crate) is_open: bool,
    /// Its intent, where an earlier look found it.
    pub(crate) known: Option<&'a str>,
    /// Whether the ledger has a charge as a payment.
    pub(crate) is_recorded: &'a dyn Fn(&str) -> bool,
    /// Earlier requests for the invoice that were ended without Stripe's word.
    pub(crate) ended: &'a [Pending],
}

/// Brings a request to a result, as far as Stripe has one.
///
/// # Errors
/// Where Stripe does not take the key, or refuses the set-up.
pub(crate) fn see_to(
    stripe: &Stripe,
    pending: &Pending,
    standing: &Standing<'_>,
    now: OffsetDateTime,
) -> Result<Step, Failure> {
    if let Some(intent) = standing.known {
        return look_at(stripe, pending, intent);
    }
    if !standing.is_open {
        return closed::end(stripe, pending);
    }
    if now - pending.recorded_at < KEY_LIFE {
        return charge(stripe, pending, standing);
    }
    match find(stripe, pending)? {
        Found::Intent(intent) => read(stripe, pending, &intent),
        Found::None => charge(stripe, pending, standing),
        Found::Missing(why) => Ok(Step::Missing(why)),
        Found::Unknown(why) => Ok(Step::Unknown { intent: None, why }),
    }
}

/// The data of `RecordPayment`, and its day.
///
/// # Errors
/// Where the charge lacks what it needs.
pub(crate) fn payment(asked: &PaymentRequested, charge: &Value) -> Result<(Value, Day), String> {
    let (mut data, day) = collected(charge)?;
    let fields = data.as_object_mut().ok_or("no payment")?;
    // By the log, whatever became of the charge's metadata.
    fields.insert("customer".to_owned(), json!(asked.customer));
    fields.insert("request".to_owned(), json!(asked.request));
    fields.insert("allocate".to_owned(), json!("auto"));
    Ok((data, day))
}

/// Creates the intent and confirms it, in one call.
fn charge(stripe: &Stripe, pending: &Pending, standing: &Standing<'_>) -> Result<Step, Failure> {
    let asked = &pending.asked;
    if asked.attempt > 1
        && let Some(step) = earlier::stands_in_the_way(stripe, pending, standing)?
    {
        return Ok(step);
    }
    let units = match money::units(asked.amount, asked.currency) {
        Ok(units) => units,
        Err(_) => return Ok(failed("amount_not_chargeable")),
    };
    let Some(method) = &asked.payment_method else {
        return Ok(failed("payment_method_missing"));
    };
    let form = [
        ("amount", units.to_string()),
        ("currency", asked.currency.code().to_ascii_lowercase()),
        ("customer", payer(asked).to_owned()),
        ("payment_method", method.clone()),
        ("confirm", "true".to_owned()),
        ("off_session", "true".to_owned()),
        // Nobody is there to be sent to another page; without it a return_url is demanded.
        ("automatic_payment_methods[enabled]", "true".to_owned()),
        ("automatic_payment_methods[allow_redirects]", "never".to_owned()),
        // Else the fee is not known yet when the answer comes.
        ("capture_method", "automatic".to_owned()),
        ("description", format!("invoice {}", asked.invoice)),
        ("metadata[book]", pending.book.clone()),
        ("metadata[invoice]", asked.invoice.to_string()),
        ("metadata[customer]", asked.customer.to_string()),
        ("metadata[request]", asked.request.clone()),
        ("metadata[date]", pending.date.to_string()),
        ("expand[]", "latest_charge.balance_transaction".to_owned()),
    ];
    let form = form.map(|(name, value)| (name.to_owned(), value));
    match stripe.post("/v1/payment_intents", &form, &key(pending))? {
        Answer::Object(intent) if intent["status"] == "succeeded" => read(stripe, pending, &intent),
        // An answer to a repeated call is the first one again: what it is now has to be asked.
        Answer::Object(intent) => match intent["id"].as_str() {
            Some(id) => look_at(stripe, pending, id),
            None => Ok(Step::Unknown { intent: None, why: "an intent without an id".to_owned() }),
        },
        Answer::Declined(error) => declined(stripe, pending, &error),
        Answer::Invalid(error) => Ok(failed(error["code"].as_str().unwrap_or("invalid_request"))),
        Answer::Missing(why) => Ok(Step::Missing(why)),
        Answer::Unclear(why) => Ok(Step::Unknown { intent: None, why }),
        Answer::Unknown(why) => match find(stripe, pending)? {
            Found::Intent(intent) => read(stripe, pending, &intent),
            Found::None | Found::Missing(_) | Found::Unknown(_) => {
                Ok(Step::Unknown { intent: None, why })
            }
        },
    }
}

/// A card or bank said no. An intent that waits for the customer to act is ended: nobody is there
/// to act, and a later confirmation would be a charge that nobody asked for.
fn declined(stripe: &Stripe, pending: &Pending, error: &Value) -> Result<Step, Failure> {
    let intent = &error["payment_intent"];
    let waits = intent["status"].as_str().is_some_and(|status| status == "requires_action");
    if waits {
        return read(stripe, pending, intent);
    }
    let charge = error["charge"].as_str().map(str::to_owned);
    Ok(Step::Failed { code: reason(error).unwrap_or("declined").to_owned(), charge })
}

fn look_at(stripe: &Stripe, pending: &Pending, intent: &str) -> Result<Step, Failure> {
    let path = format!("/v1/payment_intents/{}", ledger_core::id::subject_token(intent));
    let query = [("expand[]", "latest_charge.balance_transaction".to_owned())];
    match stripe.get(&path, &query)? {
        Answer::Object(found) => read(stripe, pending, &found),
        Answer::Declined(error) | Answer::Invalid(error) => {
            let why = error["message"].as_str().unwrap_or("no such intent").to_owned();
            Ok(Step::Unknown { intent: None, why })
        }
        Answer::Missing(why) | Answer::Unclear(why) => Ok(Step::Unknown { intent: None, why }),
        Answer::Unknown(why) => Ok(Step::Unknown { intent: Some(intent.to_owned()), why }),
    }
}

/// What an intent as it is now means.
fn read(stripe: &Stripe, pending: &Pending, intent: &Value) -> Result<Step, Failure> {
    let id = intent["id"].as_str().unwrap_or_default().to_owned();
    let unknown = |why: String| Step::Unknown { intent: Some(id.clone()), why };
    let last = &intent["last_payment_error"];
    let charge = last["charge"].as_str().map(str::to_owned);
    Ok(match intent["status"].as_str().unwrap_or_default() {
        "succeeded" => match &intent["latest_charge"] {
            charge if charge.is_object() => Step::Charged(charge.clone()),
            _ => unknown("its charge cannot be read yet".to_owned()),
        },
        "processing" => Step::Processing { intent: id },
        "requires_action" => {
            let path =
                format!("/v1/payment_intents/{}/cancel", ledger_core::id::subject_token(&id));
            let form = [("cancellation_reason".to_owned(), "abandoned".to_owned())];
            match stripe.post(&path, &form, &format!("{}/cancel", key(pending)))? {
                Answer::Object(ended) if ended["status"] == "canceled" => {
                    failed("authentication_required")
                }
                Answer::Object(other) => {
                    unknown(format!("it is {}, not canceled", other["status"]))
                }
                // It was acted upon after all: the next look says how.
                Answer::Declined(error) | Answer::Invalid(error) => {
                    unknown(error["message"].as_str().unwrap_or("not canceled").to_owned())
                }
                Answer::Missing(why) | Answer::Unclear(why) | Answer::Unknown(why) => unknown(why),
            }
        }
        "requires_payment_method" => {
            refusal::check_decline(last)?;
            let code = reason(last).unwrap_or("requires_payment_method").to_owned();
            Step::Failed { code, charge }
        }
        "canceled" => {
            let why = intent["cancellation_reason"].as_str();
            let why = if why == Some("abandoned") { Some("authentication_required") } else { why };
            Step::Failed { code: reason(last).or(why).unwrap_or("canceled").to_owned(), charge }
        }
        other => unknown(format!("the intent {id} is {other:?}; see to it at Stripe")),
    })
}

/// A look for the intent of a request.
enum Found {
    Intent(Value),
    None,
    /// The account has no such customer.
    Missing(String),
    Unknown(String),
}

/// Looks for the intent of a request.
fn find(stripe: &Stripe, pending: &Pending) -> Result<Found, Failure> {
    let is_it = |intent: &Value| {
        let metadata = &intent["metadata"];
        metadata["request"] == pending.asked.request.as_str()
            && metadata["book"] == pending.book.as_str()
    };
    find_any(stripe, pending, CLOCKS_DIFFER, &is_it)
}

/// Looks through the customer's intents from so long before the request on. The list is complete at
/// once; Stripe's search is not.
fn find_any(
    stripe: &Stripe,
    pending: &Pending,
    before: Duration,
    is_it: &dyn Fn(&Value) -> bool,
) -> Result<Found, Failure> {
    let since = (pending.recorded_at - before).unix_timestamp();
    let mut after: Option<String> = None;
    loop {
        let mut query = vec![
            ("customer", payer(&pending.asked).to_owned()),
            ("created[gte]", since.to_string()),
            ("limit", "100".to_owned()),
            ("expand[]", "data.latest_charge.balance_transaction".to_owned()),
        ];
        query.extend(after.take().map(|id| ("starting_after", id)));
        let list = match stripe.get("/v1/payment_intents", &query)? {
            Answer::Object(list) => list,
            Answer::Missing(why) => return Ok(Found::Missing(why)),
            Answer::Declined(error) | Answer::Invalid(error) => {
                return Ok(Found::Unknown(error["message"].as_str().unwrap_or("").to_owned()));
            }
            Answer::Unclear(why) | Answer::Unknown(why) => return Ok(Found::Unknown(why)),
        };
        let Some(data) = list["data"].as_array() else {
            return Ok(Found::Unknown("a list without data".to_owned()));
        };
        if let Some(found) = data.iter().find(|one| is_it(one)) {
            return Ok(Found::Intent(found.clone()));
        }
        after = data.last().and_then(|last| last["id"].as_str()).map(str::to_owned);
        if list["has_more"] != true || after.is_none() {
            return Ok(Found::None);
        }
    }
}

/// The key under which Stripe charges for a request once.
fn key(pending: &Pending) -> String {
    format!("revledger/{}", pending.event)
}

/// The customer at Stripe: as registered, else the ledger's own id, which an import made of it.
fn payer(asked: &PaymentRequested) -> &str {
    asked.payer.as_deref().unwrap_or(asked.customer.as_str())
}

/// The word of an error that says most.
fn reason(error: &Value) -> Option<&str> {
    error["decline_code"].as_str().or_else(|| error["code"].as_str())
}

fn failed(code: &str) -> Step {
    Step::Failed { code: code.to_owned(), charge: None }
}

#[cfg(test)]
mod tests;
