//! `revledger restore FILE`: a book from a backup, where none is.

use std::path::{Path, PathBuf};

use clap::Args;
use ledger_core::log::backup::About;

use crate::cli::{Global, apply, backup};
use crate::config;
use crate::exit::{Exit, Failure};
use crate::history::answer::Answer;
use crate::history::fill::fill;
use crate::history::place::{Place, Standing, exists};
use crate::history::{self, Checker, Whole, file::BackupFile};

const HELP: &str = "\
The whole file is checked before anything is made of it, and what was made is read again and
compared before it is a book. --book has to be the book of the backup: its name is in every event.
What was interrupted is no book, and nothing opens it as one: the same command goes on with it.

Examples:
  revledger restore main.rvbackup                             # into ./revledger-data/main
  revledger restore acme.rvbackup --book acme --data /srv/ledger
  revledger restore main.rvbackup --nats nats://127.0.0.1:4222 --nats-monitor http://127.0.0.1:8222

Into a stream it needs the right to $JS.API.STREAM.CREATE and .UPDATE, which nobody else has.";

/// Arguments of `restore`.
#[derive(Debug, Clone, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// The backup.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Folds the events, too, and prints the digest of each projection, as `replay` does.
    #[arg(long)]
    pub(crate) digests: bool,
}

/// Restores a book.
///
/// # Errors
/// Where the file is not a whole backup of the book, or a book is there already.
pub(crate) fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    config::block_on(restore(global, arguments))?.print(global)?;
    Ok(Exit::Done)
}

async fn restore(global: &Global, arguments: &Arguments) -> Result<Answer, Failure> {
    let path = &arguments.file;
    let about = BackupFile::open(path)?.about().clone();
    check_book(global, path, &about)?;
    let place = Place::of(global).await?;
    let name = place.describe()?;
    if place.standing().await? == Standing::Book {
        return Err(exists(&name));
    }
    place.check_unused().await?;
    let whole = check(global, arguments, &about, &place)?;
    let filling = place.fill("a restore").await?;
    let bar = apply::progress_to(global, whole.last);
    let mut progress = |sequence| bar.set_position(sequence);
    let filled = fill(&mut BackupFile::open(path)?, filling.log(), &mut progress).await?;
    bar.finish_and_clear();
    let mut checker = checker(global, arguments, &about)?;
    let reopened = filling.reopened().await?;
    let found = history::check(global, &reopened, filled.last(), &mut checker).await?;
    history::must_equal(&whole, &found, &name)?;
    filling.finish(&whole).await?;
    Ok(Answer::default()
        .with("book", about.book)
        .with("backup_of", about.created_at)
        .with("restored_into", name)
        .with_whole(&whole)
        .then("`revledger verify` checks the books, too; then start the daemon again"))
}

/// Refuses a backup of another book than the one that is asked for.
fn check_book(global: &Global, path: &Path, about: &About) -> Result<(), Failure> {
    let book = backup::book_of(path, about)?;
    if book == global.book_id()? {
        return Ok(());
    }
    let what = format!("{} is a backup of the book {book}, not of {}", path.display(), global.book);
    Err(Failure::usage("backup.other_book", what)
        .because("the name is in every event, and a book cannot be restored under another one")
        .help(format!("add --book {:?}", book.as_str())))
}

fn checker(global: &Global, arguments: &Arguments, about: &About) -> Result<Checker, Failure> {
    Ok(Checker::new(&global.book_id()?, about.shard).folding(arguments.digests))
}

/// Reads the whole file before anything is made of it.
fn check(
    global: &Global,
    arguments: &Arguments,
    about: &About,
    place: &Place,
) -> Result<Whole, Failure> {
    let anchored = place.anchored()?.map(|(sequence, _)| sequence);
    let mut checker = checker(global, arguments, about)?.watching(anchored);
    BackupFile::open(&arguments.file)?.check(global, &mut checker)?;
    let seen = checker.watched();
    let whole = checker.whole();
    place.check_anchor(&whole, seen)?;
    Ok(whole)
}
