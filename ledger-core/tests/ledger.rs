//! Random commands against a ledger in memory and a naive model of what is open beside it.
//!
//! After each command the invariants of the accounting (section 7) hold, the ledger and the
//! model agree, and they agree on which commands are refused.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use ledger_core::calendar::Day;
use ledger_core::command::Command;
use ledger_core::content_hash::ContentHash;
use ledger_core::decide::decide;
use ledger_core::event::{Event, EventData, NewEvent};
use ledger_core::money::{Amount, Currency};
use ledger_core::posting::{ContractId, Role, Target, postings};
use ledger_core::rejection::Rejection;
use ledger_core::revenue::schedule::earned_through;
use ledger_core::state::Ledger;
use proptest::prelude::*;
use serde_json::{Value, json};
use time::OffsetDateTime;

#[path = "ledger/model.rs"]
mod model;
#[path = "ledger/step.rs"]
mod step;

use model::Model;
use step::{ORDERS, Size, Step, steps};

/// The book, its log, and what was posted to each account.
#[derive(Default)]
struct Book {
    ledger: Ledger,
    log: Vec<Event>,
    roles: BTreeMap<Role, i128>,
    contracts: BTreeMap<ContractId, i128>,
}

fn cents(amount: Amount) -> i128 {
    assert!(amount.decimal().scale() <= 2, "{amount} is not in cents");
    amount.decimal().mantissa() * 10_i128.pow(2 - amount.decimal().scale())
}

fn sum(amounts: impl Iterator<Item = Amount>) -> i128 {
    amounts.map(cents).sum()
}

impl Book {
    /// Decides twice, which gives the same, and folds what was decided.
    fn send(&mut self, effective: Day, data: &Value) -> Result<Vec<NewEvent>, Rejection> {
        let command = Command {
            id: "c".parse().unwrap(),
            effective,
            reason: None,
            correlation_id: "c".parse().unwrap(),
            actor: "a".to_owned(),
            content_hash: ContentHash::default(),
            data: serde_json::from_value(data.clone()).unwrap(),
        };
        let name = "book".parse().unwrap();
        let decided = decide(&name, &self.ledger, &command);
        assert_eq!(decide(&name, &self.ledger, &command), decided, "deciding is deterministic");
        for event in decided.iter().flatten() {
            self.fold(event);
        }
        decided
    }

    fn fold(&mut self, event: &NewEvent) {
        let sequence = u64::try_from(self.log.len() + 1).unwrap();
        let event = Event {
            sequence,
            id: sequence.to_string(),
            effective: event.effective,
            recorded_at: OffsetDateTime::UNIX_EPOCH,
            actor: "a".to_owned(),
            command_id: "c".parse().unwrap(),
            command_hash: ContentHash::default(),
            correlation_id: "c".parse().unwrap(),
            reason: None,
            data: event.data.clone(),
            functional: event.functional.clone(),
        };
        if let EventData::InvoiceIssued(issued) = &event.data
            && let Some(number) = issued.number
        {
            let last = self.ledger.book.as_ref().unwrap().last_invoice_number;
            assert_eq!(number, last + 1, "the series has no gap and no repeat");
        }
        let legs = postings(&event.data);
        assert_eq!(sum(legs.iter().map(|leg| leg.amount)), 0, "{legs:?} balance");
        for leg in legs {
            let balance = match leg.target {
                Target::Role(role) => self.roles.entry(role).or_default(),
                Target::Contract(contract) => self.contracts.entry(contract).or_default(),
            };
            *balance += cents(leg.amount);
        }
        self.ledger.apply(&event);
        self.log.push(event);
    }

    fn balance(&self, role: Role) -> i128 {
        self.roles.get(&role).copied().unwrap_or_default()
    }

    /// Every document against the model.
    fn check_documents(&self, model: &Model) {
        assert_eq!(self.ledger.invoices.len(), model.invoices.len());
        for expected in &model.invoices {
            let found = self.ledger.invoices.get(&expected.id.parse().unwrap()).unwrap();
            let numbers = [found.total, found.open, found.paid].map(cents);
            assert_eq!(numbers, [expected.total, expected.open, expected.paid], "{found:?}");
            assert!(cents(found.open) >= 0 && found.open <= found.total, "{found:?}");
            assert_eq!(found.disputed, expected.disputed);
            let owner = self.ledger.customers.get(&expected.customer.parse().unwrap()).unwrap();
            let is_listed = owner.open_invoices.contains(&expected.id.parse().unwrap());
            assert_eq!(is_listed, expected.open > 0, "{found:?}");
        }
        assert_eq!(self.ledger.payments.len(), model.payments.len());
        for (id, expected) in &model.payments {
            let found = self.ledger.payments.get(&id.parse().unwrap()).unwrap();
            let numbers = [cents(found.amount), cents(found.unapplied)];
            assert_eq!(numbers, [expected.amount, expected.left], "{found:?}");
            assert!((0..=numbers[0]).contains(&numbers[1]), "{found:?}");
        }
        assert_eq!(self.ledger.credits.len(), model.credits.len());
        for (id, expected) in &model.credits {
            let found = &self.ledger.credits[&id.parse().unwrap()];
            let numbers = [cents(found.amount), cents(found.unused)];
            assert_eq!(numbers, [expected.amount, expected.left], "{found:?}");
            assert!((0..=numbers[0]).contains(&numbers[1]), "{found:?}");
        }
    }

    /// The accounts against the open items (accounting, section 7, invariants 1 to 3).
    fn check_accounts(&self, model: &Model) {
        let all: i128 = self.roles.values().chain(self.contracts.values()).sum();
        assert_eq!(all, 0, "the trial balance is zero");
        let open: i128 = model.invoices.iter().map(|invoice| invoice.open).sum();
        assert_eq!(self.balance(Role::AccountsReceivable), open);
        let unapplied: i128 = model.payments.values().map(|payment| payment.left).sum();
        assert_eq!(self.balance(Role::UnappliedCash), -unapplied);
        let unused: i128 = model.credits.values().map(|credit| credit.left).sum();
        assert_eq!(self.balance(Role::CustomerCredits), -unused);
        let lines = model.invoices.iter().flat_map(|invoice| &invoice.lines);
        let tax: i128 = lines.map(|line| line.tax - line.credited_tax).sum();
        assert_eq!(self.balance(Role::TaxPayable), -tax);
        // What was billed and not taken back is what the lines earn in the end.
        let currency = Currency::parse("USD").unwrap();
        let end = model::first_day().plus_days(10_000);
        for (id, invoice) in self.ledger.invoices.iter() {
            let billed = -self.contracts.get(&ContractId::Invoice(id.clone())).unwrap_or(&0);
            let earned =
                invoice.lines.iter().map(|one| earned_through(one.versions.iter(), end, currency));
            assert_eq!(sum(earned), billed, "{invoice:?}");
            let to_earn = invoice.lines.iter().filter_map(|line| line.versions.last());
            assert_eq!(sum(to_earn.map(|version| version.total())), billed, "{invoice:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_commands_keep_the_invariants_and_agree_with_the_model(
        order in prop::sample::select(ORDERS.to_vec()),
        tolerance in prop::sample::select(vec![0_i128, 5]),
        random in prop::collection::vec((0..25_i32, steps()), 1..80),
    ) {
        let mut book = Book::default();
        let mut model = Model::new(order, tolerance);
        // The first is refused, since the book is not open.
        let credit = Step::Credit {
            credit: 30, line: None, size: Size::Cents(9_000), apply: 1, revenue: "contra_now",
        };
        let opening = [
            Step::Register(0), Step::OpenBook, Step::Register(0), Step::Register(1), credit,
            Step::PayByRule {
                payment: 30, customer: 0, amount: 90_000, rule: "none", reference: None,
            },
        ];
        let opening = opening.into_iter().map(|step| (0, step));
        for (days, step) in opening.chain(random) {
            model.today = model.today.plus_days(days);
            let (command, after) = model.play(&step);
            let before = format!("{:?}", book.ledger);
            let decided = book.send(model.today, &command);
            prop_assert_eq!(decided.is_ok(), after.is_some(), "{} gave {:?}", command, decided);
            match after {
                Some(after) => model = after,
                None => prop_assert_eq!(before, format!("{:?}", book.ledger), "refused: no trace"),
            }
            book.check_documents(&model);
            book.check_accounts(&model);
        }
        let mut again = Ledger::default();
        book.log.iter().for_each(|event| again.apply(event));
        prop_assert_eq!(format!("{again:?}"), format!("{:?}", book.ledger), "one fold, one state");
    }
}

/// A customer who owes 300.00 for the 30 days from 1 January 2025.
fn billed() -> Book {
    let mut book = Book::default();
    let first = model::first_day();
    let commands = [
        json!({"command": "OpenBook", "data": {"currency": "USD"}}),
        json!({"command": "RegisterCustomer", "data": {"customer": "C", "name": "C"}}),
        json!({"command": "IssueInvoice", "data": {
            "invoice": "I", "customer": "C", "currency": "USD", "lines": [{
                "amount": "300.00", "service_start": "2025-01-01", "service_end": "2025-01-30"}]}}),
    ];
    for command in commands {
        book.send(first, &command).unwrap();
    }
    book
}

fn credit(amount: &str, apply: &Value, revenue: &str) -> Value {
    json!({"command": "IssueCredit", "data": {
        "credit": "K", "customer": "C", "invoice": "I", "currency": "USD",
        "lines": [{"amount": amount}], "apply": apply, "revenue": revenue}})
}

/// Readings, 1 and 45: on 11 January 100.00 are earned, through the day before.
#[test]
fn a_credit_splits_by_what_is_earned_through_the_day_before() {
    let eleventh: Day = "2025-01-11".parse().unwrap();
    let cases = [
        // A third to contra_revenue; 200.00 less 40.00 are left for 20 days.
        ("split_pro_rata", "60.00", 2_000, 10_800),
        ("unearned_first", "60.00", 0, 10_700),
        ("unearned_first", "250.00", 5_000, 10_000),
        ("contra_now", "60.00", 6_000, 11_000),
        ("prospective", "60.00", 0, 10_700),
        // As if the price had been 240.00 from the start.
        ("cumulative_reversal", "60.00", 0, 8_800),
    ];
    for (revenue, amount, contra, earned) in cases {
        let mut book = billed();
        book.send(eleventh, &credit(amount, &json!("account"), revenue)).unwrap();
        assert_eq!(book.balance(Role::ContraRevenue), contra, "{revenue} {amount}");
        let versions = &book.ledger.invoices.get(&"I".parse().unwrap()).unwrap().lines[0].versions;
        let through =
            |day| cents(earned_through(versions.iter(), day, Currency::parse("USD").unwrap()));
        assert_eq!(through(eleventh.previous()), 10_000, "{revenue} {amount}: the past stays");
        assert_eq!(through(eleventh), earned, "{revenue} {amount}");
    }
}

/// Readings, 27, 45 and 46, and accounting, section 6: the published codes, and the field.
#[test]
fn what_goes_beyond_either_side_is_refused_with_its_code() {
    let payment = |amount: &str, currency: &str, allocated: &str| {
        json!({"command": "RecordPayment", "data": {
            "payment": "P", "customer": "C", "amount": amount, "currency": currency,
            "allocate": [{"invoice": "I", "amount": allocated}]}})
    };
    let account = json!("account");
    let parts = json!({"account": "1.00", "invoice": "8.99"});
    let over = json!({"command": "ApplyCredit", "data": {
        "credit": "K", "allocations": [{"invoice": "I", "amount": "10.01"}]}});
    let cases = [
        (payment("400.00", "USD", "300.01"), "payment.over_allocated", "data.allocate[0].amount"),
        (payment("200.00", "USD", "200.01"), "payment.over_allocated", "data.amount"),
        (payment("1.001", "USD", "1.00"), "amount.precision", "data.amount"),
        (payment("1.00", "EUR", "1.00"), "fx.rate_missing", "data.currency"),
        (credit("300.01", &account, "contra_now"), "credit.exceeds_line", "data.lines[0].amount"),
        (
            credit("250.00", &account, "prospective"),
            "credit.exceeds_unearned",
            "data.lines[0].amount",
        ),
        (
            credit("1.00", &json!("refund"), "contra_now"),
            "refund.exceeds_paid",
            "data.apply.refund",
        ),
        (credit("10.00", &parts, "contra_now"), "credit.apply_mismatch", "data.apply"),
        (over, "credit.over_applied", "data.credit"),
    ];
    for (command, code, field) in cases {
        let mut book = billed();
        if code == "credit.over_applied" {
            let day = model::first_day();
            book.send(day, &credit("10.00", &account, "contra_now")).unwrap();
        }
        let refused = book.send("2025-01-11".parse().unwrap(), &command).unwrap_err();
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), (code, Some(field)));
    }
}
