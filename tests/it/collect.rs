//! Collecting through Stripe, against a double of its API: no crash charges twice or loses a charge.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Command;
use std::sync::mpsc::channel;

use ledger_core::log::nats_server::NatsServer;
use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::harness::{Ledger, Run};
use crate::stripe_double::{Double, Fault, KEY, event};

#[path = "collect/late.rs"]
mod late;
#[path = "collect/set_up.rs"]
mod set_up;

/// Opens a book in a currency, with one customer and invoice (due on 2026-02-28) for each payment
/// method, and asks for the money.
fn requested(currency: &str, amount: &str, methods: &[&str]) -> Ledger {
    let ledger = Ledger::new();
    apply(&ledger, &commands(currency, amount, methods));
    ledger
}

fn commands(currency: &str, amount: &str, methods: &[&str]) -> Vec<Value> {
    let mut lines = vec![json!({"command": "OpenBook", "effective": "2026-01-01", "data": {
        "currency": currency, "policies": {"collection": {"cards": {
            "processor": "stripe", "retry_after_days": [3, 5]}}}}})];
    for (method, number) in methods.iter().zip(1..) {
        let customer = format!("C-{number}");
        lines.push(json!({"command": "RegisterCustomer", "effective": "2026-01-01", "data": {
            "customer": customer, "name": "N", "collection": "cards",
            "payer": format!("cus_{number}"), "payment_method": method}}));
        lines.push(json!({"command": "IssueInvoice", "effective": "2026-02-01", "data": {
            "invoice": format!("INV-{number}"), "customer": customer, "currency": currency,
            "due": "2026-02-28", "lines": [{"amount": amount}]}}));
    }
    lines.push(json!({"command": "RequestPayments", "effective": "2026-03-01",
        "data": {"through": "2026-03-01"}}));
    lines
}

fn apply(ledger: &Ledger, commands: &[Value]) {
    let lines: Vec<String> = commands.iter().map(Value::to_string).collect();
    ledger.expect(0, &["apply", "-"], &lines.join("\n"));
}

fn collect(ledger: &Ledger, double: &Double) -> Run {
    let mut command = ledger.command(&arguments(double));
    let output = command.env("REVLEDGER_STRIPE_KEY", KEY).output().unwrap();
    Run {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn arguments(double: &Double) -> [&str; 6] {
    ["collect", "stripe", "--api-url", &double.url, "--retries", "1"]
}

/// Rows of a report as JSON objects.
fn rows(ledger: &Ledger, report: &[&str]) -> Vec<Value> {
    let arguments = [&["report"], report, &["--format", "ndjson"]].concat();
    ledger.expect(0, &arguments, "").lines()
}

fn statuses(ledger: &Ledger) -> Vec<String> {
    let rows = rows(ledger, &["payment-requests"]);
    rows.iter().map(|row| row["status"].as_str().unwrap().to_owned()).collect()
}

/// What is open of the invoices, and what is unapplied.
fn balance(ledger: &Ledger, role: &str) -> String {
    let rows = rows(ledger, &["trial-balance"]);
    let row = rows.iter().find(|row| row["role"] == role);
    row.map_or("0.00".to_owned(), |row| row["balance"].as_str().unwrap().to_owned())
}

#[test]
fn cards_that_pay_fail_and_need_their_owner() {
    let methods = [
        "pm_card_visa",
        "pm_card_chargeDeclinedInsufficientFunds",
        "pm_card_authenticationRequired",
        "pm_requires_action",
        "pm_gone",
    ];
    let ledger = requested("USD", "100.00", &methods);
    let double = Double::start();
    let run = collect(&ledger, &double);
    assert_eq!(run.code, 0, "{run:?}");
    let said: Vec<&str> = run.out.lines().collect();
    assert_eq!(
        said,
        [
            "INV-1/1: paid, payment ch_1",
            "INV-2/1: failed, insufficient_funds",
            "INV-3/1: failed, authentication_required",
            "INV-4/1: failed, authentication_required",
            "INV-5/1: failed, resource_missing",
            "1 paid, 4 failed, 0 canceled, 0 in flight, 0 not known, 0 refused",
        ]
    );
    assert_eq!(double.statuses()[3], "canceled", "nobody confirms it later");
    assert_eq!(statuses(&ledger), ["paid", "failed", "failed", "failed", "failed"]);
    let requests = rows(&ledger, &["payment-requests"]);
    assert_eq!(requests[0]["payment"], "ch_1");
    assert!(requests[1]["next_attempt"].is_string(), "{}", requests[1]);
    // 2.9 % and 0.30: 3.20 of 100.00.
    let cash = rows(&ledger, &["cash"]);
    assert_eq!((&cash[0]["date"], &cash[0]["fees"]), (&json!("2026-03-01"), &json!("3.20")));
    assert_eq!(balance(&ledger, "accounts_receivable"), "400.00");

    double.calls();
    let again = collect(&ledger, &double);
    assert_eq!(again.out, "0 paid, 0 failed, 0 canceled, 0 in flight, 0 not known, 0 refused\n");
    assert_eq!(double.calls(), Vec::<String>::new(), "nothing is asked twice");
}

#[test]
fn amounts_are_in_the_units_that_stripe_takes() {
    for (currency, amount, units) in [
        ("USD", "12.34", "amount=1234&"),
        ("JPY", "1234", "amount=1234&"),
        ("KWD", "12.340", "amount=12340&"),
        ("ISK", "1234", "amount=123400&"),
    ] {
        let ledger = requested(currency, amount, &["pm_card_visa"]);
        let double = Double::start();
        assert_eq!(collect(&ledger, &double).code, 0);
        assert!(double.calls()[0].contains(units), "{currency}");
        assert_eq!(rows(&ledger, &["cash"])[0]["received"], amount);
    }
    let ledger = requested("KWD", "12.345", &["pm_card_visa"]);
    let double = Double::start();
    assert!(collect(&ledger, &double).out.contains("failed, amount_not_chargeable"));
    assert!(double.calls().is_empty());
}

#[test]
fn what_goes_wrong_on_the_way_charges_once() {
    for fault in [Fault::Drop, Fault::TooMany, Fault::ErrorAfter] {
        let ledger = requested("USD", "100.00", &["pm_card_visa"]);
        let double = Double::start();
        double.fails(fault);
        let run = collect(&ledger, &double);
        assert_eq!(run.code, 0, "{run:?}");
        assert_eq!((double.charges().len(), statuses(&ledger)), (1, vec!["paid".to_owned()]));
    }
}

#[test]
fn an_error_that_stripe_repeats_leaves_the_request_in_flight_until_it_is_forgotten() {
    let ledger = requested("USD", "100.00", &["pm_card_visa"]);
    let double = Double::start();
    double.fails(Fault::ErrorBefore);
    for _ in 0..2 {
        let run = collect(&ledger, &double);
        assert_eq!(run.code, 3, "{run:?}");
        assert!(run.out.starts_with("INV-1/1: not known yet"), "{}", run.out);
        assert_eq!(statuses(&ledger), ["in_flight"]);
    }
    assert!(double.charges().is_empty());
    double.forgets_keys();
    assert_eq!(collect(&ledger, &double).code, 0);
    assert_eq!((double.charges().len(), statuses(&ledger)), (1, vec!["paid".to_owned()]));
}

/// Charges, and is killed before the answer comes.
fn killed_after_the_charge(ledger: &Ledger, double: &Double) {
    let (charged, was_charged) = channel();
    double.fails(Fault::Hang(charged));
    let mut command = ledger.command(&arguments(double));
    let mut child = command.env("REVLEDGER_STRIPE_KEY", KEY).spawn().unwrap();
    was_charged.recv().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!((double.charges().len(), statuses(ledger)), (1, vec!["in_flight".to_owned()]));
}

#[test]
fn killed_between_charge_and_record_it_charges_once_and_loses_nothing() {
    let ledger = requested("USD", "100.00", &["pm_card_visa"]);
    let double = Double::start();
    killed_after_the_charge(&ledger, &double);
    let run = collect(&ledger, &double);
    assert!(run.out.starts_with("INV-1/1: paid, payment ch_1\n"), "{run:?}");
    assert_eq!((double.charges().len(), statuses(&ledger)), (1, vec!["paid".to_owned()]));
    assert_eq!(balance(&ledger, "accounts_receivable"), "0.00");
}

fn wire(ledger: &Ledger) {
    let data = json!({"payment": "WIRE", "customer": "C-1", "currency": "USD", "amount": "100.00",
        "allocate": [{"invoice": "INV-1", "amount": "100.00"}]});
    let command = json!({"command": "RecordPayment", "effective": "2026-03-02", "data": data});
    apply(ledger, &[command]);
}

#[test]
fn an_invoice_that_is_paid_otherwise_is_not_charged() {
    let ledger = requested("USD", "100.00", &["pm_card_visa"]);
    wire(&ledger);
    let double = Double::start();
    let run = collect(&ledger, &double);
    assert!(run.out.starts_with("INV-1/1: canceled"), "{run:?}");
    assert_eq!((double.charges().len(), statuses(&ledger)), (0, vec!["canceled".to_owned()]));
}

#[test]
fn a_charge_before_the_invoice_was_paid_otherwise_is_recorded_and_stays_unapplied() {
    let ledger = requested("USD", "100.00", &["pm_card_visa"]);
    let double = Double::start();
    killed_after_the_charge(&ledger, &double);
    wire(&ledger);
    let run = collect(&ledger, &double);
    assert!(run.out.starts_with("INV-1/1: paid, payment ch_1\n"), "{run:?}");
    assert_eq!((double.charges().len(), statuses(&ledger)), (1, vec!["paid".to_owned()]));
    assert_eq!(balance(&ledger, "unapplied_cash"), "-100.00");
}

#[test]
fn the_charge_in_an_export_is_the_same_payment_in_either_order() {
    for is_import_first in [true, false] {
        let ledger = requested("USD", "100.00", &["pm_card_visa"]);
        let double = Double::start();
        killed_after_the_charge(&ledger, &double);
        let file = ledger.path().join("events.ndjson");
        fs::write(&file, event("evt_1", "charge.succeeded", &double.charges()[0])).unwrap();
        let file = file.to_str().unwrap();
        if is_import_first {
            ledger.expect(0, &["import", "stripe", file], "");
            let run = collect(&ledger, &double);
            assert_eq!(run.out.lines().count(), 1, "the import ended the request: {run:?}");
        } else {
            collect(&ledger, &double);
            let import = ledger.expect(1, &["import", "stripe", file], "");
            assert!(import.err.contains("payment.exists"), "{import:?}");
        }
        let cash = rows(&ledger, &["cash"]);
        assert_eq!((cash.len(), &cash[0]["received"]), (1, &json!("100.00")));
        assert_eq!(statuses(&ledger), ["paid"]);
        assert_eq!(balance(&ledger, "accounts_receivable"), "0.00");
    }
}

#[test]
fn a_debit_that_takes_days_stays_in_flight_until_the_bank_answers() {
    for (is_paid, status, owed) in [(true, "paid", "0.00"), (false, "failed", "100.00")] {
        let ledger = requested("USD", "100.00", &["pm_sepa"]);
        let double = Double::start();
        for _ in 0..2 {
            let run = collect(&ledger, &double);
            assert_eq!(run.code, 0, "{run:?}");
            assert!(run.out.starts_with("INV-1/1: in flight"), "{run:?}");
        }
        double.bank_says(is_paid);
        assert_eq!(collect(&ledger, &double).code, 0);
        assert_eq!(statuses(&ledger), [status]);
        assert_eq!(balance(&ledger, "accounts_receivable"), owed);
        assert_eq!(double.statuses().len(), 1, "one intent");
    }
}

#[test]
fn a_key_that_is_not_taken_is_said_and_not_shown() {
    let ledger = requested("USD", "100.00", &["pm_card_visa"]);
    let double = Double::start();
    let file = ledger.path().join("key");
    fs::write(&file, "sk_test_secret_of_somebody\n").unwrap();
    let arguments = [&arguments(&double)[..], &["--key-file", file.to_str().unwrap()]].concat();
    let run = ledger.expect(3, &arguments, "");
    assert!(run.err.contains("error[stripe.unauthorized]"), "{run:?}");
    assert!(!format!("{run:?}").contains("somebody"));
    assert_eq!(statuses(&ledger), ["in_flight"]);
    let run = ledger.run(&["collect", "stripe", "--api-url", "http://example.org"]);
    assert!(run.err.contains("stripe.key_missing"), "{run:?}");
    let elsewhere = ["collect", "stripe", "--api-url", "http://example.org", "--key-file"];
    let run = ledger.run(&[&elsewhere[..], &[file.to_str().unwrap()]].concat());
    assert!(run.err.contains("stripe.url_invalid"), "{run:?}");
}

#[test]
fn it_follows_the_log_and_ends_when_it_is_told_to() {
    let ledger = requested("USD", "100.00", &["pm_card_visa"]);
    let double = Double::start();
    let arguments = [&arguments(&double)[..], &["--follow"]].concat();
    let mut command = ledger.command(&arguments);
    let mut child = command.env("REVLEDGER_STRIPE_KEY", KEY).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(output.next().unwrap().unwrap(), "INV-1/1: paid, payment ch_1");
    let invoice = json!({"command": "IssueInvoice", "effective": "2026-03-01", "data": {
        "invoice": "INV-9", "customer": "C-1", "currency": "USD", "due": "2026-03-31",
        "lines": [{"amount": "9.00"}]}});
    let request = json!({"command": "RequestPayment", "effective": "2026-03-02",
        "data": {"invoice": "INV-9"}});
    // It has the journal open only while it records.
    let lines = format!("{invoice}\n{request}");
    while ledger.run_with(&["apply", "-"], &lines).code == 3 {}
    assert_eq!(output.next().unwrap().unwrap(), "INV-9/1: paid, payment ch_2");
    let process = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
    assert!(child.wait().unwrap().success());
    assert_eq!(double.charges().len(), 2);
}

#[test]
fn over_jetstream_it_reads_the_stream_and_answers_by_the_command_service() {
    let server = NatsServer::start().unwrap();
    let (url, monitor) = (server.url(), server.monitor_url());
    let nats = ["--nats", url.as_str(), "--nats-monitor", monitor.as_str()];
    let ledger = Ledger::new();
    let daemon = Daemon::start_with(&ledger, &nats);
    let lines = commands("USD", "100.00", &["pm_card_visa", "pm_card_chargeDeclined"]);
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    let apply = [&["apply", "-"][..], &nats].concat();
    ledger.expect(0, &apply, &lines.join("\n"));
    let double = Double::start();
    let mut command = ledger.command(&[&arguments(&double)[..], &nats].concat());
    let output = command.env("REVLEDGER_STRIPE_KEY", KEY).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let requests = daemon.get("/v1/books/main/reports/payment-requests").json();
    let status = |row: usize| requests["rows"][row]["status"].as_str().unwrap().to_owned();
    assert_eq!([status(0), status(1)], ["paid", "failed"]);
    assert_eq!(double.charges().len(), 1);
}
