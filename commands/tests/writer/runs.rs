//! Billing runs of more documents than a group of the log takes.

use ledger_core::event::EventData;
use ledger_core::log::SharedLog;
use schemas::record::decode;

use super::bent::Act;
use super::{OPEN, ask, bent, code, customer, json, start};

/// An invoice of 1.00 for each of 2,500 days.
const ORDER: &str = r#"{"id":"ord","command":"PlaceOrder","effective":"2026-01-01","data":{"order":"O","customer":"C-1","currency":"USD","start":"2026-01-01","end":"2032-11-04","lines":[{"line":"L","price":{"model":"flat","amount":"1.00","per":{"days":1}},"recognition":{"method":"over_time"},"billing":{"every":{"days":1}}}]}}"#;
const RUN: &str = r#"{"id":"run","command":"RunBilling","effective":"2026-01-01","data":{"through":"2032-12-31"}}"#;
const DAYS: usize = 2_500;
/// The book, the customer and the order are stored.
const BEFORE: [Act; 3] = [Act::Stored; 3];

/// The names of all invoices in the order of the log, and what the run says of itself.
async fn issued(log: &SharedLog) -> (Vec<String>, Vec<(u32, String)>) {
    let (mut invoices, mut runs) = (Vec::new(), Vec::new());
    for stored in log.read(1, 100_000).await.unwrap() {
        let data = decode(&stored).unwrap().data;
        if let EventData::InvoiceIssued(invoice) = &data {
            invoices.push(invoice.invoice.to_string());
        }
        if let EventData::BillingRunCompleted(run) = &data {
            runs.push((run.invoices, run.totals["USD"].to_string()));
        }
    }
    (invoices, runs)
}

async fn check(log: &SharedLog, reply: &[u8]) {
    let reply = json(reply);
    let events = reply["events"].as_array().unwrap();
    assert_eq!(events.len(), 1, "the event that sums the run up");
    assert_eq!(events[0]["type"], "BillingRunCompleted");
    assert_eq!(events[0]["sequence"], reply["sequence"]);
    let (invoices, runs) = issued(log).await;
    let names: Vec<String> = (1..=DAYS).map(|number| format!("INV-{number}")).collect();
    assert_eq!(invoices, names, "each once, in the order of the series");
    assert_eq!(runs, [(2_500, "2500.00".to_owned())]);
}

#[tokio::test]
async fn a_long_run_is_one_command_whatever_happens_to_its_groups() {
    let fates: [&[Act]; 6] = [
        &[],
        &[Act::StoredUnknown],
        &[Act::LostUnknown],
        &[Act::Stored, Act::StoredUnknown],
        &[Act::Stored, Act::LostUnknown, Act::StoredUnknown],
        &[Act::Stored, Act::Stored, Act::Refused],
    ];
    let mut expected = None;
    for fate in fates {
        let (_, log) = bent(&[&BEFORE, fate].concat());
        let writer = start(&log).await;
        let handle = writer.handle();
        for text in [OPEN, &customer("c", "C-1"), ORDER] {
            assert_eq!(code(&ask(&handle, text).await), "accepted");
        }
        // What comes behind the run waits for its end.
        let (reply, later) = tokio::join!(ask(&handle, RUN), ask(&handle, &customer("d", "C-2")));
        check(&log, &reply).await;
        assert_eq!(code(&later), "accepted", "{fate:?}");
        assert_eq!(*expected.get_or_insert(reply.clone()), reply, "{fate:?}");
        assert_eq!(ask(&handle, RUN).await, reply, "{fate:?}");
        drop(handle);
        writer.shutdown().await.unwrap();
        assert_eq!(ask(&start(&log).await.handle(), RUN).await, reply, "after a restart");
    }
}

#[tokio::test]
async fn a_run_that_was_cut_off_is_finished_by_the_same_command() {
    let lost = [Act::Stored, Act::LostUnknown, Act::LostUnknown, Act::LostUnknown];
    let (_, log) = bent(&[&BEFORE[..], &lost].concat());
    let writer = start(&log).await;
    let handle = writer.handle();
    for text in [OPEN, &customer("c", "C-1"), ORDER] {
        assert_eq!(code(&ask(&handle, text).await), "accepted");
    }
    assert_eq!(code(&ask(&handle, RUN).await), "command.outcome_unknown");
    let (invoices, runs) = issued(&log).await;
    assert_eq!((invoices.len(), runs.len()), (1_000, 0), "the first group stands");
    drop(handle);
    writer.shutdown().await.unwrap();

    let writer = start(&log).await;
    let handle = writer.handle();
    let other = RUN.replace("2032", "2031");
    assert_eq!(code(&ask(&handle, &other).await), "command.id_reused");
    assert_eq!(code(&ask(&handle, &customer("d", "C-2")).await), "accepted");
    let reply = ask(&handle, RUN).await;
    check(&log, &reply).await;
    assert_eq!(ask(&handle, RUN).await, reply);
}

/// Each part that was sent and given up is settled, and the run goes on behind it, for whoever asks again.
#[tokio::test(start_paused = true)]
async fn a_run_of_which_a_part_lands_late_is_finished() {
    for (stored, lands) in [(0, true), (0, false), (1, true), (1, false), (2, true), (2, false)] {
        let late = [&[Act::Stored; 2][..stored], &[Act::Late, Act::LostUnknown, Act::LostUnknown]];
        let (bent, log) = bent(&[&BEFORE[..], &late.concat()].concat());
        let writer = start(&log).await;
        let handle = writer.handle();
        for text in [OPEN, &customer("c", "C-1"), ORDER] {
            assert_eq!(code(&ask(&handle, text).await), "accepted");
        }
        assert_eq!(code(&ask(&handle, RUN).await), "command.outcome_unknown");
        let again = ask(&handle, RUN);
        if lands {
            assert!(bent.arrive().await.is_ok());
        }
        check(&log, &again.await).await;
        if bent.is_anything_late() {
            assert!(bent.arrive().await.is_err(), "{stored} parts were stored");
        }
        check(&log, &ask(&handle, RUN).await).await;
    }
}

#[tokio::test]
async fn a_run_with_a_document_that_is_too_large_stores_nothing_of_it() {
    let (_, log) = bent(&[]);
    let writer = start(&log).await;
    let handle = writer.handle();
    let open =
        OPEN.replace(r#""data":{"#, r#""data":{"policies":{"invoice_grouping":"customer"},"#);
    for text in [&open, &customer("c", "C-1"), &customer("d", "C-2"), &ORDER.to_owned()] {
        assert_eq!(code(&ask(&handle, text).await), "accepted");
    }
    // Three commands within the limit, and one invoice of their lines beyond the one of an event.
    let description = "x".repeat(4_000);
    let lines: Vec<String> = (0..100)
        .map(|line| format!(r#"{{"line":"{line}","description":"{description}","price":{{"model":"flat","amount":"1.00","per":"once"}},"recognition":{{"method":"over_time"}},"billing":{{"every":"once"}}}}"#))
        .collect();
    for order in ["A", "B", "D"] {
        let order = format!(
            r#"{{"id":"{order}","command":"PlaceOrder","effective":"2026-01-01","data":{{"order":"{order}","customer":"C-2","currency":"USD","start":"2032-01-01","end":"2032-01-31","lines":[{}]}}}}"#,
            lines.join(",")
        );
        assert_eq!(code(&ask(&handle, &order).await), "accepted");
    }
    let before = log.last_sequence().await.unwrap();
    assert_eq!(code(&ask(&handle, RUN).await), "billing.run_too_large");
    assert_eq!(log.last_sequence().await.unwrap(), before, "nothing of its 2,500 documents");
    let one = RUN
        .replace(r#""id":"run""#, r#""id":"one""#)
        .replace("\"data\":{", "\"data\":{\"order\":\"A\",");
    assert_eq!(code(&ask(&handle, &one).await), "accepted", "each order fits");
}
