//! Earlier requests for the same invoice: none of them may still bring money when the next charges.

use serde_json::Value;
use time::Duration;

use super::{Failure, Found, Pending, Standing, Step, Stripe, closed, find_any};

/// How long a bank may be at work on a debit.
const BANKS_TAKE: Duration = Duration::days(30);

/// Why another charge for the same invoice has to wait; nothing where none stands in its way.
pub(super) fn stands_in_the_way(
    stripe: &Stripe,
    pending: &Pending,
    standing: &Standing<'_>,
) -> Result<Option<Step>, Failure> {
    // Who canceled a request may not know that the bank is at work on it, or that it was paid.
    let is_other = |one: &Value| is_under_way(pending, standing, one);
    match find_any(stripe, pending, BANKS_TAKE, &is_other)? {
        Found::None => {}
        Found::Intent(other) => {
            let id = other["id"].as_str().unwrap_or_default();
            let is_at_work = other["status"] == "processing";
            let how = if is_at_work {
                "is still processing at Stripe"
            } else {
                "was paid at Stripe and is not recorded"
            };
            return Ok(Some(unknown(format!("{id} for the same invoice {how}"))));
        }
        Found::Missing(why) => return Ok(Some(Step::Missing(why))),
        Found::Unknown(why) => return Ok(Some(unknown(why))),
    }
    let is_recent = |one: &&Pending| pending.recorded_at - one.recorded_at < BANKS_TAKE;
    for ended in standing.ended.iter().filter(is_recent) {
        if let Some(why) = is_open_at_stripe(stripe, ended, standing)? {
            let request = &ended.asked.request;
            return Ok(Some(unknown(format!("{request} was ended by hand, and {why}"))));
        }
    }
    Ok(None)
}

/// Why a request that was ended without Stripe's word may still bring money.
fn is_open_at_stripe(
    stripe: &Stripe,
    ended: &Pending,
    standing: &Standing<'_>,
) -> Result<Option<String>, Failure> {
    Ok(match closed::end(stripe, ended)? {
        Step::NotOpen | Step::Failed { .. } | Step::Missing(_) => None,
        Step::Charged(charge) => {
            let id = charge["id"].as_str().unwrap_or_default();
            let is_recorded = (standing.is_recorded)(id);
            (!is_recorded).then(|| format!("its charge {id} is not recorded"))
        }
        Step::Processing { intent } => Some(format!("{intent} is still processing at Stripe")),
        Step::Unknown { why, .. } => Some(why),
    })
}

/// Whether an intent of another request for the same invoice waits for a bank, or brought money that
/// the ledger does not have.
fn is_under_way(pending: &Pending, standing: &Standing<'_>, intent: &Value) -> bool {
    let metadata = &intent["metadata"];
    let charge = &intent["latest_charge"];
    let charge = charge["id"].as_str().or_else(|| charge.as_str());
    let is_paid = intent["status"] == "succeeded";
    let is_missing = is_paid && charge.is_none_or(|charge| !(standing.is_recorded)(charge));
    (intent["status"] == "processing" || is_missing)
        && metadata["invoice"] == pending.asked.invoice.as_str()
        && metadata["book"] == pending.book.as_str()
        && metadata["request"] != pending.asked.request.as_str()
}

fn unknown(why: String) -> Step {
    Step::Unknown { intent: None, why }
}
