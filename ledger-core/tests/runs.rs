//! What runs say that they did, why a result is refused, and which lines rest with their order.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ledger_core::chart::AccountKind;
use ledger_core::event::EventData;
use ledger_core::rejection::Rejection;
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
    fn new(policies: &Value) -> Self {
        let mut book = Self { ledger: Ledger::default(), sequence: 0 };
        book.must("2026-01-01", "OpenBook", &json!({"currency": "USD", "policies": policies}));
        book
    }

    fn send(&mut self, on: &str, name: &str, data: &Value) -> Result<Vec<EventData>, Rejection> {
        send((&mut self.ledger, &mut self.sequence), on.parse().unwrap(), name, data)
    }

    fn must(&mut self, on: &str, name: &str, data: &Value) -> Vec<EventData> {
        self.send(on, name, data).unwrap()
    }

    fn owes(&mut self, customer: &str, invoice: &str, amount: &str) {
        let data = json!({"invoice": invoice, "customer": customer, "currency": "USD",
                          "due": "2026-01-31", "lines": [{"amount": amount}]});
        self.must("2026-01-01", "IssueInvoice", &data);
    }
}

/// 100.00 and 50.00 are asked for on 7 February, 150.00 in all; two invoices are with a processor.
#[test]
fn a_dunning_run_counts_what_it_asks_for_and_what_is_being_collected() {
    let cards = json!({"processor": "stripe", "retry_after_days": [3], "final": "none"});
    let mut book = Book::new(&json!({"collection": {"cards": cards}}));
    let register = |name: &str| json!({"customer": name, "name": "N"});
    book.must("2026-01-01", "RegisterCustomer", &register("BY-HAND"));
    let by_card = json!({"customer": "BY-CARD", "name": "N", "collection": "cards"});
    book.must("2026-01-01", "RegisterCustomer", &by_card);
    book.owes("BY-HAND", "A", "100.00");
    book.owes("BY-HAND", "B", "50.00");
    book.owes("BY-CARD", "C", "7.00");
    book.owes("BY-CARD", "D", "8.00");
    book.must("2026-01-31", "RequestPayments", &json!({"through": "2026-01-31"}));
    let events = book.must("2026-02-07", "RunDunning", &json!({"through": "2026-02-07"}));
    let Some(EventData::DunningRunCompleted(run)) = events.last() else { panic!("{events:?}") };
    assert_eq!((run.reminders, run.requested, run.disputed, run.promised), (2, 2, 0, 0));
    let totals: Vec<String> =
        run.totals.iter().map(|(currency, total)| format!("{total} {currency}")).collect();
    assert_eq!(totals, ["150.00 USD"]);
}

#[test]
fn a_result_of_a_request_that_has_ended_is_told_how_it_ended() {
    let cards = json!({"processor": "stripe", "retry_after_days": [3], "final": "none"});
    let mut book = Book::new(&json!({"collection": {"cards": cards}}));
    let by_card = json!({"customer": "C", "name": "N", "collection": "cards"});
    book.must("2026-01-01", "RegisterCustomer", &by_card);
    book.owes("C", "A", "100.00");
    let run = |book: &mut Book, on: &str| book.must(on, "RequestPayments", &json!({"through": on}));
    let failed = |request: &str| json!({"invoice": "A", "code": "declined", "request": request});
    run(&mut book, "2026-01-31");
    book.must("2026-02-01", "FailPayment", &failed("A/1"));
    let told = |book: &mut Book, request: &str| {
        book.send("2026-02-05", "FailPayment", &failed(request)).unwrap_err().message
    };
    assert!(told(&mut book, "A/1").contains("it failed"));
    run(&mut book, "2026-02-04");
    assert!(told(&mut book, "A/1").contains("number 2 came after it"));
    book.must("2026-02-05", "FailPayment", &failed("A/2"));
    assert!(told(&mut book, "A/1").contains("number 2 came after it"));
    assert!(told(&mut book, "A/2").contains("it failed"));
}

/// What the lines of a suspension or a resumption cost in all, by their names.
fn paused(events: &[EventData]) -> Vec<(String, String)> {
    let [EventData::OrderSuspended(paused) | EventData::OrderResumed(paused)] = events else {
        return Vec::new();
    };
    let one = |line: &ledger_core::event::order::PlacedLine| {
        (line.line.to_string(), line.allocated.to_string())
    };
    paused.lines.iter().map(one).collect()
}

/// 10.00 and 30.00 a month from January to June; the 10.00 end on 31 March, the 5.00 before they
/// begin. In February the order rests: of the first line 10.00 are left of January, with March
/// 20.00; of the second 30.00, and with March to June 150.00.
#[test]
fn a_line_that_an_amendment_ends_later_rests_with_its_order() {
    let mut book = Book::new(&json!({"recognition_basis": "month_even"}));
    book.must("2026-01-01", "RegisterCustomer", &json!({"customer": "C", "name": "C"}));
    let line = |name: &str, amount: &str, start: &str| {
        json!({"line": name, "start": start,
               "price": {"model": "flat", "amount": amount, "per": "month"}})
    };
    let lines = [
        line("A", "10.00", "2026-01-01"),
        line("B", "30.00", "2026-01-01"),
        line("NEVER", "5.00", "2026-03-01"),
    ];
    let data = json!({"order": "O", "customer": "C", "currency": "USD", "start": "2026-01-01",
                      "end": "2026-06-30", "lines": lines});
    book.must("2026-01-01", "PlaceOrder", &data);
    let never = json!({"order": "O", "amendment": "1", "changes": [{"remove": "NEVER"}]});
    book.must("2026-03-01", "AmendOrder", &never);
    let later = json!({"order": "O", "amendment": "2", "changes": [{"remove": "A"}]});
    book.must("2026-04-01", "AmendOrder", &later);
    let order = json!({"order": "O"});
    let row = |name: &str, amount: &str| (name.to_owned(), amount.to_owned());
    let events = book.must("2026-02-01", "SuspendOrder", &order);
    assert_eq!(paused(&events), [row("A", "10.00"), row("B", "30.00")]);
    let events = book.must("2026-03-01", "ResumeOrder", &order);
    assert_eq!(paused(&events), [row("A", "20.00"), row("B", "150.00")]);
}

#[test]
fn kinds_of_accounts_have_words() {
    let kinds =
        [AccountKind::Asset, AccountKind::Liability, AccountKind::Income, AccountKind::Expense];
    assert_eq!(kinds.map(AccountKind::as_str), ["asset", "liability", "income", "expense"]);
}

/// An invoice has 1,000 lines at most: ten orders of a hundred lines fit on one, and no more.
#[test]
fn an_invoice_of_a_run_has_a_thousand_lines_at_most() {
    let mut book = Book::new(&json!({"invoice_grouping": "customer"}));
    book.must("2026-01-01", "RegisterCustomer", &json!({"customer": "C", "name": "C"}));
    let place = |book: &mut Book, order: &str, count: usize| {
        let line = |number: usize| {
            json!({"line": number.to_string(), "recognition": {"method": "point_in_time"},
                   "price": {"model": "flat", "amount": "1.00", "per": "once"},
                   "billing": {"every": "once", "timing": "advance"}})
        };
        let lines: Vec<Value> = (1..=count).map(line).collect();
        let data = json!({"order": order, "customer": "C", "currency": "USD",
                          "start": "2026-01-01", "end": "2026-12-31", "lines": lines});
        book.must("2026-01-01", "PlaceOrder", &data);
    };
    for number in 0..10 {
        place(&mut book, &format!("O-{number}"), 100);
    }
    let run = json!({"through": "2026-01-01"});
    let (ledger, sequence) = (book.ledger.clone(), book.sequence);
    let events = book.must("2026-01-01", "RunBilling", &run);
    assert!(matches!(&events[..],
        [EventData::InvoiceIssued(one), EventData::BillingRunCompleted(_)] if one.lines.len() == 1000));
    let mut book = Book { ledger, sequence };
    place(&mut book, "ONE-MORE", 1);
    let refused = book.send("2026-01-01", "RunBilling", &run).unwrap_err();
    assert_eq!(refused.code, "billing.run_too_large");
}
