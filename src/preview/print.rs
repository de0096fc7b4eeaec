//! A preview for people.

use std::io::Write;

use ledger_core::command::Command;
use ledger_core::command::order::Treatment;
use ledger_core::event::Event;
use ledger_core::money::Amount;
use ledger_core::posting::ContractId;
use projections::reports::{Cell, Kind, Table};

use super::{Change, Pair};
use crate::cli::audit;
use crate::exit::Failure;
use crate::output::{print_grid, printable};

/// Contracts that are shown though nothing of them changes, at most.
const UNCHANGED_CONTRACTS_MAX: usize = 20;

/// Prints what would change.
///
/// # Errors
/// Where the output cannot be written.
pub(crate) fn change(
    output: &mut impl Write,
    command: &Command,
    change: &Change,
) -> Result<(), Failure> {
    let (name, effective) = (command.data.name(), command.effective);
    let count = counted(change.events.len(), "event");
    writeln!(
        output,
        "{name} on {effective} would be accepted with {count}; nothing is recorded.\n"
    )?;
    for (event, summary) in change.events.iter().zip(&change.summaries) {
        output.write_all(told(event, summary).as_bytes())?;
    }
    if let Some((treatment, reason)) = &change.treatment {
        writeln!(output, "\nTreatment: {} ({})", word(*treatment), printable(reason))?;
    }
    if change.contracts.is_empty() && change.revenue.is_empty() {
        writeln!(output, "\nIt touches no contract: revenue and billing stay as they are.")?;
        return Ok(());
    }
    revenue(output, change)?;
    contracts(output, change)?;
    billing(output, change)
}

fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn told(event: &Event, summary: &str) -> String {
    let document = event.data.document();
    let mut text = format!(
        "{:>6}  {}  {} of {} {}: {}\n",
        event.sequence,
        event.effective,
        event.data.type_name(),
        document.kind,
        document.id,
        printable(summary),
    );
    text += &audit::entry(event);
    text
}

fn word(treatment: Treatment) -> &'static str {
    match treatment {
        Treatment::Auto => "auto",
        Treatment::Separate => "separate",
        Treatment::Prospective => "prospective",
        Treatment::CatchUp => "catch_up",
    }
}

fn revenue(output: &mut impl Write, change: &Change) -> Result<(), Failure> {
    writeln!(
        output,
        "\nRevenue by month of what it touches (lines without an end: through {})",
        change.open_through
    )?;
    let rows = change.revenue.iter().map(|((month, currency), pair)| {
        let mut row = vec![month.to_string().into(), currency.code().into()];
        row.extend(cells(*pair));
        row
    });
    print_grid(output, &table(&["month", "currency"], &["before", "after", "change"], rows))
}

fn contracts(output: &mut impl Write, change: &Change) -> Result<(), Failure> {
    writeln!(output, "\nDeferred revenue and unbilled on {}", change.stands_on)?;
    let is_short = change.contracts.len() <= UNCHANGED_CONTRACTS_MAX;
    let shown: Vec<_> = change
        .contracts
        .iter()
        .filter(|(_, contrast)| is_short || contrast.before != contrast.after)
        .collect();
    if shown.len() < change.contracts.len() {
        let left = change.contracts.len() - shown.len();
        writeln!(output, "({} without a change are left out)", counted(left, "contract"))?;
    }
    let rows = shown.into_iter().map(|(id, contrast)| {
        let (kind, id) = match id {
            ContractId::Order(id) => ("order", id),
            ContractId::Invoice(id) => ("invoice", id),
        };
        let (before, after) = (&contrast.before, &contrast.after);
        let deferred = Pair { before: before.deferred, after: after.deferred };
        let unbilled = Pair { before: before.unbilled, after: after.unbilled };
        let name = format!("{kind} {id}");
        let mut row = vec![name.into(), contrast.currency.code().into()];
        row.extend(cells(deferred));
        row.extend(cells(unbilled));
        row
    });
    let amounts = ["deferred", "after", "change", "unbilled", "after", "change"];
    print_grid(output, &table(&["contract", "currency"], &amounts, rows))
}

fn billing(output: &mut impl Write, change: &Change) -> Result<(), Failure> {
    writeln!(
        output,
        "\nWhat billing runs through {} would issue afterwards, tax included",
        change.through
    )?;
    let (before, after) = &change.runs;
    for (when, billing) in [("before", before), ("after", after)] {
        for rejection in &billing.refused {
            writeln!(output, "{when}: a run is refused, {}", printable(&rejection.to_string()))?;
        }
    }
    if change.billing.is_empty() {
        writeln!(output, "nothing")?;
        return Ok(());
    }
    let rows = change.billing.iter().map(|((date, currency), pair)| {
        let mut row = vec![(*date).into(), currency.code().into()];
        row.extend(cells(*pair));
        row
    });
    print_grid(output, &table(&["date", "currency"], &["before", "after", "change"], rows))
}

fn cells(pair: Pair) -> [Cell; 3] {
    let cell = |amount: Amount| Cell::Amount(amount);
    [cell(pair.before), cell(pair.after), cell(pair.change())]
}

fn table(texts: &[&str], amounts: &[&str], rows: impl Iterator<Item = Vec<Cell>>) -> Table {
    let texts = texts.iter().map(|name| ((*name).to_owned(), Kind::Text));
    let amounts = amounts.iter().map(|name| ((*name).to_owned(), Kind::Amount));
    Table { columns: texts.chain(amounts).collect(), rows: rows.collect(), ..Table::default() }
}
