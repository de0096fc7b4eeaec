//! Charges, refunds and disputes.

use std::collections::BTreeSet;

use ledger_core::calendar::Day;
use ledger_core::money::{Amount, Currency};
use serde_json::json;

use super::field::Object;
use super::money::amount;
use super::{Made, day};

/// `charge.succeeded`: money, unless it was only authorised.
pub(super) fn succeeded(object: &Object<'_>) -> Result<Vec<Made>, String> {
    let id = object.text("id")?;
    if object.flag("captured") == Some(false) {
        return Ok(Vec::new());
    }
    let (received, currency) = amount(object.whole("amount")?, object.text("currency")?)?;
    let asked = asked(object);
    let customer = asked
        .as_ref()
        .and_then(|asked| asked.optional("customer"))
        .or_else(|| object.reference("customer"))
        .ok_or_else(|| format!("the charge {id} has no customer: record it with RecordPayment"))?;
    let fee = match fee(object, id, currency) {
        // Money that was asked for is recorded, also where its fee cannot be.
        Err(_) if asked.is_some() => None,
        fee => fee?,
    };
    let request = asked.as_ref().and_then(|asked| asked.optional("request"));
    let allocate = match (request, object.reference("invoice")) {
        (Some(_), _) => json!("auto"),
        (None, Some(invoice)) => json!([{"invoice": invoice, "amount": received}]),
        (None, None) => json!("none"),
    };
    let method = object.optional_object("payment_method_details");
    let method = method.as_ref().and_then(|details| details.optional("type")).unwrap_or("card");
    let mut made = Made::new(
        "RecordPayment",
        json!({
            "payment": id, "customer": customer, "amount": received, "currency": currency,
            "method": method, "reference": object.optional("description"), "fee": fee,
            "allocate": allocate, "request": request,
        }),
    );
    made.not_before = not_before(object);
    Ok(vec![made])
}

/// What Stripe kept, where the charge says it.
fn fee(object: &Object<'_>, id: &str, currency: Currency) -> Result<Option<Amount>, String> {
    let Some(transaction) = object.optional_object("balance_transaction") else {
        return Ok(None);
    };
    let (fee, other) = amount(transaction.whole("fee")?, transaction.text("currency")?)?;
    if other != currency && !fee.is_zero() {
        return Err(format!(
            "the fee of {id} is in {other}, and the charge in {currency}: record both by hand"
        ));
    }
    Ok((!fee.is_zero()).then_some(fee))
}

/// What a charge says of the request that it came of.
fn asked<'a>(object: &Object<'a>) -> Option<Object<'a>> {
    let metadata = object.optional_object("metadata")?;
    metadata.optional("request").is_some().then_some(metadata)
}

/// The book that a charge was asked for by, where it was. A refund or dispute says it by its charge
/// or intent, where that is expanded.
pub(super) fn book<'a>(object: &Object<'a>) -> Option<&'a str> {
    charges(object).iter().find_map(|one| asked(one)?.optional("book"))
}

/// Whether anything in an object names the book: also a word that somebody added by hand.
pub(super) fn names(object: &Object<'_>, book: &str) -> bool {
    let is_it = |metadata: Object<'_>| metadata.optional("book") == Some(book);
    charges(object).iter().any(|one| one.optional_object("metadata").is_some_and(is_it))
}

/// An object and what it is of.
fn charges<'a>(object: &Object<'a>) -> Vec<Object<'a>> {
    let of = |one: &Object<'a>| {
        ["charge", "payment_intent"]
            .into_iter()
            .filter_map(|name| one.optional_object(name))
            .collect()
    };
    let first: Vec<Object<'a>> = of(object);
    let second: Vec<Object<'a>> = first.iter().flat_map(of).collect();
    [vec![object.clone()], first, second].concat()
}

/// The id of a charge that was asked for and does not say what Stripe kept.
pub(super) fn without_fee<'a>(object: &Object<'a>) -> Option<&'a str> {
    let is_said = object.optional_object("balance_transaction").is_some();
    let is_money = object.flag("captured") != Some(false);
    asked(object).filter(|_| !is_said && is_money)?;
    object.optional("id")
}

/// The day of the request, in the book's time zone: in UTC its money may seem to come before.
pub(super) fn not_before(object: &Object<'_>) -> Option<Day> {
    asked(object)?.optional("date")?.parse().ok()
}

/// `charge.failed`: a mark on the invoice; without one it means nothing to a ledger.
pub(super) fn failed(object: &Object<'_>) -> Result<Vec<Made>, String> {
    let code = object.optional("failure_code").unwrap_or("unknown");
    if let Some(asked) = asked(object) {
        let (invoice, request) = (asked.text("invoice")?, asked.text("request")?);
        let outcome = object.optional_object("outcome");
        let reason = outcome.as_ref().and_then(|outcome| outcome.optional("reason"));
        let data = json!({"invoice": invoice, "code": reason.unwrap_or(code),
            "payment": object.text("id")?, "request": request});
        return Ok(vec![Made::new("FailPayment", data)]);
    }
    let Some(invoice) = object.reference("invoice") else { return Ok(Vec::new()) };
    Ok(vec![Made::new("FailPayment", json!({"invoice": invoice, "code": code}))])
}

/// `refund.created`.
pub(super) fn refunded(
    object: &Object<'_>,
    credited: &BTreeSet<String>,
) -> Result<Vec<Made>, String> {
    let id = object.text("id")?;
    let is_none = matches!(object.optional("status"), Some("failed" | "canceled"));
    if is_none || credited.contains(id) {
        return Ok(Vec::new());
    }
    let charge =
        object.reference("charge").ok_or_else(|| format!("the refund {id} names no charge"))?;
    let (back, _) = amount(object.whole("amount")?, object.text("currency")?)?;
    let mut made = Made::new("RefundPayment", json!({"payment": charge, "amount": back}));
    made.refund = Some((id.to_owned(), day(object.whole("created")?)?));
    Ok(vec![made])
}

/// `charge.refunded`: the refunds that it lists; where it lists none they have their own events.
pub(super) fn refunds_of(
    object: &Object<'_>,
    credited: &BTreeSet<String>,
) -> Result<Vec<Made>, String> {
    let mut made = Vec::new();
    for refund in &object.list("refunds")? {
        made.extend(refunded(refund, credited)?);
    }
    Ok(made)
}

/// `charge.dispute.created`: the bank takes the money back; an inquiry takes none yet.
pub(super) fn disputed(object: &Object<'_>) -> Result<Vec<Made>, String> {
    if object.optional("status").is_some_and(|status| status.starts_with("warning")) {
        return Ok(Vec::new());
    }
    let id = object.text("id")?;
    let (taken, currency) = amount(object.whole("amount")?, object.text("currency")?)?;
    let mut fee = currency.zero();
    for transaction in &object.list("balance_transactions")? {
        let (part, other) = amount(transaction.whole("fee")?, transaction.text("currency")?)?;
        if other != currency && !part.is_zero() {
            return Err(format!("the fee of {id} is in {other}, and the dispute in {currency}"));
        }
        fee += part;
    }
    let fee = fee.is_positive().then_some(fee);
    Ok(vec![Made::new(
        "ChargeBackPayment",
        json!({"payment": charge(object)?, "amount": taken, "fee": fee}),
    )])
}

/// `charge.dispute.closed`: won money comes back; lost money is gone already.
pub(super) fn dispute_closed(object: &Object<'_>) -> Result<Vec<Made>, String> {
    if object.text("status")? != "won" {
        return Ok(Vec::new());
    }
    // What comes back is what the chargeback took: the command has no amount of its own.
    Ok(vec![Made::new("WinChargeback", json!({"payment": charge(object)?}))])
}

fn charge<'a>(object: &Object<'a>) -> Result<&'a str, String> {
    object.reference("charge").ok_or_else(|| "the dispute names no charge".to_owned())
}
