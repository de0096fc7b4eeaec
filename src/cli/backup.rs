//! `revledger backup FILE`: the whole book in one file, checked while it is written.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use commands::clock::{Clock, SystemClock};
use ledger_core::id::Identifier;
use ledger_core::log::SharedLog;
use ledger_core::log::backup::{About, End};
use ledger_core::log::journal::Journal;
use schemas::record::instant;

use crate::cli::{Global, apply};
use crate::exit::{Exit, Failure};
use crate::history::answer::Answer;
use crate::history::file::{BackupFile, Draft};
use crate::history::{Checker, Whole, of_log};
use crate::{config, reading};

const HELP: &str = "\
The file holds every event that the log held when the backup began, also while a daemon goes on
writing. It is there whole or not at all: it is written under another name beside its place, synced
and renamed. Events only: what else is in the book's folder is rebuilt, or said in docs/BACKUP.md.

Examples:
  revledger backup /backup/main-2026-03-31.rvbackup
  revledger backup main.rvbackup --nats nats://127.0.0.1:4222
  revledger backup --verify main.rvbackup       # needs no book: on the machine that keeps it
  revledger restore main.rvbackup --data /srv/ledger

--verify exits 1 where the file was cut short or any bit of it changed, and says where.";

/// Arguments of `backup`.
#[derive(Debug, Clone, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// The file to write; with --verify, to check.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Replaces the file where it is there already.
    #[arg(long, conflicts_with = "verify")]
    pub(crate) force: bool,
    /// Reads a backup and checks every byte and every event, without a book.
    #[arg(long)]
    pub(crate) verify: bool,
    /// Folds the events, too, and prints the digest of each projection, as `replay` does.
    #[arg(long)]
    pub(crate) digests: bool,
}

/// Writes or checks a backup.
///
/// # Errors
/// Where the book cannot be read or trusted, the file not be written, or is not a whole backup.
pub(crate) fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let path = &arguments.file;
    let answer = if arguments.verify {
        let (about, end, whole) = verify(global, path, arguments.digests)?;
        answer(path, &about, &end, &whole)
    } else {
        Draft::check_place(path, arguments.force)?;
        let (about, end, whole) = config::block_on(async {
            let log = config::open_to_read(global).await?;
            write(global, arguments, &log).await
        })?;
        answer(path, &about, &end, &whole)
            .then(format!("revledger backup --verify {}, where it is kept", path.display()))
    };
    answer.print(global)?;
    Ok(Exit::Done)
}

fn answer(path: &Path, about: &About, end: &End, whole: &Whole) -> Answer {
    Answer::default()
        .with("file", path.display().to_string())
        .with("book", about.book.clone())
        .with("created_at", about.created_at.clone())
        .with("written_by", about.program.clone())
        .with("bytes", end.bytes)
        .with_sha256(&end.sha256)
        .with_whole(whole)
}

async fn write(
    global: &Global,
    arguments: &Arguments,
    log: &SharedLog,
) -> Result<(About, End, Whole), Failure> {
    let book = global.book_id()?;
    let through = log.last_sequence().await?;
    if through == 0 {
        return Err(Failure::new(
            Exit::No,
            "backup.empty",
            format!("the book {book} has no event"),
        )
        .because(format!("{} is empty", log.describe()))
        .help("check --book, --data and --nats"));
    }
    if global.nats.is_none() {
        // A group that is written and not yet synced could be lost, and the backup would hold what
        // the book never held.
        Journal::make_durable(&global.journal()?)?;
    }
    let about = About {
        book: book.to_string(),
        shard: 0,
        through,
        created_at: instant(SystemClock.now()),
        program: concat!("revledger ", env!("CARGO_PKG_VERSION")).to_owned(),
    };
    let mut checker = Checker::new(&book, about.shard).folding(arguments.digests);
    let mut draft = Draft::create(&arguments.file, arguments.force, &about)?;
    let bar = apply::progress_to(global, through);
    reading::each_record(log, through, |stored| {
        checker.see(stored).map_err(|misfit| of_log(&log.describe(), misfit))?;
        draft.push(stored)?;
        bar.set_position(stored.sequence);
        Ok(())
    })
    .await?;
    bar.finish_and_clear();
    let whole = checker.whole();
    let end = draft.finish(whole.chain.0)?;
    Ok((about, end, whole))
}

/// Reads a backup to its end.
fn verify(global: &Global, path: &Path, is_folded: bool) -> Result<(About, End, Whole), Failure> {
    let file = BackupFile::open(path)?;
    let about = file.about().clone();
    let mut checker = Checker::new(&book_of(path, &about)?, about.shard).folding(is_folded);
    let end = file.check(global, &mut checker)?;
    Ok((about, end, checker.whole()))
}

/// The book that a backup is of.
///
/// # Errors
/// Where its name is no book's.
pub(crate) fn book_of(path: &Path, about: &About) -> Result<Identifier, Failure> {
    Identifier::from_str(&about.book).map_err(|rejection| {
        Failure::new(Exit::No, "backup.damaged", format!("{} is damaged", path.display()))
            .because(format!("the name of its book: {}", rejection.message))
            .help("nothing of it was used: take another copy")
    })
}
