//! What orders cost, earn and are billed when they are cancelled, rest, and are billed by runs that
//! are cut off.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ledger_core::calendar::Day;
use ledger_core::content_hash::ContentHash;
use ledger_core::event::{Event, EventData};
use ledger_core::money::Amount;
use ledger_core::rejection::Rejection;
use ledger_core::state::Ledger;
use rust_decimal::Decimal;
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
    fn new(basis: &str) -> Self {
        let mut book = Self { ledger: Ledger::default(), sequence: 0 };
        let policies = json!({"recognition_basis": basis});
        book.must("2025-01-01", "OpenBook", &json!({"currency": "USD", "policies": policies}));
        book.must("2025-01-01", "RegisterCustomer", &json!({"customer": "C", "name": "N"}));
        book
    }

    fn send(&mut self, on: &str, name: &str, data: &Value) -> Result<Vec<EventData>, Rejection> {
        send((&mut self.ledger, &mut self.sequence), on.parse().unwrap(), name, data)
    }

    fn must(&mut self, on: &str, name: &str, data: &Value) -> Vec<EventData> {
        self.send(on, name, data).unwrap()
    }

    fn fold(&mut self, on: &str, data: &EventData) {
        self.sequence += 1;
        self.ledger.apply(&Event {
            sequence: self.sequence,
            id: self.sequence.to_string(),
            effective: on.parse().unwrap(),
            recorded_at: OffsetDateTime::UNIX_EPOCH,
            actor: "a".to_owned(),
            command_id: "c".parse().unwrap(),
            command_hash: ContentHash::default(),
            correlation_id: "c".parse().unwrap(),
            reason: None,
            data: data.clone(),
            functional: None,
        });
    }

    fn order(&mut self, end: Option<&str>, lines: &Value) -> Vec<EventData> {
        let data = json!({"order": "O", "customer": "C", "currency": "USD", "start": "2025-01-01",
                          "end": end, "lines": lines});
        self.must("2025-01-01", "PlaceOrder", &data)
    }

    fn run(&mut self, on: &str) -> Vec<EventData> {
        self.must(on, "RunBilling", &json!({"through": on}))
    }

    fn cancel(&mut self, on: &str) -> Vec<EventData> {
        self.must(on, "CancelOrder", &json!({"order": "O", "unearned": "credit"}))
    }

    /// Earned through a day and billed, of each line.
    fn lines(&self, through: &str) -> Vec<String> {
        let day: Day = through.parse().unwrap();
        let order = self.ledger.orders.get(&"O".parse().unwrap()).unwrap();
        let told = order.lines.iter().map(|line| {
            let earned = line.earned_through(day, order.currency);
            format!("{} {earned} {}", line.placed.line, line.billed.net)
        });
        told.collect()
    }
}

fn monthly(line: &str, amount: &str) -> Value {
    json!({"line": line, "price": {"model": "flat", "amount": amount, "per": "month"},
           "billing": {"every": "month", "timing": "advance"}})
}

fn once(line: &str, amount: &str, timing: &str) -> Value {
    json!({"line": line, "ssp": amount, "price": {"model": "flat", "amount": amount, "per": "term"},
           "billing": {"every": "term", "timing": timing}})
}

/// Half of 100 days is over: 30.00 of 60.00 and 20.00 of 40.00 are given back, and half of the 50.00
/// is still billed, which were to be billed afterwards.
#[test]
fn a_cancelled_bundle_is_billed_what_it_earned() {
    let mut book = Book::new("day");
    let lines = json!([
        once("A", "60.00", "advance"),
        once("B", "40.00", "advance"),
        once("D", "50.00", "arrears")
    ]);
    book.order(Some("2025-04-10"), &lines);
    book.run("2025-01-01");
    let events = book.cancel("2025-02-20");
    let Some(EventData::OrderCancelled(cancelled)) = events.first() else { panic!("{events:?}") };
    assert_eq!(cancelled.unearned_amount.to_string(), "50.00");
    book.run("2025-04-30");
    assert_eq!(book.lines("2025-04-30"), ["A 30.00 30.00", "B 20.00 20.00", "D 25.00 25.00"]);
}

/// Ten boxes at 8.00 and 100 days for 108.00, worth 100.00 each: 94.00 for each. Four boxes are delivered, the others
/// removed after 50 days, as if four had been ordered: 32.00 + 108.00 by worth of 40.00 and 100.00. After 75 days
/// the order is cancelled: 32.00 + 81.00 are billed, of which the boxes earned 40.00.
#[test]
fn a_cancelled_bundle_earns_with_its_removed_line_what_both_cost() {
    let mut book = Book::new("day");
    let unit = json!({"model": "per_unit", "unit_price": "8.00", "per": "once"});
    let boxes = json!({"line": "A", "quantity": "10", "ssp": "10.00", "price": unit,
                       "recognition": {"method": "point_in_time"},
                       "billing": {"every": "term", "timing": "advance"}});
    let mut days = once("B", "108.00", "advance");
    days["ssp"] = json!("100.00");
    book.order(Some("2025-04-10"), &json!([boxes, days]));
    book.run("2025-01-01");
    book.must("2025-01-10", "RecordDelivery", &json!({"order": "O", "line": "A", "quantity": "4"}));
    let amend = json!({"order": "O", "amendment": "A", "treatment": "catch_up",
                       "changes": [{"remove": "A"}]});
    book.must("2025-02-20", "AmendOrder", &amend);
    book.run("2025-02-20");
    book.cancel("2025-03-17");
    book.run("2025-04-30");
    assert_eq!(book.lines("2025-04-30"), ["A 40.00 32.00", "B 73.00 81.00"]);
}

/// 10.00 and 30.00 a month, worth 20.00 each, renewed from April on, and cancelled when April is over
/// and May is billed: 20.00 and 20.00 of the renewal stay, and 10.00 and 30.00 are given back.
#[test]
fn a_cancelled_renewal_shares_its_price_as_it_did() {
    let mut book = Book::new("month_even");
    let (mut one, mut other) = (monthly("A", "10.00"), monthly("B", "30.00"));
    one["ssp"] = json!("20.00");
    other["ssp"] = json!("20.00");
    book.order(Some("2025-03-31"), &json!([one, other]));
    book.must("2025-03-31", "RenewOrder", &json!({"order": "O", "term_months": 3}));
    book.run("2025-05-01");
    let events = book.cancel("2025-05-01");
    let Some(EventData::OrderCancelled(cancelled)) = events.first() else { panic!("{events:?}") };
    assert_eq!(cancelled.unearned_amount.to_string(), "40.00");
    book.run("2025-06-30");
    assert_eq!(
        book.lines("2025-06-30"),
        ["A 60.00 30.00", "B 60.00 90.00", "A@2025-04-01 20.00 10.00", "B@2025-04-01 20.00 30.00"]
    );
}

/// 30.00 for January and 40.00 for February, less the 10.00 that a credit took, are 60.00.
#[test]
fn what_a_credit_took_of_a_line_that_changed_is_not_earned_by_its_cancellation() {
    let mut book = Book::new("month_even");
    book.order(Some("2025-04-30"), &json!([monthly("A", "30.00")]));
    book.run("2025-01-01");
    let credit = json!({"credit": "K", "customer": "C", "invoice": "INV-1", "currency": "USD",
                        "apply": "account", "lines": [{"invoice_line": "1", "amount": "10.00"}]});
    book.must("2025-01-01", "IssueCredit", &credit);
    let price = json!({"model": "flat", "amount": "40.00", "per": "month"});
    let change =
        json!({"order": "O", "amendment": "A", "changes": [{"line": "A", "price": price}]});
    book.must("2025-02-01", "AmendOrder", &change);
    book.run("2025-02-01");
    book.cancel("2025-03-01");
    book.run("2025-06-30");
    assert_eq!(book.lines("2025-06-30"), ["A 60.00 60.00"]);
}

/// A is over while its order rests from February to April; from June on it is to go on.
#[test]
fn a_line_that_ended_while_its_order_rested_can_go_on() {
    let mut book = Book::new("month_even");
    let mut line = monthly("A", "30.00");
    line["end"] = json!("2025-03-31");
    book.order(Some("2025-08-31"), &json!([line, monthly("B", "1.00")]));
    book.must("2025-02-01", "SuspendOrder", &json!({"order": "O"}));
    book.must("2025-05-01", "ResumeOrder", &json!({"order": "O"}));
    assert_eq!(book.lines("2025-05-31"), ["A 30.00 0.00", "B 2.00 0.00"]);
    let change = json!({"line": "A", "end": "2025-08-31"});
    let amend = json!({"order": "O", "amendment": "A", "changes": [change]});
    book.must("2025-06-01", "AmendOrder", &amend);
    book.run("2025-08-31");
    // January, and May to August: the days from the resumption on are days of service again.
    assert_eq!(book.lines("2025-08-31"), ["A 150.00 150.00", "B 5.00 5.00"]);
}

/// 90.00 for January to March wait from February on, and are earned when the order goes on.
#[test]
fn what_waits_when_a_line_ends_is_earned_when_its_order_goes_on() {
    let mut book = Book::new("month_even");
    let mut line = once("A", "90.00", "advance");
    line["end"] = json!("2025-03-31");
    line["ssp"] = Value::Null;
    book.order(Some("2025-08-31"), &json!([line, monthly("B", "1.00")]));
    book.must("2025-02-01", "SuspendOrder", &json!({"order": "O"}));
    assert_eq!(book.lines("2025-04-30"), ["A 30.00 0.00", "B 1.00 0.00"]);
    book.must("2025-05-01", "ResumeOrder", &json!({"order": "O"}));
    assert_eq!(book.lines("2025-05-01"), ["A 90.00 0.00", "B 1.03 0.00"]);
}

/// Of 10 and 5 units at 1.00 the 5 were read behind the day from which the order is cancelled.
#[test]
fn what_was_read_behind_the_last_day_is_neither_billed_nor_earned() {
    let mut book = Book::new("day");
    let price = json!({"model": "per_unit", "unit_price": "1.00", "per": "month"});
    let line = json!({"line": "A", "quantity": "0", "recognition": {"method": "usage"},
                      "price": price, "billing": {"every": "month", "timing": "arrears"}});
    book.order(Some("2025-04-30"), &json!([line]));
    for (day, quantity) in [("2025-01-05", "10"), ("2025-01-20", "5")] {
        let reading = json!({"order": "O", "line": "A", "quantity": quantity});
        book.must(day, "RecordUsage", &reading);
    }
    book.cancel("2025-01-16");
    book.run("2025-04-30");
    assert_eq!(book.lines("2025-04-30"), ["A 10.00 10.00"]);
}

/// Four of ten are delivered when a price would begin, behind which a quantity was agreed before.
#[test]
fn a_delivered_line_takes_no_change_before_a_later_one() {
    let mut book = Book::new("day");
    let price = |unit: &str| json!({"model": "per_unit", "unit_price": unit, "per": "once"});
    let line = json!({"line": "A", "quantity": "10", "price": price("10.00"),
                      "recognition": {"method": "point_in_time"}});
    book.order(Some("2025-12-31"), &json!([line]));
    book.must("2025-02-10", "RecordDelivery", &json!({"order": "O", "line": "A", "quantity": "4"}));
    let amend = |name: &str, change: Value| json!({"order": "O", "amendment": name, "treatment": "prospective", "changes": [change]});
    let later = amend("LATER", json!({"line": "A", "quantity": "12"}));
    book.must("2025-04-01", "AmendOrder", &later);
    let before = amend("BEFORE", json!({"line": "A", "price": price("11.00")}));
    let refused = book.send("2025-03-01", "AmendOrder", &before).unwrap_err();
    assert_eq!(refused.code, "order.later_change");
    // Before anything was delivered each change holds for what is delivered behind it: 4 at 11.00,
    // and the other 8 of 12 at that price, too.
    book.must("2025-02-01", "AmendOrder", &before);
    book.must("2025-05-01", "RecordDelivery", &json!({"order": "O", "line": "A", "quantity": "8"}));
    assert_eq!(book.lines("2025-12-31"), ["A 132.00 0.00"]);
}

/// Usage has a price when it happens: ten units that are committed are no price of the line.
#[test]
fn a_change_of_usage_before_a_later_one_gives_the_line_no_price() {
    let mut book = Book::new("day");
    let price = |unit: &str| json!({"model": "per_unit", "unit_price": unit, "per": "month"});
    let line = json!({"line": "A", "quantity": "10", "recognition": {"method": "usage"},
                      "price": price("1.00")});
    book.order(Some("2025-12-31"), &json!([line]));
    let amend = |name: &str, unit: &str| {
        let change = json!({"line": "A", "price": price(unit)});
        json!({"order": "O", "amendment": name, "changes": [change]})
    };
    book.must("2025-07-01", "AmendOrder", &amend("LATER", "3.00"));
    let events = book.must("2025-03-01", "AmendOrder", &amend("BEFORE", "2.00"));
    let [EventData::OrderAmended(amended)] = &events[..] else { panic!("{events:?}") };
    let told = amended.lines.iter().map(|line| format!("{:?} {}", line.terms_from, line.amount));
    assert!(told.clone().all(|line| line.ends_with(" 0.00")), "{:?}", told.collect::<Vec<_>>());
    assert_eq!(amended.transaction_price.to_string(), "0.00");
}

#[test]
fn a_cancelled_line_stands_still_in_its_event() {
    let mut book = Book::new("day");
    let mut line = monthly("A", "100.00");
    line["recognition"] = json!({"method": "milestone"});
    book.order(Some("2025-12-31"), &json!([line, monthly("B", "1.00")]));
    book.must(
        "2025-02-01",
        "RecordDelivery",
        &json!({"order": "O", "line": "A", "percent_complete": "40"}),
    );
    book.must("2025-03-01", "SuspendOrder", &json!({"order": "O"}));
    let events = book.cancel("2025-04-01");
    let Some(EventData::OrderCancelled(cancelled)) = events.first() else { panic!("{events:?}") };
    let day: Day = "2025-04-01".parse().unwrap();
    for line in &cancelled.lines {
        let schedule = line.schedule.as_ref().unwrap();
        assert_eq!((schedule.from, schedule.start, schedule.end), (day, day, day));
        assert_eq!(
            (schedule.progress, schedule.recurring, schedule.is_paused),
            (None, None, false)
        );
        assert!(schedule.amount.is_zero(), "{schedule:?}");
    }
}

#[test]
fn a_renewed_line_begins_with_its_own_terms() {
    let mut book = Book::new("month_even");
    book.order(Some("2025-03-31"), &json!([monthly("A", "10.00")]));
    let price = json!({"model": "flat", "amount": "20.00", "per": "month"});
    let change =
        json!({"order": "O", "amendment": "A", "changes": [{"line": "A", "price": price}]});
    book.must("2025-02-01", "AmendOrder", &change);
    let renew = json!({"order": "O", "term_months": 3});
    let events = book.must("2025-03-31", "RenewOrder", &renew);
    let [EventData::OrderRenewed(renewed)] = &events[..] else { panic!("{events:?}") };
    let line = renewed.lines.first().unwrap();
    assert_eq!((line.terms_from, line.ended, line.is_suspended), (None, None, false));
    assert_eq!(line.amount.to_string(), "60.00");
}

#[test]
fn all_of_an_amount_is_told_as_all_on_its_last_day() {
    let mut line = monthly("A", "10.00");
    line["price"]["per"] = json!("term");
    line["billing"] = json!({"every": "term"});
    let events = Book::new("day").order(Some("2025-03-31"), &json!([line]));
    let [EventData::OrderPlaced(placed)] = &events[..] else { panic!("{events:?}") };
    let schedule = placed.lines.first().unwrap().schedule.as_ref().unwrap();
    let told = |day: &str| {
        let steps = schedule.explain(day.parse().unwrap(), Decimal::ZERO, placed.currency);
        steps.parts.first().unwrap().what.name()
    };
    assert_eq!((told("2025-03-30"), told("2025-03-31")), ("passed", "all"));
}

#[test]
fn more_months_than_a_term_may_have_are_refused() {
    for start in ["2025-01-01", "2025-06-15"] {
        let mut book = Book::new("day");
        let data = json!({"order": "O", "customer": "C", "currency": "USD", "start": start,
                          "term_months": 4_294_967_295_u32, "lines": [monthly("A", "1.00")]});
        let refused = book.send("2025-01-01", "PlaceOrder", &data).unwrap_err();
        assert_eq!(refused.code, "date.invalid", "from {start}");
    }
}

#[test]
fn a_line_that_an_order_has_not_is_told_with_those_that_it_has() {
    let mut book = Book::new("day");
    let lines = json!([monthly("A", "1.00"), monthly("B", "1.00"), monthly("D", "1.00")]);
    book.order(Some("2025-12-31"), &lines);
    let amend = json!({"order": "O", "amendment": "A", "changes": [{"remove": "B"}]});
    book.must("2025-02-01", "AmendOrder", &amend);
    let delivery = json!({"order": "O", "line": "X", "quantity": "1"});
    let refused = book.send("2025-03-01", "RecordDelivery", &delivery).unwrap_err();
    assert_eq!(refused.message, "the order has no line X; it has A, D");
}

#[test]
fn an_event_says_which_part_of_a_price_recurs_where_there_are_parts() {
    let recurring = |every: &str| {
        let mut line = monthly("A", "12.00");
        line["price"]["per"] = json!(every);
        let events = Book::new("day").order(None, &json!([line]));
        let [EventData::OrderPlaced(placed)] = &events[..] else { panic!("{events:?}") };
        let schedule = placed.lines.first().unwrap().schedule.clone().unwrap();
        serde_json::to_value(schedule.recurring.unwrap()).unwrap()
    };
    let whole = json!({"start": "2025-02-01", "every": "month", "anchor": 1, "amount": "12.00"});
    assert_eq!(recurring("month"), whole);
    let part = json!({"start": "2025-02-01", "every": "month", "anchor": 1, "amount": "12.00",
                      "parts": 12, "first_part": 1});
    assert_eq!(recurring("year"), part);
}

/// An order costs 10.00 a month less from the middle of a billed April on: 5.00 are given back.
#[test]
fn a_run_that_was_cut_off_counts_what_it_gave_back_before() {
    let mut book = Book::new("day");
    book.order(Some("2025-06-30"), &json!([monthly("A", "30.00")]));
    book.run("2025-04-01");
    let price = json!({"model": "flat", "amount": "20.00", "per": "month"});
    let change =
        json!({"order": "O", "amendment": "A", "changes": [{"line": "A", "price": price}]});
    book.must("2025-04-16", "AmendOrder", &change);
    let before = (book.ledger.clone(), book.sequence);
    let whole = book.run("2025-04-30");
    let told = |events: &[EventData]| {
        let Some(EventData::BillingRunCompleted(run)) = events.last() else { panic!("{events:?}") };
        let totals: Vec<String> = run.totals.values().map(Amount::to_string).collect();
        (run.invoices, run.credits, totals)
    };
    let five = (0, 1, vec!["-5.00".to_owned()]);
    assert_eq!(told(&whole), five, "the run before it is over: nothing of that counts");
    // The same once more, but only its credit came into the log before it was cut off.
    (book.ledger, book.sequence) = before;
    book.fold("2025-04-16", whole.first().unwrap());
    assert_eq!(told(&book.run("2025-04-30")), five);
}
