//! How many bytes an event takes at most: a sum over its texts and lists, worked out by hand.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ledger_core::content_hash::ContentHash;
use ledger_core::event::{Event, EventData};
use ledger_core::posting::Functional;
use serde_json::{Value, json};
use time::OffsetDateTime;

/// A text of so many bytes.
fn long(bytes: usize) -> String {
    "x".repeat(bytes)
}

/// 2,048 bytes of envelope and 512 of the document; 6 for each of the 3 + 5 of who asked and why; 2 for
/// each of the 7 + 11 of the ids of command and story: 2,560 + 48 + 36.
const AROUND: usize = 2_644;

fn at_most(data: EventData, functional: Option<Box<Functional>>) -> Option<usize> {
    let event = Event {
        sequence: 1,
        id: "id".to_owned(),
        effective: "2026-01-01".parse().unwrap(),
        recorded_at: OffsetDateTime::UNIX_EPOCH,
        actor: long(3),
        command_id: long(7).parse().unwrap(),
        command_hash: ContentHash::default(),
        correlation_id: long(11).parse().unwrap(),
        reason: Some(long(5)),
        data,
        functional,
    };
    event.bytes_at_most()
}

/// Two words: 2 for each of 8 + 9 and 6, and 2 for each of 1 + 2 and 6, which are 52.
fn policy() -> Value {
    json!({"rounding": "half_even", "a": "bc"})
}

fn invoice() -> Value {
    let discount = json!({"amount": "1.00", "until": "2026-01-10"});
    json!({"invoice": long(13), "customer": long(17), "order": long(19), "currency": "USD",
        "issued": "2026-01-01", "due": "2026-01-31", "net": "1.00", "tax": "0.00", "total": "1.00",
        "cash_discounts": [discount, discount, discount], "policy": policy(), "lines": [
        {"line": long(2), "order_line": long(3), "order": long(5), "description": long(7),
         "tax_code": long(11), "net": "1.00", "tax": "0.00", "run": {"adjustment": {
            "line": long(13), "description": long(17), "due": "2026-01-01", "amount": "1.00",
            "period_start": "2026-01-01", "period_end": "2026-01-31"}}},
        {"line": long(4), "net": "0.00", "tax": "0.00",
         "run": {"period": {"start": "2026-01-01", "amount": "0.00"}}}]})
}

/// Two names of 8 for each of 13 + 17: 240. Three rows of 256: 768. An order's name, 2 for each of 19: 38.
/// The first line 2,048 and 2 for each of 2 + 3 + 5 + 7 + 11: 2,104; what it adjusts 2,048 and 2 for each
/// of 13 + 17: 2,108. The second line 2,056. With the policies 7,366.
#[test]
fn an_invoice() {
    let data = EventData::InvoiceIssued(serde_json::from_value(invoice()).unwrap());
    assert_eq!(at_most(data, None), Some(AROUND + 7_366));
}

/// Two names: 240. Texts of 3 + 5: 16. The first line 2,048 and 2 for each of 2 + 3 + 5 + 7 + 11: 2,104,
/// and its price 768 with two tiers of 256: 1,280. The second line 2,056 and 768. Policies 52.
#[test]
fn an_order() {
    let flat = json!({"model": "flat", "amount": "1.00"});
    let tiers = json!({"model": "volume", "tiers": [{"up_to": "1", "unit_price": "1.00"},
                                                    {"unit_price": "1.00"}]});
    let order = json!({"order": long(13), "customer": long(17), "currency": "USD",
        "start": "2026-01-01", "purchase_order": long(3), "renewal": long(5),
        "transaction_price": "2.00", "policy": policy(), "lines": [
        {"line": long(2), "product": long(3), "renews": long(5), "description": long(7),
         "tax_code": long(11), "quantity": "1", "price": tiers, "start": "2026-01-01",
         "recognition": {"method": "over_time"}, "amount": "1.00", "allocated": "1.00"},
        {"line": long(4), "quantity": "1", "price": flat, "start": "2026-01-01",
         "recognition": {"method": "over_time"}, "amount": "1.00", "allocated": "1.00"}]});
    let data = EventData::OrderPlaced(serde_json::from_value(order).unwrap());
    assert_eq!(at_most(data, None), Some(AROUND + 240 + 16 + 2_104 + 1_280 + 2_056 + 768 + 52));
}

/// Two names: 240. Texts of 3 + 5 + 11: 38.
#[test]
fn a_payment() {
    let payment = json!({"payment": long(13), "customer": long(17), "amount": "1.00",
        "currency": "USD", "method": long(3), "reference": long(5), "request": long(11),
        "fee": "0.00"});
    let data = EventData::PaymentReceived(serde_json::from_value(payment).unwrap());
    assert_eq!(at_most(data, None), Some(AROUND + 240 + 38));
}

/// Two names: 240. Two allocations of 320 with names of 3 and 5: 640 + 16. Policies 52.
#[test]
fn an_allocation() {
    let allocated = json!({"payment": long(13), "customer": long(17), "currency": "USD",
        "policy": policy(), "allocations": [{"invoice": long(3), "amount": "1.00"},
                                            {"invoice": long(5), "amount": "1.00"}]});
    let data = EventData::PaymentAllocated(serde_json::from_value(allocated).unwrap());
    assert_eq!(at_most(data, None), Some(AROUND + 240 + 640 + 16 + 52));
}

/// What has an entry in the book's currency may have any number of postings.
#[test]
fn no_bound_is_known_of_other_currencies_and_kinds() {
    let functional: Functional = serde_json::from_value(json!(
        {"rate": {"from": "EUR", "to": "USD", "rate": "1.1", "date": "2026-01-01"}, "postings": []}
    ))
    .unwrap();
    let data = EventData::InvoiceIssued(serde_json::from_value(invoice()).unwrap());
    assert_eq!(at_most(data, Some(Box::new(functional))), None);
    let held = json!({"invoice": "I", "customer": "C", "outcome": "rejected"});
    let data = EventData::DisputeResolved(serde_json::from_value(held).unwrap());
    assert_eq!(at_most(data, None), None);
}
