//! A request whose invoice is no longer open for it: it ends only when Stripe has said that nothing
//! was charged for it, and that nothing can be.
//!
//! A look among the intents does not say so: a charge whose answer was lost may still be under way,
//! sent by a process that is gone. So the request's own idempotency key is taken for an intent that
//! is never confirmed. While a charge has the key, Stripe refuses that; once it is taken, every
//! charge that comes late is refused instead.

use super::{Answer, Failure, Found, Pending, Step, Stripe, find, key, money, payer, read};

/// Ends a request that was never charged, and finds the charge of one that was.
pub(super) fn end(stripe: &Stripe, pending: &Pending) -> Result<Step, Failure> {
    if let Some(step) = found(stripe, pending)? {
        return Ok(step);
    }
    let asked = &pending.asked;
    let Ok(units) = money::units(asked.amount, asked.currency) else { return Ok(Step::NotOpen) };
    if asked.payment_method.is_none() {
        // Such requests are never sent.
        return Ok(Step::NotOpen);
    }
    let form = [
        ("amount", units.to_string()),
        ("currency", asked.currency.code().to_ascii_lowercase()),
        ("customer", payer(asked).to_owned()),
        ("description", format!("nothing is charged for {}: it is closed", asked.request)),
        ("metadata[book]", pending.book.clone()),
        ("metadata[closed]", asked.request.clone()),
    ];
    let form = form.map(|(name, value)| (name.to_owned(), value));
    match stripe.post("/v1/payment_intents", &form, &key(pending))? {
        Answer::Object(taken) => abandon(stripe, pending, taken["id"].as_str())?,
        // A charge of it is refused in the same way, before it begins.
        Answer::Invalid(_) => {}
        Answer::Missing(why) => return Ok(Step::Missing(why)),
        Answer::Declined(error) => return Ok(unknown(error.to_string())),
        Answer::Unclear(why) | Answer::Unknown(why) => {
            // It has the key: it may have come to its end since the first look.
            let late = found(stripe, pending)?;
            return Ok(late.unwrap_or_else(|| unknown(format!("it may be under way: {why}"))));
        }
    }
    // What was finished between the first look and the taking.
    Ok(found(stripe, pending)?.unwrap_or(Step::NotOpen))
}

/// What came of the request's intent; nothing where there is none.
fn found(stripe: &Stripe, pending: &Pending) -> Result<Option<Step>, Failure> {
    Ok(match find(stripe, pending)? {
        Found::Intent(intent) => Some(read(stripe, pending, &intent)?),
        Found::None => None,
        Found::Missing(why) => Some(Step::Missing(why)),
        Found::Unknown(why) => Some(unknown(why)),
    })
}

/// Cancels the intent that took the key. Where that is not answered it stays as it is: it has no
/// payment method, and nobody has its secret.
fn abandon(stripe: &Stripe, pending: &Pending, id: Option<&str>) -> Result<(), Failure> {
    let Some(id) = id else { return Ok(()) };
    let path = format!("/v1/payment_intents/{}/cancel", ledger_core::id::subject_token(id));
    let form = [("cancellation_reason".to_owned(), "abandoned".to_owned())];
    let _answer = stripe.post(&path, &form, &format!("{}/closed", key(pending)))?;
    Ok(())
}

fn unknown(why: String) -> Step {
    Step::Unknown { intent: None, why }
}
