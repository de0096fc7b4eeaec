//! `revledger collect`: payment processors do what the ledger's requests ask for.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::Global;
use crate::collect::stripe::{API_URL, Key, Stripe};
use crate::collect::{Collector, Counts};
use crate::config;
use crate::exit::{Exit, Failure};

/// How often the log is looked at for new requests.
const FOLLOW_EVERY: Duration = Duration::from_secs(1);

/// Arguments of `collect`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// Whose adapter.
    #[command(subcommand)]
    pub(crate) processor: Processor,
}

/// The processors.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Processor {
    /// Charges cards and mandates by Stripe's payment intents.
    Stripe(StripeArguments),
}

/// Arguments of `collect stripe`.
#[derive(Debug, Clone, Args)]
pub(crate) struct StripeArguments {
    /// The file that holds the secret key; else the variable REVLEDGER_STRIPE_KEY does.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// Where the API is.
    #[arg(long, value_name = "URL", default_value = API_URL)]
    pub(crate) api_url: String,
    /// How often a call without a clear answer is repeated before it is left for later.
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(crate) retries: u32,
    /// Sees to what is in the log and ends; what it does without --follow, too.
    #[arg(long, conflicts_with = "follow")]
    pub(crate) once: bool,
    /// Goes on with what comes, until it is told to end.
    #[arg(long)]
    pub(crate) follow: bool,
}

/// The variable that holds the key where no file does: not an option, which others could read.
const KEY: &str = "REVLEDGER_STRIPE_KEY";

/// Collects.
///
/// # Errors
/// Where the key is missing or not taken, or the log cannot be used.
pub(crate) fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let Processor::Stripe(arguments) = &arguments.processor;
    let key = key(arguments.key_file.as_deref())?;
    let stripe = Stripe::new(&arguments.api_url, key, arguments.retries)?;
    let counts = config::block_on(async {
        let log = config::open_to_read(global).await?;
        let mut collector = Collector::start(global, log, stripe).await?;
        if arguments.follow { follow(&mut collector).await } else { collector.round().await }
    })?;
    writeln!(std::io::stdout().lock(), "{}", counts.text())?;
    Ok(match (counts.is_clean(), counts.has_unknown()) {
        (true, _) => Exit::Done,
        (false, true) => Exit::Store,
        (false, false) => Exit::No,
    })
}

/// Rounds until a signal; what is under way is finished first.
async fn follow(collector: &mut Collector<'_>) -> Result<Counts, Failure> {
    let failed = |error| Failure::store("serve.signals", "cannot wait for signals").because(error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut told = None;
    loop {
        match collector.round().await {
            Ok(_) => told = None,
            Err(failure) if !passes(&failure) => return Err(failure),
            // The same trouble is told once.
            Err(failure) if told.as_ref() == Some(&failure) => {}
            Err(failure) => {
                failure.print(&mut std::io::stderr().lock())?;
                told = Some(failure);
            }
        }
        tokio::select! {
            _ = interrupt.recv() => return Ok(Counts::default()),
            _ = terminate.recv() => return Ok(Counts::default()),
            () = tokio::time::sleep(FOLLOW_EVERY) => {}
        }
    }
}

/// Whether a trouble may be over at the next look: another program has the journal open, or the
/// server is away. Nothing is charged meanwhile, and what was charged is in Stripe's books.
fn passes(failure: &Failure) -> bool {
    matches!(
        failure.code.as_str(),
        "store.unavailable"
            | "nats.unreachable"
            | "service.none"
            | "service.silent"
            | "service.failed"
    )
}

fn key(file: Option<&Path>) -> Result<Key, Failure> {
    if let Some(path) = file {
        let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
        return Key::of(&text);
    }
    match std::env::var(KEY) {
        Ok(text) => Key::of(&text),
        Err(_) => Err(Failure::usage("stripe.key_missing", "no secret key of Stripe")
            .help(format!("name its file with --key-file, or set {KEY}"))),
    }
}
