//! `cargo bench -p benches --bench billing [ORDERS]`: one billing run over orders that are due at
//! once, beside `IssueInvoice` commands for the same invoices, both through the writer into the
//! journal; and what one invoice of a run costs to decide with ever more orders.

use std::sync::Arc;

use benches::memory::MemoryBook;
use benches::{Outcome, Watch, apply, rate, row};
use ledger_core::log::SharedLog;
use ledger_core::log::journal::Journal;
use serde_json::json;

/// Runs of each side; the median counts.
const RUNS: usize = 3;
/// Customers of the book.
const CUSTOMERS: usize = 1_000;

#[tokio::main]
async fn main() -> Outcome<()> {
    let count = std::env::args().skip(1).find_map(|text| text.parse().ok()).unwrap_or(100_000);
    sizes()?;
    let orders = orders(count);
    let run = [r#"{"id":"run","command":"RunBilling","effective":"2026-01-01","data":{"through":"2026-01-01"}}"#
        .to_owned()];
    let invoices: Vec<String> = (0..count).map(invoice).collect();
    println!("{count} orders due at once, journal, median of {RUNS} runs\n");
    println!(
        "| invoices a second | RunBilling | IssueInvoice | ratio |\n| --- | ---: | ---: | ---: |"
    );
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        ours.push(timed(&orders, &run, count).await?);
        plain.push(timed(&orders, &invoices, count).await?);
    }
    println!("{}\n", row("through the writer", median(ours), median(plain)));

    Ok(())
}

/// What one invoice of a run costs on books of ever more orders. This comes first and no book is
/// dropped before the end: memory that was used before is faster than new memory, and which size
/// got some of it would decide the ratios.
fn sizes() -> Outcome<()> {
    println!("| one invoice of a run, decided and folded | ns | over the first |");
    println!("| --- | ---: | ---: |");
    let (mut first, mut books) = (None, Vec::new());
    for (count, runs) in [(10_000_u64, 10), (100_000, 3), (1_000_000, 1)] {
        let mut times = Vec::new();
        for _ in 0..runs {
            let (nanos, book) = decided(count)?;
            times.push(nanos);
            books.push(book);
        }
        let nanos = median(times);
        let hundredths = nanos * 100 / *first.get_or_insert(nanos);
        println!("| {count} orders | {nanos} | {}.{:02} |", hundredths / 100, hundredths % 100);
    }
    println!();
    Ok(())
}

/// The book, its customers, and an order for each invoice.
fn orders(count: u64) -> Vec<String> {
    let mut lines = vec![
        r#"{"id":"open","command":"OpenBook","effective":"2026-01-01","data":{"currency":"USD"}}"#
            .to_owned(),
    ];
    lines.extend((0..CUSTOMERS).map(|number| {
        format!(
            r#"{{"id":"c-{number}","command":"RegisterCustomer","effective":"2026-01-01","data":{{"customer":"C-{number}","name":"Customer {number}"}}}}"#
        )
    }));
    lines.extend((0..count).map(|number| {
        let customer = number % 1_000;
        format!(
            r#"{{"id":"o-{number}","command":"PlaceOrder","effective":"2026-01-01","data":{{"order":"O-{number:07}","customer":"C-{customer}","currency":"USD","start":"2026-01-01","end":"2026-12-31","lines":[{{"line":"1","price":{{"model":"flat","amount":"120.00","per":"month"}},"recognition":{{"method":"over_time"}},"billing":{{"every":"month"}}}}]}}}}"#
        )
    }));
    lines
}

/// The same invoice as the run's, by hand.
fn invoice(number: u64) -> String {
    let customer = number % 1_000;
    format!(
        r#"{{"id":"i-{number}","command":"IssueInvoice","effective":"2026-01-01","data":{{"customer":"C-{customer}","order":"O-{number:07}","currency":"USD","lines":[{{"order_line":"1","amount":"120.00","service_start":"2026-01-01","service_end":"2026-01-31"}}]}}}}"#
    )
}

/// Invoices a second of these commands on a book with the orders; the start of the writer, which
/// folds the log, is timed by itself and taken off.
async fn timed(orders: &[String], lines: &[String], count: u64) -> Outcome<u64> {
    let folder = tempfile::tempdir()?;
    let log: SharedLog = Arc::new(Journal::open(folder.path())?);
    apply(&log, orders).await?;
    let watch = Watch::start();
    apply(&log, &[]).await?;
    let start = watch.read();
    let watch = Watch::start();
    apply(&log, lines).await?;
    Ok(rate(count, watch.read().saturating_sub(start)))
}

fn median(mut rates: Vec<u64>) -> u64 {
    rates.sort_unstable();
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}

/// Nanoseconds of one invoice of a run over so many orders in memory, and the book.
fn decided(count: u64) -> Outcome<(u64, MemoryBook)> {
    let (mut book, _) = MemoryBook::open()?;
    let day = "2026-01-01".parse()?;
    for number in 0..CUSTOMERS {
        let customer = format!("C-{number}");
        book.send("RegisterCustomer", day, json!({"customer": customer, "name": customer}))?;
    }
    for number in 0..count {
        let line = json!({"line": "1", "price": {"model": "flat", "amount": "120.00", "per": "month"},
            "recognition": {"method": "over_time"}, "billing": {"every": "month"}});
        let customer = format!("C-{}", number % 1_000);
        let order = json!({"order": format!("O-{number:07}"), "customer": customer, "currency": "USD",
            "start": day, "end": "2026-12-31", "lines": [line]});
        book.send("PlaceOrder", day, order)?;
    }
    let run = MemoryBook::command("RunBilling", day, json!({"through": day}))?;
    let watch = Watch::start();
    let events = book.run(&run)?;
    let nanos = watch.read().as_nanos() / u128::from(events.max(1));
    Ok((u64::try_from(nanos)?.max(1), book))
}
