//! `revledger import FORMAT FILE…`: outside documents become commands, and are applied.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use commands::import::csv::{self, Import, Imported, Map};
use commands::import::statement;
use commands::import::statement::plan::Told;
use ledger_core::money::{Amount, Currency};
use serde_json::json;

use self::sending::{Replies, send, tell};
use crate::cli::{Format, Global};
use crate::config;
use crate::exit::{Exit, Failure};

pub(crate) mod bank;
pub(crate) mod ecb;
mod sending;
pub(crate) mod stripe;

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
    /// The ECB's euro reference rates (csv, zip, xml): exchange rates of the book.
    #[command(after_help = ecb::HELP)]
    EcbFx(ecb::Arguments),
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
        Source::EcbFx(files) => ecb::run(global, files),
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
    let mut tally = Tally::new(map.currency, &imports);
    let stops = table.strict && !tally.unreadable.is_empty();
    if !table.dry_run && !stops {
        let opening = opening(map.currency, &imports);
        let records = imports.into_iter().flat_map(|(path, import)| {
            import.commands.into_iter().map(move |one| (path.to_path_buf(), one))
        });
        let commands = opening.into_iter().chain(records).collect();
        config::block_on(send(global, table.strict, commands, &mut tally.replies))?;
    }
    tally.print(global, table.dry_run, stops)?;
    let is_whole = tally.unreadable.is_empty() && tally.replies.told.is_empty();
    Ok(if is_whole { Exit::Done } else { Exit::No })
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

/// The command that opens the book in the map's currency, on the first day of the records, where it
/// is not open.
fn opening(currency: Currency, imports: &[(&Path, Import)]) -> Option<(PathBuf, Imported)> {
    let first = imports.iter().flat_map(|(_, import)| &import.commands);
    let first = first.filter_map(|one| one.envelope.get("effective")?.as_str()).min()?;
    let (path, _) = imports.first()?;
    let envelope = json!({
        "id": format!("{currency}/import-opens-book"), "command": "OpenBook",
        "effective": first, "data": {"currency": currency},
    });
    Some((path.to_path_buf(), Imported { line: 1, envelope }))
}

/// Counts and control totals.
struct Tally {
    currency: Currency,
    records: u64,
    invoiced: Amount,
    credited: Amount,
    paid: Amount,
    unreadable: Vec<(PathBuf, Told)>,
    replies: Replies,
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
            unreadable: Vec::new(),
            replies: Replies::default(),
        };
        for (path, import) in imports {
            tally.records += import.records;
            tally.invoiced += import.invoiced;
            tally.credited += import.credited;
            tally.paid += import.paid;
            tally.unreadable.extend(import.bad.iter().map(|bad| {
                (path.to_path_buf(), Told { line: bad.line, text: bad.reason.clone() })
            }));
        }
        tally
    }

    fn print(&self, global: &Global, is_dry: bool, stops: bool) -> Result<(), Failure> {
        let told: Vec<_> = self.unreadable.iter().chain(&self.replies.told).cloned().collect();
        tell(&told)?;
        let mut output = std::io::stdout().lock();
        let (currency, unreadable) = (self.currency, self.unreadable.len());
        if global.format_or(Format::Table) != Format::Table {
            let answer = json!({
                "records": self.records, "unreadable": unreadable,
                "accepted": self.replies.accepted_count(), "rejected": self.replies.rejected,
                "by_type": self.replies.accepted, "dry_run": is_dry,
                "totals": [{"currency": currency, "invoiced": self.invoiced,
                            "credited": self.credited, "paid": self.paid}],
            });
            writeln!(output, "{answer}")?;
            return Ok(());
        }
        writeln!(output, "{} records read, {unreadable} unreadable", self.records)?;
        let (invoiced, credited, paid) = (self.invoiced, self.credited, self.paid);
        write!(output, "in the files: invoiced {invoiced} {currency}, ")?;
        writeln!(output, "credited {credited} {currency}, paid {paid} {currency}")?;
        self.replies.print(&mut output, is_dry, stops)
    }
}
