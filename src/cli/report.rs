//! `revledger report NAME`: a fold over the log, as of a date and as known then.

use clap::Args;
use ledger_core::calendar::Day;
use projections::reports::{self, Filters};
use projections::views::Views;

use crate::cli::{Format, Global};
use crate::exit::{Exit, Failure};
use crate::{config, live, output, reading};

/// Arguments of `report`.
#[derive(Debug, Clone, Args)]
#[command(after_help = names_help())]
pub(crate) struct Arguments {
    /// The report.
    pub(crate) name: String,
    /// The business date; today in the book's time zone where nothing is said.
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub(crate) as_of: Option<Day>,
    /// As the ledger knew it at this instant (RFC 3339).
    #[arg(long, value_name = "INSTANT", conflicts_with = "at_sequence")]
    pub(crate) known_at: Option<String>,
    /// As the ledger knew it after this sequence.
    #[arg(long, value_name = "N")]
    pub(crate) at_sequence: Option<u64>,
    /// The first day.
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub(crate) from: Option<Day>,
    /// The last day.
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub(crate) to: Option<Day>,
    /// What the rows are grouped by.
    #[arg(long, value_name = "WHAT")]
    pub(crate) by: Option<String>,
    /// Lower ends of ageing buckets in days, such as 0,15,45; the book's where nothing is said.
    #[arg(long, value_name = "DAYS")]
    pub(crate) buckets: Option<String>,
    /// What ageing counts from: due_date or invoice_date; the book's where nothing is said.
    #[arg(long, value_name = "DATE")]
    pub(crate) basis: Option<String>,
    /// Shows `trial-balance` with open items in other currencies at the day's closing rate.
    #[arg(long)]
    pub(crate) revalue: bool,
    /// Leaves contra revenue out of `revenue`.
    #[arg(long)]
    pub(crate) gross: bool,
    /// Filters by what the rows are about.
    #[command(flatten)]
    pub(crate) only: Only,
}

/// Filters by what the rows are about.
#[derive(Debug, Clone, Args)]
pub(crate) struct Only {
    #[arg(long, value_name = "ID", help = "Only this customer")]
    pub(crate) customer: Option<String>,
    #[arg(long, value_name = "ID", help = "Only this order")]
    pub(crate) order: Option<String>,
    #[arg(long, value_name = "ID", help = "Only this invoice")]
    pub(crate) invoice: Option<String>,
    #[arg(long, value_name = "ID", help = "Only this line of the contract")]
    pub(crate) line: Option<String>,
    #[arg(long, value_name = "YYYY-MM", help = "The month that is explained")]
    pub(crate) month: Option<String>,
    #[arg(long, value_name = "ID", help = "Only this payment")]
    pub(crate) payment: Option<String>,
    #[arg(long, value_name = "ID", help = "Only this credit")]
    pub(crate) credit: Option<String>,
    #[arg(long, value_name = "ID", help = "Only this product")]
    pub(crate) product: Option<String>,
    #[arg(long, value_name = "ID", help = "Only this document")]
    pub(crate) document: Option<String>,
    #[arg(long = "type", value_name = "TYPE", help = "Only events of this type")]
    pub(crate) kind: Option<String>,
    #[arg(long, value_name = "CODE", help = "Only the account of this code")]
    pub(crate) account: Option<String>,
    #[arg(long, value_name = "ROLE", help = "Only this account role")]
    pub(crate) role: Option<String>,
}

/// Reads a date of the command line.
pub(crate) fn day(text: &str) -> Result<Day, String> {
    text.parse().map_err(|rejection: ledger_core::rejection::Rejection| rejection.message)
}

/// Prints the report.
///
/// # Errors
/// Where there is no such report or filter, or the log cannot be read.
pub(crate) fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let filters = filters(global, arguments);
    // A wrong name is told before anything is opened.
    if reports::find(&arguments.name).is_none() {
        reports::run(&arguments.name, &filters, &Views::default(), Day::new(time::Date::MAX))?;
    }
    config::block_on(async {
        let log = config::open_to_read(global).await?;
        let ask = async |views: &Views| {
            let as_of = arguments.as_of.unwrap_or(config::today(views));
            let answer = reading::report(&log, &arguments.name, &filters, views, as_of).await?;
            Ok::<_, Failure>((answer, as_of))
        };
        let light = reading::views_without_rows(global, &log).await?;
        let mut asked = ask(&light).await?;
        if light.audit_trail.is_missed() {
            drop(light);
            asked = ask(&reading::views(global, &log).await?).await?;
        }
        let (answer, as_of) = asked;
        let mut table = answer?;
        if global.unsafe_dev {
            live::mark_unsafe(&mut table);
        }
        let mut output = std::io::BufWriter::new(std::io::stdout());
        output::print(&mut output, global.format_or(Format::Table), &table, as_of)?;
        Ok(Exit::Done)
    })
}

fn filters(global: &Global, arguments: &Arguments) -> Filters {
    let mut filters = Filters::default();
    let only = &arguments.only;
    let day = |day: &Option<Day>| day.map(|day| day.to_string());
    let given = [
        ("as_of", day(&arguments.as_of)),
        ("known_at", arguments.known_at.clone()),
        ("at_sequence", arguments.at_sequence.map(|sequence| sequence.to_string())),
        ("from", day(&arguments.from)),
        ("to", day(&arguments.to)),
        ("by", arguments.by.clone()),
        ("buckets", arguments.buckets.clone()),
        ("basis", arguments.basis.clone()),
        ("revalue", arguments.revalue.then(|| "true".to_owned())),
        ("gross", arguments.gross.then(|| "true".to_owned())),
        ("customer", only.customer.clone()),
        ("order", only.order.clone()),
        ("invoice", only.invoice.clone()),
        ("line", only.line.clone()),
        ("month", only.month.clone()),
        ("payment", only.payment.clone()),
        ("credit", only.credit.clone()),
        ("product", only.product.clone()),
        ("document", only.document.clone()),
        ("actor", global.actor.clone()),
        ("type", only.kind.clone()),
        ("account", only.account.clone()),
        ("role", only.role.clone()),
    ];
    for (name, value) in given {
        if let Some(value) = value {
            filters.set(name, value);
        }
    }
    filters
}

/// The names and filters of all reports, for `--help`.
fn names_help() -> String {
    let mut text = String::from("Reports, and the filters that each takes:\n");
    for report in reports::REPORTS {
        let filters: Vec<String> =
            report.filters.iter().map(|filter| format!("--{filter}")).collect();
        text.push_str(&format!("  {:<17} {}", report.name, report.about));
        text.push_str(&format!("\n  {:<17} {}\n", "", filters.join(" ")));
    }
    text
}
