//! `cargo bench -p benches --bench waterfall [LINES]`: the waterfall of a million contract lines
//! over 36 months from a live projection, on one thread, beside a DuckDB query over the same rows.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use benches::memory::MemoryBook;
use benches::{Outcome, Watch, row};
use ledger_core::calendar::Day;
use ledger_core::event::Event;
use ledger_core::paged::PagedMap;
use ledger_core::revenue::schedule::Schedule;
use projections::facts::EventFacts;
use projections::reports::{Filters, Table, run};
use projections::views::{Segment, Views};
use serde_json::{Value, json};

/// Runs of each side.
const RUNS: usize = 5;
/// Lines of one order.
const LINES: usize = 4;
/// Months from the first day of the first order to the last day of the last one.
const MONTHS: usize = 36;
/// The business date: inside a month, so that one month is part recognised and part scheduled.
const AS_OF: &str = "2027-06-15";

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let count = arguments.iter().find_map(|text| text.parse().ok()).unwrap_or(1_000_000);
    let watch = Watch::start();
    let mut views = live(count / LINES)?;
    let table = &views.deferred_revenue.segments;
    println!(
        "{count} contract lines over {MONTHS} months, {} rows of {} bytes in the hot table, {} \
         lines outside it; built in {} s, one thread\n",
        table.len(),
        size_of::<Segment>(),
        table.general_lines().len(),
        watch.read().as_secs()
    );
    println!("| report | best ms | median ms |\n| --- | ---: | ---: |");
    let ours = reports(&views)?;
    duckdb(&views, ours)?;
    // Ten thousand lines and fewer: the general path is too slow for a million.
    if count <= 10_000 || arguments.iter().any(|text| text == "general") {
        general(&mut views)?;
    }
    Ok(())
}

/// Times every grouping; the one by month is what DuckDB is asked, too.
fn reports(views: &Views) -> Outcome<(Table, Duration, Duration)> {
    let mut by_month = None;
    for (name, by) in [
        ("waterfall", "month"),
        ("waterfall", "product"),
        ("waterfall", "customer"),
        ("waterfall", "booked"),
        ("revenue", "month"),
    ] {
        let mut times = Vec::new();
        let mut table = None;
        for _ in 0..RUNS {
            let watch = Watch::start();
            table = Some(report(views, name, by)?);
            times.push(watch.read());
        }
        let (best, median) = best_and_median(times);
        println!("| {name} --by {by} | {} | {} |", millis(best), millis(median));
        if let Some(table) = table.filter(|_| by_month.is_none()) {
            by_month = Some((table, best, median));
        }
    }
    by_month.ok_or_else(|| "nothing ran".into())
}

fn report(views: &Views, name: &str, by: &str) -> Outcome<Table> {
    let mut filters = Filters::default();
    filters.set("by", by);
    Ok(run(name, &filters, views, AS_OF.parse()?)?)
}

/// The same question about the past, which the hot table does not answer: the same table.
fn general(views: &mut Views) -> Outcome<()> {
    let expected = report(views, "waterfall", "month")?;
    let (mut book, _) = MemoryBook::open()?;
    let customer = json!({"customer": "D", "name": "D"});
    let last = views.sequence;
    for mut event in book.send("RegisterCustomer", AS_OF.parse()?, customer)? {
        event.sequence = views.sequence + 1;
        views.fold(&EventFacts::of(event))?;
    }
    let mut filters = Filters::default();
    filters.set("at_sequence", last.to_string());
    let watch = Watch::start();
    let table = run("waterfall", &filters, views, AS_OF.parse()?)?;
    println!("\nthe general path, with decimals and trees: {} ms", millis(watch.read()));
    if table == expected { Ok(()) } else { Err("the hot table and the general path differ".into()) }
}

/// Views of so many orders, three in a hundred of them amended, decided and folded as always.
fn live(orders: usize) -> Outcome<Views> {
    let (mut book, events) = MemoryBook::open()?;
    let mut views = Views::default();
    let fold = |views: &mut Views, events: Vec<Event>| -> Outcome<()> {
        for event in events {
            views.fold(&EventFacts::of(event))?;
        }
        Ok(())
    };
    fold(&mut views, events)?;
    for number in 0..100 {
        let (id, name) = (format!("P-{number}"), format!("Product {number}"));
        let product = json!({"product": id, "name": name, "recognition": {"method": "over_time"}});
        fold(&mut views, book.send("DefineProduct", "2026-01-01".parse()?, product)?)?;
    }
    for number in 0..1_000 {
        let customer = json!({"customer": format!("C-{number}"), "name": "A customer"});
        fold(&mut views, book.send("RegisterCustomer", "2026-01-01".parse()?, customer)?)?;
    }
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for number in 0..orders {
        let (start, order) = order(number, &mut random)?;
        // All are booked by the business date: what is booked later is not scheduled yet.
        fold(&mut views, book.send("PlaceOrder", start.min(AS_OF.parse()?), order)?)?;
        if number % 100 < 3 {
            let change = json!({
                "order": format!("O-{number:07}"), "amendment": "A-1",
                "changes": [{"line": "1", "price":
                    {"model": "flat", "amount": random.amount(), "per": "term"}}],
            });
            let day = start.plus_days(i32::try_from(30 + random.below(300))?);
            fold(&mut views, book.send("AmendOrder", day, change)?)?;
        }
        // The state is not what is measured here, and nobody asks for the order again.
        book.ledger.orders = PagedMap::default();
    }
    Ok(views)
}

/// An order of [`LINES`] lines of 12 to 36 months each, and its first day. All end by 2028.
fn order(number: usize, random: &mut Random) -> Outcome<(Day, Value)> {
    let first: Day = "2026-01-01".parse()?;
    let terms: Vec<u64> = (0..LINES).map(|_| 12 + random.below(25)).collect();
    let longest = terms.iter().copied().max().unwrap_or(12);
    let begin = random.below(37 - longest);
    // Terms begin on any day of the month; the longest of all need the first.
    let day = if begin + longest < 36 { random.below(28) } else { 0 };
    let start = first.plus_months(i32::try_from(begin)?, 1).plus_days(i32::try_from(day)?);
    let mut lines = Vec::new();
    let mut last = start;
    for (index, months) in terms.into_iter().enumerate() {
        let end = start.plus_months(i32::try_from(months)?, start.day()).previous();
        last = last.max(end);
        let basis = if random.below(10) < 6 { "day" } else { "month_even" };
        lines.push(json!({
            "line": (index + 1).to_string(),
            "product": format!("P-{}", random.below(100)),
            "price": {"model": "flat", "amount": random.amount(), "per": "term"},
            "end": end,
            "recognition": {"method": "over_time", "basis": basis},
        }));
    }
    let order = json!({
        "order": format!("O-{number:07}"), "customer": format!("C-{}", random.below(1_000)),
        "currency": "USD", "start": start, "end": last, "lines": lines,
    });
    Ok((start, order))
}

/// Numbers that look random and are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound.max(1)
    }

    fn amount(&mut self) -> String {
        let cents = 10_000 + self.below(10_000_000);
        format!("{}.{:02}", cents / 100, cents % 100)
    }
}

/// Exports the rows, asks DuckDB, and compares: every figure to the cent.
fn duckdb(views: &Views, (table, best, median): (Table, Duration, Duration)) -> Outcome<()> {
    let python = match python() {
        Ok(python) => python,
        Err(error) => {
            println!("\nDuckDB could not be installed, so only our side ran: {error}");
            return Ok(());
        }
    };
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("versions.csv");
    std::fs::write(&file, rows(views)?)?;
    let output = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("duckdb/waterfall.py"))
        .arg(&file)
        .args([AS_OF, &RUNS.to_string()])
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    let mut lines = text.lines();
    let head: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let &[version, their_best, their_median] = head.as_slice() else {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    };
    let theirs = theirs(lines)?;
    let ours = cents(&table)?;
    if ours != theirs {
        return Err(format!("DuckDB has other figures:\n{theirs:?}\nours:\n{ours:?}").into());
    }
    println!("\nDuckDB {version} has the same {} months, to the cent\n", ours.len());
    println!("| waterfall by month, microseconds | ledger | DuckDB, 1 thread | ratio |");
    println!("| --- | ---: | ---: | ---: |");
    let micros = |time: Duration| u64::try_from(time.as_micros());
    println!("{}", row("best", micros(best)?, their_best.parse()?));
    println!("{}", row("median", micros(median)?, their_median.parse()?));
    Ok(())
}

/// A Python that has DuckDB, in a folder of its own that the next run finds again.
fn python() -> Outcome<PathBuf> {
    let cache = match std::env::var_os("XDG_CACHE_HOME") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(std::env::var_os("HOME").ok_or("there is no HOME")?).join(".cache"),
    };
    let folder = cache.join("revledger/duckdb");
    let python = folder.join("bin/python");
    let works = |python: &Path| {
        let run = Command::new(python).args(["-c", "import duckdb"]).output();
        run.is_ok_and(|output| output.status.success())
    };
    if works(&python) {
        return Ok(python);
    }
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("duckdb/requirements.txt");
    let made = Command::new("python3").args(["-m", "venv"]).arg(&folder).output()?;
    if !made.status.success() {
        return Err(String::from_utf8_lossy(&made.stderr).into_owned().into());
    }
    let installed = Command::new(folder.join("bin/pip"))
        .args(["install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r"])
        .arg(requirements)
        .output()?;
    if installed.status.success() && works(&python) {
        return Ok(python);
    }
    Err(String::from_utf8_lossy(&installed.stderr).into_owned().into())
}

/// The versions in force as CSV, made from the contracts and not from the hot table.
fn rows(views: &Views) -> Outcome<String> {
    let mut text = "from_day,until_day,start_day,end_day,amount,recognised,basis\n".to_owned();
    let lines = views.deferred_revenue.contracts.values().flat_map(|one| one.lines.values());
    for line in lines {
        let mut in_force: Vec<(&Schedule, Day)> = Vec::new();
        let mut until = "9999-12-31".parse()?;
        for (_, version) in line.versions.iter().rev() {
            if version.from < until {
                in_force.push((version, until));
                until = version.from;
            }
        }
        for (version, until) in in_force {
            writeln!(
                text,
                "{},{until},{},{},{},{},{}",
                version.from,
                version.start,
                version.end,
                units(&version.amount.to_string())?,
                units(&version.recognised.to_string())?,
                version.basis.as_str()
            )?;
        }
    }
    Ok(text)
}

/// Cents of an amount such as `12.50`.
fn units(amount: &str) -> Outcome<i128> {
    Ok(amount.replace('.', "").parse()?)
}

/// Recognised and scheduled by month, in cents.
type Months = BTreeMap<String, (i128, i128)>;

fn cents(table: &Table) -> Outcome<Months> {
    let mut months = Months::new();
    for row in &table.rows {
        let cell = |index: usize| row.get(index).map(|cell| cell.text()).unwrap_or_default();
        months.insert(cell(0), (units(&cell(2))?, units(&cell(3))?));
    }
    Ok(months)
}

fn theirs<'a>(lines: impl Iterator<Item = &'a str>) -> Outcome<Months> {
    let mut months = Months::new();
    for line in lines {
        let (day, units) = line.split_once(' ').ok_or("DuckDB's answer is cut")?;
        let month = months.entry(day.get(..7).unwrap_or_default().to_owned()).or_default();
        let units: i128 = units.parse()?;
        if day <= AS_OF { month.0 += units } else { month.1 += units }
    }
    months.retain(|_, sums| *sums != (0, 0));
    Ok(months)
}

fn best_and_median(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    let at = |index: usize| times.get(index).copied().unwrap_or_default();
    (at(0), at(times.len() / 2))
}

fn millis(time: Duration) -> String {
    format!("{}.{:01}", time.as_millis(), time.as_micros() % 1_000 / 100)
}
