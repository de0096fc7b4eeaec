//! The command line: global options, and one file a verb.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::connection::{Access, Server};
use crate::exit::{Exit, Failure};

pub(crate) mod apply;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod collect;
pub(crate) mod completions;
pub(crate) mod consolidate;
pub(crate) mod demo;
pub(crate) mod document;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod migrate;
pub(crate) mod notices;
pub(crate) mod preview;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod restore;
pub(crate) mod serve;
pub(crate) mod verify;

/// An event-sourced revenue ledger for order-to-cash.
#[derive(Debug, Parser)]
#[command(name = "revledger", version, about, arg_required_else_help = true, after_help = EXITS)]
pub(crate) struct Cli {
    /// Options that every verb takes.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

const EXITS: &str = "\
Exit codes:
   0  done
   1  it ran and the answer is no
   2  wrong use
   3  the store or the server could not be reached, or another program has it
  10  a server or a stream is set up so that acknowledged events could be lost
  20  the log is not what was written: shorter, changed or damaged
  30  the log could not be written to the disk";

/// Options that every verb takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// The book.
    #[arg(long, global = true, default_value = "main", value_name = "BOOK")]
    pub(crate) book: String,
    /// The folder of the embedded ledger: one folder below it for each book.
    #[arg(
        long,
        global = true,
        env = "REVLEDGER_DATA",
        default_value = "./revledger-data",
        value_name = "DIR"
    )]
    pub(crate) data: PathBuf,
    /// The NATS server whose JetStream keeps the log, instead of the embedded journal; the servers
    /// of a cluster with commas.
    #[arg(long, global = true, env = "NATS_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) nats: Option<Server>,
    /// The server's monitoring address (several with commas), which proves that it syncs.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) nats_monitor: Option<String>,
    /// How many servers keep the stream at least: 3 in a cluster and 1 on a single server, where
    /// it is left out.
    #[arg(long, global = true, value_name = "N")]
    pub(crate) nats_replicas: Option<usize>,
    /// Start even where an acknowledged event could be lost. Never for real money.
    #[arg(long, global = true)]
    pub(crate) unsafe_dev: bool,
    /// How answers are printed.
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,
    /// Print nothing but the answer.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Who asks; only a local data folder accepts it. In a report: only what this actor did.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) actor: Option<String>,
    /// Who we are at the NATS server. The last ones: their heading holds for all behind it.
    #[command(flatten)]
    pub(crate) access: Access,
}

/// How answers are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// One JSON object.
    Json,
    /// Comma-separated values with a header.
    Csv,
    /// One JSON object a row.
    Ndjson,
    /// A printed document, of `document` only.
    Pdf,
    /// UBL 2.1 of EN 16931, of `document` only.
    Ubl,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Shows a small book of sample data in a temporary folder: start here.
    Demo,
    /// Runs the daemon: the command service, the projections, HTTP, and NATS with --nats.
    ///
    /// Several may run on one book with --nats, each with a --data of its own: one writes, the others
    /// stand by and take over.
    #[command(after_help = EXITS)]
    Serve(serve::Arguments),
    /// Applies commands from NDJSON files (`-` is standard input) and prints their replies.
    Apply(apply::Arguments),
    /// Turns outside documents into commands and applies them.
    Import(import::Arguments),
    /// Prints a report.
    Report(Box<report::Arguments>),
    /// Writes or sends the letters of the reminders of a dunning run.
    Notices(notices::Arguments),
    /// Lets a payment processor collect what was requested.
    Collect(collect::Arguments),
    /// Shows what a command would do, without recording anything.
    Preview(preview::Arguments),
    /// Shows how a number comes about: its events, and the arithmetic.
    Explain(explain::Arguments),
    /// Prints the whole history of one document: who, when, why, which command, which postings.
    Audit(audit::Arguments),
    /// Writes an invoice or a credit note as PDF or as UBL of EN 16931.
    Document(document::Arguments),
    /// Writes the general ledger for hledger, ledger, beancount, an ERP or an auditor.
    Export(export::Arguments),
    /// Folds the log from its first event into fresh projections and prints their digests.
    Replay(replay::Arguments),
    /// Adds up the trial balances of several books in one currency.
    Consolidate(consolidate::Arguments),
    /// Checks the log: order, hash chain, and the book's invariants.
    Verify,
    /// Writes the whole book to one file, or checks such a file with --verify.
    Backup(backup::Arguments),
    /// Makes a book from a backup, where none is.
    Restore(restore::Arguments),
    /// Brings a book from the embedded journal to JetStream, or back, event for event.
    Migrate(migrate::Arguments),
    /// Runs scenario files, each in a fresh book in memory, and compares.
    Check(check::Arguments),
    /// Prints the completions of a shell.
    Completions(completions::Arguments),
    /// Prints the manual page.
    Man,
}

/// Runs the verb.
///
/// # Errors
/// Where it could not do what it was asked; the failure carries the exit code.
pub(crate) fn run(cli: Cli) -> Result<Exit, Failure> {
    let mut global = cli.global;
    global.check(&cli.verb)?;
    if let Some(server) = &mut global.nats {
        server.set_access(&global.access);
    }
    match cli.verb {
        Verb::Demo => demo::run(&global),
        Verb::Serve(arguments) => serve::run(&global, &arguments),
        Verb::Apply(arguments) => apply::run(&global, &arguments),
        Verb::Import(arguments) => import::run(&global, &arguments),
        Verb::Report(arguments) => report::run(&global, &arguments),
        Verb::Notices(arguments) => notices::run(&global, &arguments),
        Verb::Collect(arguments) => collect::run(&global, &arguments),
        Verb::Preview(arguments) => preview::run(&global, &arguments),
        Verb::Explain(arguments) => explain::run(&global, &arguments),
        Verb::Audit(arguments) => audit::run(&global, &arguments),
        Verb::Document(arguments) => document::run(&global, &arguments),
        Verb::Export(arguments) => export::run(&global, &arguments),
        Verb::Replay(arguments) => replay::run(&global, &arguments),
        Verb::Consolidate(arguments) => consolidate::run(&global, &arguments),
        Verb::Verify => verify::run(&global),
        Verb::Backup(arguments) => backup::run(&global, &arguments),
        Verb::Restore(arguments) => restore::run(&global, &arguments),
        Verb::Migrate(arguments) => migrate::run(&global, &arguments),
        Verb::Check(arguments) => check::run(&global, &arguments),
        Verb::Completions(arguments) => completions::run(&arguments),
        Verb::Man => completions::man(),
    }
}

impl Global {
    /// Refuses options that do not fit the verb.
    fn check(&self, verb: &Verb) -> Result<(), Failure> {
        self.access.check()?;
        let is_refused = match verb {
            Verb::Serve(_) => true,
            Verb::Apply(_) | Verb::Import(_) | Verb::Collect(_) => self.nats.is_some(),
            Verb::Demo
            | Verb::Report(_)
            | Verb::Notices(_)
            | Verb::Preview(_)
            | Verb::Explain(_)
            | Verb::Audit(_)
            | Verb::Document(_)
            | Verb::Export(_)
            | Verb::Replay(_)
            | Verb::Consolidate(_)
            | Verb::Verify
            | Verb::Backup(_)
            | Verb::Restore(_)
            | Verb::Migrate(_)
            | Verb::Check(_)
            | Verb::Completions(_)
            | Verb::Man => false,
        };
        if self.actor.is_some() && is_refused {
            return Err(Failure::usage(
                "actor.not_allowed",
                "--actor names who asks only on a local data folder",
            )
            .because("over a connection, the connection's credentials say who asks")
            .help("leave --actor out, or use --data without --nats"));
        }
        let is_paper = matches!(self.format, Some(Format::Pdf | Format::Ubl));
        if is_paper && !matches!(verb, Verb::Document(_)) {
            return Err(Failure::usage("document.format", "pdf and ubl are formats of documents")
                .help("`revledger document ID --format pdf` writes one"));
        }
        Ok(())
    }

    /// The format that was asked for, or `otherwise`.
    pub(crate) fn format_or(&self, otherwise: Format) -> Format {
        self.format.unwrap_or(otherwise)
    }
}
