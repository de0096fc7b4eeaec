//! `revledger document ID`: an invoice or a credit note as PDF or UBL.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use commands::documents::{self, DocumentFormat};
use ledger_core::id::Identifier;

use crate::cli::{Format, Global};
use crate::exit::{Exit, Failure};
use crate::{config, paper, reading};

const EXAMPLES: &str = "Examples:
  revledger document INV-1                          # writes INV-1.pdf
  revledger document INV-1 --format ubl > INV-1.xml
  revledger document CR-7 --format ubl --language de --output CR-7.xml

The seller stands in the field \"seller\" of OpenBook, the buyer in RegisterCustomer. Without
--language the customer's locale says the language. UBL is checked against the rules of EN 16931
first, and refused where it lacks something (document.incomplete).";

/// Arguments of `document`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The invoice or the credit.
    pub(crate) document: Identifier,
    /// The language: en, de, fr or es.
    #[arg(long, value_name = "LANGUAGE")]
    pub(crate) language: Option<String>,
    /// The file; else standard output for ubl, and ID.pdf for pdf. `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// Writes the document.
///
/// # Errors
/// Where there is no such document, it cannot be said in the format, or the log cannot be read.
pub(crate) fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let format = match global.format_or(Format::Pdf) {
        Format::Pdf => DocumentFormat::Pdf,
        Format::Ubl => DocumentFormat::Ubl,
        Format::Table | Format::Json | Format::Csv | Format::Ndjson => {
            return Err(Failure::usage("document.format", "a document is written as pdf or ubl")
                .help("`revledger audit ID --format json` tells its story as JSON"));
        }
    };
    let views = config::block_on(async {
        let log = config::open_to_read(global).await?;
        reading::views(global, &log).await
    })?;
    let (document, language) =
        paper::document(&views, arguments.document.as_str(), arguments.language.as_deref())?;
    let bytes = documents::render(&document, format, language)?;
    let named = match (&arguments.output, format) {
        (Some(file), _) => Some(file.clone()),
        // An id may hold what no name of a file may: it is written as in a subject.
        (None, DocumentFormat::Pdf) => {
            Some(PathBuf::from(format!("{}.pdf", arguments.document.token())))
        }
        (None, DocumentFormat::Ubl) => None,
    };
    match named.filter(|file| file != Path::new("-")) {
        Some(file) => {
            std::fs::write(&file, bytes).map_err(|error| Failure::file(&file, &error))?;
            if !global.quiet {
                writeln!(std::io::stdout(), "wrote {}", file.display())?;
            }
        }
        None => {
            let mut output = std::io::stdout().lock();
            output.write_all(&bytes)?;
            output.flush()?;
        }
    }
    Ok(Exit::Done)
}
