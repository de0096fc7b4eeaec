//! `revledger consolidate`: the trial balance of several books in one currency.

use std::collections::BTreeMap;

use clap::Args;
use ledger_core::calendar::Day;
use ledger_core::money::{Amount, Currency};
use projections::consolidation::{self, Entity, GroupRates};
use projections::views::Views;

use crate::cli::report::day;
use crate::cli::{Format, Global};
use crate::exit::{Exit, Failure};
use crate::{config, output, reading};

/// Arguments of `consolidate`.
#[derive(Debug, Clone, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// Another book of the group beside --book; repeat it for more.
    #[arg(long, value_name = "BOOK", required = true)]
    pub(crate) also: Vec<String>,
    /// The currency of the group; that of the first book where nothing is said.
    #[arg(long, value_name = "CODE", value_parser = currency)]
    pub(crate) currency: Option<Currency>,
    /// The business date; today where nothing is said.
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub(crate) as_of: Option<Day>,
    /// The closing rate of a currency, such as USD=0.92; else that which the first book recorded.
    #[arg(long, value_name = "CODE=RATE", value_parser = rate)]
    pub(crate) rate: Vec<(Currency, Amount)>,
    /// The average rate of a currency for income and expense; else the recorded one of the month,
    /// else the closing rate.
    #[arg(long, value_name = "CODE=RATE", value_parser = rate)]
    pub(crate) average: Vec<(Currency, Amount)>,
    /// A row for each book with its own balance and rate.
    #[arg(long)]
    pub(crate) by_book: bool,
}

const HELP: &str = "\
Balances are translated at the closing rate, income and expense at the average rate (IAS 21.39); what
that leaves is the row translation_difference. Nothing is eliminated between the books.

Examples:
  revledger consolidate --book acme-de --also acme-us --as-of 2026-12-31
  revledger consolidate --book acme-de --also acme-us --rate USD=0.92 --average USD=0.90 --by-book";

fn currency(text: &str) -> Result<Currency, String> {
    Currency::parse(text).map_err(|rejection| rejection.message)
}

/// Reads `USD=0.92`.
fn rate(text: &str) -> Result<(Currency, Amount), String> {
    let (code, rate) = text.split_once('=').ok_or("a rate is written CODE=RATE, as in USD=0.92")?;
    let amount: Amount = rate.parse().map_err(|_| format!("{rate:?} is no number"))?;
    if !amount.is_positive() {
        return Err(format!("a rate of {amount} cannot be: it is above zero"));
    }
    Ok((currency(code)?, amount))
}

/// Prints the trial balance of the group.
///
/// # Errors
/// Where a book cannot be read, is not open, or has no rate.
pub(crate) fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    config::block_on(async {
        let mut books: Vec<(String, Views)> = Vec::new();
        for name in std::iter::once(&global.book).chain(&arguments.also) {
            if books.iter().any(|(known, _)| known == name) {
                return Err(Failure::usage(
                    "consolidate.book_twice",
                    format!("{name:?} is named twice"),
                )
                .help("name each book once, with --book or --also"));
            }
            let one = Global { book: name.clone(), ..global.clone() };
            let log = config::open_to_read(&one).await?;
            books.push((name.clone(), reading::views(&one, &log).await?));
        }
        let Some((_, first)) = books.first() else { return Ok(Exit::Done) };
        let as_of = arguments.as_of.unwrap_or(config::today(first));
        let currency = arguments.currency.or(first.currency());
        let currency = currency.ok_or_else(|| {
            Failure::usage("book.not_open", format!("the book {} is not open", global.book))
        })?;
        let rates = GroupRates {
            closing: arguments.rate.iter().copied().collect::<BTreeMap<_, _>>(),
            average: arguments.average.iter().copied().collect::<BTreeMap<_, _>>(),
            recorded: Some(&first.rates),
        };
        let entities = books
            .iter()
            .map(|(name, views)| Entity::new(name, views, as_of, (currency, &rates)))
            .collect::<Result<Vec<_>, _>>()?;
        let mut table = consolidation::trial_balance(&entities, currency, arguments.by_book);
        table.sequence = first.sequence;
        let mut output = std::io::BufWriter::new(std::io::stdout());
        output::print(&mut output, global.format_or(Format::Table), &table, as_of)?;
        Ok(Exit::Done)
    })
}
