//! Events of our own making, and the commands that they become.

use schemas::command::{Origin, parse};

use super::*;

fn event(id: &str, kind: &str, object: Value) -> String {
    // 2026-03-02T12:00:00Z.
    json!({"id": id, "object": "event", "type": kind, "created": 1_772_452_800,
           "data": {"object": object}})
    .to_string()
}

/// Command and data of an event, or why there is none.
fn made(kind: &str, object: Value) -> String {
    let import = read(&event("evt_1", kind, object), "main");
    match (import.commands.first(), import.bad.first()) {
        (Some(one), _) => {
            assert_eq!(one.envelope["effective"], "2026-03-02");
            let origin = Origin {
                book: "main".parse().unwrap(),
                actor: "stripe".to_owned(),
                today: "2026-03-02".parse().unwrap(),
                command_name: None,
            };
            // What it makes of an event is a command.
            parse(one.envelope.to_string().as_bytes(), &origin, &mut String::new).unwrap();
            format!("{} {}", one.envelope["command"].as_str().unwrap(), one.envelope["data"])
        }
        (None, Some(bad)) => bad.reason.clone(),
        (None, None) => format!("{:?}", import.skipped),
    }
}

fn check(kind: &str, object: Value, command: &str, data: Value) {
    assert_eq!(made(kind, object), format!("{command} {data}"));
}

#[test]
fn customers_and_invoices() {
    check(
        "customer.created",
        json!({"id": "cus_1", "name": null, "email": "a@example.org"}),
        "RegisterCustomer",
        json!({"customer": "cus_1", "name": "a@example.org", "email": "a@example.org"}),
    );
    let line = json!({"id": "il_1", "amount": 1200, "description": "a month",
                      "period": {"start": 1_772_323_200, "end": 1_775_001_600}});
    let mut invoice = json!({"id": "in_1", "customer": {"id": "cus_1"}, "currency": "usd",
                             "total": 1200, "due_date": 1_772_452_800,
                             "lines": {"data": [line], "has_more": false}});
    check(
        "invoice.finalized",
        invoice.clone(),
        "IssueInvoice",
        json!({"invoice": "in_1", "customer": "cus_1", "currency": "USD", "due": "2026-03-02",
               "lines": [{"description": "a month", "amount": "12.00", "line": "il_1",
                          "service_start": "2026-03-01", "service_end": "2026-03-31"}]}),
    );
    invoice["total"] = json!(1300);
    let told = made("invoice.finalized", invoice.clone());
    assert!(told.contains("total 1300 of in_1 is not the sum 1200"), "{told}");
    invoice["lines"]["has_more"] = json!(true);
    assert!(made("invoice.finalized", invoice).contains("is not whole"));
    check("invoice.voided", json!({"id": "in_1"}), "VoidInvoice", json!({"invoice": "in_1"}));
    let data = json!({"invoice": "in_1"});
    check("invoice.marked_uncollectible", json!({"id": "in_1"}), "WriteOffInvoice", data);
}

#[test]
fn charges_carry_their_fee() {
    let mut charge = json!({"id": "ch_1", "amount": 1200, "currency": "usd", "captured": true,
        "customer": "cus_1", "invoice": "in_1",
        "balance_transaction": {"fee": 65, "currency": "usd"}});
    check(
        "charge.succeeded",
        charge.clone(),
        "RecordPayment",
        json!({"payment": "ch_1", "customer": "cus_1", "amount": "12.00", "currency": "USD",
               "method": "card", "fee": "0.65",
               "allocate": [{"invoice": "in_1", "amount": "12.00"}]}),
    );
    charge["balance_transaction"]["currency"] = json!("eur");
    assert!(made("charge.succeeded", charge.clone()).contains("is in EUR"));
    charge["captured"] = json!(false);
    assert_eq!(made("charge.succeeded", charge.clone()), "{\"charge.succeeded\": 1}");
    charge["failure_code"] = json!("card_declined");
    let data = json!({"invoice": "in_1", "code": "card_declined"});
    check("charge.failed", charge, "FailPayment", data);
    let told = made("charge.succeeded", json!({"id": "ch_2", "amount": 12.5, "currency": "usd"}));
    assert!(told.contains("amount is missing or no whole number"), "{told}");
}

#[test]
fn disputes_take_money_and_give_it_back() {
    let mut dispute = json!({"id": "dp_1", "charge": "ch_1", "amount": 1200, "currency": "usd",
        "status": "needs_response", "balance_transactions": [{"fee": 1500, "currency": "usd"}]});
    let data = json!({"payment": "ch_1", "amount": "12.00", "fee": "15.00"});
    check("charge.dispute.created", dispute.clone(), "ChargeBackPayment", data);
    dispute["status"] = json!("warning_needs_response");
    assert_eq!(made("charge.dispute.created", dispute.clone()), "{\"charge.dispute.created\": 1}");
    dispute["status"] = json!("lost");
    assert_eq!(made("charge.dispute.closed", dispute.clone()), "{\"charge.dispute.closed\": 1}");
    dispute["status"] = json!("won");
    let data = json!({"payment": "ch_1"});
    check("charge.dispute.closed", dispute, "WinChargeback", data);
}

#[test]
fn a_refund_has_one_id_in_both_of_its_events() {
    let refund = json!({"id": "re_1", "charge": "ch_1", "amount": 500, "currency": "usd",
                        "created": 1_772_452_800, "status": "succeeded"});
    let charge = json!({"id": "ch_1", "refunds": {"data": [refund.clone()]}});
    let text = [
        event("evt_1", "refund.created", refund.clone()),
        event("evt_2", "charge.refunded", charge),
    ];
    let import = read(&text.join("\n"), "main");
    let [first, second] = import.commands.as_slice() else { unreachable!("two commands") };
    assert_eq!(first.envelope, second.envelope, "so that the second changes nothing");
    assert_eq!(first.envelope["id"], "stripe/re_1");
    assert_eq!(first.envelope["data"], json!({"payment": "ch_1", "amount": "5.00"}));
    assert_eq!((first.line, second.line), (1, 2));

    // A refund of a credit note is part of that.
    let note = json!({"id": "cn_1", "customer": "cus_1", "invoice": "in_1", "currency": "usd",
        "total": 800, "pre_payment_amount": 200, "post_payment_amount": 600,
        "refunds": [{"refund": "re_1", "amount_refunded": 500}], "reason": "order_change"});
    let text =
        [event("evt_1", "refund.created", refund), event("evt_3", "credit_note.created", note)];
    let import = read(&text.join("\n"), "main");
    assert_eq!(import.skipped["refund.created"], 1);
    assert_eq!(import.commands.len(), 1);
    let envelope = &import.commands[0].envelope;
    assert_eq!(
        (&envelope["id"], &envelope["command"]),
        (&json!("stripe/evt_3"), &json!("IssueCredit"))
    );
    assert_eq!(
        envelope["data"]["apply"],
        json!({"invoice": "2.00", "refund": "5.00", "account": "1.00"})
    );
}

#[test]
fn amounts_have_the_decimals_that_stripe_documents() {
    let amount = |units, code| money::amount(units, code).map(|(amount, _)| amount.to_string());
    assert_eq!(amount(1234, "usd").as_deref(), Ok("12.34"));
    assert_eq!(amount(1234, "jpy").as_deref(), Ok("1234"));
    assert_eq!(amount(12340, "kwd").as_deref(), Ok("12.340"));
    assert_eq!(amount(1200, "isk").as_deref(), Ok("12"));
    assert_eq!(amount(5, "mga").as_deref(), Ok("5.00"));
    assert!(amount(1234, "isk").unwrap_err().contains("more decimals"));
    assert!(amount(1, "xyz").unwrap_err().contains("ISO 4217"));
}

#[test]
fn what_is_no_event_is_listed_and_the_rest_goes_in() {
    let good = event("evt_2", "invoice.voided", json!({"id": "in_1"}));
    let other = event("evt_3", "payout.paid", json!({}));
    let import = read(&format!("{{\"id\":1}}\n{good}\nnot json\n\n{other}\n"), "main");
    let lines: Vec<u64> = import.bad.iter().map(|bad| bad.line).collect();
    assert_eq!((lines, import.commands.len(), import.events), (vec![1, 3], 1, 4));
    assert_eq!(import.skipped["payout.paid"], 1);
    assert!(import.bad[0].reason.starts_with("stripe.malformed: event.id is missing"));
}

#[test]
fn amounts_go_back_to_the_units_that_stripe_takes() {
    let units = |amount: &str, code| {
        let currency = ledger_core::money::Currency::parse(code).unwrap();
        money::units(amount.parse().unwrap(), currency)
    };
    assert_eq!(units("12.34", "USD"), Ok(1234));
    assert_eq!(units("1234", "JPY"), Ok(1234));
    assert_eq!(units("12.340", "KWD"), Ok(12340));
    assert_eq!(units("12", "ISK"), Ok(1200));
    assert_eq!(units("5.00", "MGA"), Ok(5));
    assert!(units("12.345", "KWD").unwrap_err().contains("end in a zero"));
    assert!(units("5.50", "MGA").is_err());
}

#[test]
fn charges_of_requests_name_them_and_those_of_other_books_are_left_alone() {
    let mut charge = json!({"id": "ch_1", "customer": "cus_1", "amount": 500, "currency": "usd",
        "created": 1_772_452_800, "failure_code": "card_declined",
        "outcome": {"reason": "insufficient_funds"},
        "balance_transaction": {"fee": 40, "currency": "eur"},
        "metadata": {"book": "main", "request": "INV-1/2", "invoice": "INV-1", "customer": "C-1",
            "date": "2026-03-02"}});
    // The fee cannot be recorded, and the money is all the same.
    check(
        "charge.succeeded",
        charge.clone(),
        "RecordPayment",
        json!({"payment": "ch_1", "customer": "C-1", "amount": "5.00", "currency": "USD",
            "method": "card", "allocate": "auto", "request": "INV-1/2"}),
    );
    check(
        "charge.failed",
        charge.clone(),
        "FailPayment",
        json!({"invoice": "INV-1", "code": "insufficient_funds", "payment": "ch_1",
            "request": "INV-1/2"}),
    );
    // In the book's time zone it was asked for on the next day already.
    charge["metadata"]["date"] = json!("2026-03-03");
    let later = read(&event("evt_1", "charge.succeeded", charge.clone()), "main");
    assert_eq!(later.commands[0].envelope["effective"], "2026-03-03");
    charge["metadata"]["book"] = json!("other");
    let skipped = read(&event("evt_1", "charge.succeeded", charge), "main").skipped;
    assert_eq!(skipped.into_keys().collect::<Vec<_>>(), ["charge.succeeded of another book"]);
}
