//! What becomes of the double's intents: by payment method, and by what the bank says.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Account, NOON};

/// Creates an intent and confirms it: what comes of it depends on the payment method.
pub(super) fn confirm(account: &mut Account, form: &BTreeMap<String, String>) -> (u16, Value) {
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
pub(super) fn settle(account: &mut Account) {
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
