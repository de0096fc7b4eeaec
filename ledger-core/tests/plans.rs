//! What a billing run plans before its first document: how many there are, what they say, and what is too
//! large for one of them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ledger_core::command::Command;
use ledger_core::content_hash::ContentHash;
use ledger_core::decide::{RunPlan, plan_run};
use ledger_core::event::EventData;
use ledger_core::event::invoice::InvoiceIssued;
use ledger_core::rejection::Rejection;
use ledger_core::state::Ledger;
use serde_json::{Value, json};

#[path = "common/send.rs"]
mod common;

use common::send;

/// A text of so many bytes.
fn long(bytes: usize) -> String {
    "x".repeat(bytes)
}

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

    fn must(&mut self, on: &str, name: &str, data: &Value) -> Vec<EventData> {
        send((&mut self.ledger, &mut self.sequence), on.parse().unwrap(), name, data).unwrap()
    }

    /// An order of the year.
    fn place(&mut self, order: &str, currency: &str, lines: &[Value]) {
        let data = json!({"order": order, "customer": "C", "currency": currency, "lines": lines,
                          "start": "2026-01-01", "end": "2026-12-31"});
        self.must("2026-01-01", "PlaceOrder", &data);
    }

    fn run(&mut self, through: &str) -> Vec<EventData> {
        self.must("2026-12-31", "RunBilling", &json!({"through": through}))
    }

    fn plan(&self, through: &str) -> Result<RunPlan, Rejection> {
        let data = json!({"command": "RunBilling", "data": {"through": through}});
        let command = Command {
            id: "c".parse().unwrap(),
            effective: "2026-12-31".parse().unwrap(),
            reason: None,
            correlation_id: "c".parse().unwrap(),
            actor: "a".to_owned(),
            content_hash: ContentHash::default(),
            data: serde_json::from_value(data).unwrap(),
        };
        plan_run(&"b".parse().unwrap(), &self.ledger, &command)
    }

    /// The code with which a run through 31 January is refused where it is planned; none where it is not.
    fn refused(&self) -> Option<String> {
        self.plan("2026-01-31").err().map(|rejection| rejection.code)
    }
}

/// A line that is billed by the month.
fn monthly(line: &str, amount: &str) -> Value {
    json!({"line": line, "price": {"model": "flat", "amount": amount, "per": "month"},
           "billing": {"every": "month", "timing": "advance"}})
}

/// A line that is billed once, on 1 January.
fn once(line: &str) -> Value {
    json!({"line": line, "recognition": {"method": "point_in_time"},
           "price": {"model": "flat", "amount": "1.00", "per": "once"},
           "billing": {"every": "once", "timing": "advance"}})
}

/// Lines `001` and so on with the same text.
fn lines(count: usize, of: impl Fn(String) -> Value) -> Vec<Value> {
    (1..=count).map(|number| of(format!("{number:03}"))).collect()
}

/// Description and quantity of an invoice's lines.
fn told(invoice: &InvoiceIssued) -> Vec<(Option<String>, Option<String>)> {
    let one = |line: &ledger_core::event::invoice::IssuedLine| {
        (line.description.clone(), line.quantity.map(|quantity| quantity.to_string()))
    };
    invoice.lines.iter().map(one).collect()
}

/// Two orders become two invoices, which give nothing back.
#[test]
fn a_plan_counts_its_invoices() {
    let mut book = Book::new();
    book.place("A", "USD", &[monthly("L", "10.00")]);
    book.place("B", "USD", &[monthly("L", "10.00")]);
    let plan = book.plan("2026-01-01").unwrap();
    assert_eq!((plan.documents_count(), plan.gives_back()), (2, false));
    assert_eq!(plan.into_events(&book.ledger).unwrap().len(), 3, "and what sums the run up");
}

/// What two days bring together, a period that begins and a month that is cheaper, are an invoice and a credit.
/// Another order is changed for more: its invoice says what for.
#[test]
fn a_plan_counts_what_it_gives_back_and_says_what_for() {
    let mut book = Book::new();
    let mut begins = monthly("NEXT", "20.00");
    begins["start"] = json!("2026-01-16");
    begins["quantity"] = json!("2");
    begins["description"] = json!("Support");
    book.place("A", "USD", &[monthly("LESS", "31.00"), begins]);
    let mut more = monthly("MORE", "31.00");
    more["description"] = json!("Hosting");
    book.place("B", "USD", &[more, monthly("TOO", "31.00")]);
    let usage = json!({"line": "USAGE", "quantity": "0", "recognition": {"method": "usage"},
                       "price": {"model": "per_unit", "unit_price": "1.00", "per": "month"},
                       "billing": {"every": "month", "timing": "arrears"}});
    book.place("D", "USD", &[usage]);
    book.run("2026-01-01");
    let less =
        json!({"line": "LESS", "price": {"model": "flat", "amount": "15.50", "per": "month"}});
    let amended = json!({"order": "A", "amendment": "1", "changes": [less]});
    book.must("2026-01-16", "AmendOrder", &amended);
    let more = |line: &str| json!({"line": line, "price": {"model": "flat", "amount": "62.00", "per": "month"}});
    let amended = json!({"order": "B", "amendment": "2", "changes": [more("MORE"), more("TOO")]});
    book.must("2026-01-16", "AmendOrder", &amended);
    let usage = json!({"order": "D", "line": "USAGE", "quantity": "3"});
    book.must("2026-01-16", "RecordUsage", &usage);
    let plan = book.plan("2026-01-31").unwrap();
    assert_eq!((plan.documents_count(), plan.gives_back()), (3, true));
    let events = book.run("2026-02-01");
    let issued = events.iter().filter_map(|data| {
        let EventData::InvoiceIssued(invoice) = data else { return None };
        Some(told(invoice))
    });
    let row = |description: Option<&str>, quantity: Option<&str>| {
        (description.map(str::to_owned), quantity.map(str::to_owned))
    };
    let issued: Vec<_> = issued.take(2).collect();
    assert_eq!(
        issued,
        [
            vec![row(Some("Support"), Some("2"))],
            vec![
                row(Some("Hosting: amendment 2"), Some("1")),
                row(Some("TOO: amendment 2"), Some("1"))
            ],
        ]
    );
    let usage = events.iter().rev().find_map(|data| {
        let EventData::InvoiceIssued(invoice) = data else { return None };
        Some(told(invoice))
    });
    assert_eq!(usage, Some(vec![row(None, None)]), "nothing was committed to");
}

/// A rate that is missing is told before the first document is made.
#[test]
fn a_run_without_a_rate_is_refused_where_it_is_planned() {
    let mut book = Book::new();
    let rate = json!({"tax_code": "LATER", "rate": "20", "from": "2026-06-01"});
    book.must("2026-01-01", "DefineTaxRate", &rate);
    let mut taxed = monthly("L", "10.00");
    taxed["tax_code"] = json!("LATER");
    book.place("A", "USD", &[taxed]);
    assert_eq!(book.refused().as_deref(), Some("tax.rate_missing"));
}

/// 512 bytes for each line, 1 for the order, 3 for the line, and 4,092 of its text, a quote as two of them:
/// 200 lines of 4,608 bytes are 921,600, which is the limit.
#[test]
fn an_invoice_of_a_run_takes_as_much_text_as_an_event_does() {
    let described = |text: &str| {
        lines(200, |name| {
            let mut line = once(&name);
            line["description"] = json!(text);
            line
        })
    };
    let text = format!("{}\"", long(4_090));
    let mut book = Book::new();
    book.place("O", "USD", &described(&text));
    assert_eq!(book.refused(), None);
    let mut book = Book::new();
    let mut more = described(&text);
    more[0]["description"] = json!(format!("{text}x"));
    book.place("O", "USD", &more);
    assert_eq!(book.refused().as_deref(), Some("billing.run_too_large"));
}

/// In another currency each line is 700 bytes more, 512 + 700 + 4: 757 lines are 920,512 bytes, 758 are
/// 921,728.
#[test]
fn an_invoice_in_another_currency_has_fewer_lines() {
    for (count, code) in [(757, None), (758, Some("billing.run_too_large"))] {
        let mut book = Book::new();
        let rate = json!({"from": "EUR", "to": "USD", "rate": "1.10", "date": "2026-01-01"});
        book.must("2026-01-01", "RecordFxRate", &rate);
        book.place("O", "EUR", &lines(count, |name| once(&name)));
        assert_eq!(book.refused().as_deref(), code, "{count}");
    }
}

/// Why lines are exempt stands on each of them: 205 lines of 512 + 5 + 4,000 bytes are 925,985.
#[test]
fn the_reason_of_an_exemption_counts_on_every_line() {
    for (reason, code) in [(4_000, Some("billing.run_too_large")), (3_900, None)] {
        let mut book = Book::new();
        let rate = json!({"tax_code": "E", "rate": "0", "from": "2026-01-01", "category": "E",
                          "exemption_reason": long(reason)});
        book.must("2026-01-01", "DefineTaxRate", &rate);
        let exempt = |name: String| {
            let mut line = once(&name);
            line["tax_code"] = json!("E");
            line
        };
        book.place("O", "USD", &lines(205, exempt));
        assert_eq!(book.refused().as_deref(), code, "{reason}");
    }
}

/// A difference says its line's text of 3,207 bytes and `: amendment A`, that again, and the line's name of 128
/// bytes twice: with the order's 1 and 512 that is 3,220 + 11 + 256 + 513 = 4,000. 230 of them are 920,000.
#[test]
fn what_an_amendment_changes_counts_with_its_texts() {
    for (count, code) in [(230, None), (231, Some("billing.run_too_large"))] {
        let mut book = Book::new();
        let names: Vec<String> = (0..count).map(|number| format!("{number:0128}")).collect();
        let placed: Vec<Value> = names
            .iter()
            .map(|name| {
                let mut line = monthly(name, "1.00");
                line["description"] = json!(long(3_207));
                line
            })
            .collect();
        book.place("O", "USD", &placed);
        book.run("2026-01-01");
        let price = json!({"model": "flat", "amount": "2.00", "per": "month"});
        let changes: Vec<Value> =
            names.iter().map(|name| json!({"line": name, "price": price})).collect();
        let amended = json!({"order": "O", "amendment": "A", "changes": changes});
        book.must("2026-01-16", "AmendOrder", &amended);
        assert_eq!(book.refused().as_deref(), code, "{count}");
    }
}

/// 11.20 of January are given back on the 16th and 9.30 are billed on 1 February by one run. A credit of 5.00 was
/// there before: the bill uses that first, and 4.30 of what the run itself gives back.
#[test]
fn a_bill_uses_older_credits_before_those_of_its_own_run() {
    let mut book = Book { ledger: Ledger::default(), sequence: 0 };
    let policies = json!({"apply_credits": "auto"});
    book.must("2026-01-01", "OpenBook", &json!({"currency": "USD", "policies": policies}));
    book.must("2026-01-01", "RegisterCustomer", &json!({"customer": "C", "name": "C"}));
    book.place("O", "USD", &[monthly("L", "31.00")]);
    book.run("2026-01-01");
    let credit = json!({"credit": "OLD", "customer": "C", "currency": "USD", "apply": "account",
                        "lines": [{"amount": "5.00"}]});
    book.must("2026-01-16", "IssueCredit", &credit);
    let less = json!({"line": "L", "price": {"model": "flat", "amount": "9.30", "per": "month"}});
    let amended = json!({"order": "O", "amendment": "1", "changes": [less]});
    book.must("2026-01-16", "AmendOrder", &amended);
    let events = book.run("2026-02-01");
    let applied: Vec<String> = events
        .iter()
        .filter_map(|data| {
            let EventData::CreditApplied(applied) = data else { return None };
            Some(format!("{} {}", applied.credit, applied.allocations[0].amount))
        })
        .collect();
    assert_eq!(applied, ["OLD 5.00", "CN-1 4.30"]);
}
