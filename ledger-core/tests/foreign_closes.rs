//! What closes seal of contracts and open items in other currencies than the book's.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ledger_core::event::EventData;
use ledger_core::event::close::Seal;
use ledger_core::money::Amount;
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
        let policies = json!({"recognition_basis": "day", "fx_revaluation": "on"});
        book.must("2025-01-01", "OpenBook", &json!({"currency": "USD", "policies": policies}));
        book.must("2025-01-01", "RegisterCustomer", &json!({"customer": "C", "name": "N"}));
        book
    }

    fn must(&mut self, on: &str, name: &str, data: &Value) -> Vec<EventData> {
        let on = on.parse().unwrap();
        send((&mut self.ledger, &mut self.sequence), on, name, data).unwrap()
    }

    fn rate(&mut self, from: &str, rate: &str, day: &str) {
        let data = json!({"from": from, "to": "USD", "rate": rate, "date": day});
        self.must(day, "RecordFxRate", &data);
    }

    fn order(&mut self, (order, currency): (&str, &str), amount: &str, (start, end): (&str, &str)) {
        let basis = if currency == "GBP" { "month_even" } else { "day" };
        let line = json!({"line": "L", "price": {"model": "flat", "amount": amount, "per": "term"},
                          "recognition": {"method": "over_time", "basis": basis}});
        let data = json!({"order": order, "customer": "C", "currency": currency, "start": start,
                          "end": end, "lines": [line]});
        self.must("2025-01-01", "PlaceOrder", &data);
    }

    fn bill(&mut self, on: &str, invoice: &str, order: Option<&str>, amount: &str) {
        let line = match order {
            Some(_) => json!({"order_line": "L", "amount": amount}),
            None => json!({"amount": amount}),
        };
        let data = json!({"invoice": invoice, "customer": "C", "order": order, "currency": "EUR",
                          "lines": [line]});
        self.must(on, "IssueInvoice", &data);
    }

    fn pay(&mut self, on: &str, payment: &str, amount: &str, invoice: Option<&str>) {
        let allocate = match invoice {
            Some(invoice) => json!([{"invoice": invoice, "amount": amount}]),
            None => json!("none"),
        };
        let data = json!({"payment": payment, "customer": "C", "currency": "EUR", "amount": amount,
                          "allocate": allocate});
        self.must(on, "RecordPayment", &data);
    }

    fn close(&mut self, on: &str, through: &str) -> Seal {
        let events = self.must(on, "ClosePeriod", &json!({"through": through}));
        let closed = |event: &EventData| {
            if let EventData::PeriodClosed(data) = event { data.seal.clone() } else { None }
        };
        *events.iter().find_map(closed).unwrap()
    }
}

fn balances(seal: &Seal) -> Vec<String> {
    seal.trial_balance.iter().map(|(role, amount)| format!("{role} {amount}")).collect()
}

/// Opening, billed, recognised, gains and losses, closing.
fn roll(seal: &Seal) -> Vec<String> {
    let roll = &seal.contract_liability;
    let all = [roll.opening, roll.billed, roll.recognised, roll.fx, roll.closing];
    all.iter().map(Amount::to_string).collect()
}

/// A euro is 1.10 in January, 1.20 in February, a pound is 1.005. AHEAD earns 1.00 EUR a day in January
/// and February, billed on 1 January: 64.90. LASTDAY earns as much in February, and is billed on 31
/// January: 30.80. BEHIND earned 31.00 EUR in January, 34.10, and is billed on 1 February: 37.20, a
/// gain of 3.10. CENTS earns 1.00 GBP a month: 1.005 is 1.00, 2.01 is 2.01.
#[test]
fn each_close_goes_on_where_the_one_before_it_stood() {
    let mut book = Book::new();
    book.rate("EUR", "1.10", "2025-01-01");
    book.rate("GBP", "1.005", "2025-01-01");
    book.order(("AHEAD", "EUR"), "59.00", ("2025-01-01", "2025-02-28"));
    book.order(("LASTDAY", "EUR"), "28.00", ("2025-02-01", "2025-02-28"));
    book.order(("BEHIND", "EUR"), "31.00", ("2025-01-01", "2025-01-31"));
    book.order(("CENTS", "GBP"), "2.00", ("2025-01-01", "2025-02-28"));
    book.bill("2025-01-01", "A", Some("AHEAD"), "59.00");
    book.bill("2025-01-31", "L", Some("LASTDAY"), "28.00");
    let january = book.close("2025-02-01", "2025-01-31");
    // 64.90 - 34.10 and 30.80 are owed, 34.10 and 1.00 are not billed.
    let expected = [
        "accounts_receivable 95.70",
        "deferred_revenue -61.60",
        "revenue -69.20",
        "unbilled_receivable 35.10",
    ];
    assert_eq!(balances(&january), expected);
    assert_eq!(roll(&january), ["0.00", "95.70", "69.20", "0.00", "26.50"]);
    book.rate("EUR", "1.20", "2025-02-01");
    book.bill("2025-02-01", "B", Some("BEHIND"), "31.00");
    let february = book.close("2025-03-01", "2025-02-28");
    // 30.80 of each of the first two, and 1.01; 118.00 EUR are due, 132.90, and 141.60 at 1.20.
    let expected = [
        "accounts_receivable 141.60",
        "fx_gain_loss -11.80",
        "revenue -131.81",
        "unbilled_receivable 2.01",
    ];
    assert_eq!(balances(&february), expected);
    assert_eq!(roll(&february), ["26.50", "37.20", "62.61", "-3.10", "-2.01"]);
    // 20.00 EUR of A are paid in March, 24.00 for 22.00, 5.00 in April; 10.00 are paid for nothing yet.
    // An invoice of 31 March is worth 1.20, before 1.30 is known of that day; one of 1 April does not
    // count.
    book.pay("2025-03-10", "P-1", "20.00", Some("A"));
    book.pay("2025-03-10", "P-2", "10.00", None);
    book.pay("2025-04-05", "P-3", "5.00", Some("A"));
    book.bill("2025-03-31", "Z", None, "10.00");
    book.bill("2025-04-01", "W", None, "10.00");
    book.rate("EUR", "1.30", "2025-03-31");
    let march = book.close("2025-04-06", "2025-03-31");
    // 39.00 of A are 42.90 and 50.70 at 1.30, 28.00 are 30.80 and 36.40, 31.00 are 37.20 and 40.30, 10.00
    // are 12.00 and 13.00: gains of 17.50; the 10.00 that were paid are a loss of 1.00.
    let expected = [
        "accounts_receivable 140.40",
        "cash 36.00",
        "fx_gain_loss -21.60",
        "revenue -143.81",
        "unapplied_cash -13.00",
        "unbilled_receivable 2.01",
    ];
    assert_eq!(balances(&march), expected);
    assert_eq!(roll(&march), ["-2.01", "12.00", "12.00", "0.00", "-2.01"]);
}

/// 63.00 EUR from 11 to 31 January less 30.00 EUR at once, billed on the 10th: 36.30. 30.00 less than nothing
/// are 33.00; 3.00 are made up for on the 11th at 1.10, 12.00 until the 15th at 1.20: 33.00 - 3.30 - 14.40 =
/// 15.30 are left. The days before the 12th stay as they were closed when it is opened again.
#[test]
fn days_that_stay_closed_know_what_their_close_knew() {
    let mut book = Book::new();
    book.rate("EUR", "1.10", "2025-01-01");
    let lines = json!([{"amount": "63.00", "service_start": "2025-01-11", "service_end": "2025-01-31"},
                       {"amount": "-30.00"}]);
    let data = json!({"invoice": "A", "customer": "C", "currency": "EUR", "lines": lines});
    book.must("2025-01-10", "IssueInvoice", &data);
    book.rate("EUR", "1.20", "2025-01-12");
    let expected = ["accounts_receivable 36.30", "deferred_revenue -51.60", "revenue 15.30"];
    assert_eq!(balances(&book.close("2025-01-16", "2025-01-15")), expected);
    book.must("2025-01-17", "ReopenPeriod", &json!({"from": "2025-01-12"}));
    assert_eq!(balances(&book.close("2025-01-18", "2025-01-15")), expected);
}
