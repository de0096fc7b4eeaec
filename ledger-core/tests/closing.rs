//! Closes: what is still open is told with counts, amounts and names, and what a book refuses can be
//! accepted for a reason only.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ledger_core::calendar::Day;
use ledger_core::closing::Check;
use ledger_core::command::Command;
use ledger_core::content_hash::ContentHash;
use ledger_core::decide::decide;
use ledger_core::event::close::PeriodClosed;
use ledger_core::event::{Event, EventData};
use ledger_core::rejection::Rejection;
use ledger_core::state::Ledger;
use serde_json::{Value, json};
use time::OffsetDateTime;

struct Book {
    ledger: Ledger,
    sequence: u64,
}

impl Book {
    /// A book with an order that is billed, used and delivered, of which nothing is done in January.
    fn new(policies: &Value) -> Self {
        let mut book = Self { ledger: Ledger::default(), sequence: 0 };
        let opened = json!({"currency": "USD", "policies": policies});
        book.send("2026-01-01", "OpenBook", &opened).unwrap();
        book.send("2026-01-01", "RegisterCustomer", &json!({"customer": "C", "name": "N"}))
            .unwrap();
        let order = json!({"order": "O", "customer": "C", "currency": "USD", "start": "2026-01-01",
            "end": "2026-12-31", "lines": [
            {"line": "T", "price": {"model": "flat", "amount": "10.00", "per": "month"},
             "billing": {"every": "month", "timing": "advance"}},
            {"line": "U", "quantity": "0", "recognition": {"method": "usage"},
             "price": {"model": "per_unit", "unit_price": "0.10", "per": "month"}},
            {"line": "D", "quantity": "2", "end": "2026-01-31",
             "recognition": {"method": "milestone"},
             "price": {"model": "per_unit", "unit_price": "5.00", "per": "once"}}]});
        book.send("2026-01-01", "PlaceOrder", &order).unwrap();
        let payment = |id: &str, amount: &str| {
            json!({"payment": id, "customer": "C", "currency": "USD", "amount": amount,
                   "allocate": "none"})
        };
        for number in 1..=6 {
            let data = payment(&format!("P{number}"), "1.50");
            book.send("2026-01-15", "RecordPayment", &data).unwrap();
        }
        // What comes after the days that are closed is not asked for.
        book.send("2026-02-01", "RecordPayment", &payment("P7", "1.00")).unwrap();
        book
    }

    fn send(&mut self, on: &str, name: &str, data: &Value) -> Result<Vec<EventData>, Rejection> {
        self.send_because(on, name, data, None)
    }

    fn send_because(
        &mut self,
        on: &str,
        name: &str,
        data: &Value,
        reason: Option<&str>,
    ) -> Result<Vec<EventData>, Rejection> {
        let data = serde_json::from_value(json!({"command": name, "data": data})).unwrap();
        let command = Command {
            id: "c".parse().unwrap(),
            effective: on.parse().unwrap(),
            reason: reason.map(str::to_owned),
            correlation_id: "c".parse().unwrap(),
            actor: "a".to_owned(),
            content_hash: ContentHash::default(),
            data,
        };
        let decided = decide(&"b".parse().unwrap(), &self.ledger, &command)?;
        let mut events = Vec::new();
        for new in decided {
            self.sequence += 1;
            let event = Event {
                sequence: self.sequence,
                id: String::new(),
                effective: new.effective,
                recorded_at: OffsetDateTime::UNIX_EPOCH,
                actor: "a".to_owned(),
                command_id: "c".parse().unwrap(),
                command_hash: ContentHash::default(),
                correlation_id: "c".parse().unwrap(),
                reason: reason.map(str::to_owned),
                functional: new.functional,
                data: new.data,
            };
            self.ledger.apply(&event);
            events.push(event.data);
        }
        Ok(events)
    }

    fn close(
        &mut self,
        through: &str,
        accept: &[Check],
        reason: Option<&str>,
    ) -> Result<PeriodClosed, Rejection> {
        let on = through.parse::<Day>().unwrap().next().to_string();
        let data = json!({"through": through, "accept": accept});
        let events = self.send_because(&on, "ClosePeriod", &data, reason)?;
        let closed = events.into_iter().find_map(|data| {
            let EventData::PeriodClosed(closed) = data else { return None };
            Some(closed)
        });
        Ok(closed.unwrap())
    }
}

#[test]
fn by_default_what_is_open_is_recorded_and_nothing_is_refused() {
    let mut book = Book::new(&json!({}));
    let closed = book.close("2026-01-31", &[], None).unwrap();
    let told: Vec<String> = closed.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "unbilled 1, 10.00 USD (O)",
            "usage_missing 1 (O/U)",
            "deliveries_missing 1 (O/D)",
            "unapplied_cash 6, 9.00 USD (P1, P2, P3, P4, P5, ...)",
        ]
    );
    assert_eq!(closed.seal.unwrap().sequence, book.sequence - 1);
}

#[test]
fn a_refusal_lists_what_is_open_and_what_to_do() {
    let mut book = Book::new(&json!({"close_checks": {"unbilled": "refuse",
        "unapplied_cash": "refuse", "usage_missing": "ignore"}}));
    let refused = book.close("2026-01-31", &[], None).unwrap_err();
    assert_eq!(refused.code, "period.not_ready");
    assert_eq!(
        refused.message,
        "the days through 2026-01-31 are not ready to be closed: unbilled 1, 10.00 USD (O): run \
         RunBilling through that date; unapplied_cash 6, 9.00 USD (P1, P2, P3, P4, P5, ...): \
         allocate it, or pay it back. Settle what is open and close again, or accept it with \
         \"accept\": [\"unbilled\", \"unapplied_cash\"] and a reason"
    );
    let one = [Check::Unbilled];
    let refused = book.close("2026-01-31", &one, Some("by hand")).unwrap_err();
    assert_eq!(refused.code, "period.not_ready");
    let both = [Check::Unbilled, Check::UnappliedCash];
    for reason in [None, Some(" ")] {
        let refused = book.close("2026-01-31", &both, reason).unwrap_err();
        assert_eq!(refused.code, "period.reason_missing");
    }
    let closed = book.close("2026-01-31", &both, Some("agreed with the auditor")).unwrap();
    let accepted: Vec<(Check, bool)> =
        closed.warnings.iter().map(|found| (found.check, found.accepted)).collect();
    assert_eq!(
        accepted,
        [(Check::Unbilled, true), (Check::DeliveriesMissing, false), (Check::UnappliedCash, true)]
    );
}

#[test]
fn credits_and_requests_of_the_closed_days_are_named() {
    let mut book = Book::new(&json!({
        "close_checks": {"unbilled": "ignore", "usage_missing": "ignore",
                         "deliveries_missing": "ignore", "unapplied_cash": "ignore"},
        "collection": {"cards": {"processor": "stripe", "retry_after_days": [3]}}}));
    let customer = json!({"customer": "D", "name": "N", "collection": "cards"});
    book.send("2026-01-02", "RegisterCustomer", &customer).unwrap();
    for (id, on) in [("I", "2026-01-05"), ("LATER", "2026-02-05")] {
        let invoice = json!({"invoice": id, "customer": "D", "currency": "USD", "due": on,
                             "lines": [{"amount": "30.00"}]});
        book.send(on, "IssueInvoice", &invoice).unwrap();
    }
    book.send("2026-02-06", "RequestPayments", &json!({"through": "2026-02-06"})).unwrap();
    let credit = json!({"credit": "K", "customer": "C", "currency": "USD", "apply": "account",
                        "lines": [{"description": "goodwill", "amount": "4.00"}]});
    book.send("2026-01-20", "IssueCredit", &credit).unwrap();
    let closed = book.close("2026-01-31", &[], None).unwrap();
    let told: Vec<String> = closed.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["unused_credits 1, 4.00 USD (K)", "payment_requests 1, 30.00 USD (I)"]);
}

#[test]
fn months_without_a_close_of_their_own_are_named() {
    let mut book = Book::new(&json!({"close_checks": "ignore"}));
    book.close("2026-01-31", &[], None).unwrap();
    assert_eq!(book.close("2026-04-30", &[], None).unwrap().warnings, Vec::new());
    let mut book = Book::new(&json!({"close_checks": {"skipped_months": "refuse"}}));
    book.close("2026-01-31", &[], None).unwrap();
    let refused = book.close("2026-04-30", &[], None).unwrap_err();
    assert!(refused.message.contains("skipped_months 2 (2026-02, 2026-03)"), "{refused}");
    // From the middle of a month on, that month is not whole.
    let mut book = Book::new(&json!({"close_checks": {"skipped_months": "refuse"}}));
    book.close("2026-01-15", &[], None).unwrap();
    book.close("2026-02-28", &[], None).unwrap();
}

#[test]
fn a_book_names_only_checks_that_there_are() {
    let mut book = Book { ledger: Ledger::default(), sequence: 0 };
    for policies in [
        json!({"close_checks": {"unbiled": "refuse"}}),
        json!({"close_checks": {"unbilled": "never"}}),
        json!({"close_checks": "never"}),
        json!({"close_by": "quarter"}),
        json!({"reopen": "never"}),
    ] {
        let opened = json!({"currency": "USD", "policies": policies});
        let refused = book.send("2026-01-01", "OpenBook", &opened).unwrap_err();
        assert_eq!(refused.code, "policy.unknown", "{policies}");
    }
}
