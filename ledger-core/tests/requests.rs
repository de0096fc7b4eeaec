//! Requests to processors: never two for one attempt, and results in any order lose no money.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::calendar::Day;
use ledger_core::event::EventData;
use ledger_core::event::request::PaymentRequested;
use ledger_core::rejection::Rejection;
use ledger_core::state::Ledger;
use ledger_core::state::requests::{Status, id, parts};
use proptest::prelude::*;
use serde_json::{Value, json};

#[path = "common/send.rs"]
mod common;

use common::send;

/// Days after the first and the second failure.
const WAITS: [i32; 2] = [3, 5];

struct Book {
    ledger: Ledger,
    sequence: u64,
}

impl Book {
    /// Two customers that a processor collects, each with two invoices that are due on 31 January.
    fn new(last: &str) -> Self {
        let mut book = Self { ledger: Ledger::default(), sequence: 0 };
        let schedule = json!({"processor": "stripe", "retry_after_days": WAITS, "final": last});
        let policies = json!({"collection": {"cards": schedule}});
        let first = day(1);
        let opened = json!({"currency": "USD", "policies": policies});
        book.send(first, "OpenBook", &opened).unwrap();
        for customer in ["ONE", "TWO"] {
            let data = json!({"customer": customer, "name": "N", "collection": "cards"});
            book.send(first, "RegisterCustomer", &data).unwrap();
            for number in 1..=2 {
                let data = json!({
                    "invoice": format!("{customer}-{number}"), "customer": customer,
                    "currency": "USD", "due": "2026-01-31", "lines": [{"amount": "100.00"}]});
                book.send(first, "IssueInvoice", &data).unwrap();
            }
        }
        book
    }

    fn send(&mut self, on: Day, name: &str, data: &Value) -> Result<Vec<EventData>, Rejection> {
        send((&mut self.ledger, &mut self.sequence), on, name, data)
    }

    fn run(&mut self, on: Day) -> Vec<PaymentRequested> {
        let events = self.send(on, "RequestPayments", &json!({"through": on})).unwrap();
        let request = |event| {
            if let EventData::PaymentRequested(request) = event { Some(request) } else { None }
        };
        events.into_iter().filter_map(request).collect()
    }

    fn pay(&mut self, on: Day, payment: &str, request: &str) -> Result<Vec<EventData>, Rejection> {
        let customer = request.split('-').next().unwrap();
        let data = json!({"payment": payment, "customer": customer, "currency": "USD",
            "amount": "100.00", "request": request});
        self.send(on, "RecordPayment", &data)
    }

    fn fail(&mut self, on: Day, request: &str, payment: Option<&str>) -> Result<(), Rejection> {
        let (invoice, _) = parts(request).unwrap();
        let mut data = json!({"invoice": invoice, "code": "declined", "request": request});
        if let Some(payment) = payment {
            data["payment"] = payment.into();
        }
        self.send(on, "FailPayment", &data).map(|_| ())
    }

    fn open(&self, invoice: &str) -> String {
        self.ledger.invoices.get(&invoice.parse().unwrap()).unwrap().open.to_string()
    }

    fn status(&self, invoice: &str) -> &Status {
        &self.ledger.requests[&invoice.parse().unwrap()].status
    }
}

/// A day, counted from 1 January 2026.
fn day(number: i32) -> Day {
    "2025-12-31".parse::<Day>().unwrap().plus_days(number)
}

fn code<T: std::fmt::Debug>(refused: Result<T, Rejection>) -> String {
    refused.unwrap_err().code
}

#[test]
fn money_that_comes_after_a_failure_is_recorded_and_ends_the_schedule() {
    let mut book = Book::new("none");
    book.run(day(31));
    book.fail(day(31), "ONE-1/1", None).unwrap();
    assert_eq!(*book.status("ONE-1"), Status::Failed(Some(day(34))));
    book.pay(day(32), "ch_1", "ONE-1/1").unwrap();
    assert_eq!(book.open("ONE-1"), "0.00");
    assert!(book.run(day(34)).is_empty(), "paid");
    assert_eq!(code(book.fail(day(35), "ONE-1/1", None)), "payment_request.finished");
    assert_eq!(code(book.pay(day(35), "ch_1", "ONE-1/1")), "payment.exists");
}

#[test]
fn money_of_an_earlier_request_leaves_the_one_in_flight_to_its_adapter() {
    let mut book = Book::new("none");
    book.run(day(31));
    book.fail(day(31), "ONE-1/1", None).unwrap();
    assert_eq!(book.run(day(34))[0].request, "ONE-1/2");
    book.pay(day(34), "ch_1", "ONE-1/1").unwrap();
    assert_eq!(*book.status("ONE-1"), Status::InFlight);
    // It was charged twice after all: nothing else is open, so the money stays unapplied.
    book.pay(day(34), "ch_2", "ONE-1/2").unwrap();
    let payment = book.ledger.payments.get(&"ch_2".parse().unwrap()).unwrap();
    assert_eq!(payment.unapplied.to_string(), "100.00");
    assert_eq!(book.open("ONE-2"), "100.00", "no other invoice is settled with it");
}

#[test]
fn money_that_the_bank_takes_back_is_tried_again_and_money_given_back_is_not() {
    let mut book = Book::new("hold");
    book.run(day(31));
    for (payment, request) in [("ch_1", "ONE-1/1"), ("ch_2", "ONE-2/1"), ("ch_3", "TWO-1/1")] {
        book.pay(day(31), payment, request).unwrap();
    }
    // A returned debit, told without the request: the payment says which one it was.
    let data = json!({"invoice": "ONE-1", "code": "returned", "payment": "ch_1"});
    book.send(day(33), "FailPayment", &data).unwrap();
    assert_eq!(book.open("ONE-1"), "100.00");
    book.send(day(33), "RefundPayment", &json!({"payment": "ch_2"})).unwrap();
    book.send(day(33), "ChargeBackPayment", &json!({"payment": "ch_3"})).unwrap();
    assert!(book.run(day(35)).is_empty(), "the return came on day 33: three days later");
    let asked: Vec<String> = book.run(day(36)).into_iter().map(|one| one.request).collect();
    assert_eq!(asked, ["ONE-1/2"]);
    book.fail(day(36), "ONE-1/2", None).unwrap();
    assert_eq!(*book.status("ONE-1"), Status::Failed(Some(day(41))));
    book.run(day(41));
    assert!(book.ledger.collections.holds.is_empty());
    book.fail(day(41), "ONE-1/3", None).unwrap();
    assert_eq!(*book.status("ONE-1"), Status::Failed(None));
    assert!(book.ledger.collections.holds.contains_key(&"ONE".parse().unwrap()));
    assert!(book.run(day(400)).iter().all(|one| one.invoice.as_str() != "ONE-1"), "exhausted");
}

#[test]
fn a_debit_that_comes_back_each_time_ends_the_schedule_as_failures_in_a_row_do() {
    let mut book = Book::new("none");
    let mut asked = Vec::new();
    for on in (31..120).map(day) {
        for request in book.run(on).into_iter().filter(|one| one.invoice.as_str() == "ONE-1") {
            let payment = format!("P{}", request.attempt);
            book.pay(on, &payment, &request.request).unwrap();
            book.fail(on, &request.request, Some(&payment)).unwrap();
            asked.push((on, request.request));
        }
    }
    let expected = [(day(31), "ONE-1/1"), (day(34), "ONE-1/2"), (day(39), "ONE-1/3")];
    assert_eq!(asked, expected.map(|(on, request)| (on, request.to_owned())));
}

#[test]
fn an_answer_to_another_request_than_was_made_is_refused() {
    let mut book = Book::new("none");
    book.run(day(31));
    for unknown in ["", "ONE-1", "ONE-1/0", "ONE-1/01", "ONE-1/2", "ONE-9/1", "/1"] {
        let data = json!({"payment": "p", "customer": "ONE", "currency": "USD",
            "amount": "100.00", "request": unknown});
        let refused = book.send(day(31), "RecordPayment", &data);
        assert_eq!(code(refused), "payment_request.unknown", "{unknown}");
    }
    let data = json!({"payment": "p", "customer": "TWO", "currency": "USD", "amount": "100.00",
        "request": "ONE-1/1"});
    assert_eq!(code(book.send(day(31), "RecordPayment", &data)), "customer.mismatch");
    let data = json!({"invoice": "ONE-2", "code": "x", "request": "ONE-1/1"});
    assert_eq!(code(book.send(day(31), "FailPayment", &data)), "payment_request.unknown");
}

/// A failed payment in another currency than its invoice was taken back as so much of the invoice's:
/// 80.00 EUR lowered what was unapplied in USD, and no report of receivables tied any more.
#[test]
fn a_payment_fails_in_the_currency_of_its_invoice() {
    let mut book = Book::new("none");
    let rate = json!({"from": "EUR", "to": "USD", "rate": "1.10", "date": "2026-01-01"});
    book.send(day(1), "RecordFxRate", &rate).unwrap();
    let data = json!({"payment": "p", "customer": "ONE", "currency": "EUR", "amount": "80.00"});
    book.send(day(31), "RecordPayment", &data).unwrap();
    let data = json!({"invoice": "ONE-1", "payment": "p", "code": "declined"});
    assert_eq!(code(book.send(day(32), "FailPayment", &data)), "currency.mismatch");
}

#[test]
fn a_reminder_waits_for_the_processor_and_a_discount_is_not_asked_for() {
    let mut book = Book::new("none");
    book.run(day(31));
    let events = book.send(day(40), "RunDunning", &json!({"through": day(40)})).unwrap();
    assert_eq!(events.len(), 1, "{events:?}");
    let data = json!({"invoice": "D", "customer": "ONE", "currency": "USD", "due": "2026-03-31",
        "lines": [{"amount": "100.00"}], "cash_discounts": [{"percent": "2", "until": "2026-03-15"}]});
    book.send(day(60), "IssueInvoice", &data).unwrap();
    let events = book.send(day(61), "RequestPayment", &json!({"invoice": "D"})).unwrap();
    assert!(matches!(&events[0],
        EventData::PaymentRequested(asked) if asked.amount.to_string() == "98.00"));
}

/// Issues `D` with a discount of 2 % until 15 March, and asks for it on the last day of that.
fn asked_in_time() -> Book {
    let mut book = Book::new("none");
    let data = json!({"invoice": "D", "customer": "ONE", "currency": "USD", "due": "2026-03-31",
        "lines": [{"amount": "100.00"}], "cash_discounts": [{"percent": "2", "until": "2026-03-15"}]});
    book.send(day(60), "IssueInvoice", &data).unwrap();
    book.send(day(74), "RequestPayment", &json!({"invoice": "D"})).unwrap();
    book
}

fn charged(book: &mut Book, on: Day, amount: &str, request: Option<&str>) -> String {
    let mut data = json!({"payment": "ch_1", "customer": "ONE", "currency": "USD", "amount": amount,
        "request": request});
    if request.is_none() {
        data["allocate"] = json!([{"invoice": "D", "amount": amount}]);
    }
    book.send(on, "RecordPayment", &data).unwrap();
    book.open("D")
}

/// A card that was asked for the discounted amount in time and charged a day late owed the discount
/// again, and the next run took it in a second charge.
#[test]
fn a_discount_that_was_left_out_in_time_is_not_asked_for_because_the_processor_came_later() {
    assert_eq!(charged(&mut asked_in_time(), day(74), "98.00", Some("D/1")), "0.00");
    let mut late = asked_in_time();
    assert_eq!(charged(&mut late, day(80), "98.00", Some("D/1")), "0.00");
    assert!(late.run(day(90)).iter().all(|one| one.invoice.as_str() != "D"));
    // Money that nobody had asked for then has no such day.
    assert_eq!(charged(&mut asked_in_time(), day(80), "98.00", None), "2.00");
    // The next attempt is a request of its own, for all that is open by then.
    let mut failed = asked_in_time();
    failed.fail(day(74), "D/1", None).unwrap();
    let again: Vec<_> = failed.run(day(90)).into_iter().filter(|one| one.attempt == 2).collect();
    assert_eq!((again[0].amount.to_string(), again[0].discount_day), ("100.00".to_owned(), None));
    assert_eq!(charged(&mut failed, day(90), "98.00", Some("D/2")), "2.00");
}

#[test]
fn a_schedule_that_makes_no_sense_is_refused() {
    let mut many = json!({"processor": "stripe"});
    many["retry_after_days"] = vec![1; 21].into();
    for (name, schedule, path) in [
        ("cards", json!({"processor": "Stripe"}), "cards.processor"),
        ("none", json!({"processor": "stripe"}), "none"),
        ("Cards", json!({"processor": "stripe"}), "Cards"),
        ("cards", many, "cards.retry_after_days"),
        (
            "cards",
            json!({"processor": "stripe", "retry_after_days": [3, 0]}),
            "cards.retry_after_days[1]",
        ),
    ] {
        let mut book = Book { ledger: Ledger::default(), sequence: 0 };
        let data = json!({"currency": "USD", "policies": {"collection": {name: schedule}}});
        let refused = book.send(day(1), "OpenBook", &data).unwrap_err();
        let field = format!("data.policies.collection.{path}");
        assert_eq!((refused.code.as_str(), refused.field), ("collection.invalid", Some(field)));
    }
}

/// With what sums it up a run has a thousand events at most: 4 invoices of 100.00 and 995 of 1.00, and no other.
#[test]
fn a_run_of_requests_has_999_of_them_at_most() {
    let mut book = Book::new("none");
    let issue = |book: &mut Book, number: i32| {
        let data = json!({"invoice": format!("I-{number}"), "customer": "ONE", "currency": "USD",
                          "due": "2026-01-31", "lines": [{"amount": "1.00"}]});
        book.send(day(1), "IssueInvoice", &data).unwrap();
    };
    (5..=999).for_each(|number| issue(&mut book, number));
    let mut more = Book { ledger: book.ledger.clone(), sequence: book.sequence };
    let events = book.send(day(31), "RequestPayments", &json!({"through": day(31)})).unwrap();
    let Some(EventData::PaymentRequestsCompleted(run)) = events.last() else { panic!("no sum") };
    assert_eq!((run.requests, run.totals["USD"].to_string()), (999, "1395.00".to_owned()));
    issue(&mut more, 1_000);
    let refused = more.send(day(31), "RequestPayments", &json!({"through": day(31)}));
    assert_eq!(code(refused), "payment_request.run_too_large");
}

/// What happens next; numbers choose a request or a payment among those that there are.
#[derive(Debug, Clone)]
enum Step {
    Wait(i32),
    Run,
    Pay(prop::sample::Index),
    Fail(prop::sample::Index),
    Return(prop::sample::Index),
    Refund(prop::sample::Index),
    Cancel(prop::sample::Index),
    Wire(prop::sample::Index),
}

fn step() -> impl Strategy<Value = Step> {
    let any = any::<prop::sample::Index>;
    prop_oneof![
        3 => (0..4_i32).prop_map(Step::Wait),
        4 => Just(Step::Run),
        3 => any().prop_map(Step::Pay),
        4 => any().prop_map(Step::Fail),
        1 => any().prop_map(Step::Return),
        1 => any().prop_map(Step::Refund),
        1 => any().prop_map(Step::Cancel),
        1 => any().prop_map(Step::Wire),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn in_any_order_nothing_is_asked_for_twice_and_no_money_is_refused(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut book = Book::new("hold");
        let mut today = 31;
        let mut asked: Vec<String> = Vec::new();
        let mut in_flight: BTreeSet<String> = BTreeSet::new();
        // By invoice: the day before which no run may ask again.
        let mut not_before: BTreeMap<String, i32> = BTreeMap::new();
        let mut paid: Vec<(String, String)> = Vec::new();
        for (step, number) in steps.into_iter().zip(1..) {
            let on = day(today);
            match step {
                Step::Wait(days) => today += days,
                Step::Run => for one in book.run(on) {
                    let invoice = one.invoice.to_string();
                    prop_assert!(!asked.contains(&one.request), "{} again", one.request);
                    prop_assert!(!in_flight.iter().any(|known| known.starts_with(&invoice)));
                    prop_assert!(not_before.get(&invoice).is_none_or(|first| *first <= today));
                    prop_assert_eq!(one.amount.to_string(), book.open(&invoice));
                    prop_assert_eq!(&one.request, &id(&one.invoice, one.attempt));
                    in_flight.insert(one.request.clone());
                    asked.push(one.request);
                },
                Step::Pay(which) if !asked.is_empty() => {
                    let request = which.get(&asked).clone();
                    let payment = format!("ch_{number}");
                    let events = book.pay(on, &payment, &request);
                    prop_assert!(events.is_ok(), "{events:?}");
                    in_flight.remove(&request);
                    paid.push((payment, request));
                }
                Step::Fail(which) if !asked.is_empty() => {
                    let request = which.get(&asked).clone();
                    let failed = book.fail(on, &request, None);
                    prop_assert_eq!(failed.is_ok(), in_flight.remove(&request), "{}", request);
                    if failed.is_ok() {
                        let invoice = parts(&request).unwrap().0.to_string();
                        not_before.insert(invoice, today + WAITS[0]);
                    }
                }
                Step::Return(which) if !paid.is_empty() => {
                    let (payment, request) = paid.remove(which.index(paid.len()));
                    // Refused only where nothing is left of it.
                    if book.fail(on, &request, Some(&payment)).is_ok() {
                        let left = book.ledger.payments.get(&payment.parse().unwrap()).unwrap();
                        prop_assert!(left.unapplied.is_zero() && left.allocations.is_empty());
                        in_flight.remove(&request);
                    }
                }
                Step::Refund(which) if !paid.is_empty() => {
                    let (payment, _) = which.get(&paid);
                    book.send(on, "RefundPayment", &json!({"payment": payment})).ok();
                }
                Step::Cancel(which) if !asked.is_empty() => {
                    let request = which.get(&asked).clone();
                    let data = json!({"request": request});
                    let canceled = book.send(on, "CancelPaymentRequest", &data);
                    prop_assert_eq!(canceled.is_ok(), in_flight.remove(&request));
                }
                Step::Wire(which) => {
                    let invoice = *which.get(&["ONE-1", "ONE-2", "TWO-1", "TWO-2"]);
                    let customer = invoice.split('-').next().unwrap();
                    let data = json!({"payment": format!("w_{number}"), "customer": customer,
                        "currency": "USD", "amount": book.open(invoice),
                        "allocate": [{"invoice": invoice, "amount": book.open(invoice)}]});
                    book.send(on, "RecordPayment", &data).ok();
                }
                Step::Pay(_) | Step::Fail(_) | Step::Return(_) | Step::Refund(_)
                | Step::Cancel(_) => {}
            }
            let known: BTreeSet<String> =
                book.ledger.invoices.keys().filter_map(|id| book.ledger.request_in_flight(id)).collect();
            prop_assert_eq!(&known, &in_flight);
        }
    }
}
