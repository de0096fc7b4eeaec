//! `revledger explain revenue`: how a number of a report comes about.

use std::io::Write;

use clap::{Args, Subcommand};
use ledger_core::calendar::Day;
use projections::reports::{self, Cell, Filters, Kind, Table};

use crate::cli::{Format, Global, report};
use crate::exit::{Exit, Failure};
use crate::{config, live, output, reading};

/// Arguments of `explain`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// What is explained.
    #[command(subcommand)]
    pub(crate) what: What,
}

/// What is explained.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum What {
    /// The revenue of one contract in one month: versions, deliveries, arithmetic, and the sum.
    Revenue(Revenue),
}

const EXAMPLES: &str = "Examples:
  revledger explain revenue --order O-1 --month 2026-03
  revledger explain revenue --order O-1 --line SEATS --month 2026-03 --as-of 2026-03-15
  revledger explain revenue --invoice INV-7 --month 2026-01 --known-at 2026-02-05T00:00:00Z
  revledger explain revenue --order O-1 --month 2026-03 --format json

The total is that of `revledger report revenue --by month --order O-1` for the month. A month
that has not begun by the business date is shown as it is scheduled. The same answer over HTTP and
NATS is the report `explain`.";

/// Arguments of `explain revenue`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Revenue {
    /// The contract.
    #[command(flatten)]
    pub(crate) contract: Contract,
    /// The month.
    #[arg(long, value_name = "YYYY-MM")]
    pub(crate) month: String,
    /// Only this line.
    #[arg(long, value_name = "ID")]
    pub(crate) line: Option<String>,
    /// The business date; today where nothing is said.
    #[arg(long, value_name = "DATE", value_parser = report::day)]
    pub(crate) as_of: Option<Day>,
    /// As the ledger knew it at this instant (RFC 3339).
    #[arg(long, value_name = "INSTANT", conflicts_with = "at_sequence")]
    pub(crate) known_at: Option<String>,
    /// As the ledger knew it after this sequence.
    #[arg(long, value_name = "N")]
    pub(crate) at_sequence: Option<u64>,
}

/// An order, or an invoice that bills none.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Contract {
    /// The order.
    #[arg(long, value_name = "ID")]
    pub(crate) order: Option<String>,
    /// The invoice, where it bills no order.
    #[arg(long, value_name = "ID")]
    pub(crate) invoice: Option<String>,
}

/// Prints the explanation.
///
/// # Errors
/// Where there is no such contract, line or month, or the log cannot be read.
pub(crate) fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let What::Revenue(asked) = &arguments.what;
    let filters = filters(asked);
    config::block_on(async {
        let log = config::open_to_read(global).await?;
        let views = reading::views(global, &log).await?;
        let as_of = asked.as_of.unwrap_or(config::today(&views));
        let mut table = reports::run("explain", &filters, &views, as_of)?;
        if global.unsafe_dev {
            live::mark_unsafe(&mut table);
        }
        let mut output = std::io::BufWriter::new(std::io::stdout());
        match global.format_or(Format::Table) {
            Format::Table | Format::Pdf | Format::Ubl => print(&mut output, asked, &table, as_of)?,
            format @ (Format::Json | Format::Csv | Format::Ndjson) => {
                output::print(&mut output, format, &table, as_of)?;
            }
        }
        Ok(Exit::Done)
    })
}

fn filters(asked: &Revenue) -> Filters {
    let mut filters = Filters::default();
    let given = [
        ("order", asked.contract.order.clone()),
        ("invoice", asked.contract.invoice.clone()),
        ("month", Some(asked.month.clone())),
        ("line", asked.line.clone()),
        ("as_of", asked.as_of.map(|day| day.to_string())),
        ("known_at", asked.known_at.clone()),
        ("at_sequence", asked.at_sequence.map(|sequence| sequence.to_string())),
    ];
    for (name, value) in given {
        if let Some(value) = value {
            filters.set(name, value);
        }
    }
    filters
}

/// For people: the statements, and below them the events that they name.
fn print(
    output: &mut impl Write,
    asked: &Revenue,
    table: &Table,
    as_of: Day,
) -> Result<(), Failure> {
    let named = |kind: &str, id: &Option<String>| id.as_ref().map(|id| format!("{kind} {id}"));
    let contract = named("order", &asked.contract.order);
    let contract = contract.or(named("invoice", &asked.contract.invoice)).unwrap_or_default();
    writeln!(output, "Revenue of {} in {}", output::printable(&contract), asked.month)?;
    let mut shown = vec!["line", "step", "date", "amount", "explanation", "sequence"];
    shown
        .extend(table.columns.iter().any(|(name, _)| name == "unsafe_dev").then_some("unsafe_dev"));
    output::print_grid(output, &columns(table, &shown))?;
    let events = events(table);
    if !events.rows.is_empty() {
        writeln!(output, "\nThe events")?;
        output::print_grid(output, &events)?;
    }
    writeln!(output, "as of {as_of}, folded up to sequence {}", table.sequence)?;
    output.flush()?;
    Ok(())
}

/// Each event that a statement names, once.
fn events(table: &Table) -> Table {
    let mut events = columns(
        table,
        &[
            "sequence",
            "effective",
            "type",
            "document",
            "actor",
            "command_id",
            "recorded_at",
            "reason",
            "policy",
        ],
    );
    let number = |row: &Vec<Cell>| match row.first() {
        Some(Cell::Integer(number)) => Some(*number),
        Some(Cell::Text(_) | Cell::Amount(_) | Cell::Empty) | None => None,
    };
    events.rows.retain(|row| number(row).is_some());
    // Where one event made several statements, the policies stand with some of them only.
    let has_policy = |row: &Vec<Cell>| row.last().is_some_and(|cell| *cell != Cell::Empty);
    events.rows.sort_by_key(|row| (number(row), !has_policy(row)));
    events.rows.dedup_by_key(|row| number(row));
    events
}

/// The table with some of its columns only.
fn columns(table: &Table, names: &[&str]) -> Table {
    let places: Vec<usize> = names
        .iter()
        .filter_map(|wanted| table.columns.iter().position(|(name, _)| name == wanted))
        .collect();
    let column = |at: &usize| table.columns.get(*at).cloned();
    let cells = |row: &Vec<Cell>| places.iter().filter_map(|at| row.get(*at).cloned()).collect();
    let columns: Vec<(String, Kind)> = places.iter().filter_map(column).collect();
    let rows = table.rows.iter().map(cells).collect();
    Table { columns, rows, sequence: table.sequence, ..Table::default() }
}
