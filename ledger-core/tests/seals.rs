//! What a close seals of documents in another currency, and books that contradict their documents.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ledger_core::content_hash::ContentHash;
use ledger_core::event::{Event, EventData};
use ledger_core::rejection::Rejection;
use ledger_core::state::Ledger;
use serde_json::{Value, json};
use time::OffsetDateTime;

#[path = "common/send.rs"]
mod common;

use common::send;

struct Book {
    ledger: Ledger,
    sequence: u64,
}

impl Book {
    fn new(policies: &Value) -> Self {
        let mut book = Self { ledger: Ledger::default(), sequence: 0 };
        book.must("2026-01-01", "OpenBook", &json!({"currency": "USD", "policies": policies}));
        book.must("2026-01-01", "RegisterCustomer", &json!({"customer": "C", "name": "C"}));
        book
    }

    fn send(&mut self, on: &str, name: &str, data: &Value) -> Result<Vec<EventData>, Rejection> {
        send((&mut self.ledger, &mut self.sequence), on.parse().unwrap(), name, data)
    }

    fn must(&mut self, on: &str, name: &str, data: &Value) -> Vec<EventData> {
        self.send(on, name, data).unwrap()
    }
}

/// 100.00 EUR for January and February when a euro is 1.10, of which 40.00 are paid; it is 1.20 on 31 January. The
/// accounts of the seal through that day, as `role balance`.
fn sealed(fx_revaluation: &str, through: &str) -> Vec<String> {
    let mut book =
        Book::new(&json!({"fx_revaluation": fx_revaluation, "recognition_basis": "month_even"}));
    for (rate, date) in [("1.10", "2026-01-01"), ("1.20", "2026-01-31")] {
        let rate = json!({"from": "EUR", "to": "USD", "rate": rate, "date": date});
        book.must("2026-01-01", "RecordFxRate", &rate);
    }
    let invoice = json!({"invoice": "I", "customer": "C", "currency": "EUR", "lines": [
        {"amount": "100.00", "service_start": "2026-01-01", "service_end": "2026-02-28"}]});
    book.must("2026-01-01", "IssueInvoice", &invoice);
    let payment = json!({"payment": "P", "customer": "C", "currency": "EUR", "amount": "40.00",
                         "allocate": [{"invoice": "I", "amount": "40.00"}]});
    book.must("2026-01-10", "RecordPayment", &payment);
    let events = book.must("2026-02-01", "ClosePeriod", &json!({"through": through}));
    let closed = events.into_iter().find_map(|data| {
        let EventData::PeriodClosed(closed) = data else { return None };
        Some(closed)
    });
    let seal = closed.unwrap().seal.unwrap();
    seal.trial_balance.iter().map(|(role, amount)| format!("{role} {amount}")).collect()
}

/// 60.00 EUR are open: 66.00 as they were billed, 72.00 at the rate of the last day of the month, where the book
/// values them so. A month of the bill is earned, and one is not, both at its rate.
#[test]
fn open_items_are_sealed_at_the_rate_of_a_month_s_last_day_where_the_book_says_so() {
    let as_billed = ["accounts_receivable 66.00", "cash 44.00", "deferred_revenue -55.00"];
    assert_eq!(sealed("off", "2026-01-31"), [&as_billed[..], &["revenue -55.00"]].concat());
    let valued = [
        "accounts_receivable 72.00",
        "cash 44.00",
        "deferred_revenue -55.00",
        "fx_gain_loss -6.00",
        "revenue -55.00",
    ];
    assert_eq!(sealed("on", "2026-01-31"), valued);
    assert_eq!(sealed("on", "2026-01-20")[0], "accounts_receivable 66.00");
}

/// An allocation to an invoice that there is not, which no command makes: 10.00 of the receivable are of no
/// document. Nobody can accept that.
#[test]
fn books_that_contradict_their_documents_are_not_closed() {
    let mut book = Book::new(&json!({"close_checks": {"unapplied_cash": "ignore"}}));
    let payment = json!({"payment": "P", "customer": "C", "currency": "USD", "amount": "100.00",
                         "allocate": "none"});
    book.must("2026-01-10", "RecordPayment", &payment);
    let forged = json!({"payment": "P", "customer": "C", "currency": "USD", "overpayment": "0.00",
                        "policy": {}, "allocations": [{"invoice": "NONE", "amount": "10.00"}]});
    book.sequence += 1;
    book.ledger.apply(&Event {
        sequence: book.sequence,
        id: "forged".to_owned(),
        effective: "2026-01-11".parse().unwrap(),
        recorded_at: OffsetDateTime::UNIX_EPOCH,
        actor: "a".to_owned(),
        command_id: "c".parse().unwrap(),
        command_hash: ContentHash::default(),
        correlation_id: "c".parse().unwrap(),
        reason: None,
        data: EventData::PaymentAllocated(serde_json::from_value(forged).unwrap()),
        functional: None,
    });
    let refused = book.send("2026-02-01", "ClosePeriod", &json!({"through": "2026-01-31"}));
    let refused = refused.unwrap_err();
    assert_eq!(refused.code, "period.not_ready");
    assert!(refused.message.contains("books 1, -10.00 USD (accounts_receivable)"), "{refused}");
}
