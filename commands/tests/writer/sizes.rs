//! Events that are too large for the log, and how large one can be.

use std::fmt::Write;
use std::sync::Arc;

use futures::future::join_all;
use ledger_core::limits::IDENTIFIER_BYTES_MAX;
use ledger_core::log::SharedLog;
use ledger_core::log::bounds::record_bytes;
use ledger_core::log::memory::MemoryLog;
use schemas::record::decode;
use serde_json::json;

use super::{INVOICE, OPEN, PAYMENT, ask, code, customer, kinds, start};

/// An order of so many lines, each of which says more once it is decided.
fn order(id: &str, lines: usize) -> String {
    let mut text = String::new();
    for number in 0..lines {
        let comma = if number == 0 { "" } else { "," };
        write!(
            text,
            r#"{comma}{{"line":"L-{number:0>100}","quantity":"1","price":{{"model":"flat","amount":"1.00","per":"month"}},"recognition":{{"method":"over_time"}}}}"#
        )
        .unwrap();
    }
    format!(
        r#"{{"id":"{id}","command":"PlaceOrder","effective":"2026-01-02","data":{{"order":"{id}","customer":"C-1","currency":"USD","start":"2026-01-01","end":"2026-12-31","lines":[{text}]}}}}"#
    )
}

async fn refuses_the_large_one_alone() {
    let log: SharedLog = Arc::new(MemoryLog::new());
    let writer = start(&log).await;
    let handle = writer.handle();
    let asked = [OPEN, &customer("c", "C-1"), &order("large", 2_000), INVOICE, PAYMENT];
    let replies = join_all(asked.map(|text| ask(&handle, text))).await;
    let codes: Vec<String> = replies.iter().map(|reply| code(reply)).collect();
    let expected = ["accepted", "accepted", "command.too_large", "accepted", "accepted"];
    assert_eq!(codes, expected);
    let stored = [
        "BookOpened",
        "CustomerRegistered",
        "InvoiceIssued",
        "PaymentReceived",
        "PaymentAllocated",
    ];
    assert_eq!(kinds(&log).await, stored);
    // The same again, from a log that was read again.
    drop(handle);
    writer.shutdown().await.unwrap();
    let again = start(&log).await;
    let handle = again.handle();
    for (text, reply) in asked.iter().zip(&replies) {
        assert_eq!(&ask(&handle, text).await, reply);
    }
}

#[tokio::test]
async fn an_event_that_the_log_cannot_take_is_refused_and_its_neighbours_are_not() {
    refuses_the_large_one_alone().await;
}

/// Should an event ever be larger than its bound says, then the group is decided again with every
/// event written at once.
#[cfg(feature = "planted-bugs")]
#[tokio::test]
async fn a_bound_that_does_not_hold_costs_time_and_nothing_else() {
    use commands::planted::{Planted, plant};
    plant(Some(Planted::TakesEveryEventForSmall));
    refuses_the_large_one_alone().await;
    assert!(plant(None) > 0, "nothing was taken for small");
}

/// Every text as long as it may be, and of what takes the most bytes to write.
#[tokio::test]
async fn no_record_is_larger_than_its_bound() {
    let log: SharedLog = Arc::new(MemoryLog::new());
    let writer = start(&log).await;
    let handle = writer.handle();
    let id = |letter: &str| letter.repeat(IDENTIFIER_BYTES_MAX);
    let text = "\\".repeat(4_096);
    let (buyer, order, invoice, payment) = (id("\""), id("\\"), id("%"), id("/"));
    let command = |name: &str, letter: &str, data: serde_json::Value| {
        let reason = "\u{1}".repeat(4_096);
        let (id, correlation) = (id(letter), id("\\"));
        json!({
            "id": id, "command": name, "effective": "2026-01-02", "correlation_id": correlation,
            "reason": reason, "data": data,
        })
        .to_string()
    };
    let line = |name: &str| {
        json!({
            "line": id(name), "description": text, "amount": "123456789012.34", "quantity": "1",
            "service_start": "2026-01-01", "service_end": "2026-12-31",
        })
    };
    let price = json!({"model": "flat", "amount": "9876543210.12", "per": "month"});
    let placed = json!({
        "line": id("-"), "description": text, "quantity": "1", "price": price,
        "recognition": {"method": "over_time"}, "ssp": "123456789012.34",
        "billing": {"every": "month", "timing": "advance", "anchor": 31},
    });
    let asked = [
        OPEN.to_owned(),
        command("RegisterCustomer", "1", json!({"customer": buyer, "name": "One"})),
        command(
            "PlaceOrder",
            "2",
            json!({
                "order": order, "customer": buyer, "currency": "USD", "start": "2026-01-01",
                "end": "2026-12-31", "purchase_order": text, "lines": [placed],
            }),
        ),
        command(
            "IssueInvoice",
            "3",
            json!({
                "invoice": invoice, "customer": buyer, "currency": "USD",
                "lines": [line("\""), line("\\")],
            }),
        ),
        command(
            "RecordPayment",
            "4",
            json!({
                "payment": payment, "customer": buyer, "amount": "123456789012.34",
                "currency": "USD", "method": text, "reference": text,
                "allocate": [{"invoice": invoice, "amount": "1.23"}],
            }),
        ),
    ];
    for text in &asked {
        let reply = ask(&handle, text).await;
        assert_eq!(code(&reply), "accepted", "{}", String::from_utf8_lossy(&reply));
    }
    let mut bounded = Vec::new();
    for stored in log.read(1, 100).await.unwrap() {
        let event = decode(&stored).unwrap();
        let Some(at_most) = event.bytes_at_most() else { continue };
        let bytes = record_bytes(&stored.record);
        assert!(bytes <= at_most, "{}: {bytes} of {at_most}", event.data.type_name());
        bounded.push(event.data.type_name());
    }
    assert_eq!(bounded, ["OrderPlaced", "InvoiceIssued", "PaymentReceived", "PaymentAllocated"]);
}
