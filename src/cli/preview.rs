//! `revledger preview COMMAND`: what a command would do, without recording anything.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use commands::ids;
use ledger_core::calendar::Day;
use ledger_core::command::Command;
use ledger_core::limits::COMMAND_BYTES_MAX;
use ledger_core::log::SharedLog;
use ledger_core::log::memory::MemoryLog;
use schemas::command::{Origin, Refused, parse};
use schemas::record::decode;
use serde_json::json;
use serde_json::value::RawValue;

use crate::cli::{Format, Global, report};
use crate::exit::{Exit, Failure};
use crate::preview::{Book, Preview, json as answer, preview, print};
use crate::{config, reading};

const EXAMPLES: &str = r#"Examples:
  revledger preview AmendOrder --effective 2026-04-21 \
      '{"order":"O-1","amendment":"A-1","changes":[{"line":"SEATS","quantity":"12"}]}'
  revledger preview CancelOrder '{"order":"O-1","unearned":"credit"}' --effective 2026-10-01
  revledger preview RunBilling '{"through":"2026-04-30"}' --format json
  revledger preview --file envelope.json
  revledger preview IssueCredit --file data.json

It reads the log as `report` does and writes nothing. Exit code 0: the command would be accepted;
1: it would be refused, and the code says why. Months and dates without the command are `before`,
with it `after`. Billing is what `RunBilling` at each month's end would issue."#;

/// Arguments of `preview`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The command; left out where the file holds a whole envelope.
    #[arg(value_name = "COMMAND", required_unless_present = "file")]
    pub(crate) command: Option<String>,
    /// The command's data as JSON.
    #[arg(id = "command_data", value_name = "DATA", conflicts_with = "file")]
    pub(crate) data: Option<String>,
    /// A file with the envelope, or with the data of COMMAND; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The business date; that of the envelope, or today, where nothing is said.
    #[arg(long, value_name = "DATE", value_parser = report::day)]
    pub(crate) effective: Option<Day>,
}

/// Prints what the command would do.
///
/// # Errors
/// Where it would be refused, or the log cannot be read.
pub(crate) fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let format = global.format_or(Format::Table);
    if format == Format::Csv {
        return Err(Failure::usage("format.not_supported", "a preview has several tables")
            .because("csv has room for one")
            .help("use --format table, json or ndjson"));
    }
    let envelope = envelope(arguments)?;
    config::block_on(async {
        let id = global.book_id()?;
        let log = open(global, &envelope).await?;
        let book = fold(&log).await?;
        let sequence = book.views.sequence;
        let origin = Origin {
            book: id.clone(),
            actor: global.local_actor(),
            today: config::today(&book.views),
            command_name: None,
        };
        let command = match parse(&envelope, &origin, &mut ids::command_id) {
            Ok(command) => command,
            Err(refused) => return malformed(format, refused, sequence),
        };
        let preview = preview(&id, book, &command)?;
        show(global, &command, preview, sequence)
    })
}

/// Opens the log; where there is none yet, the book may be opened in an empty one.
async fn open(global: &Global, envelope: &[u8]) -> Result<SharedLog, Failure> {
    let opens_book = || {
        let parts = serde_json::from_slice::<BTreeMap<String, &RawValue>>(envelope);
        parts.is_ok_and(|parts| {
            parts.get("command").is_some_and(|name| name.get() == "\"OpenBook\"")
        })
    };
    match config::open_to_read(global).await {
        Err(failure) if failure.code == "store.missing" && opens_book() => {
            Ok(Arc::new(MemoryLog::new()))
        }
        opened => opened,
    }
}

/// Folds the log into the views and into the state that commands are decided on.
async fn fold(log: &SharedLog) -> Result<Book, Failure> {
    let mut book = Book { views: reading::fold(log).await?, ..Book::default() };
    // A daemon may write meanwhile: both stand at the same event.
    let through = book.views.sequence;
    reading::each_record(log, through, |stored| {
        book.standing.fold(&decode(stored)?);
        Ok(())
    })
    .await?;
    Ok(book)
}

/// The envelope that the arguments make.
fn envelope(arguments: &Arguments) -> Result<Vec<u8>, Failure> {
    let text = match (&arguments.data, &arguments.file) {
        (Some(data), _) => data.clone(),
        (None, Some(path)) => read(path)?,
        (None, None) => {
            return Err(Failure::usage("data.missing", "nothing says what the command is about")
                .help("add its data as JSON, or --file"));
        }
    };
    let not_json = |error: serde_json::Error| {
        Failure::usage("data.malformed", "the data of a preview is one JSON object")
            .because(error)
            .help("quote it for the shell, or use --file")
    };
    let mut parts: BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(&text).map_err(not_json)?;
    let raw = |value: serde_json::Value| RawValue::from_string(value.to_string());
    match &arguments.command {
        // No command has a field of that name: the file is a whole envelope.
        Some(name) if !(arguments.file.is_some() && parts.contains_key("command")) => {
            let data = RawValue::from_string(text.trim().to_owned()).map_err(not_json)?;
            parts = BTreeMap::new();
            parts.insert("command".to_owned(), raw(json!(name)).map_err(not_json)?);
            parts.insert("data".to_owned(), data);
        }
        Some(name) => {
            let named = parts.get("command").map(|named| named.get().to_owned());
            if named != Some(json!(name).to_string()) {
                return Err(Failure::usage(
                    "command.mismatch",
                    format!("the envelope is of {}, not {name}", named.unwrap_or_default()),
                ));
            }
        }
        // As it is, so that a field that stands twice is told.
        None if arguments.effective.is_none() => return Ok(text.into_bytes()),
        None => {}
    }
    if let Some(effective) = arguments.effective {
        parts.insert("effective".to_owned(), raw(json!(effective)).map_err(not_json)?);
    }
    serde_json::to_vec(&parts).map_err(not_json)
}

/// Reads a file, at most one byte more than a command may have.
fn read(path: &Path) -> Result<String, Failure> {
    let limit = u64::try_from(COMMAND_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut text = String::new();
    let taken = if path == Path::new("-") {
        std::io::stdin().lock().take(limit).read_to_string(&mut text)
    } else {
        File::open(path).and_then(|file| file.take(limit).read_to_string(&mut text))
    };
    taken.map_err(|error| Failure::file(path, &error))?;
    Ok(text)
}

/// A command that cannot be read is refused, too.
fn malformed(format: Format, refused: Refused, sequence: u64) -> Result<Exit, Failure> {
    if format == Format::Table {
        return Err(refused.rejection.into());
    }
    let answer = json!({
        "outcome": "rejected", "error": refused.rejection, "sequence": sequence,
    });
    writeln!(std::io::stdout().lock(), "{answer}")?;
    Ok(Exit::No)
}

fn show(
    global: &Global,
    command: &Command,
    preview: Preview,
    sequence: u64,
) -> Result<Exit, Failure> {
    let mut output = std::io::BufWriter::new(std::io::stdout());
    let exit = match &preview {
        Preview::Refused(_) => Exit::No,
        Preview::Repeated(_) | Preview::Accepted(_) => Exit::Done,
    };
    match (global.format_or(Format::Table), preview) {
        (Format::Json, preview) => {
            let mut answer = answer::whole(command, &preview, sequence);
            if let (true, Some(object)) = (global.unsafe_dev, answer.as_object_mut()) {
                object.insert("unsafe_dev".to_owned(), json!(true));
            }
            writeln!(output, "{answer}")?;
        }
        (Format::Ndjson, preview) => {
            output.write_all(answer::lines(command, &preview, sequence).as_bytes())?;
        }
        (Format::Table | Format::Csv | Format::Pdf | Format::Ubl, Preview::Refused(rejection)) => {
            return Err(rejection.into());
        }
        (Format::Table | Format::Csv | Format::Pdf | Format::Ubl, Preview::Repeated(first)) => {
            let name = command.data.name();
            writeln!(
                output,
                "{name} {} was accepted before (event {first}): it would write nothing.",
                command.id
            )?;
        }
        (Format::Table | Format::Csv | Format::Pdf | Format::Ubl, Preview::Accepted(change)) => {
            print::change(&mut output, command, &change)?;
            writeln!(output, "compared with the book as of sequence {sequence}")?;
        }
    }
    output.flush()?;
    Ok(exit)
}
