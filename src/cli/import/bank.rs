//! `revledger import camt053|mt940|bai2`: receipts of bank statements become payments.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use commands::import::statement::matching::{Matcher, OpenItem, Payer};
use commands::import::statement::plan::{Book, Plan, Planner, Recorded, Sum, Told};
use commands::import::statement::{self, Fault, Format, Statement, Totals};
use ledger_core::calendar::Day;
use ledger_core::id::Identifier;
use projections::reports::{self, Cell, Filters};
use projections::views::Views;
use serde_json::{Value, json};

use super::sending::{Replies, send, tell};
use crate::cli::{Format as Output, Global};
use crate::exit::{Exit, Failure};
use crate::{config, reading};

/// Bank statements, and what to do with them.
#[derive(Debug, Clone, Args)]
pub(crate) struct Statements {
    /// The statements.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The customer that takes receipts of unknown payers; registered where it is missing.
    #[arg(long, value_name = "ID")]
    pub(crate) unknown_customer: Option<String>,
    /// Reads, matches and counts everything, applies nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Applies nothing where anything cannot go in, and stops at the first refusal.
    #[arg(long)]
    pub(crate) strict: bool,
}

pub(crate) const HELP: &str = "\
Credits become payments. Each settles
  1. the open invoices whose ids stand in its remittance text as whole words, else
  2. the one open invoice of its amount that a customer of the payer's name or account owes.
What is not sure stays unapplied, and is listed with the invoices that it could settle.
Debits, reversals and entries that are not booked yet are counted and skipped.

A statement whose balances or control totals do not tie is refused whole (statement.checksum);
the others go in. Ids are derived from the bank's own: importing a file twice changes nothing.";

/// One file, read.
struct Read {
    path: PathBuf,
    outcome: Result<Vec<Statement>, Fault>,
}

/// Imports the files.
///
/// # Errors
/// Where a file cannot be opened, or the store or server cannot be used.
pub(crate) fn run(
    global: &Global,
    format: Format,
    arguments: &Statements,
) -> Result<Exit, Failure> {
    let suspense = arguments.unknown_customer.as_deref();
    if let Some(id) = suspense {
        id.parse::<Identifier>()?;
    }
    let files = arguments
        .files
        .iter()
        .map(|path| {
            let bytes = std::fs::read(path).map_err(|error| Failure::file(path, &error))?;
            Ok(Read { path: path.clone(), outcome: statement::read(format, &bytes) })
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    config::block_on(async {
        let views = views(global, arguments.dry_run).await?;
        let known = Known(&views);
        let mut planner = Planner::new(matcher(&views)?, &known, suspense);
        let mut summary = Summary::default();
        for file in files {
            summary.add(file, &mut planner);
        }
        let stops = arguments.strict && !summary.refused.is_empty();
        if !arguments.dry_run && !stops {
            let commands = std::mem::take(&mut summary.commands);
            send(global, arguments.strict, commands, &mut summary.replies).await?;
        }
        summary.print(global, arguments.dry_run, stops)?;
        let is_clean = summary.refused.is_empty() && summary.replies.told.is_empty();
        Ok(if is_clean { Exit::Done } else { Exit::No })
    })
}

/// The book as it stands; a dry run does without one.
pub(super) async fn views(global: &Global, is_dry: bool) -> Result<Views, Failure> {
    match config::open_to_read(global).await {
        Ok(log) => reading::views(global, &log).await,
        Err(failure) if is_dry && failure.code == "store.missing" => Ok(Views::default()),
        Err(failure) => Err(failure),
    }
}

/// The open items whatever the day, as the ledger itself sees them when it settles one.
fn matcher(views: &Views) -> Result<Matcher, Failure> {
    let last = Day::new(time::Date::MAX);
    let table = reports::run("open-items", &Filters::default(), views, last)?;
    let column = |name: &str| table.columns.iter().position(|column| column.0 == name);
    let places = [column("invoice"), column("customer"), column("currency"), column("open")];
    let [Some(invoice), Some(customer), Some(currency), Some(open)] = places else {
        return Err(Failure::store("report.failed", "open-items lacks a column"));
    };
    let items = table.rows.iter().filter_map(|row| {
        let text = |index: usize| row.get(index).map(Cell::text);
        let Some(Cell::Amount(open)) = row.get(open) else { return None };
        Some(OpenItem {
            invoice: text(invoice)?,
            customer: text(customer)?,
            currency: text(currency)?,
            open: *open,
        })
    });
    let payers = views.customers.values().map(|customer| Payer {
        customer: customer.customer.to_string(),
        name: customer.name.clone(),
        marks: customer.tax_id.iter().cloned().collect(),
    });
    Ok(Matcher::new(payers, items))
}

struct Known<'a>(&'a Views);

impl Book for Known<'_> {
    fn payment(&self, id: &str) -> Option<Recorded> {
        let id: Identifier = id.parse().ok()?;
        let fact = self.0.receivables.payments.get(&id)?;
        let received = &fact.received;
        Some(Recorded { amount: received.amount, currency: received.currency, day: fact.effective })
    }

    fn has_customer(&self, id: &str) -> bool {
        id.parse::<Identifier>().is_ok_and(|id| self.0.customers.contains_key(&id))
    }
}

/// Everything that is told at the end.
#[derive(Default)]
struct Summary {
    statements: u64,
    refused_statements: u64,
    refused_files: u64,
    totals: BTreeMap<String, Totals>,
    plan: Plan,
    commands: Vec<(PathBuf, commands::import::csv::Imported)>,
    refused: Vec<(PathBuf, Told)>,
    unsure: Vec<(PathBuf, Told)>,
    replies: Replies,
}

impl Summary {
    fn add(&mut self, file: Read, planner: &mut Planner<'_, Known<'_>>) {
        let path = file.path;
        let statements = match file.outcome {
            Ok(statements) => statements,
            Err(fault) => {
                let told = Told { line: fault.line, text: fault.to_string() };
                self.refused.push((path, told));
                self.refused_files += 1;
                return;
            }
        };
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        self.statements += count(statements.len());
        let refused = statements.iter().filter(|statement| statement.fault.is_some()).count();
        self.refused_statements += count(refused);
        for (currency, totals) in statement::totals(&statements) {
            let sums = self.totals.entry(currency).or_default();
            sums.entries += totals.entries;
            sums.credits += totals.credits;
            sums.credited += totals.credited;
            sums.debits += totals.debits;
            sums.debited += totals.debited;
        }
        let plan = planner.plan(&statements);
        for (key, sum) in plan.sums {
            let sums = self.plan.sums.entry(key).or_default();
            sums.count += sum.count;
            sums.amount += sum.amount;
        }
        self.commands.extend(plan.commands.into_iter().map(|one| (path.clone(), one)));
        self.refused.extend(plan.refused.into_iter().map(|one| (path.clone(), one)));
        self.unsure.extend(plan.unsure.into_iter().map(|one| (path.clone(), one)));
    }

    fn print(&self, global: &Global, is_dry: bool, stops: bool) -> Result<(), Failure> {
        tell(&self.refused)?;
        tell(&self.replies.told)?;
        if !global.quiet {
            tell(&self.unsure)?;
        }
        let mut output = std::io::stdout().lock();
        if global.format_or(Output::Table) != Output::Table {
            writeln!(output, "{}", self.json(is_dry))?;
            return Ok(());
        }
        writeln!(
            output,
            "{} statements read, {} refused; {} files refused",
            self.statements, self.refused_statements, self.refused_files
        )?;
        for (currency, totals) in &self.totals {
            writeln!(
                output,
                "in the files: {} entries, {} credits {} {currency}, {} debits {} {currency}",
                totals.entries, totals.credits, totals.credited, totals.debits, totals.debited
            )?;
        }
        for ((fate, currency), Sum { count, amount }) in &self.plan.sums {
            writeln!(output, "  {:<28} {count:>8} {amount:>16} {currency}", fate.as_str())?;
        }
        self.replies.print(&mut output, is_dry, stops)
    }

    fn json(&self, is_dry: bool) -> Value {
        let totals = self.totals.iter().map(|(currency, totals)| {
            json!({
                "currency": currency, "entries": totals.entries,
                "credits": totals.credits, "credited": totals.credited,
                "debits": totals.debits, "debited": totals.debited,
                "net": totals.credited - totals.debited,
            })
        });
        let fates = self.plan.sums.iter().map(|((fate, currency), sum)| {
            json!({"what": fate.as_str(), "currency": currency, "count": sum.count,
                   "amount": sum.amount})
        });
        json!({
            "statements": self.statements, "refused_statements": self.refused_statements,
            "refused_files": self.refused_files, "dry_run": is_dry,
            "accepted": self.replies.accepted_count(), "rejected": self.replies.rejected,
            "by_type": self.replies.accepted,
            "totals": totals.collect::<Vec<_>>(), "receipts": fates.collect::<Vec<_>>(),
        })
    }
}
