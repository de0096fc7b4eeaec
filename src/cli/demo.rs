//! `revledger demo`: a small book of our own making, and what it shows.

use std::io::Write;
use std::path::Path;

use futures::StreamExt;
use ledger_core::calendar::Day;
use ledger_core::id::Identifier;
use projections::reports::{self, Filters};
use projections::views::Views;

use crate::cli::{Format, Global, apply, audit};
use crate::desk::{Desk, lines};
use crate::exit::{Exit, Failure};
use crate::{config, output, reading};

const SAMPLE: &str = include_str!("../demo/sample.ndjson");

/// The date of the reports: what was due in January is late by then.
const AS_OF: &str = "2026-03-31";
const DOCUMENT: &str = "INV-3";

/// The reports, and what to look at in each.
const SHOWN: [(&str, &str, &str); 3] = [
    (
        "receivables",
        "Receivables: who owes what, and since when",
        "MEADOW paid a part and got a credit; QUARRY disputes one sensor of three.",
    ),
    (
        "deferred-revenue",
        "Deferred revenue: billed, but not earned yet",
        "HARBOUR has two more seats since March; BRIGHT has paid for April to June.",
    ),
    (
        "waterfall",
        "Waterfall: revenue by month, earned and still to come",
        "Each line sums to what was sold; nothing is rounded away.",
    ),
];

/// Builds the book in a temporary folder and prints what it shows.
///
/// # Errors
/// Where the temporary folder cannot be used.
pub(crate) fn run(global: &Global) -> Result<Exit, Failure> {
    let folder = tempfile::tempdir().map_err(|error| {
        Failure::store("store.unavailable", "no temporary folder").because(error)
    })?;
    let global = embedded(global, folder.path());
    config::block_on(async {
        let replies = fill(&global).await?;
        let log = config::open_to_read(&global).await?;
        let views = reading::fold(&log).await?;
        let mut output = std::io::BufWriter::new(std::io::stdout());
        writeln!(
            output,
            "{replies} commands of a small company became {} events in a new book.\n",
            views.sequence
        )?;
        show_reports(&mut output, &views)?;
        writeln!(output, "Audit: everything that ever happened to {DOCUMENT}\n")?;
        let document: Identifier = DOCUMENT.parse()?;
        let history = audit::history(&log, Format::Table, &document).await?;
        output.write_all(history.unwrap_or_default().as_bytes())?;
        output.write_all(NEXT.as_bytes())?;
        output.flush()?;
        Ok(Exit::Done)
    })
}

const NEXT: &str = "\n\
Where to go next:\n  \
revledger apply commands.ndjson     your own book, in ./revledger-data\n  \
revledger report --help             all reports and their filters\n  \
revledger verify                    is the log whole, do the books balance\n  \
revledger serve                     the same over HTTP; with --nats over NATS\n";

/// The options with a folder of the demo's own.
fn embedded(global: &Global, folder: &Path) -> Global {
    let data = folder.to_owned();
    let actor = global.actor.clone().unwrap_or_else(|| "demo".to_owned());
    let book = "demo".to_owned();
    Global { data, book, nats: None, actor: Some(actor), ..global.clone() }
}

/// Applies the sample commands; how many there were.
async fn fill(global: &Global) -> Result<usize, Failure> {
    let desk = Desk::open(global).await?;
    let mut count = 0;
    let mut lines = std::pin::pin!(lines::read(lines::Files::text(SAMPLE)));
    while let Some(line) = lines.next().await {
        let reply = desk.submit(line?).await?;
        if !apply::is_accepted(&reply) {
            let reply = String::from_utf8_lossy(&reply).into_owned();
            return Err(Failure::new(Exit::No, "demo.refused", "the sample data was refused")
                .because(reply));
        }
        count += 1;
    }
    desk.close().await?;
    Ok(count)
}

fn show_reports(output: &mut impl Write, views: &Views) -> Result<(), Failure> {
    let as_of: Day = AS_OF.parse()?;
    for (name, heading, note) in SHOWN {
        writeln!(output, "{heading}\n  {note}\n")?;
        let mut filters = Filters::default();
        filters.set("as_of", AS_OF);
        let table = reports::run(name, &filters, views, as_of)?;
        output::print(output, Format::Table, &table, as_of)?;
        writeln!(output)?;
    }
    Ok(())
}
