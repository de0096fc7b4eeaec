//! What documents carry besides their figures, and what their events leave out.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ledger_core::command::book::TaxCategory;
use ledger_core::event::EventData;
use ledger_core::rejection::Rejection;
use ledger_core::revenue::schedule::Schedule;
use ledger_core::state::Ledger;
use serde_json::{Value, json};

#[path = "common/send.rs"]
mod common;

use common::send;

struct Book {
    ledger: Ledger,
    sequence: u64,
}

impl Book {
    fn new() -> Self {
        let mut book = Self { ledger: Ledger::default(), sequence: 0 };
        book.must("2026-01-01", "OpenBook", &json!({"currency": "USD"}));
        book.must("2026-01-01", "RegisterCustomer", &json!({"customer": "C", "name": "C"}));
        book
    }

    fn send(&mut self, on: &str, name: &str, data: &Value) -> Result<Vec<EventData>, Rejection> {
        send((&mut self.ledger, &mut self.sequence), on.parse().unwrap(), name, data)
    }

    fn must(&mut self, on: &str, name: &str, data: &Value) -> Vec<EventData> {
        self.send(on, name, data).unwrap()
    }

    fn issue(&mut self, invoice: &str, lines: &Value) -> EventData {
        let data = json!({"invoice": invoice, "customer": "C", "currency": "USD", "lines": lines});
        self.must("2026-01-10", "IssueInvoice", &data).remove(0)
    }
}

/// The reason is the one that holds on the day; 10.00 of 100.00 are taken off, and nothing of the other line.
#[test]
fn an_invoice_says_why_it_is_taxed_so_what_was_taken_off_and_how_it_was_rounded() {
    let mut book = Book::new();
    for (from, reason) in [("2026-01-01", "reverse charge"), ("2026-02-01", "something later")] {
        let rate = json!({"tax_code": "RC", "rate": "0", "from": from, "category": "AE",
                          "exemption_reason": reason});
        book.must("2026-01-01", "DefineTaxRate", &rate);
    }
    let lines = json!([{"amount": "100.00", "discount": "10.00", "tax_code": "RC"},
                       {"amount": "5.00", "tax_rate": "20"}]);
    let EventData::InvoiceIssued(issued) = book.issue("I", &lines) else { panic!("no invoice") };
    let treatment = issued.lines[0].tax_treatment.clone().unwrap();
    assert_eq!(treatment.category, TaxCategory::ReverseCharge);
    assert_eq!(treatment.exemption_reason.as_deref(), Some("reverse charge"));
    assert_eq!(issued.lines[1].tax_treatment, None);
    let discounts = issued.lines.iter().map(|line| line.discount.map(|off| off.to_string()));
    assert_eq!(discounts.collect::<Vec<_>>(), [Some("10.00".to_owned()), None]);
    let policy: Vec<_> =
        issued.policy.iter().map(|(name, word)| format!("{name} {word}")).collect();
    assert_eq!(policy, ["rounding half_even", "tax_rounding document"]);
}

/// What is nothing is left out of events, as it was before there was such a field.
#[test]
fn events_leave_out_what_is_nothing() {
    let mut book = Book::new();
    let issued = serde_json::to_value(book.issue("I", &json!([{"amount": "100.00"}]))).unwrap();
    let schedule = &issued["data"]["lines"][0]["schedule"];
    let payment = json!({"payment": "P", "customer": "C", "currency": "USD", "amount": "100.00"});
    let allocated = book.must("2026-01-11", "RecordPayment", &payment).remove(1);
    let allocated = serde_json::to_value(&allocated).unwrap();
    let names =
        |object: &Value| -> Vec<String> { object.as_object().unwrap().keys().cloned().collect() };
    assert!(!names(schedule).contains(&"residual".to_owned()), "{schedule}");
    let allocation = &allocated["data"]["allocations"][0];
    assert_eq!(names(allocation), ["amount", "invoice", "small_balance"]);
    let run = book.must("2026-01-20", "RunDunning", &json!({"through": "2026-01-20"})).remove(0);
    let shown = serde_json::to_value(&run).unwrap();
    assert!(!names(&shown["data"]).contains(&"requested".to_owned()), "{shown}");
    let EventData::DunningRunCompleted(mut some) = run else { panic!("{run:?}") };
    some.requested = 2;
    assert_eq!(serde_json::to_value(&some).unwrap()["requested"], 2);
    let run = book.must("2026-01-20", "RunBilling", &json!({"through": "2026-01-20"})).remove(0);
    let run = serde_json::to_value(&run).unwrap();
    assert!(!names(&run["data"]).contains(&"held_back".to_owned()), "{run}");
    // Nothing was allocated that could be taken off.
    let payment = json!({"payment": "Q", "customer": "C", "currency": "USD", "amount": "5.00"});
    book.must("2026-01-20", "RecordPayment", &payment);
    let refunded = book.must("2026-01-21", "RefundPayment", &json!({"payment": "Q"}));
    assert!(matches!(&refunded[..], [EventData::PaymentRefunded(_)]), "{refunded:?}");
    let closed =
        book.must("2026-02-01", "ClosePeriod", &json!({"through": "2026-01-31"})).remove(0);
    let closed = serde_json::to_value(&closed).unwrap();
    let liability = names(&closed["data"]["seal"]["contract_liability"]);
    assert!(!liability.contains(&"fx".to_owned()), "{liability:?}");
}

/// An invoice that is paid, or void, is named as what nothing can be asked for, not the amount.
#[test]
fn nothing_is_promised_or_asked_of_what_is_paid() {
    let mut book = Book { ledger: Ledger::default(), sequence: 0 };
    let cards = json!({"processor": "stripe", "retry_after_days": [3]});
    let policies = json!({"collection": {"cards": cards}});
    book.must("2026-01-01", "OpenBook", &json!({"currency": "USD", "policies": policies}));
    let customer = json!({"customer": "C", "name": "C", "collection": "cards"});
    book.must("2026-01-01", "RegisterCustomer", &customer);
    book.issue("PAID", &json!([{"amount": "100.00"}]));
    let payment = json!({"payment": "P", "customer": "C", "currency": "USD", "amount": "100.00"});
    book.must("2026-01-11", "RecordPayment", &payment);
    let promise = json!({"invoice": "PAID", "date": "2026-02-01"});
    let refused = book.send("2026-01-12", "PromisePayment", &promise).unwrap_err();
    assert_eq!(refused.field.as_deref(), Some("data.invoice"));
    let asked = json!({"invoice": "PAID", "amount": "1.00"});
    let refused = book.send("2026-01-12", "RequestPayment", &asked).unwrap_err();
    assert_eq!(refused.field.as_deref(), Some("data.invoice"));
}

/// The days of a schedule are in order also where it is changed behind its end: what is credited in February of
/// a service in January, and when that credit is void.
#[test]
fn a_schedule_that_is_changed_behind_its_end_does_not_end_before_it_starts() {
    let mut book = Book::new();
    let line =
        json!({"amount": "31.00", "service_start": "2026-01-10", "service_end": "2026-01-31"});
    book.issue("I", &json!([line]));
    let credit = |id: &str| {
        json!({"credit": id, "customer": "C", "invoice": "I", "currency": "USD", "apply": "invoice",
               "revenue": "cumulative_reversal", "lines": [{"amount": "5.00"}]})
    };
    let days = |schedule: &Option<Schedule>| {
        let schedule = schedule.as_ref().unwrap();
        format!("{} {}", schedule.start, schedule.end)
    };
    for (id, on) in [("K1", "2026-02-10"), ("K2", "2026-02-15")] {
        let EventData::CreditIssued(issued) = book.must(on, "IssueCredit", &credit(id)).remove(0)
        else {
            panic!("no credit")
        };
        assert_eq!(days(&issued.lines[0].schedule), format!("{on} {on}"));
    }
    let void = json!({"credit": "K1"});
    let EventData::CreditVoided(voided) = book.must("2026-02-20", "VoidCredit", &void).remove(0)
    else {
        panic!("nothing is void")
    };
    assert_eq!(days(&voided.lines[0].schedule), "2026-02-20 2026-02-20");
}

/// A price has a hundred tiers at most.
#[test]
fn a_price_has_a_hundred_tiers_at_most() {
    for (count, code) in [(100, None), (101, Some("price.invalid")), (102, Some("price.invalid"))] {
        let mut tiers: Vec<Value> = (1..count)
            .map(|number| json!({"up_to": number.to_string(), "unit_price": "1.00"}))
            .collect();
        tiers.push(json!({"unit_price": "1.00"}));
        let price = json!({"model": "graduated", "per": "month", "tiers": tiers});
        let order = json!({"order": "O", "customer": "C", "currency": "USD", "start": "2026-01-01",
                           "end": "2026-12-31",
                           "lines": [{"line": "L", "quantity": "1", "price": price}]});
        let refused = Book::new().send("2026-01-01", "PlaceOrder", &order).err();
        assert_eq!(refused.map(|rejection| rejection.code).as_deref(), code, "{count}");
    }
}
