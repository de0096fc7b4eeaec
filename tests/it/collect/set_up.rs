//! What is wrong with the key, the account or the mode costs no customer an attempt.

use serde_json::json;

use super::{apply, collect, requested, statuses};
use crate::stripe_double::Double;

const NO_SUCH: &str = "No such customer: 'cus_1'";

/// With the key of the wrong mode or account, each request was told as the customer's failure: one
/// round used up an attempt of every customer.
#[test]
fn a_wrong_set_up_stops_the_round_and_uses_no_attempt() {
    let missing = |param: &str, message: &str| {
        json!({"type": "invalid_request_error", "code": "resource_missing", "param": param,
            "message": message})
    };
    let mode = format!(
        "{NO_SUCH}; a similar object exists in live mode, but a test mode key was used to make \
         this request."
    );
    for error in [
        missing("customer", &mode),
        missing("payment_method", &mode),
        missing("customer", NO_SUCH),
        json!({"type": "invalid_request_error", "code": "testmode_charges_only", "message": "m"}),
        json!({"type": "invalid_request_error", "message": "Invalid Stripe API version: 1999"}),
    ] {
        let ledger = requested("USD", "100.00", &["pm_card_visa", "pm_card_visa"]);
        let double = Double::start();
        double.refuses(Some(error.clone()));
        let run = collect(&ledger, &double);
        assert_eq!(run.code, 3, "{run:?}");
        assert!(run.err.contains("error[stripe.setup_invalid]"), "{error}: {run:?}");
        assert!(run.err.contains(error["message"].as_str().unwrap()), "{run:?}");
        assert_eq!(statuses(&ledger), ["in_flight", "in_flight"], "{error}");
        double.refuses(None);
        assert_eq!(collect(&ledger, &double).code, 0);
        assert_eq!((double.charges().len(), statuses(&ledger)), (2, vec!["paid".to_owned(); 2]));
    }
}

#[test]
fn what_is_surely_one_customers_fault_is_told_so_once_the_account_is_known_to_be_the_right_one() {
    // In the same round, whichever comes first.
    let ledger = requested("USD", "100.00", &["pm_gone", "pm_card_visa"]);
    let double = Double::start();
    assert_eq!(collect(&ledger, &double).code, 0);
    assert_eq!(statuses(&ledger), ["failed", "paid"]);
    // Alone, by a charge that the book has.
    let next = json!({"command": "RequestPayment", "effective": "2026-03-08",
        "data": {"invoice": "INV-1"}});
    apply(&ledger, &[next]);
    let run = collect(&ledger, &double);
    assert!(run.out.starts_with("INV-1/2: failed, resource_missing\n"), "{run:?}");
    assert!(double.calls().contains(&"GET /v1/charges/ch_1".to_owned()));
    // The first one of a book cannot be told from a wrong key.
    let ledger = requested("USD", "100.00", &["pm_gone"]);
    let run = collect(&ledger, &Double::start());
    assert!(run.err.contains("knows none of the customers"), "{run:?}");
    assert_eq!(statuses(&ledger), ["in_flight"]);
}

#[test]
fn what_cannot_be_told_uses_no_attempt_and_keeps_nobody_else_waiting() {
    let ledger = requested("USD", "100.00", &["pm_unclear", "pm_card_visa"]);
    let run = collect(&ledger, &Double::start());
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.out.contains("INV-1/1: not known yet, asked again later: That does not work."));
    assert_eq!(statuses(&ledger), ["in_flight", "paid"]);
}
