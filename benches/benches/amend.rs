//! `cargo bench -p benches --bench amend [ORDERS]`: what one amendment costs, decided and folded,
//! with ever more other orders in the state, and on lines with an ever longer past.

use std::time::Duration;

use benches::memory::MemoryBook;
use benches::{Outcome, Watch};
use ledger_core::calendar::Day;
use ledger_core::command::Command;
use ledger_core::event::{Event, EventData};
use serde_json::{Value, json};

/// Amendments that are timed for one figure; the median counts.
const RUNS: usize = 1_001;
/// The order whose past grows.
const TARGET: &str = "T";

fn main() -> Outcome<()> {
    let most = std::env::args().skip(1).find_map(|text| text.parse().ok()).unwrap_or(1_000_000);
    println!("| one AmendOrder, decided and folded | ns | over the first |");
    println!("| --- | ---: | ---: |");
    let mut rows = Rows::default();
    for count in [1_000, 100_000, 1_000_000].into_iter().filter(|count| *count <= most) {
        let mut book = with_others(count)?;
        rows.add("the same order, others in the state", count, again(&mut book, "2026-06-15")?);
        rows.spread.push((count, spread(&mut book, count)?));
    }
    for (count, time) in std::mem::take(&mut rows.spread) {
        rows.add("orders all over the state, others in it", count, time);
    }
    for count in [1, 100, 1_000] {
        let mut book = with_amendments(count)?;
        rows.add("earlier amendments of the line", count, again(&mut book, "2049-12-15")?);
    }
    for count in [1, 36, 360] {
        let mut book = with_periods(count)?;
        rows.add("billed periods of the line", count, again(&mut book, "2049-12-15")?);
    }
    Ok(())
}

#[derive(Default)]
struct Rows {
    first: Option<(&'static str, u128)>,
    spread: Vec<(usize, Duration)>,
}

impl Rows {
    fn add(&mut self, what: &'static str, count: usize, time: Duration) {
        let nanos = time.as_nanos().max(1);
        let first = self.first.filter(|(name, _)| *name == what).map_or(nanos, |(_, first)| first);
        self.first = Some((what, first));
        let hundredths = nanos * 100 / first;
        println!("| {what}: {count} | {nanos} | {}.{:02} |", hundredths / 100, hundredths % 100);
    }
}

/// A line that is priced and billed by the month.
fn order(id: &str, start: &str, end: &str) -> Value {
    json!({
        "order": id, "customer": "C", "currency": "USD", "start": start, "end": end,
        "lines": [{
            "line": "1", "quantity": "10",
            "price": {"model": "per_unit", "unit_price": "12.50", "per": "month"},
            "recognition": {"method": "over_time", "basis": "day"},
            "billing": {"every": "month"},
        }],
    })
}

fn amendment(order: &str, name: &str, quantity: usize, day: Day) -> Outcome<Command> {
    let change = json!({"line": "1", "quantity": quantity.to_string()});
    let data = json!({"order": order, "amendment": name, "changes": [change]});
    MemoryBook::command("AmendOrder", day, data)
}

/// A book with so many orders of three years besides the one that is amended.
fn with_others(count: usize) -> Outcome<MemoryBook> {
    let (mut book, _) = MemoryBook::open()?;
    let start: Day = "2026-01-01".parse()?;
    book.send("PlaceOrder", start, order(TARGET, "2026-01-01", "2028-12-31"))?;
    let (mut template, _) = MemoryBook::open()?;
    let placed = template.send("PlaceOrder", start, order("X", "2026-01-01", "2028-12-31"))?;
    for number in 0..count {
        // Deciding a million orders that differ in their names only would take longer.
        for event in &placed {
            if let EventData::OrderPlaced(data) = &event.data {
                let mut data = data.clone();
                data.order = other(number).parse()?;
                book.ledger.apply(&Event { data: EventData::OrderPlaced(data), ..event.clone() });
            }
        }
    }
    Ok(book)
}

fn other(number: usize) -> String {
    format!("X-{number:07}")
}

/// A line over thirty years that was amended so many times, ten days apart.
fn with_amendments(count: usize) -> Outcome<MemoryBook> {
    let (mut book, _) = MemoryBook::open()?;
    let start: Day = "2020-01-01".parse()?;
    book.send("PlaceOrder", start, order(TARGET, "2020-01-01", "2049-12-31"))?;
    for number in 1..=count {
        let day = start.plus_days(i32::try_from(number * 10)?);
        book.decide(&amendment(TARGET, &format!("A-{number}"), 10 + number % 7, day)?)?;
    }
    Ok(book)
}

/// A line over thirty years of which the last so many months were billed.
fn with_periods(count: usize) -> Outcome<MemoryBook> {
    let (mut book, _) = MemoryBook::open()?;
    let last: Day = "2049-12-01".parse()?;
    let first = last.plus_months(1 - i32::try_from(count)?, 1);
    book.send("PlaceOrder", "2020-01-01".parse()?, order(TARGET, "2020-01-01", "2049-12-31"))?;
    let line =
        book.ledger.orders.get_mut(&TARGET.parse()?).and_then(|order| order.lines.first_mut());
    // The months before them were billed elsewhere: a run bills from here on.
    line.ok_or("the order has no line")?.billed.next = Some(first);
    book.send("RunBilling", last, json!({"through": last}))?;
    let line = book.ledger.orders.values().next().and_then(|order| order.lines.first());
    let billed = line.map_or(0, |line| line.billed.periods.len());
    if billed == count { Ok(book) } else { Err(format!("{billed} periods are billed").into()) }
}

/// Amends one order again and again, each time as it was at first.
fn again(book: &mut MemoryBook, day: &str) -> Outcome<Duration> {
    let id = TARGET.parse()?;
    let before = book.ledger.orders.get(&id).ok_or("the order is gone")?.clone();
    let command = amendment(TARGET, "new", 100, day.parse()?)?;
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let mut order = before.clone();
        // A copy has no room for more; the list of a live order grows once in a long while.
        order.lines.iter_mut().for_each(|line| line.versions.reserve(16));
        book.ledger.orders.insert(id.clone(), order);
        let watch = Watch::start();
        let events = book.decide(&command)?;
        times.push(watch.read());
        std::hint::black_box(events);
    }
    Ok(median(times))
}

/// Amends orders all over the state, each once: what they need is in no cache.
fn spread(book: &mut MemoryBook, count: usize) -> Outcome<Duration> {
    let mut times = Vec::new();
    for run in 0..RUNS.min(count) {
        // A step that is prime to every count goes all over them.
        let number = run * 7_919 * 97 % count;
        let command = amendment(&other(number), "new", 100, "2026-06-15".parse()?)?;
        let watch = Watch::start();
        let events = book.decide(&command)?;
        times.push(watch.read());
        std::hint::black_box(events);
    }
    Ok(median(times))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
