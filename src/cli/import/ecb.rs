//! `revledger import ecb-fx`: the ECB's euro reference rates become exchange rates.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use commands::import::csv::{BadRecord, Imported};
use commands::import::ecb::{self, File, Filter, Plan, Quote};
use commands::import::statement::plan::Told;
use ledger_core::calendar::Day;
use ledger_core::fx::RateType;
use ledger_core::money::{Amount, Currency};
use ledger_core::rejection::Code;
use projections::views::Views;
use serde_json::{Value, json};

use super::bank::views;
use super::sending::{Replies, send, tell};
use crate::cli::report::day;
use crate::cli::{Format, Global};
use crate::config;
use crate::exit::{Exit, Failure};

/// Files of reference rates, and what is wanted of them.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// The ECB's files: csv, zip or xml, of one day or of all.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Only these currencies; all of the files where it is missing.
    #[arg(long, value_name = "CODES", value_delimiter = ',')]
    pub(crate) currencies: Vec<String>,
    /// Only from this date on.
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub(crate) from: Option<Day>,
    /// Only through this date.
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub(crate) to: Option<Day>,
    /// What the rates are for.
    #[arg(long = "type", value_enum, default_value_t = Kind::Spot)]
    pub(crate) kind: Kind,
    /// Reads and counts everything, applies nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Applies nothing where a rate cannot be read, and stops at the first refusal.
    #[arg(long)]
    pub(crate) strict: bool,
}

/// What rates are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Documents and earnings: the latest on or before their day.
    Spot,
    /// Balances at the end of its own day.
    Closing,
    /// The income of its month in a consolidation.
    Average,
}

impl Kind {
    fn of(self) -> RateType {
        match self {
            Self::Spot => RateType::Spot,
            Self::Closing => RateType::Closing,
            Self::Average => RateType::Average,
        }
    }
}

pub(crate) const HELP: &str = "\
Examples:
  revledger import ecb-fx eurofxref.csv
  revledger import ecb-fx eurofxref-hist.zip --currencies USD,GBP --from 2026-01-01
  revledger import ecb-fx eurofxref-hist.xml --currencies JPY --dry-run

Each rate becomes RecordFxRate from EUR, with source ECB, on its own date; the ledger uses the
latest on or before a day, either way round, and from one currency to another through EUR.
What a file is, is told by what is in it. Name the --currencies that the book uses, and --from some
days before its first document: the whole history is almost 200,000 commands.

Codes that ISO 4217 does not know today (CYP, EEK, SKK) are skipped and told. Importing a file
twice changes nothing. A corrected rate of a day is another command and replaces the one before:
of two rates of one day the one that was recorded last counts.";

/// Imports the files.
///
/// # Errors
/// Where a file cannot be opened, nothing matches, or the store or server cannot be used.
pub(crate) fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let filter = filter(arguments)?;
    let mut summary = Summary::default();
    let mut files = Vec::new();
    for path in &arguments.files {
        let bytes = std::fs::read(path).map_err(|error| Failure::file(path, &error))?;
        let file = ecb::read(&bytes, &filter).unwrap_or_else(|fault| {
            summary.refused_files += 1;
            File { bad: vec![fault], ..File::default() }
        });
        summary.add(path, &file);
        files.push(file);
    }
    let plan = ecb::plan(&files);
    if plan.quotes.is_empty() && summary.refused.is_empty() && plan.conflicts.is_empty() {
        return Err(nothing(&files, &summary));
    }
    drop(files);
    summary.sum_up(&filter, &plan.quotes);
    for (file, conflict) in &plan.conflicts {
        summary.refuse(arguments.files.get(*file), conflict);
    }
    config::block_on(async {
        let views = views(global, arguments.dry_run).await?;
        if views.currency().is_none() && !arguments.dry_run {
            return Err(not_open(global));
        }
        let commands = news(arguments, plan, &views, &mut summary);
        let stops = arguments.strict && !summary.refused.is_empty();
        if !arguments.dry_run && !stops {
            summary.replies.known_through = views.sequence;
            drop(views);
            send(global, arguments.strict, commands, &mut summary.replies).await?;
        }
        summary.print(global, arguments.dry_run, stops)?;
        let is_clean = summary.refused.is_empty() && summary.replies.told.is_empty();
        Ok(if is_clean { Exit::Done } else { Exit::No })
    })
}

fn filter(arguments: &Arguments) -> Result<Filter, Failure> {
    let codes = arguments.currencies.iter().map(|code| code.trim());
    let currencies = codes.map(Currency::parse).collect::<Result<BTreeSet<_>, _>>();
    let currencies = currencies.map_err(|wrong| {
        Failure::usage(&wrong.code, wrong.message).help("--currencies takes codes such as USD,GBP")
    })?;
    let (from, to) = (arguments.from, arguments.to);
    if let (Some(from), Some(to)) = (from, to)
        && to < from
    {
        let what = format!("--to {to} is before --from {from}");
        return Err(Failure::usage(Code::DateEndBeforeStart.as_str(), what));
    }
    Ok(Filter { currencies, from, to })
}

/// The error where no rate is wanted.
fn nothing(files: &[File], summary: &Summary) -> Failure {
    let days = files.iter().filter_map(|file| file.days);
    let days = days.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)));
    let codes: BTreeSet<&Currency> = files.iter().flat_map(|file| &file.currencies).collect();
    let codes = codes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let why = match days {
        None => "the files have no rate of a currency that ISO 4217 knows today".to_owned(),
        Some((first, last)) => format!("the files have {codes} from {first} to {last}"),
    };
    let why = match summary.unpublished {
        0 => why,
        count => format!("{why}; {count} of what was asked for is N/A"),
    };
    Failure::usage(
        Code::EcbNothingMatches.as_str(),
        "no rate of the files is of the currencies and dates that were asked for",
    )
    .because(why)
    .help("check --currencies, --from and --to")
}

fn not_open(global: &Global) -> Failure {
    let what = format!("the book {} is not open yet", global.book);
    Failure::new(Exit::No, Code::BookNotOpen.as_str(), what)
        .help("send OpenBook with its currency first")
}

/// The commands of rates that the book does not have as they are.
fn news(
    arguments: &Arguments,
    plan: Plan,
    views: &Views,
    summary: &mut Summary,
) -> Vec<(PathBuf, Imported)> {
    let kind = arguments.kind.of();
    let mut commands = Vec::new();
    for (file, quote) in plan.quotes {
        if is_known(views, &quote, kind) {
            summary.already_there += 1;
            continue;
        }
        let Some(path) = arguments.files.get(file) else { continue };
        let envelope = ecb::command(&quote, kind);
        commands.push((path.clone(), Imported { line: quote.line, envelope }));
    }
    commands
}

/// Whether the book's latest rate of that very day is this one.
fn is_known(views: &Views, quote: &Quote, kind: RateType) -> bool {
    let Ok(euro) = Currency::parse("EUR") else { return false };
    let known = views.rates.recorded((euro, quote.currency, kind), quote.date, u64::MAX);
    known.is_some_and(|known| known.date == quote.date && known.rate == quote.rate)
}

/// The rates of a currency.
struct Total {
    count: u64,
    first: Day,
    last: Day,
    sum: Amount,
}

/// Everything that is told at the end.
#[derive(Default)]
struct Summary {
    refused_files: u64,
    unpublished: u64,
    unknown: BTreeMap<String, u64>,
    totals: BTreeMap<Currency, Total>,
    /// Asked for, and not in the files.
    absent: Vec<Currency>,
    already_there: u64,
    refused: Vec<(PathBuf, Told)>,
    replies: Replies,
}

impl Summary {
    fn refuse(&mut self, path: Option<&PathBuf>, record: &BadRecord) {
        let told = Told { line: record.line, text: record.reason.clone() };
        self.refused.push((path.cloned().unwrap_or_default(), told));
    }

    fn add(&mut self, path: &PathBuf, file: &File) {
        self.unpublished += file.unpublished;
        for (code, count) in &file.unknown {
            *self.unknown.entry(code.clone()).or_default() += count;
        }
        for record in &file.bad {
            self.refuse(Some(path), record);
        }
    }

    /// The control totals of what is good, and who was asked for in vain.
    fn sum_up(&mut self, filter: &Filter, quotes: &[(usize, Quote)]) {
        for (_, quote) in quotes {
            let zero = Total { count: 0, first: quote.date, last: quote.date, sum: Amount::ZERO };
            let total = self.totals.entry(quote.currency).or_insert(zero);
            total.count += 1;
            total.first = total.first.min(quote.date);
            total.last = total.last.max(quote.date);
            total.sum += quote.rate;
        }
        let asked = filter.currencies.iter();
        self.absent = asked.filter(|code| !self.totals.contains_key(code)).copied().collect();
    }

    fn print(&self, global: &Global, is_dry: bool, stops: bool) -> Result<(), Failure> {
        tell(&self.refused)?;
        tell(&self.replies.told)?;
        if !global.quiet {
            self.notes()?;
        }
        let mut output = std::io::stdout().lock();
        if global.format_or(Format::Table) != Format::Table {
            writeln!(output, "{}", self.json(is_dry))?;
            return Ok(());
        }
        let (count, unreadable) = (self.count(), self.refused.len());
        let (unpublished, there) = (self.unpublished, self.already_there);
        writeln!(output, "{count} rates read, {unreadable} unreadable, {unpublished} N/A")?;
        for (currency, Total { count, first, last, sum }) in &self.totals {
            writeln!(output, "  {currency} {count:>8} {first} to {last}, sum {sum:>20}")?;
        }
        if there > 0 {
            writeln!(output, "{there} are in the book already")?;
        }
        self.replies.print(&mut output, is_dry, stops)
    }

    /// What is no failure, and should be known.
    fn notes(&self) -> Result<(), Failure> {
        tell(&self.replies.earlier)?;
        let mut errors = std::io::stderr().lock();
        for (code, count) in &self.unknown {
            let why = "ISO 4217 has no such currency today";
            writeln!(errors, "{code}: {count} rates are skipped: {why}")?;
        }
        for currency in &self.absent {
            writeln!(errors, "{currency}: the files have no rate of it for these dates")?;
        }
        Ok(())
    }

    fn count(&self) -> u64 {
        self.totals.values().map(|total| total.count).sum()
    }

    fn json(&self, is_dry: bool) -> Value {
        let totals = self.totals.iter().map(|(currency, total)| {
            json!({"currency": currency, "count": total.count, "first": total.first,
                   "last": total.last, "sum": total.sum})
        });
        json!({
            "rates": self.count(), "unreadable": self.refused.len(),
            "refused_files": self.refused_files, "unpublished": self.unpublished,
            "skipped": self.unknown, "absent": self.absent,
            "already_there": self.already_there, "replaced_since": self.replies.earlier.len(),
            "accepted": self.replies.accepted_count(), "rejected": self.replies.rejected,
            "by_type": self.replies.accepted, "dry_run": is_dry,
            "totals": totals.collect::<Vec<_>>(),
        })
    }
}
