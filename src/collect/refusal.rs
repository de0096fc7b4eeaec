//! Whose fault it is that Stripe refuses a call.
//!
//! A refusal costs a customer an attempt only where it is surely the customer's own. What would
//! befall all customers alike, the key, the account, the mode or the version, stops the round; and
//! what cannot be told costs nothing and waits for somebody to see to it.

use serde_json::Value;

use crate::exit::Failure;

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The customer's, the payment method's or the amount's.
    Own,
    /// The account has no such customer or payment method: theirs, where it is the right account.
    Missing,
    /// The set-up's.
    SetUp,
    /// It cannot be told.
    Unclear,
}

/// Codes of what is wrong with one customer, payment method or amount
/// (<https://docs.stripe.com/error-codes>).
const OWN: [&str; 21] = [
    "account_closed",
    "amount_too_large",
    "amount_too_small",
    "bank_account_declined",
    "bank_account_unusable",
    "bank_account_unverified",
    "card_declined",
    "charge_exceeds_source_limit",
    "charge_exceeds_transaction_limit",
    "debit_not_authorized",
    "expired_card",
    "insufficient_funds",
    "payment_intent_authentication_failure",
    "payment_intent_incompatible_payment_method",
    "payment_intent_mandate_invalid",
    "payment_intent_payment_attempt_failed",
    "payment_method_bank_account_blocked",
    "payment_method_currency_mismatch",
    "payment_method_customer_decline",
    "payment_method_unexpected_state",
    "sepa_unsupported_account",
];

/// Codes of what is wrong with the key, the account, or the calls themselves.
const SET_UP: [&str; 12] = [
    "account_invalid",
    "api_key_expired",
    "country_unsupported",
    "livemode_mismatch",
    "more_permissions_required",
    "not_allowed_on_standard_account",
    "parameter_unknown",
    "platform_account_required",
    "platform_api_key_expired",
    "secret_key_required",
    "testmode_charges_only",
    "tls_version_unsupported",
];

/// What says in a message that the set-up is at fault, where the code does not.
const SET_UP_WORDS: [&str; 2] = ["a similar object exists in", "API version"];

/// The decline of a real card that a key of test mode was used for.
const TEST_KEY: &str = "test_mode_live_card";

/// Whose fault an error of the type `invalid_request_error` is.
pub(crate) fn fault(error: &Value) -> Fault {
    let text = |name: &str| error[name].as_str().unwrap_or_default();
    let code = text("code");
    let is_told = SET_UP_WORDS.iter().any(|words| text("message").contains(words));
    if is_told || SET_UP.contains(&code) {
        Fault::SetUp
    } else if code == "resource_missing" && matches!(text("param"), "customer" | "payment_method") {
        Fault::Missing
    } else if OWN.contains(&code) {
        Fault::Own
    } else {
        Fault::Unclear
    }
}

/// Stops where a card was declined for the key's mode.
///
/// # Errors
/// `stripe.setup_invalid` then.
pub(crate) fn check_decline(error: &Value) -> Result<(), Failure> {
    if error["decline_code"] == TEST_KEY {
        return Err(set_up(error["message"].as_str().unwrap_or(TEST_KEY)));
    }
    Ok(())
}

/// The set-up is at fault.
pub(crate) fn set_up(why: &str) -> Failure {
    Failure::store("stripe.setup_invalid", "Stripe refuses the set-up, not one customer")
        .because(why)
        .help(
            "check that the key is of the account and the mode (live or test) that the customers \
             are in, and its permissions; nobody's attempt was used, what is in flight stays so",
        )
}

/// No customer that was asked for is known there.
pub(crate) fn nobody_known(why: &str) -> Failure {
    let what = "Stripe knows none of the customers that were asked for";
    Failure::store("stripe.setup_invalid", what).because(why).help(
        "check that the key is of their account and mode; if it is, mend payer and payment_method \
         with UpdateCustomer and end the request with CancelPaymentRequest; no attempt was used",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_attempt_is_used_only_where_it_is_surely_the_customers_fault() {
        let missing = |param: &str, message: &str| json!({"code": "resource_missing", "param": param, "message": message});
        let no_such = "No such customer: 'cus_1'";
        let elsewhere = "No such customer: 'cus_1'; a similar object exists in live mode, but a \
                         test mode key was used to make this request.";
        for (error, expected) in [
            (json!({"code": "amount_too_small", "param": "amount"}), Fault::Own),
            (json!({"code": "payment_intent_mandate_invalid"}), Fault::Own),
            (missing("customer", no_such), Fault::Missing),
            (missing("payment_method", "No such PaymentMethod: 'pm_1'"), Fault::Missing),
            (missing("customer", elsewhere), Fault::SetUp),
            (missing("payment_method", elsewhere), Fault::SetUp),
            (missing("intent", "No such payment_intent: 'pi_1'"), Fault::Unclear),
            (json!({"code": "parameter_unknown", "param": "off_session"}), Fault::SetUp),
            (json!({"code": "testmode_charges_only"}), Fault::SetUp),
            (json!({"message": "Invalid Stripe API version: 2026-05-27.dahlia"}), Fault::SetUp),
            (json!({"code": "payment_method_unactivated"}), Fault::Unclear),
            (json!({"code": "something_new"}), Fault::Unclear),
            (json!({"message": "The provided PaymentMethod was previously used"}), Fault::Unclear),
        ] {
            assert_eq!(fault(&error), expected, "{error}");
        }
        assert!(check_decline(&json!({"decline_code": "test_mode_live_card"})).is_err());
        assert!(check_decline(&json!({"decline_code": "insufficient_funds"})).is_ok());
    }
}
