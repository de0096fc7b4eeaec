//! `revledger import FORMAT FILE…`: outside documents become commands, and are applied.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use commands::import::csv::{self, Import, Map};
use commands::import::statement;
use futures::StreamExt;
use ledger_core::money::{Amount, Currency};
use ledger_core::rejection::Code;
use schemas::reply::{Outcome, Reply};
use serde_json::json;

use crate::cli::{Format, Global, apply};
use crate::config;
use crate::desk::{Desk, lines};
use crate::exit::{Exit, Failure};

pub(crate) mod bank;
mod sending;
pub(crate) mod stripe;

/// Lines about single records that are printed at most; the counts are always whole.
const TOLD_MAX: usize = 100;

/// Arguments of `import`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// What the files are.
    #[command(subcommand)]
    pub(crate) source: Source,
}

/// What the files are.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Source {
    /// Tables of invoices with a header row; a map says which column means what.
    #[command(after_help = MAP_HELP)]
    Csv(Table),
    /// ISO 20022 bank statements: camt.053, and the reports and notifications camt.052, camt.054.
    #[command(after_help = bank::HELP)]
    Camt053(bank::Statements),
    /// SWIFT MT940 bank statements.
    #[command(after_help = bank::HELP)]
    Mt940(bank::Statements),
    /// BAI2 bank statements.
    #[command(after_help = bank::HELP)]
    Bai2(bank::Statements),
    /// Stripe event objects: invoices, charges, refunds, disputes, credit notes.
    #[command(after_help = stripe::HELP)]
    Stripe(stripe::Events),
}

/// A table and its map.
#[derive(Debug, Clone, Args)]
pub(crate) struct Table {
    /// The tables.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Which column means what (TOML).
    #[arg(long, value_name = "MAP.toml")]
    pub(crate) map: PathBuf,
    /// Reads and counts everything, applies nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Applies nothing where a record cannot be read, and stops at the first refusal.
    #[arg(long)]
    pub(crate) strict: bool,
}

const MAP_HELP: &str = "\
MAP.toml:
  currency = \"USD\"             of all amounts
  date_format = \"m/d/yyyy\"     from yyyy, mm, m, dd, d (hh, mi, ss are read over);
                               yyyy-mm-dd where it is missing
  delimiter = \";\"              , where it is missing
  kind = \"lines\"               each record is a line: of an invoice, or where the lines of a
                               document sum to less than zero, of a credit on the account
  terms_days = 30              the due date behind the issue date, where a record has none
  unknown_customer = \"…\"       who gets documents that name no customer
  truthy = [\"Yes\"]             what means yes
  [columns]                    the table's own column names
  invoice = \"…\"                customer, issued and amount are needed too
  due = \"…\"                    also customer_name, settled_on, disputed, description,
                               and instead of amount: quantity, unit_price

The book is opened in that currency where it is not open yet.
Ids are derived from the records: importing a file twice changes nothing.";

/// Imports the files.
///
/// # Errors
/// Where a file or the map cannot be read, or the store or server cannot be used.
pub(crate) fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    match &arguments.source {
        Source::Csv(table) => run_table(global, table),
        Source::Camt053(files) => bank::run(global, statement::Format::Camt, files),
        Source::Mt940(files) => bank::run(global, statement::Format::Mt940, files),
        Source::Bai2(files) => bank::run(global, statement::Format::Bai2, files),
        Source::Stripe(files) => stripe::run(global, files),
    }
}

fn run_table(global: &Global, table: &Table) -> Result<Exit, Failure> {
    let map = map(&table.map)?;
    // Everything is read before anything is applied: a wrong name changes nothing.
    let imports = table
        .files
        .iter()
        .map(|file| read(file, &map).map(|import| (file.as_path(), import)))
        .collect::<Result<Vec<_>, Failure>>()?;
    let unreadable: usize = imports.iter().map(|(_, import)| import.bad.len()).sum();
    let mut tally = Tally::new(map.currency, &imports);
    let stops = table.strict && unreadable > 0;
    if !table.dry_run && !stops {
        config::block_on(apply_all(global, table.strict, imports, &mut tally))?;
    }
    tally.print(global, table.dry_run, stops)?;
    Ok(if tally.told.is_empty() { Exit::Done } else { Exit::No })
}

fn map(path: &Path) -> Result<Map, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
    toml::from_str(&text).map_err(|error| {
        Failure::usage("import.map", format!("{} is no map of columns", path.display()))
            .because(error)
            .help("`revledger import csv --help` shows one")
    })
}

fn read(path: &Path, map: &Map) -> Result<Import, Failure> {
    let bytes = std::fs::read(path).map_err(|error| Failure::file(path, &error))?;
    csv::read(&bytes, map).map_err(|error| {
        Failure::usage("import.table", format!("cannot read {}", path.display())).because(error)
    })
}

async fn apply_all(
    global: &Global,
    is_strict: bool,
    imports: Vec<(&Path, Import)>,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let desk = Desk::open(global).await?;
    let result = apply_to(&desk, global, is_strict, imports, tally).await;
    desk.close().await?;
    result
}

async fn apply_to(
    desk: &Desk,
    global: &Global,
    is_strict: bool,
    imports: Vec<(&Path, Import)>,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let progress = apply::progress(global);
    open_book(desk, &imports, tally).await?;
    // With --strict one at a time: behind a refusal nothing more may go in.
    let in_flight = if is_strict { 1 } else { desk.in_flight_max() };
    for (path, import) in imports {
        let sources: Vec<(u64, bool)> = import
            .commands
            .iter()
            .map(|one| (one.line, one.envelope["command"] == "RegisterCustomer"))
            .collect();
        let envelopes = futures::stream::iter(import.commands).map(|one| {
            let bytes = serde_json::to_vec(&one.envelope).map_err(|error| {
                Failure::store("command.unwritable", "an envelope").because(error)
            })?;
            Ok(lines::Line { number: one.line, bytes })
        });
        let replies = envelopes.then(|line| desk.begin(line)).buffered(in_flight);
        let mut replies = std::pin::pin!(replies.zip(futures::stream::iter(sources)));
        while let Some((reply, (line, is_customer))) = replies.next().await {
            let reply: Reply =
                serde_json::from_slice(&reply?).map_err(|error| not_a_reply(&error))?;
            progress.inc(1);
            // A customer of an earlier file is no news.
            if is_customer && is_there_already(&reply, Code::CustomerExists) {
                continue;
            }
            tally.count(path, line, &reply);
            if is_strict && reply.outcome == Outcome::Rejected {
                return Ok(());
            }
        }
    }
    progress.finish_and_clear();
    Ok(())
}

/// Opens the book in the map's currency, on the first day of the records, where it is not open.
async fn open_book(
    desk: &Desk,
    imports: &[(&Path, Import)],
    tally: &mut Tally,
) -> Result<(), Failure> {
    let first = imports.iter().flat_map(|(_, import)| &import.commands);
    let first = first.filter_map(|one| one.envelope.get("effective")?.as_str()).min();
    let (Some(first), Some((path, _))) = (first, imports.first()) else { return Ok(()) };
    let envelope = json!({
        "id": format!("{}/import-opens-book", tally.currency), "command": "OpenBook",
        "effective": first, "data": {"currency": tally.currency},
    });
    let bytes = envelope.to_string().into_bytes();
    let reply = desk.begin(Ok(lines::Line { number: 1, bytes })).await.await?;
    let reply: Reply = serde_json::from_slice(&reply).map_err(|error| not_a_reply(&error))?;
    if !is_there_already(&reply, Code::BookExists) {
        tally.count(path, 1, &reply);
    }
    Ok(())
}

/// Whether somebody made it, or an earlier import did from records of another day.
fn is_there_already(reply: &Reply, exists: Code) -> bool {
    let codes = [exists.as_str(), Code::CommandIdReused.as_str()];
    reply.error.as_ref().is_some_and(|error| codes.contains(&error.code.as_str()))
}

fn not_a_reply(error: &serde_json::Error) -> Failure {
    Failure::store("service.failed", "a reply is not one of a ledger").because(error)
}

/// A record that did not go in.
struct Told {
    file: String,
    line: u64,
    why: String,
}

/// Counts and control totals.
struct Tally {
    currency: Currency,
    records: u64,
    invoiced: Amount,
    credited: Amount,
    paid: Amount,
    accepted: BTreeMap<String, u64>,
    rejected: u64,
    unreadable: usize,
    told: Vec<Told>,
}

impl Tally {
    fn new(currency: Currency, imports: &[(&Path, Import)]) -> Self {
        let zero = currency.zero();
        let mut tally = Self {
            currency,
            records: 0,
            invoiced: zero,
            credited: zero,
            paid: zero,
            accepted: BTreeMap::new(),
            rejected: 0,
            unreadable: 0,
            told: Vec::new(),
        };
        for (path, import) in imports {
            tally.records += import.records;
            tally.invoiced += import.invoiced;
            tally.credited += import.credited;
            tally.paid += import.paid;
            tally.unreadable += import.bad.len();
            tally.told.extend(import.bad.iter().map(|bad| Told {
                file: path.display().to_string(),
                line: bad.line,
                why: bad.reason.clone(),
            }));
        }
        tally
    }

    fn count(&mut self, path: &Path, line: u64, reply: &Reply) {
        match (&reply.outcome, &reply.error) {
            (Outcome::Accepted, _) => {
                let first = reply.events.iter().flatten().next();
                let kind = first.map_or("nothing", |event| event.kind.as_str());
                *self.accepted.entry(kind.to_owned()).or_default() += 1;
            }
            (Outcome::Rejected, error) => {
                self.rejected += 1;
                let why = error.as_ref().map(ToString::to_string).unwrap_or_default();
                self.told.push(Told { file: path.display().to_string(), line, why });
            }
        }
    }

    fn print(&self, global: &Global, is_dry: bool, stops: bool) -> Result<(), Failure> {
        let mut errors = std::io::stderr().lock();
        for told in self.told.iter().take(TOLD_MAX) {
            writeln!(errors, "{}:{}: {}", told.file, told.line, told.why)?;
        }
        if let Some(more) = self.told.len().checked_sub(TOLD_MAX).filter(|more| *more > 0) {
            writeln!(errors, "and {more} more")?;
        }
        let mut output = std::io::stdout().lock();
        let accepted: u64 = self.accepted.values().sum();
        if global.format_or(Format::Table) != Format::Table {
            let answer = json!({
                "records": self.records, "unreadable": self.unreadable, "accepted": accepted,
                "rejected": self.rejected, "by_type": self.accepted, "dry_run": is_dry,
                "totals": [{"currency": self.currency, "invoiced": self.invoiced,
                            "credited": self.credited, "paid": self.paid}],
            });
            writeln!(output, "{answer}")?;
            return Ok(());
        }
        writeln!(output, "{} records read, {} unreadable", self.records, self.unreadable)?;
        let (invoiced, credited, paid) = (self.invoiced, self.credited, self.paid);
        let currency = self.currency;
        write!(output, "in the files: invoiced {invoiced} {currency}, ")?;
        writeln!(output, "credited {credited} {currency}, paid {paid} {currency}")?;
        match (is_dry, stops) {
            (true, _) => writeln!(output, "nothing was applied: --dry-run")?,
            (false, true) => writeln!(output, "nothing was applied: --strict, see above")?,
            (false, false) => {
                writeln!(output, "{accepted} commands accepted, {} rejected", self.rejected)?;
                for (kind, count) in &self.accepted {
                    writeln!(output, "  {kind:<20} {count:>8}")?;
                }
            }
        }
        Ok(())
    }
}
