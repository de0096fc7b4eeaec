//! Dunning runs of any cadence, and what a hold, a promise or a dunning policy refuses.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::calendar::Day;
use ledger_core::event::EventData;
use ledger_core::event::collections::ReminderIssued;
use ledger_core::rejection::Rejection;
use ledger_core::state::Ledger;
use proptest::prelude::*;
use serde_json::{Value, json};

#[path = "common/send.rs"]
mod common;

use common::send;

#[derive(Default)]
struct Book {
    ledger: Ledger,
    sequence: u64,
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

impl Book {
    fn new(policies: &Value) -> Self {
        let mut book = Self::default();
        let first = day("2026-01-01");
        let data = json!({"currency": "USD", "policies": policies});
        book.send(first, "OpenBook", &data).unwrap();
        book
    }

    fn send(&mut self, on: Day, name: &str, data: &Value) -> Result<Vec<EventData>, Rejection> {
        send((&mut self.ledger, &mut self.sequence), on, name, data)
    }

    fn run(&mut self, through: Day) -> Vec<ReminderIssued> {
        let events = self.send(through, "RunDunning", &json!({"through": through})).unwrap();
        let reminder = |event| {
            if let EventData::ReminderIssued(reminder) = event { Some(reminder) } else { None }
        };
        events.into_iter().filter_map(reminder).collect()
    }
}

/// What happens to an invoice besides that it falls due.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Nothing,
    Paid(i32),
    Disputed(i32, i32),
    Promised(i32, i32),
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        Just(Fate::Nothing),
        (0..90).prop_map(Fate::Paid),
        (0..90, 1..40).prop_map(|(from, days)| Fate::Disputed(from, days)),
        (0..90, 0..40).prop_map(|(from, days)| Fate::Promised(from, days)),
    ]
}

fn name(index: usize) -> String {
    format!("I{index}")
}

/// Puts on record what happens on a day.
fn happen(book: &mut Book, start: Day, offset: i32, fates: &[(i32, Fate)]) {
    let today = start.plus_days(offset);
    for (index, (_, fate)) in fates.iter().enumerate() {
        let invoice = name(index);
        let (command, data) = match fate {
            Fate::Paid(on) if *on == offset => (
                "RecordPayment",
                json!({"payment": format!("P{index}"), "customer": "C", "currency": "USD",
                    "amount": "10.00", "allocate": [{"invoice": invoice, "amount": "10.00"}]}),
            ),
            Fate::Disputed(from, _) if *from == offset => {
                ("OpenDispute", json!({"invoice": invoice, "reason": "r"}))
            }
            Fate::Disputed(from, days) if from + days == offset => {
                ("ResolveDispute", json!({"invoice": invoice, "outcome": "rejected"}))
            }
            Fate::Promised(from, days) if *from == offset => {
                ("PromisePayment", json!({"invoice": invoice, "date": today.plus_days(*days)}))
            }
            Fate::Nothing | Fate::Paid(_) | Fate::Disputed(..) | Fate::Promised(..) => continue,
        };
        book.send(today, command, &data).unwrap();
    }
}

/// Whether an invoice must not be reminded of on a day.
fn is_left_out(fate: Fate, offset: i32) -> bool {
    match fate {
        Fate::Nothing => false,
        Fate::Paid(on) => on <= offset,
        Fate::Disputed(from, days) => from <= offset && offset < from + days,
        Fate::Promised(from, days) => from <= offset && offset <= from + days,
    }
}

/// Ninety days with runs on some of them; the reminders by invoice.
fn ninety_days(
    fates: &[(i32, Fate)],
    runs: &BTreeSet<i32>,
) -> BTreeMap<String, Vec<ReminderIssued>> {
    let start = day("2026-01-01");
    let mut book = Book::new(&json!({}));
    book.send(start, "RegisterCustomer", &json!({"customer": "C", "name": "C"})).unwrap();
    for (index, (terms, _)) in fates.iter().enumerate() {
        let data = json!({"invoice": name(index), "customer": "C", "currency": "USD",
            "due": start.plus_days(*terms), "lines": [{"amount": "10.00"}]});
        book.send(start, "IssueInvoice", &data).unwrap();
    }
    let mut reminders: BTreeMap<String, Vec<ReminderIssued>> = BTreeMap::new();
    for offset in 0..=90 {
        happen(&mut book, start, offset, fates);
        if !runs.contains(&offset) {
            continue;
        }
        for one in book.run(start.plus_days(offset)) {
            let (_, fate) =
                fates[one.invoice.as_str().trim_start_matches('I').parse::<usize>().unwrap()];
            assert!(!is_left_out(fate, offset), "{one:?} on day {offset}: {fate:?}");
            assert!(one.days_overdue >= one.after_days, "{one:?} is not due");
            reminders.entry(one.invoice.to_string()).or_default().push(one);
        }
    }
    reminders
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Daily or not: no stage of an invoice twice, never an earlier one after a later one, and
    /// where the last day of the other cadence is the last of the daily one, both end at the same
    /// stage.
    #[test]
    fn no_cadence_issues_a_stage_twice_or_reminds_of_what_is_settled_disputed_or_promised(
        fates in prop::collection::vec((0..60_i32, fate()), 1..8),
        mut runs in prop::collection::btree_set(0..90_i32, 0..20),
    ) {
        runs.insert(90);
        let daily = ninety_days(&fates, &(0..=90).collect());
        let other = ninety_days(&fates, &runs);
        for reminders in daily.values().chain(other.values()) {
            let stages: Vec<u32> = reminders.iter().map(|one| one.stage).collect();
            prop_assert!(stages.windows(2).all(|pair| pair[0] < pair[1]), "{stages:?}");
        }
        for (index, (_, fate)) in fates.iter().enumerate() {
            if is_left_out(*fate, 90) {
                continue;
            }
            let last = |all: &BTreeMap<String, Vec<ReminderIssued>>| {
                all.get(&name(index)).and_then(|list| list.last()).map(|one| one.stage)
            };
            prop_assert_eq!(last(&daily), last(&other), "{:?}", fate);
        }
    }
}

#[test]
fn a_payment_that_is_too_late_for_a_run_s_date_still_counts() {
    let mut book = Book::new(&json!({}));
    let start = day("2026-01-01");
    book.send(start, "RegisterCustomer", &json!({"customer": "C", "name": "C"})).unwrap();
    let invoice = json!({"invoice": "I", "customer": "C", "currency": "USD",
        "lines": [{"amount": "10.00"}]});
    book.send(start, "IssueInvoice", &invoice).unwrap();
    let paid = json!({"payment": "P", "customer": "C", "currency": "USD", "amount": "10.00",
        "allocate": "auto"});
    book.send(day("2026-02-01"), "RecordPayment", &paid).unwrap();
    assert_eq!(book.run(day("2026-01-20")), []);
}

#[test]
fn a_run_larger_than_a_command_is_refused_whole_and_runs_by_customer_are_not() {
    let mut book = Book::new(&json!({}));
    let start = day("2026-01-01");
    for customer in ["C", "D"] {
        let data = json!({"customer": customer, "name": "n"});
        book.send(start, "RegisterCustomer", &data).unwrap();
        for number in 0..500 {
            let data = json!({"invoice": format!("{customer}{number}"), "customer": customer,
                "currency": "USD", "lines": [{"amount": "1.00"}]});
            book.send(start, "IssueInvoice", &data).unwrap();
        }
    }
    let through = day("2026-01-08");
    let refused = book.send(through, "RunDunning", &json!({"through": through})).unwrap_err();
    assert_eq!(
        (refused.code.as_str(), refused.field.as_deref()),
        ("dunning.run_too_large", Some("data.through"))
    );
    for customer in ["C", "D"] {
        let data = json!({"through": through, "customer": customer});
        assert_eq!(book.send(through, "RunDunning", &data).unwrap().len(), 501);
    }
    assert_eq!(book.run(through), []);
}

/// 100.00 are open and 30.00 of them disputed: 70.00 are asked for.
#[test]
fn a_reminder_says_what_is_disputed() {
    let mut book = Book::new(&json!({}));
    let start = day("2026-01-01");
    book.send(start, "RegisterCustomer", &json!({"customer": "C", "name": "C"})).unwrap();
    let invoice = json!({"invoice": "I", "customer": "C", "currency": "USD",
        "lines": [{"amount": "100.00"}]});
    book.send(start, "IssueInvoice", &invoice).unwrap();
    let dispute = json!({"invoice": "I", "amount": "30.00", "reason": "broken"});
    book.send(start, "OpenDispute", &dispute).unwrap();
    let reminders = book.run(day("2026-01-08"));
    let asked = reminders
        .iter()
        .map(|one| (one.open.to_string(), one.disputed.map(|part| part.to_string())));
    assert_eq!(asked.collect::<Vec<_>>(), [("70.00".to_owned(), Some("30.00".to_owned()))]);
}

#[test]
fn dunning_policies_that_make_no_sense_are_refused_where_they_are_wrong() {
    let stage = |days: u32, notice: &str| json!({"after_days": days, "notice": notice});
    for (dunning, field) in [
        (json!({"a": []}), "a"),
        (json!({"none": [stage(1, "x")]}), "none"),
        (json!({"a": [stage(0, "x")]}), "a[0].after_days"),
        (json!({"a": [stage(7, "x"), stage(7, "y")]}), "a[1].after_days"),
        (json!({"a": [stage(7, "Not An Id")]}), "a[0].notice"),
    ] {
        let mut book = Book::default();
        let data = json!({"currency": "USD", "policies": {"dunning": dunning}});
        let refused = book.send(day("2026-01-01"), "OpenBook", &data).unwrap_err();
        assert_eq!(refused.code, "dunning.invalid");
        assert_eq!(refused.field.unwrap(), format!("data.policies.dunning.{field}"));
    }
}

#[test]
fn refusals_name_their_code_and_field() {
    let mut book = Book::new(&json!({}));
    let start = day("2026-01-01");
    book.send(start, "RegisterCustomer", &json!({"customer": "C", "name": "C"})).unwrap();
    let mut refused = |name: &str, data: Value| {
        let refused = book.send(start, name, &data).unwrap_err();
        (refused.code, refused.field.unwrap())
    };
    let rows = [
        ("HoldCustomer", json!({"customer": "X"}), "customer.unknown", "data.customer"),
        (
            "HoldCustomer",
            json!({"customer": "C", "blocks": []}),
            "command.missing_field",
            "data.blocks",
        ),
        ("ReleaseCustomer", json!({"customer": "C"}), "customer.not_on_hold", "data.customer"),
        (
            "UpdateCustomer",
            json!({"customer": "X", "name": "x"}),
            "customer.unknown",
            "data.customer",
        ),
        ("UpdateCustomer", json!({"customer": "C"}), "command.missing_field", "data"),
        (
            "UpdateCustomer",
            json!({"customer": "C", "dunning": "x"}),
            "dunning.unknown",
            "data.dunning",
        ),
        (
            "UpdateCustomer",
            json!({"customer": "C", "parent": "C"}),
            "customer.parent_loop",
            "data.parent",
        ),
        (
            "UpdateCustomer",
            json!({"customer": "C", "credit_limit": "1.001"}),
            "amount.precision",
            "data.credit_limit",
        ),
        (
            "PromisePayment",
            json!({"invoice": "I", "date": "2026-02-01"}),
            "invoice.unknown",
            "data.invoice",
        ),
        (
            "RunDunning",
            json!({"through": "2026-02-01", "customer": "X"}),
            "customer.unknown",
            "data.customer",
        ),
    ];
    for (name, data, code, field) in rows {
        assert_eq!(
            refused(name, data.clone()),
            (code.to_owned(), field.to_owned()),
            "{name} {data}"
        );
    }
}

/// Who names a policy that there is not is told which there are: the standard one, and none.
#[test]
fn a_refused_policy_says_which_there_are() {
    let mut book = Book::new(&json!({}));
    let data = json!({"customer": "C", "name": "C", "dunning": "x"});
    let refused = book.send(day("2026-01-01"), "RegisterCustomer", &data).unwrap_err();
    assert!(refused.message.ends_with(r#"it has ["standard", "none"]"#), "{}", refused.message);
}

#[test]
fn a_refused_hold_says_of_what() {
    let mut book = Book::new(&json!({}));
    let first = day("2026-01-01");
    book.send(first, "RegisterCustomer", &json!({"customer": "C", "name": "C"})).unwrap();
    let data = json!({"customer": "C"});
    let refused = book.send(first, "ReleaseCustomer", &data).unwrap_err();
    assert_eq!(refused.message, "the customer C is not on hold for orders and invoices");
    book.send(first, "HoldCustomer", &data).unwrap();
    let refused = book.send(first, "HoldCustomer", &data).unwrap_err();
    assert_eq!(refused.message, "the customer C is on hold already for orders and invoices");
}

/// All of what is open may be doubtful, and no more: percentages are 0 to 100, both included.
#[test]
fn an_allowance_is_of_all_that_is_open_at_most() {
    let mut book = Book::new(&json!({}));
    let first = day("2026-01-01");
    book.send(first, "RegisterCustomer", &json!({"customer": "C", "name": "C"})).unwrap();
    let invoice = json!({"invoice": "I", "customer": "C", "currency": "USD", "due": "2026-03-01",
                         "lines": [{"amount": "80.50"}]});
    book.send(first, "IssueInvoice", &invoice).unwrap();
    let mut allow =
        |rate: &str| book.send(first, "RecordAllowance", &json!({"rates": {"current": rate}}));
    for beyond in ["100.01", "-0.01"] {
        assert_eq!(allow(beyond).unwrap_err().code, "allowance.invalid");
    }
    let events = allow("100").unwrap();
    let Some(EventData::AllowanceRecorded(recorded)) = events.first() else { panic!("{events:?}") };
    assert_eq!(
        (recorded.needed.to_string(), recorded.change.to_string()),
        ("80.50".to_owned(), "80.50".to_owned())
    );
}

#[test]
fn texts_have_lines_and_no_other_control_characters() {
    let mut book = Book::new(&json!({}));
    let first = day("2026-01-01");
    book.send(first, "RegisterCustomer", &json!({"customer": "C", "name": "C"})).unwrap();
    let mut issue = |text: &str| {
        let lines = json!([{"description": text, "amount": "1.00"}]);
        let data = json!({"customer": "C", "currency": "USD", "lines": lines});
        book.send(first, "IssueInvoice", &data)
    };
    for letter in ["\u{0}", "\r", "\u{1b}", "\u{85}"] {
        assert_eq!(issue(&format!("one{letter}two")).unwrap_err().code, "text.invalid");
    }
    issue("one\n\ttwo").unwrap();
}

/// A discount is between nothing and the price, both included.
#[test]
fn a_discount_may_be_all_of_the_price() {
    let mut book = Book::new(&json!({}));
    let first = day("2026-01-01");
    book.send(first, "RegisterCustomer", &json!({"customer": "C", "name": "C"})).unwrap();
    let mut place = |order: &str, off: &str| {
        let line = json!({"line": "1", "description": "one",
                          "price": {"model": "flat", "amount": "100.00", "per": "term"},
                          "discount": off, "recognition": {"method": "over_time"}});
        let data = json!({"order": order, "customer": "C", "currency": "USD",
                          "start": "2026-01-01", "term_months": 12, "lines": [line]});
        book.send(first, "PlaceOrder", &data)
    };
    assert_eq!(place("O", "100.01").unwrap_err().code, "discount.invalid");
    place("P", "100.00").unwrap();
}
