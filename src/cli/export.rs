//! `revledger export FORMAT`: the general ledger as other programs read it.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use ledger_core::calendar::Day;
use projections::reports::general_ledger::{GeneralLedger, Recognition};
use projections::reports::{self, Filters};
use projections::views::Views;

use crate::cli::Global;
use crate::cli::report::day;
use crate::exit::{Exit, Failure};
use crate::export::hledger::{self, Flavour};
use crate::export::table::{self, Map, Steps};
use crate::export::{Journal, Totals, ads, beancount, nothing, sink};
use crate::{config, reading};

const EXAMPLES: &str = "Examples:
  revledger export hledger --output 2026.journal && hledger -f 2026.journal check --strict
  revledger export hledger --from 2026-01-01 --to 2026-03-31 | hledger -f - balance
  revledger export ledger --recognition month --output book.ledger
  revledger export beancount --output book.beancount && bean-check book.beancount

Each month ends with the balance of every account, which the other program checks when it loads
the file. Nothing is written where the export does not tie to the trial balance
(export.does_not_tie), or where the range has no entry (export.empty).";

const MAP_HELP: &str = "\
MAP.toml, each line as it is where nothing is said:
  delimiter = \",\"
  date_format = \"yyyy-mm-dd\"   from yyyy, mm, m, dd, d
  decimal_mark = \".\"
  header = true                the first row names the columns
  positive = \"debit\"           or credit: the side for which `amount` is above zero
  sides = [\"D\", \"C\"]           what `side` says
  guard_formulas = true        a text that a spreadsheet would run gets a leading '
  recognition = \"day\"          or month
  columns = [                  in their order; the report journal's where nothing is said
    {field = \"date\", name = \"Posting date\"},
    {text = \"1000\", name = \"Company\"},
  ]
Fields: date, month, entry, number, account, account_name, kind, role, currency, debit, credit,
amount (signed), absolute and side, document_currency, document_amount, document, customer,
sequence, type, actor, command_id, reason, lines, policy.

Examples:
  revledger export csv --from 2026-03-01 --to 2026-03-31 --output march.csv
  revledger export csv --map erp.toml --recognition month --to 2026-03-31 > q1.csv";

const ADS_HELP: &str = "\
Files (pipe-delimited, UTF-8, one header row): GL_Detail, Trial_Balance, Chart_Of_Accounts,
Sales_Orders, Sales_Orders_Lines,
Invoices_Generated, Invoices_Generated_Lines, Cash_Received, AR_Cash_Application, AR_Adjustments,
Open_Accounts_Receivable, Customer_Master_Listing, User_Listing, and Control_Totals with the count,
the sums and the SHA-256 of each, and with receivables rolled forward from opening to closing.

Example:
  revledger export ads --from 2026-01-01 --to 2026-03-31 --output audit-q1";

/// Arguments of `export`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The format.
    #[command(subcommand)]
    pub(crate) format: Kind,
}

/// The format.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Kind {
    /// A journal for hledger (plain-text accounting).
    #[command(after_help = EXAMPLES)]
    Hledger(Text),
    /// A journal for ledger 3 (plain-text accounting).
    #[command(after_help = EXAMPLES)]
    Ledger(Text),
    /// A file for beancount (plain-text accounting).
    #[command(after_help = EXAMPLES)]
    Beancount(Text),
    /// Journal entries as a table, one row a posting, for ERPs.
    #[command(after_help = MAP_HELP)]
    Csv(Table),
    /// Tables of the AICPA's audit data standard for order to cash, as files in a folder.
    #[command(after_help = ADS_HELP)]
    Ads(Folder),
}

/// Of what days, as known when.
#[derive(Debug, Clone, Args)]
pub(crate) struct Days {
    /// The first day; the first one with an entry where nothing is said. What stood before it is
    /// the opening balance.
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub(crate) from: Option<Day>,
    /// The last day; the business date where nothing is said.
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub(crate) to: Option<Day>,
    /// The business date; today in the book's time zone where nothing is said.
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub(crate) as_of: Option<Day>,
    /// As the ledger knew it at this instant (RFC 3339).
    #[arg(long, value_name = "INSTANT", conflicts_with = "at_sequence")]
    pub(crate) known_at: Option<String>,
    /// As the ledger knew it after this sequence.
    #[arg(long, value_name = "N")]
    pub(crate) at_sequence: Option<u64>,
}

impl From<Steps> for Recognition {
    fn from(steps: Steps) -> Self {
        match steps {
            Steps::Day => Self::Daily,
            Steps::Month => Self::Monthly,
        }
    }
}

/// Arguments of the table.
#[derive(Debug, Clone, Args)]
pub(crate) struct Table {
    #[command(flatten)]
    pub(crate) days: Days,
    /// Which columns there are, and how dates and amounts are written (TOML).
    #[arg(long, value_name = "MAP.toml")]
    pub(crate) map: Option<PathBuf>,
    /// How finely recognition is written; what the map says, else day.
    #[arg(long, value_enum, value_name = "STEPS")]
    pub(crate) recognition: Option<Steps>,
    /// The file; standard output where nothing is said, or for `-`.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// Arguments of the folder.
#[derive(Debug, Clone, Args)]
pub(crate) struct Folder {
    #[command(flatten)]
    pub(crate) days: Days,
    /// How finely recognition is written in GL_Detail.
    #[arg(long, value_enum, default_value_t = Steps::Day, value_name = "STEPS")]
    pub(crate) recognition: Steps,
    /// The folder, which must not exist yet, or be empty.
    #[arg(long, value_name = "DIR")]
    pub(crate) output: PathBuf,
}

/// Arguments of a format that is one text.
#[derive(Debug, Clone, Args)]
pub(crate) struct Text {
    #[command(flatten)]
    pub(crate) days: Days,
    /// How finely recognition is written: month ties at each month's end, day on every day.
    #[arg(long, value_enum, default_value_t = Steps::Day, value_name = "STEPS")]
    pub(crate) recognition: Steps,
    /// The file; standard output where nothing is said, or for `-`.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// Writes the export.
///
/// # Errors
/// Where there is nothing to write, it does not tie, or the log or the place cannot be used.
pub(crate) fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let views = config::block_on(async {
        let log = config::open_to_read(global).await?;
        reading::views(global, &log).await
    })?;
    match &arguments.format {
        Kind::Hledger(text) => plain(global, &views, text, |journal, output| {
            hledger::write(journal, Flavour::Hledger, output)
        }),
        Kind::Ledger(text) => plain(global, &views, text, |journal, output| {
            hledger::write(journal, Flavour::Ledger, output)
        }),
        Kind::Beancount(text) => plain(global, &views, text, beancount::write),
        Kind::Csv(table) => run_table(global, &views, table),
        Kind::Ads(folder) => run_folder(global, &views, folder),
    }
}

fn run_table(global: &Global, views: &Views, arguments: &Table) -> Result<Exit, Failure> {
    let map = arguments.map.as_deref().map_or(Ok(Map::default()), map)?;
    let layout = map.check().map_err(|why| {
        Failure::usage("export.map", "the map makes no table")
            .because(why)
            .help("`revledger export csv --help` shows one")
    })?;
    let recognition = arguments.recognition.or(layout.recognition()).unwrap_or(Steps::Day);
    let (days, output) = (arguments.days.clone(), arguments.output.clone());
    plain(global, views, &Text { days, recognition, output }, |journal, output| {
        table::write(journal, &layout, output)
    })
}

fn run_folder(global: &Global, views: &Views, arguments: &Folder) -> Result<Exit, Failure> {
    let place = arguments.output.as_path();
    let asked = (&arguments.days, arguments.recognition.into());
    let totals = with_journal(global, views, asked, |journal| ads::write(journal, views, place))?;
    if !global.quiet {
        tell(views, Some(place), &totals)?;
    }
    Ok(Exit::Done)
}

fn map(path: &Path) -> Result<Map, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
    toml::from_str(&text).map_err(|error| {
        Failure::usage("export.map", format!("{} is no map of columns", path.display()))
            .because(error)
            .help("`revledger export csv --help` shows one")
    })
}

/// Writes a format that is one text, and says what was written.
fn plain(
    global: &Global,
    views: &Views,
    text: &Text,
    write: impl FnOnce(&Journal<'_>, &mut dyn Write) -> Result<Totals, Failure>,
) -> Result<Exit, Failure> {
    let place = text.output.as_deref().filter(|file| *file != Path::new("-"));
    let totals = with_journal(global, views, (&text.days, text.recognition.into()), |journal| {
        sink::whole(place, |output| write(journal, output))
    })?;
    if !global.quiet {
        tell(views, place, &totals)?;
    }
    Ok(Exit::Done)
}

/// Opens the general ledger of the days that are asked for.
fn with_journal<T>(
    global: &Global,
    views: &Views,
    (days, recognition): (&Days, Recognition),
    work: impl FnOnce(&Journal<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let range = reports::range(&filters(days), views, config::today(views))?;
    let ledger = GeneralLedger::new(views, range.sequence)
        .ok_or_else(|| nothing(&format!("the book {} was not opened", global.book)))?;
    let first = range.from.or_else(|| ledger.first_day(range.to));
    let from = first.filter(|first| *first <= range.to).ok_or_else(|| {
        nothing(&format!("nothing is posted through {} in the book {}", range.to, global.book))
    })?;
    let (book, is_unsafe) = (global.book.as_str(), global.unsafe_dev);
    work(&Journal { book, ledger: &ledger, from, to: range.to, recognition, is_unsafe })
}

fn filters(days: &Days) -> Filters {
    let mut filters = Filters::default();
    let given = [
        ("from", days.from.map(|day| day.to_string())),
        ("to", days.to.map(|day| day.to_string())),
        ("as_of", days.as_of.map(|day| day.to_string())),
        ("known_at", days.known_at.clone()),
        ("at_sequence", days.at_sequence.map(|sequence| sequence.to_string())),
    ];
    for (name, value) in given {
        if let Some(value) = value {
            filters.set(name, value);
        }
    }
    filters
}

/// Says on standard error what was written.
fn tell(views: &Views, place: Option<&Path>, totals: &Totals) -> Result<(), Failure> {
    let currency = views.currency().map(|currency| currency.code().to_owned());
    let currency = currency.unwrap_or_default();
    let Totals { entries, legs, debits, credits } = totals;
    let place = place.map(|file| format!(" to {}", file.display())).unwrap_or_default();
    writeln!(
        std::io::stderr(),
        "wrote {entries} entries with {legs} postings{place}: debits {debits} {currency}, \
         credits {credits} {currency}"
    )?;
    Ok(())
}
