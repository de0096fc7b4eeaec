//! Stripe's webhooks at the daemon: signed, in any order, more than once, and what is refused.

use std::fmt::Write as _;
use std::fs;

use commands::clock::{Clock, SystemClock};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::daemon::{Answer, Daemon};
use crate::harness::Ledger;

const SECRETS: [&str; 2] = ["whsec_old", "whsec_new"];

/// A daemon with two secrets, on a book with a request in flight for `INV-1`.
fn start() -> (Ledger, Daemon) {
    let ledger = Ledger::new();
    let book = [
        json!({"command": "OpenBook", "effective": "2026-01-01", "data": {"currency": "USD",
            "policies": {"collection": {"cards": {"processor": "stripe",
                "retry_after_days": [3]}}}}}),
        json!({"command": "RegisterCustomer", "effective": "2026-01-01", "data": {
            "customer": "C-1", "name": "N", "collection": "cards", "payer": "cus_1"}}),
        json!({"command": "IssueInvoice", "effective": "2026-02-01", "data": {
            "invoice": "INV-1", "customer": "C-1", "currency": "USD", "due": "2026-02-28",
            "lines": [{"amount": "100.00"}]}}),
        json!({"command": "RequestPayments", "effective": "2026-03-01",
            "data": {"through": "2026-03-01"}}),
    ];
    ledger.expect(0, &["apply", "-"], &book.map(|one| one.to_string()).join("\n"));
    let file = ledger.path().join("secrets");
    fs::write(&file, SECRETS.join("\n")).unwrap();
    let options = ["--stripe-webhook-secret-file", file.to_str().unwrap()];
    let daemon = Daemon::start_with(&ledger, &options);
    (ledger, daemon)
}

fn now() -> i64 {
    SystemClock.now().unix_timestamp()
}

fn send_signed(daemon: &Daemon, secret: &str, signed_at: i64, body: &str) -> Answer {
    let mut code = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    code.update(format!("{signed_at}.{body}").as_bytes());
    let mut hex = String::new();
    for byte in code.finalize().into_bytes() {
        write!(hex, "{byte:02x}").unwrap();
    }
    let kind = format!("application/json\r\nStripe-Signature: t={signed_at},v1={hex}");
    daemon.ask("POST /v1/books/main/webhooks/stripe", &kind, body.as_bytes())
}

fn send(daemon: &Daemon, body: &str) -> Answer {
    send_signed(daemon, SECRETS[1], now(), body)
}

fn event(id: &str, kind: &str, created: i64, object: &Value) -> String {
    json!({"id": id, "type": kind, "created": created, "data": {"object": object}}).to_string()
}

/// The charge of the request in flight.
fn charge() -> Value {
    json!({"id": "ch_1", "amount": 10000, "currency": "usd", "customer": "cus_1",
        "captured": true, "created": 1_772_366_400, "failure_code": "card_declined",
        "outcome": {"reason": "insufficient_funds"},
        "balance_transaction": {"fee": 320, "currency": "usd"},
        "metadata": {"book": "main", "request": "INV-1/1", "invoice": "INV-1", "customer": "C-1",
            "date": "2026-03-01"}})
}

fn code(answer: &Answer) -> String {
    answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
}

fn rows(daemon: &Daemon, report: &str) -> Vec<Value> {
    let answer = daemon.get(&format!("/v1/books/main/reports/{report}"));
    answer.json()["rows"].as_array().unwrap().clone()
}

#[test]
fn a_signed_event_is_recorded_once_however_often_it_comes() {
    let (_ledger, daemon) = start();
    let body = event("evt_1", "charge.succeeded", now(), &charge());
    let first = send_signed(&daemon, SECRETS[0], now(), &body);
    assert_eq!((first.status, &first.json()["outcome"]), (200, &json!("accepted")), "{first:?}");
    for secret in SECRETS {
        let again = send_signed(&daemon, secret, now(), &body);
        assert_eq!(again, first, "while a secret is rotated, and when it is replayed");
    }
    // The same charge under another event, as after an adapter or an import.
    let other = send(&daemon, &event("evt_2", "charge.succeeded", now(), &charge()));
    assert_eq!(other.status, 200);
    let cash = rows(&daemon, "cash");
    assert_eq!(
        (cash.len(), &cash[0]["received"], &cash[0]["fees"]),
        (1, &json!("100.00"), &json!("3.20"))
    );
    let requests = rows(&daemon, "payment-requests");
    assert_eq!((&requests[0]["status"], &requests[0]["payment"]), (&json!("paid"), &json!("ch_1")));
    let trail = rows(&daemon, "audit-trail?type=PaymentReceived");
    assert_eq!(trail[0]["actor"], "stripe");
}

#[test]
fn a_wrong_signature_and_a_replay_of_another_day_have_codes_of_their_own() {
    let (ledger, daemon) = start();
    let body = event("evt_1", "charge.succeeded", now(), &charge());
    let route = "POST /v1/books/main/webhooks/stripe";
    for (answer, expected) in [
        (send_signed(&daemon, "whsec_wrong", now(), &body), "webhook.signature"),
        (daemon.ask(route, "application/json", body.as_bytes()), "webhook.signature"),
        (send_signed(&daemon, SECRETS[0], now() - 600, &body), "webhook.too_old"),
        (send_signed(&daemon, SECRETS[1], now() + 600, &body), "webhook.too_old"),
        (send(&daemon, "no json"), "stripe.malformed"),
        (send(&daemon, r#"{"id": "evt_1"}"#), "stripe.malformed"),
    ] {
        assert_eq!((answer.status, code(&answer).as_str()), (400, expected), "{answer:?}");
    }
    let elsewhere = daemon.ask(&route.replace("main", "other"), "application/json", b"{}");
    assert_eq!(code(&elsewhere), "book.mismatch");
    assert_eq!(rows(&daemon, "cash"), Vec::<Value>::new());
    // The rest goes in.
    assert_eq!(send(&daemon, &body).status, 200);
    assert_eq!(rows(&daemon, "cash").len(), 1);
    assert!(!ledger.path().join("main/stripe-refused.ndjson").exists());
}

#[test]
fn a_failure_is_recorded_once_and_a_debit_that_is_returned_later_is_taken_back() {
    let (_ledger, daemon) = start();
    let failed = |id: &str| event(id, "charge.failed", now(), &charge());
    assert_eq!(send(&daemon, &failed("evt_1")).status, 200);
    assert_eq!(send(&daemon, &failed("evt_2")).status, 200, "the adapter told it before");
    let requests = rows(&daemon, "payment-requests");
    assert_eq!(requests[0]["code"], "insufficient_funds");
    assert_eq!(rows(&daemon, "audit-trail?type=PaymentFailed").len(), 1);
    assert_eq!(send(&daemon, &event("evt_3", "charge.succeeded", now(), &charge())).status, 200);
    assert_eq!(rows(&daemon, "payment-requests")[0]["status"], "paid", "money is never refused");
    assert_eq!(send(&daemon, &failed("evt_4")).status, 200);
    let request = &rows(&daemon, "payment-requests")[0];
    assert_eq!(request["status"], "failed");
    assert!(request["next_attempt"].is_string());
    assert_eq!(rows(&daemon, "open-items")[0]["open"], "100.00");
}

#[test]
fn what_is_early_comes_again_and_what_never_goes_in_is_kept_for_an_import() {
    let (ledger, daemon) = start();
    let refund = json!({"id": "re_1", "charge": "ch_1", "amount": 2500, "currency": "usd",
        "created": now(), "status": "succeeded"});
    // The refund overtakes its charge.
    let early = event("evt_2", "refund.created", now(), &refund);
    let answer = send(&daemon, &early);
    assert_eq!((answer.status, code(&answer).as_str()), (503, "payment.unknown"));
    assert_eq!(send(&daemon, &event("evt_1", "charge.succeeded", now(), &charge())).status, 200);
    assert_eq!(send(&daemon, &early).status, 200);
    let open = rows(&daemon, "open-items");
    assert_eq!(open[0]["open"], "25.00");

    // What nobody knows after an hour, and what cannot be imported.
    let mut stranger = charge();
    stranger["id"] = json!("ch_9");
    stranger["customer"] = json!("cus_9");
    stranger["metadata"] = json!({});
    let late = event("evt_3", "charge.succeeded", now() - 7200, &stranger);
    let note = json!({"id": "cn_1", "customer": "C-1", "invoice": "INV-1", "currency": "usd",
        "total": 2500, "lines": {"data": []}, "refunds": [{"refund": "re_1", "amount_refunded": 2500}]});
    let note = event("evt_4", "credit_note.created", now(), &note);
    for (event, expected) in
        [(&late, "customer.unknown"), (&late, "customer.unknown"), (&note, "stripe.malformed")]
    {
        let answer = send(&daemon, event);
        assert_eq!((answer.status, code(&answer).as_str()), (200, expected), "{answer:?}");
    }
    let meaningless = send(&daemon, &event("evt_5", "payout.paid", now(), &json!({})));
    assert_eq!((meaningless.status, &meaningless.json()["outcome"]), (200, &json!("skipped")));
    assert_eq!(daemon.terminate(), 0);
    let kept = ledger.path().join("main/stripe-refused.ndjson");
    let kept_text = fs::read_to_string(&kept).unwrap();
    assert_eq!(kept_text.lines().count(), 2, "each once: {kept_text}");
    let customer = json!({"command": "RegisterCustomer", "effective": "2026-01-01",
        "data": {"customer": "cus_9", "name": "Nine"}});
    ledger.expect(0, &["apply", "-"], &customer.to_string());
    let import = ledger.run(&["import", "stripe", kept.to_str().unwrap(), "--format", "json"]);
    assert_eq!(import.json()["by_type"]["PaymentReceived"], 1, "{import:?}");
}

/// Stripe's events name the balance transaction and do not show it: money that a webhook told before
/// the adapter never had its fee.
#[test]
fn a_charge_without_its_fee_is_left_to_the_adapter_first_and_recorded_after_an_hour() {
    let (ledger, daemon) = start();
    let mut bare = charge();
    bare["balance_transaction"] = json!("txn_1");
    let young = event("evt_1", "charge.succeeded", now(), &bare);
    let answer = send(&daemon, &young);
    assert_eq!((answer.status, code(&answer).as_str()), (503, "stripe.fee_unknown"), "{answer:?}");
    assert_eq!(rows(&daemon, "payment-requests")[0]["status"], "in_flight");
    // The adapter records it with its fee: there is nothing to wait for.
    let data = json!({"payment": "ch_1", "customer": "C-1", "amount": "100.00", "currency": "USD",
        "fee": "3.20", "request": "INV-1/1"});
    let envelope = json!({"id": "collect/1", "command": "RecordPayment", "data": data});
    assert_eq!(daemon.command(&envelope.to_string()).status, 200);
    assert_eq!(send(&daemon, &young).status, 200);
    let cash = rows(&daemon, "cash");
    assert_eq!((cash.len(), &cash[0]["fees"]), (1, &json!("3.20")));

    // Nobody else recorded it in the first hour.
    let (_ledger, daemon) = start();
    assert_eq!(send(&daemon, &young).status, 503);
    let old = event("evt_1", "charge.succeeded", now() - 3700, &bare);
    assert_eq!(send(&daemon, &old).status, 200);
    let cash = rows(&daemon, "cash");
    assert_eq!((&cash[0]["received"], &cash[0]["fees"]), (&json!("100.00"), &json!("0.00")));
    assert_eq!(rows(&daemon, "payment-requests")[0]["status"], "paid");
    assert!(!ledger.path().join("main/stripe-refused.ndjson").exists());
}

#[test]
fn what_is_of_another_book_is_not_refused_and_nothing_that_could_be_ours_is_dropped() {
    let (ledger, daemon) = start();
    let refund = |id: &str, metadata: Value, charge: Value| {
        json!({"id": id, "charge": charge, "amount": 2500, "currency": "usd", "created": now(),
            "status": "succeeded", "metadata": metadata})
    };
    let other = json!({"id": "ch_8", "metadata": {"book": "other", "request": "A-1/1"}});
    let dispute = json!({"id": "dp_1", "charge": other, "amount": 1200, "currency": "usd",
        "status": "needs_response", "balance_transactions": []});
    let unknown = refund("re_2", json!({}), json!("ch_9"));
    let ours = refund("re_3", json!({"book": "main"}), json!("ch_9"));
    let old = now() - 7200;
    for (body, outcome) in [
        (event("evt_1", "refund.created", now(), &refund("re_1", json!({}), other)), "skipped"),
        (event("evt_2", "charge.dispute.created", now(), &dispute), "skipped"),
        (event("evt_3", "refund.created", old, &unknown), "skipped"),
        (event("evt_4", "refund.created", old, &ours), "rejected"),
    ] {
        for _ in 0..2 {
            let answer = send(&daemon, &body);
            assert_eq!(
                (answer.status, &answer.json()["outcome"]),
                (200, &json!(outcome)),
                "{body}"
            );
        }
    }
    let reason = send(&daemon, &event("evt_3", "refund.created", old, &unknown));
    let reason = reason.json()["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("nothing in the event says that it is of this book"), "{reason}");
    // It may still be early.
    let early = send(&daemon, &event("evt_5", "refund.created", now(), &unknown));
    assert_eq!((early.status, code(&early).as_str()), (503, "payment.unknown"));
    for (file, id) in [("stripe-unknown.ndjson", "evt_3"), ("stripe-refused.ndjson", "evt_4")] {
        let kept = fs::read_to_string(ledger.path().join("main").join(file)).unwrap();
        assert!(kept.lines().count() == 1 && kept.contains(id), "{file}: {kept}");
    }
}

#[test]
fn the_same_event_delivered_twice_at_once_has_one_effect() {
    let (_ledger, daemon) = start();
    let body = event("evt_1", "charge.succeeded", now(), &charge());
    for round in 0..8 {
        let refund = json!({"id": format!("re_{round}"), "charge": "ch_1", "amount": 100,
            "currency": "usd", "created": now(), "status": "succeeded"});
        let refund = event(&format!("evt_r{round}"), "refund.created", now(), &refund);
        let start = std::sync::Barrier::new(2);
        let deliver = |body: &str| {
            start.wait();
            send(&daemon, body)
        };
        for body in [&body, &refund] {
            let (one, two) = std::thread::scope(|scope| {
                let other = scope.spawn(|| deliver(body));
                (deliver(body), other.join().unwrap())
            });
            assert_eq!((one.status, two.status), (200, 200), "{one:?} {two:?}");
        }
    }
    assert_eq!(rows(&daemon, "audit-trail?type=PaymentReceived").len(), 1);
    assert_eq!(rows(&daemon, "audit-trail?type=PaymentRefunded").len(), 8);
    assert_eq!(rows(&daemon, "open-items")[0]["open"], "8.00");
}

#[test]
fn without_a_secret_there_is_no_endpoint() {
    let ledger = Ledger::new();
    let daemon = Daemon::start(&ledger);
    let answer = send(&daemon, &event("evt_1", "charge.succeeded", now(), &charge()));
    assert_eq!((answer.status, code(&answer).as_str()), (404, "webhook.not_configured"));
    let file = ledger.path().join("empty");
    fs::write(&file, " \n").unwrap();
    let empty = ["serve", "--stripe-webhook-secret-file", file.to_str().unwrap()];
    assert!(ledger.run(&empty).err.contains("webhook.secret_missing"));
}
