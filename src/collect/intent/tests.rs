//! What is asked of Stripe, and in which order, when a key may be forgotten.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use serde_json::{Value, json};
use time::Duration;
use time::macros::datetime;

use super::*;
use crate::collect::stripe::Key;

/// Gives these answers, one a connection; what was asked, in short.
fn server(answers: Vec<(u16, Value)>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let answer = |(status, body): (u16, Value)| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut head, mut length, mut key) = (String::new(), 0, String::new());
            reader.read_line(&mut head).unwrap();
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let Some((name, value)) = line.trim().split_once(": ") else { break };
                match name.to_ascii_lowercase().as_str() {
                    "content-length" => length = value.parse().unwrap(),
                    "idempotency-key" => key = format!(" {value}"),
                    _ => {}
                }
            }
            reader.read_exact(&mut vec![0; length]).unwrap();
            let body = body.to_string();
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
            )
            .unwrap();
            let path = head.split(['?', ' ']).take(2).collect::<Vec<_>>().join(" ");
            format!("{path}{key}")
        };
        answers.into_iter().map(answer).collect()
    });
    (url, asked)
}

fn pending() -> Pending {
    let asked = json!({"request": "INV-1/1", "invoice": "INV-1", "customer": "C-1",
        "amount": "100.00", "currency": "USD", "attempt": 1, "processor": "stripe",
        "payer": "cus_1", "payment_method": "pm_1", "policy": {}});
    Pending {
        book: "main".to_owned(),
        event: "EVENT".to_owned(),
        recorded_at: datetime!(2026-03-01 12:00 UTC),
        date: "2026-03-01".parse().unwrap(),
        asked: serde_json::from_value(asked).unwrap(),
    }
}

/// Sees to the request so many hours after it was made.
fn check(hours: i64, is_open: bool, answers: Vec<(u16, Value)>) -> (String, Vec<String>) {
    let (url, asked) = server(answers);
    let stripe = Stripe::new(&url, Key::of("sk_test").unwrap(), 0).unwrap();
    let pending = pending();
    let now = pending.recorded_at + Duration::hours(hours);
    let standing = Standing { is_open, known: None, is_recorded: &|_| false, ended: &[] };
    let step = see_to(&stripe, &pending, &standing, now).unwrap();
    let step = match step {
        Step::Charged(charge) => format!("charged {}", charge["id"].as_str().unwrap()),
        Step::Failed { code, .. } => format!("failed {code}"),
        Step::NotOpen => "not open".to_owned(),
        Step::Processing { intent } => format!("processing {intent}"),
        Step::Missing(why) => format!("missing, {why}"),
        Step::Unknown { intent, .. } => format!("unknown {intent:?}"),
    };
    (step, asked.join().unwrap())
}

fn intent(id: &str, request: &str, status: &str) -> Value {
    json!({"id": id, "status": status, "metadata": {"book": "main", "request": request},
        "latest_charge": {"id": format!("ch_of_{id}")}})
}

fn list(intents: &[Value], has_more: bool) -> (u16, Value) {
    (200, json!({"data": intents, "has_more": has_more}))
}

const LIST: &str = "GET /v1/payment_intents";
const CHARGE: &str = "POST /v1/payment_intents revledger/EVENT";

#[test]
fn a_key_that_stripe_remembers_is_sent_at_once() {
    let charged = (200, intent("pi_1", "INV-1/1", "succeeded"));
    let (step, asked) = check(22, true, vec![charged]);
    assert_eq!((step.as_str(), asked), ("charged ch_of_pi_1", vec![CHARGE.to_owned()]));
}

#[test]
fn a_key_that_stripe_may_have_forgotten_is_looked_up_before() {
    let other = intent("pi_9", "INV-9/1", "succeeded");
    let mut elsewhere = intent("pi_8", "INV-1/1", "succeeded");
    elsewhere["metadata"]["book"] = json!("other");
    let pages = vec![
        list(&[other.clone(), elsewhere.clone()], true),
        list(&[intent("pi_1", "INV-1/1", "succeeded")], false),
    ];
    let (step, asked) = check(24, true, pages);
    assert_eq!((step.as_str(), asked), ("charged ch_of_pi_1", vec![LIST.to_owned(); 2]));

    // Surely not charged: now, and with the same key.
    let charged = (200, intent("pi_2", "INV-1/1", "succeeded"));
    let (step, asked) = check(24, true, vec![list(&[other, elsewhere], false), charged]);
    assert_eq!(step, "charged ch_of_pi_2");
    assert_eq!(asked, [LIST, CHARGE]);

    // Where it cannot be looked up, it is not sent.
    let (step, asked) = check(24, true, vec![(500, json!({}))]);
    assert_eq!((step.as_str(), asked), ("unknown None", vec![LIST.to_owned()]));
}

#[test]
fn what_is_no_longer_open_is_looked_up_and_never_charged() {
    let missing = (
        400,
        json!({"error": {"type": "invalid_request_error", "code": "resource_missing",
            "param": "customer", "message": "No such customer"}}),
    );
    assert_eq!(check(0, false, vec![missing]).0, "missing, No such customer");
    let found = list(&[intent("pi_1", "INV-1/1", "processing")], false);
    assert_eq!(check(0, false, vec![found]).0, "processing pi_1");
    assert_eq!(check(0, false, vec![(429, json!({}))]).0, "unknown None");
}

/// A charge whose answer was lost was still under way when its invoice was paid otherwise: the list
/// did not have it yet, and the request was told to have charged nothing.
#[test]
fn nothing_was_charged_only_once_stripe_has_given_the_key_away() {
    let (nothing, taken) = (list(&[], false), (200, json!({"id": "pi_7", "status": "x"})));
    let ended = (200, json!({"id": "pi_7", "status": "canceled"}));
    let cancel = "POST /v1/payment_intents/pi_7/cancel revledger/EVENT/closed";
    for hours in [0, 22, 24, 1000] {
        let answers = vec![nothing.clone(), taken.clone(), ended.clone(), nothing.clone()];
        let (step, asked) = check(hours, false, answers);
        assert_eq!(step, "not open");
        assert_eq!(asked, [LIST, CHARGE, cancel, LIST]);
    }
    // The key is at work, or was used, or nobody knows.
    let error = |status, kind: &str| (status, json!({"error": {"type": kind}}));
    for refusal in
        [error(409, "idempotency_error"), error(400, "idempotency_error"), error(500, "api_error")]
    {
        let answers = vec![nothing.clone(), refusal.clone(), nothing.clone()];
        let (step, asked) = check(1000, false, answers);
        assert_eq!(
            (step.as_str(), asked),
            ("unknown None", [LIST, CHARGE, LIST].map(str::to_owned).to_vec())
        );
        let charged = list(&[intent("pi_1", "INV-1/1", "succeeded")], false);
        let (step, _) = check(0, false, vec![nothing.clone(), refusal, charged]);
        assert_eq!(step, "charged ch_of_pi_1");
    }
    let charged = list(&[intent("pi_1", "INV-1/1", "succeeded")], false);
    let (step, _) = check(0, false, vec![nothing, taken, ended, charged]);
    assert_eq!(step, "charged ch_of_pi_1");
}

#[test]
fn only_an_error_that_stripe_explains_says_that_nothing_was_charged() {
    for status in [400, 404, 408, 413, 425] {
        let found = list(&[intent("pi_1", "INV-1/1", "succeeded")], false);
        let (step, asked) = check(0, true, vec![(status, json!({})), found]);
        assert_eq!(step, "charged ch_of_pi_1", "{status}");
        assert_eq!(asked, [CHARGE, LIST]);
    }
    let refused = json!({"error": {"type": "invalid_request_error", "code": "amount_too_small"}});
    assert_eq!(check(0, true, vec![(400, refused)]).0, "failed amount_too_small");
}

#[test]
fn a_key_that_was_sent_with_other_parameters_says_nothing_of_the_charge() {
    let conflict = (400, json!({"error": {"type": "idempotency_error"}}));
    let found = list(&[intent("pi_1", "INV-1/1", "succeeded")], false);
    let (step, asked) = check(0, true, vec![conflict.clone(), found]);
    assert_eq!(step, "charged ch_of_pi_1");
    assert_eq!(asked, [CHARGE, LIST]);
    assert_eq!(check(0, true, vec![conflict, list(&[], false)]).0, "unknown None");
}

#[test]
fn the_first_answer_again_is_not_what_the_intent_is_now() {
    let first = (200, intent("pi_1", "INV-1/1", "processing"));
    let now = (200, intent("pi_1", "INV-1/1", "succeeded"));
    let (step, asked) = check(3, true, vec![first, now]);
    assert_eq!(step, "charged ch_of_pi_1");
    assert_eq!(asked, [CHARGE, "GET /v1/payment_intents/pi_1"]);
}
