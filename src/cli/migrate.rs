//! `revledger migrate --to PLACE`: a book from the journal to JetStream, and back.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use ledger_core::log::SharedLog;
use ledger_core::log::journal::Journal;

use crate::cli::{Global, apply};
use crate::config;
use crate::connection::Server;
use crate::exit::{Exit, Failure};
use crate::history::answer::Answer;
use crate::history::fill::{Filled, fill, first_other};
use crate::history::place::{Place, Standing, refuse_daemon};
use crate::history::{self, Checker, History, LogHistory, Whole};

const HELP: &str = "\
The book is read from where --data or --nats says and brought to --to: a server's address with its
scheme, or a data folder as --data takes it. Stop the daemon of the book first. Every event comes to
the same sequence with the same bytes; both ends are checked, and their digests compared, before the
new one is a book. The old one is only read. What was interrupted is no book: the same command goes on
with it. --nats-monitor, --nats-replicas and --unsafe-dev are about the stream that is made.

Examples:
  revledger migrate --to nats://127.0.0.1:4222 --nats-monitor http://127.0.0.1:8222
  revledger migrate --nats nats://127.0.0.1:4222 --to /srv/ledger
  revledger migrate --data /old/ledger --to /srv/ledger

Into a stream it needs the right to $JS.API.STREAM.CREATE and .UPDATE, which nobody else has.";

/// Arguments of `migrate`.
#[derive(Debug, Clone, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// Where to: nats://host:4222, or a data folder.
    #[arg(long, value_name = "URL|DIR")]
    pub(crate) to: String,
}

/// Brings a book to another place.
///
/// # Errors
/// Where one of the places cannot be used or trusted, or another book is there.
pub(crate) fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let target = target(global, &arguments.to)?;
    config::block_on(migrate(global, &target))?.print(global)?;
    Ok(Exit::Done)
}

/// The options with which the book is used afterwards.
fn target(global: &Global, to: &str) -> Result<Global, Failure> {
    if to.contains("://") {
        if global.nats.as_ref().is_some_and(|server| server.is_at(to)) {
            return Err(same_place(to, "--nats (or NATS_URL)"));
        }
        let server = Server::new(to, &global.access);
        return Ok(Global { nats: Some(server), ..global.clone() });
    }
    let folder = Path::new(to);
    let port = to.rsplit_once(':').map(|(_, port)| port);
    if port.is_some_and(|port| port.parse::<u16>().is_ok()) && !folder.exists() {
        return Err(Failure::usage("migrate.target", format!("{to} is no folder")).help(format!(
            "write nats://{to} where it is a server, or ./{to}/ where it is a folder"
        )));
    }
    let target = Global { nats: None, data: PathBuf::from(to), ..global.clone() };
    let is_same = match (folder.canonicalize(), global.data.canonicalize()) {
        (Ok(new), Ok(old)) => new == old,
        (Ok(_) | Err(_), Ok(_) | Err(_)) => folder == global.data,
    };
    if is_same && global.nats.is_none() {
        return Err(same_place(to, "--data (or REVLEDGER_DATA)"));
    }
    Ok(target)
}

fn same_place(to: &str, option: &str) -> Failure {
    Failure::usage("migrate.same_place", format!("the book is read from {to} already"))
        .because(format!("that is what {option} says"))
        .help("say where the book is with --data or --nats, and where it is to be with --to")
}

async fn migrate(global: &Global, target: &Global) -> Result<Answer, Failure> {
    let (source, place) = (open_source(global).await?, Place::of(target).await?);
    let name = place.describe()?;
    let through = source.last_sequence().await?;
    if through == 0 {
        return Err(Failure::new(Exit::No, "migrate.empty", "the book has no event")
            .because(format!("{} is empty", source.describe()))
            .help("check --book, --data and --nats"));
    }
    let standing = place.standing().await?;
    if standing != Standing::Book {
        place.check_unused().await?;
    }
    let anchored = place.anchored()?.map(|(sequence, _)| sequence);
    let (whole, seen) = checked(global, &source, through, anchored).await?;
    let filled = if standing == Standing::Book {
        // It came here before, and is a book by now: there is nothing to do, or it is another one.
        already(&place, &source, &whole, target).await?
    } else {
        place.check_anchor(&whole, seen)?;
        bring(global, place, &source, &whole).await?
    };
    Ok(Answer::default()
        .with("book", global.book.clone())
        .with("from", source.describe())
        .with("to", name)
        .with("there_before", filled.there)
        .with("brought", filled.added)
        .with_whole(&whole)
        .then(next(target))
        .then("keep the old one until the next backup, and start no daemon on it any more"))
}

/// How the book is served from now on.
fn next(target: &Global) -> String {
    let monitor = target.nats_monitor.as_ref().map(|list| format!(" --nats-monitor {list}"));
    let log = match &target.nats {
        Some(url) => format!("--nats {url}{}", monitor.unwrap_or_default()),
        None => format!("--data {}", target.data.display()),
    };
    format!("revledger serve --book {} {log}", target.book)
}

/// Opens the book that is to be brought, so that nobody writes to it meanwhile.
async fn open_source(global: &Global) -> Result<SharedLog, Failure> {
    let Some(server) = &global.nats else {
        // What is not there or not whole is told as everywhere else.
        drop(config::open_to_read(global).await?);
        return Ok(Arc::new(Journal::open_held(&global.journal()?)?));
    };
    refuse_daemon(server, global, "source.in_use").await?;
    // How many servers keep it is asked of the stream that is made.
    config::open_to_read(&Global { nats_replicas: Some(1), ..global.clone() }).await
}

/// Checks the log up to an event, and returns the chain through the watched one, too.
async fn checked(
    global: &Global,
    log: &SharedLog,
    through: u64,
    watched: Option<u64>,
) -> Result<(Whole, Option<schemas::chain::Chain>), Failure> {
    let mut checker = Checker::new(&global.book_id()?, 0).folding(true).watching(watched);
    let whole = history::check(global, log, through, &mut checker).await?;
    Ok((whole, checker.watched()))
}

async fn bring(
    global: &Global,
    place: Place,
    source: &SharedLog,
    whole: &Whole,
) -> Result<Filled, Failure> {
    let name = place.describe()?;
    let filling = place.fill("a migration").await?;
    let bar = apply::progress_to(global, whole.last);
    let mut progress = |sequence| bar.set_position(sequence);
    let mut history = LogHistory::new(source, whole.last);
    let filled = fill(&mut history, filling.log(), &mut progress).await?;
    bar.finish_and_clear();
    let (found, _) = checked(global, &filling.reopened().await?, filled.last(), None).await?;
    history::must_equal(whole, &found, &name)?;
    let now = source.last_sequence().await?;
    if now != whole.last {
        return Err(Failure::store("source.in_use", format!("{} grew", source.describe()))
            .because(format!("it ended at {}, and ends at {now} now", whole.last))
            .help("stop whatever writes to it, and run the same command again: it goes on"));
    }
    filling.finish(whole).await?;
    Ok(filled)
}

/// A book is there: the same one to the last event, or this is refused.
async fn already(
    place: &Place,
    source: &SharedLog,
    whole: &Whole,
    target: &Global,
) -> Result<Filled, Failure> {
    let name = place.describe()?;
    let book = place.open_book().await?;
    let there = book.last_sequence().await?;
    let mut history = LogHistory::new(source, whole.last.min(there));
    let refused = |why: String| {
        Err(Failure::new(Exit::No, "target.book_exists", format!("{name} has a book already"))
            .because(why)
            .help("look at which one is the book; move the other away, and keep it"))
    };
    loop {
        let batch = history.next().await?;
        if batch.is_empty() {
            break;
        }
        if let Some(sequence) = first_other(&book, &batch).await? {
            return refused(format!("event {sequence} is the first that is another one there"));
        }
    }
    if there != whole.last {
        return refused(format!(
            "it is the same one up to event {}, but ends at {there}, not at {}",
            whole.last.min(there),
            whole.last
        ));
    }
    target.anchor()?.write(whole.last, whole.chain)?;
    Ok(Filled { there, added: 0 })
}
