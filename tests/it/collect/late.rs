//! What changes while a request is in flight: the invoice, the policy, the clock, the adapter's life.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::channel;

use ledger_core::log::nats_server::NatsServer;
use serde_json::{Value, json};

use super::{
    KEY, apply, arguments, balance, collect, commands, killed_after_the_charge, requested, rows,
    statuses, wire,
};
use crate::daemon::Daemon;
use crate::harness::Ledger;
use crate::stripe_double::{Double, Fault};

/// Kills the adapter while Stripe is at work on its charge.
fn killed_while_stripe_works(ledger: &Ledger, double: &Double) {
    let (begun, has_begun) = channel();
    double.fails(Fault::Working(begun));
    let mut command = ledger.command(&arguments(double));
    let mut child = command.env("REVLEDGER_STRIPE_KEY", KEY).spawn().unwrap();
    has_begun.recv().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The invoice was paid otherwise while the charge was under way: the list of intents had nothing,
/// the request was ended as never charged, and the money came all the same.
#[test]
fn a_charge_that_is_still_under_way_is_not_told_as_nothing() {
    let ledger = requested("USD", "100.00", &["pm_card_visa"]);
    let double = Double::start();
    killed_while_stripe_works(&ledger, &double);
    wire(&ledger);
    let run = collect(&ledger, &double);
    assert_eq!((run.code, statuses(&ledger)), (3, vec!["in_flight".to_owned()]), "{run:?}");
    double.finishes();
    let run = collect(&ledger, &double);
    assert!(run.out.starts_with("INV-1/1: paid, payment ch_1\n"), "{run:?}");
    assert_eq!((double.charges().len(), statuses(&ledger)), (1, vec!["paid".to_owned()]));
    assert_eq!(balance(&ledger, "unapplied_cash"), "-100.00");
}

#[test]
fn a_charge_that_comes_after_its_request_was_ended_is_refused_by_stripe() {
    let ledger = requested("USD", "100.00", &["pm_card_visa"]);
    wire(&ledger);
    let double = Double::start();
    assert_eq!(collect(&ledger, &double).code, 0);
    assert_eq!(statuses(&ledger), ["canceled"]);
    assert_eq!(double.statuses(), ["canceled"], "the intent that has the key");
    assert!(double.charges().is_empty());
}

fn by_hand(ledger: &Ledger, allocate: &Value) {
    let data = json!({"payment": "ch_1", "customer": "C-1", "currency": "USD", "amount": "100.00",
        "allocate": allocate});
    apply(ledger, &[json!({"command": "RecordPayment", "effective": "2026-03-02", "data": data})]);
}

/// The charge was recorded by hand, without the request, and left unapplied: the adapter ended the
/// request, and the next run asked for the same money again.
#[test]
fn a_charge_that_was_recorded_by_hand_is_not_asked_for_again() {
    let ledger = requested("USD", "100.00", &["pm_card_visa"]);
    let double = Double::start();
    killed_after_the_charge(&ledger, &double);
    by_hand(&ledger, &json!("none"));
    for day in ["2026-03-02", "2026-03-20"] {
        let run = collect(&ledger, &double);
        assert_eq!(run.code, 1, "{run:?}");
        assert!(run.out.contains("settle it with AllocatePayment"), "{run:?}");
        let next =
            json!({"command": "RequestPayments", "effective": day, "data": {"through": day}});
        apply(&ledger, &[next]);
        assert_eq!(statuses(&ledger), ["in_flight"]);
    }
    let data =
        json!({"payment": "ch_1", "allocations": [{"invoice": "INV-1", "amount": "100.00"}]});
    apply(
        &ledger,
        &[json!({"command": "AllocatePayment", "effective": "2026-03-20", "data": data})],
    );
    assert_eq!(collect(&ledger, &double).code, 0);
    assert_eq!((double.charges().len(), statuses(&ledger)), (1, vec!["canceled".to_owned()]));

    // Settled at once, it ends at once.
    let ledger = requested("USD", "100.00", &["pm_card_visa"]);
    let double = Double::start();
    killed_after_the_charge(&ledger, &double);
    by_hand(&ledger, &json!([{"invoice": "INV-1", "amount": "100.00"}]));
    assert_eq!(collect(&ledger, &double).code, 0);
    assert_eq!(statuses(&ledger), ["canceled"]);
}

fn canceled_by_hand_and_asked_again(ledger: &Ledger) {
    let cancel = json!({"command": "CancelPaymentRequest", "effective": "2026-03-02",
        "data": {"request": "INV-1/1"}});
    let next = json!({"command": "RequestPayments", "effective": "2026-03-02",
        "data": {"through": "2026-03-02"}});
    apply(ledger, &[cancel, next]);
}

/// The same while the charge was under way, so that nothing could be seen of it yet, and where Stripe
/// had said of it only that something went wrong.
#[test]
fn a_request_that_was_ended_by_hand_is_asked_for_again_only_after_stripes_word() {
    let ledger = requested("USD", "100.00", &["pm_card_visa"]);
    let double = Double::start();
    killed_while_stripe_works(&ledger, &double);
    canceled_by_hand_and_asked_again(&ledger);
    let run = collect(&ledger, &double);
    assert!(run.out.contains("INV-1/1 was ended by hand, and it may be under way"), "{run:?}");
    double.finishes();
    let run = collect(&ledger, &double);
    assert!(run.out.contains("pi_1 for the same invoice was paid at Stripe"), "{run:?}");
    assert_eq!(double.charges().len(), 1);

    let ledger = requested("USD", "100.00", &["pm_card_visa"]);
    let double = Double::start();
    double.fails(Fault::ErrorBefore);
    assert_eq!(collect(&ledger, &double).code, 3);
    canceled_by_hand_and_asked_again(&ledger);
    assert_eq!(collect(&ledger, &double).code, 3);
    assert!(double.charges().is_empty());
    double.forgets_keys();
    let run = collect(&ledger, &double);
    assert!(run.out.starts_with("INV-1/2: paid"), "{run:?}");
    assert_eq!((double.charges().len(), statuses(&ledger)[0].as_str()), (1, "canceled"));
}

/// Somebody canceled a request whose charge had come about, its answer lost; the next request of the
/// same invoice charged the card again.
#[test]
fn a_charge_of_a_request_that_was_canceled_by_hand_is_not_made_once_more() {
    let ledger = requested("USD", "100.00", &["pm_card_visa"]);
    let double = Double::start();
    killed_after_the_charge(&ledger, &double);
    canceled_by_hand_and_asked_again(&ledger);
    let run = collect(&ledger, &double);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.out.contains("pi_1 for the same invoice was paid at Stripe"), "{run:?}");
    assert_eq!((double.charges().len(), statuses(&ledger)[1].as_str()), (1, "in_flight"));
    // Its webhook, an export, or somebody tells of it.
    let data = json!({"payment": "ch_1", "customer": "C-1", "currency": "USD", "amount": "100.00",
        "request": "INV-1/1"});
    apply(&ledger, &[json!({"command": "RecordPayment", "effective": "2026-03-02", "data": data})]);
    assert_eq!(collect(&ledger, &double).code, 0);
    assert_eq!(double.charges().len(), 1);
    assert_eq!(balance(&ledger, "accounts_receivable"), "0.00");
    // Given back since, it stands in the way of nothing.
    apply(
        &ledger,
        &[
            json!({"command": "RefundPayment", "effective": "2026-03-03", "data": {"payment": "ch_1"}}),
            json!({"command": "RequestPayment", "effective": "2026-03-03", "data": {"invoice": "INV-1"}}),
        ],
    );
    assert_eq!(collect(&ledger, &double).code, 0);
    assert_eq!(double.charges().len(), 2);
}

#[test]
fn a_discount_that_was_asked_for_in_time_holds_when_the_charge_comes_after_it() {
    let ledger = Ledger::new();
    let mut lines = commands("USD", "100.00", &["pm_card_visa"]);
    lines[2]["data"]["cash_discounts"] = json!([{"percent": "2", "until": "2026-02-20"}]);
    lines[3] = json!({"command": "RequestPayment", "effective": "2026-02-20",
        "data": {"invoice": "INV-1"}});
    apply(&ledger, &lines);
    let double = Double::start();
    assert_eq!(collect(&ledger, &double).code, 0);
    assert_eq!(double.charges()[0]["amount"], 9800);
    assert_eq!(rows(&ledger, &["cash"])[0]["date"], "2026-03-01", "the day of the charge");
    assert_eq!(balance(&ledger, "accounts_receivable"), "0.00");
    let next = json!({"command": "RequestPayments", "effective": "2026-03-10",
        "data": {"through": "2026-03-10"}});
    apply(&ledger, &[next]);
    assert_eq!(statuses(&ledger), ["paid"], "no rest is asked for");
}

#[test]
fn what_is_disputed_or_written_off_in_flight_is_not_charged_and_what_was_charged_is_recorded() {
    for (name, data) in [
        ("OpenDispute", json!({"invoice": "INV-1", "reason": "quality"})),
        ("OpenDispute", json!({"invoice": "INV-1", "reason": "quality", "amount": "1.00"})),
        ("WriteOffInvoice", json!({"invoice": "INV-1"})),
    ] {
        let change = json!({"command": name, "effective": "2026-03-02", "data": data});
        let ledger = requested("USD", "100.00", &["pm_card_visa"]);
        let double = Double::start();
        apply(&ledger, std::slice::from_ref(&change));
        let run = collect(&ledger, &double);
        assert!(run.out.starts_with("INV-1/1: canceled"), "{data}: {run:?}");
        assert!(double.charges().is_empty());

        let ledger = requested("USD", "100.00", &["pm_card_visa"]);
        let double = Double::start();
        killed_after_the_charge(&ledger, &double);
        apply(&ledger, &[change]);
        let run = collect(&ledger, &double);
        assert!(run.out.starts_with("INV-1/1: paid, payment ch_1\n"), "{data}: {run:?}");
        assert_eq!((double.charges().len(), statuses(&ledger)), (1, vec!["paid".to_owned()]));
        assert_eq!(rows(&ledger, &["cash"])[0]["received"], "100.00");
    }
}

#[test]
fn a_schedule_that_changes_in_flight_decides_only_what_comes_next() {
    for schedule in [json!("none"), json!("slow")] {
        let ledger = Ledger::new();
        let methods = ["pm_card_visa", "pm_card_chargeDeclined"];
        let mut lines = commands("USD", "100.00", &methods);
        lines[0]["data"]["policies"]["collection"]["slow"] =
            json!({"processor": "stripe", "retry_after_days": [30]});
        apply(&ledger, &lines);
        for customer in ["C-1", "C-2"] {
            let data = json!({"customer": customer, "collection": schedule});
            apply(
                &ledger,
                &[json!({"command": "UpdateCustomer", "effective": "2026-03-02",
                "data": data})],
            );
        }
        let double = Double::start();
        assert_eq!(collect(&ledger, &double).code, 0);
        assert_eq!(
            (double.charges().len(), statuses(&ledger)),
            (1, vec!["paid".to_owned(), "failed".to_owned()])
        );
        let next = &rows(&ledger, &["payment-requests"])[1]["next_attempt"];
        assert_eq!(next.is_string(), schedule == "slow", "{next}");
    }
}

fn follow(
    ledger: &Ledger,
    double: &Double,
) -> (Child, std::io::Lines<BufReader<std::process::ChildStdout>>) {
    let mut command = ledger.command(&[&arguments(double)[..], &["--follow"]].concat());
    let command = command.env("REVLEDGER_STRIPE_KEY", KEY).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines)
}

#[test]
fn a_follower_that_is_killed_mid_round_charges_nothing_twice_and_loses_nothing() {
    for is_charged in [true, false] {
        let ledger = requested("USD", "100.00", &["pm_card_visa"; 3]);
        let double = Double::start();
        // The first is recorded; the second is on its way when the kill comes.
        let (begun, has_begun) = channel();
        double.works();
        double.fails(if is_charged { Fault::Hang(begun) } else { Fault::Working(begun) });
        let (mut child, mut lines) = follow(&ledger, &double);
        assert_eq!(lines.next().unwrap().unwrap(), "INV-1/1: paid, payment ch_1");
        has_begun.recv().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(statuses(&ledger), ["paid", "in_flight", "in_flight"]);
        if !is_charged {
            double.finishes();
        }
        let (mut child, mut lines) = follow(&ledger, &double);
        let told: Vec<String> = lines.by_ref().take(2).map(Result::unwrap).collect();
        assert_eq!(told, ["INV-2/1: paid, payment ch_2", "INV-3/1: paid, payment ch_3"]);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!((double.charges().len(), statuses(&ledger)), (3, vec!["paid".to_owned(); 3]));
        assert_eq!(rows(&ledger, &["cash"])[0]["received"], "300.00");
        assert_eq!(balance(&ledger, "accounts_receivable"), "0.00");
    }
}

/// A round of many cards takes long, and read the log at its beginning only: what somebody canceled
/// or was paid meanwhile was charged all the same.
#[test]
fn what_is_canceled_or_paid_while_a_round_is_under_way_is_not_charged() {
    let server = NatsServer::start().unwrap();
    let (url, monitor) = (server.url(), server.monitor_url());
    let nats = ["--nats", url.as_str(), "--nats-monitor", monitor.as_str()];
    let ledger = Ledger::new();
    let daemon = Daemon::start_with(&ledger, &nats);
    let lines = commands("USD", "100.00", &["pm_card_visa"; 3]).into_iter().zip(1..);
    let lines = lines.map(|(mut line, number)| {
        line["id"] = json!(format!("c-{number}"));
        line.to_string()
    });
    daemon.commands(&lines.collect::<Vec<_>>().join("\n"));
    let double = Double::start();
    let ((charged, was_charged), (go, may_go)) = (channel(), channel());
    double.fails(Fault::Slow(charged, may_go));
    let mut command = ledger.command(&[&arguments(&double)[..], &nats].concat());
    let child = command.env("REVLEDGER_STRIPE_KEY", KEY).spawn().unwrap();
    was_charged.recv().unwrap();
    let wire = json!({"payment": "WIRE", "customer": "C-3", "currency": "USD", "amount": "100.00"});
    for (name, data) in
        [("CancelPaymentRequest", json!({"request": "INV-2/1"})), ("RecordPayment", wire)]
    {
        let command = json!({"id": name, "command": name, "data": data});
        assert_eq!(daemon.command(&command.to_string()).status, 200);
    }
    go.send(()).unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    assert_eq!(double.charges().len(), 1);
    let requests = daemon.get("/v1/books/main/reports/payment-requests").json();
    let rows = requests["rows"].as_array().unwrap();
    let told: Vec<&Value> = rows.iter().map(|row| &row["status"]).collect();
    assert_eq!(told, ["paid", "canceled", "canceled"]);
}
