//! A report's answer on standard output, in the format that was asked for.

use std::io::Write;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table as Grid, presets};
use ledger_core::calendar::Day;
use projections::reports::{Control, Kind, Table};

use crate::cli::Format;
use crate::exit::Failure;

/// Prints a table.
///
/// # Errors
/// Where the output cannot be written.
pub(crate) fn print(
    output: &mut impl Write,
    format: Format,
    table: &Table,
    as_of: Day,
) -> Result<(), Failure> {
    match format {
        Format::Json => writeln!(output, "{}", table.to_json())?,
        Format::Csv => output.write_all(table.to_csv().as_bytes())?,
        Format::Ndjson => output.write_all(table.to_ndjson().as_bytes())?,
        Format::Table | Format::Pdf | Format::Ubl => {
            print_grid(output, table)?;
            for control in &table.control {
                writeln!(output, "{}", ties(control))?;
            }
            writeln!(output, "as of {as_of}, folded up to sequence {}", table.sequence)?;
        }
    }
    output.flush()?;
    Ok(())
}

/// What a report was found to tie to, for people.
fn ties(control: &Control) -> String {
    let whose = control.customer.as_ref().map(|customer| format!(" of {customer}"));
    format!(
        "ties{} on {}: ageing = open items = accounts_receivable {} {}, \
         unapplied = unapplied_cash + customer_credits {}",
        printable(&whose.unwrap_or_default()),
        control.as_of,
        control.accounts_receivable,
        control.currency,
        control.unapplied,
    )
}

/// Prints a table for people, and nothing below it.
///
/// # Errors
/// Where the output cannot be written.
pub(crate) fn print_grid(output: &mut impl Write, table: &Table) -> Result<(), Failure> {
    writeln!(output, "{}", grid(table).trim_fmt())?;
    Ok(())
}

fn grid(table: &Table) -> Grid {
    let mut grid = Grid::new();
    grid.load_style(presets::UTF8_HORIZONTAL_ONLY);
    // A number must never be cut or wrapped: the terminal may wrap the line instead.
    grid.set_content_arrangement(ContentArrangement::Disabled);
    grid.set_header(table.columns.iter().map(|(name, _)| Cell::new(name)));
    for row in &table.rows {
        let kinds = table.columns.iter().map(|(_, kind)| *kind);
        grid.add_row(row.iter().zip(kinds).map(|(cell, kind)| {
            let alignment = match kind {
                Kind::Text => CellAlignment::Left,
                Kind::Amount | Kind::Integer => CellAlignment::Right,
            };
            Cell::new(printable(&cell.text())).set_alignment(alignment)
        }));
    }
    grid
}

/// Text of callers without what a terminal would take for a command.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
