//! `revledger notices`: the letters of a dunning run, as files or by e-mail.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use ledger_core::calendar::Day;
use ledger_core::id::subject_token;

use crate::cli::{Global, report};
use crate::exit::{Exit, Failure};
use crate::notices::mail::{Server, mailbox, message};
use crate::notices::texts::Texts;
use crate::notices::{Letter, letters};
use crate::{config, reading};

/// Arguments of `notices`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// The date of the reminders: the `through` of their run.
    #[arg(long, value_name = "DATE", value_parser = report::day)]
    pub(crate) through: Day,
    /// Only the letters to this customer.
    #[arg(long, value_name = "ID")]
    pub(crate) customer: Option<String>,
    /// What the files are.
    #[arg(long = "as", value_enum, default_value_t = Shape::Text, value_name = "SHAPE")]
    pub(crate) shape: Shape,
    /// The folder that the files are written to.
    #[arg(long, value_name = "DIR", required_unless_present = "smtp")]
    pub(crate) output: Option<PathBuf>,
    /// The mail server that they are sent by.
    #[arg(long, value_name = "URL")]
    pub(crate) smtp: Option<String>,
    /// The sender, for e-mails.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) from: Option<String>,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// A letter to print.
    Text,
    /// An e-mail (RFC 5322).
    Eml,
}

/// Writes or sends the letters, and says so of each; a customer without an address is told, and
/// makes the answer a no.
///
/// # Errors
/// Where the log cannot be read, a file not be written, or the server not reached.
pub(crate) fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let sender = arguments.from.as_deref().map(mailbox).transpose()?;
    if sender.is_none() && (arguments.shape == Shape::Eml || arguments.smtp.is_some()) {
        return Err(Failure::usage("notice.sender_missing", "an e-mail needs a sender")
            .help("name it with --from 'Accounts <ar@example.org>'"));
    }
    let server = arguments.smtp.as_deref().map(Server::of).transpose()?;
    let views = config::block_on(async {
        let log = config::open_to_read(global).await?;
        reading::views(global, &log).await
    })?;
    let mut letters = letters(&views, &Texts::read()?, arguments.through)?;
    if let Some(wanted) = &arguments.customer {
        letters.retain(|letter| letter.customer.customer.as_str() == wanted);
    }
    let mut exit = Exit::Done;
    let mut output = std::io::stdout().lock();
    for letter in &letters {
        let customer = letter.customer.customer.as_str();
        let mail = match (&sender, letter.customer.email.as_deref()) {
            (Some(from), Some(to)) => Some(message(letter, to, from)?),
            (Some(_), None) | (None, _) => None,
        };
        if let Some(folder) = &arguments.output {
            let bytes = match (arguments.shape, &mail) {
                (Shape::Text, _) => Some(("txt", letter.text.clone().into_bytes())),
                (Shape::Eml, mail) => mail.as_ref().map(|mail| ("eml", mail.formatted())),
            };
            if let Some((end, bytes)) = bytes {
                let path = write(folder, letter, end, &bytes)?;
                writeln!(output, "{customer}: written to {}", path.display())?;
            }
        }
        if let (Some(server), Some(mail)) = (&server, &mail) {
            server.send(mail, customer)?;
            writeln!(output, "{customer}: sent, message id {}@revledger", letter.id)?;
        }
        if mail.is_none() && (arguments.shape == Shape::Eml || server.is_some()) {
            writeln!(output, "{customer}: has no e-mail address")?;
            exit = Exit::No;
        }
    }
    writeln!(output, "{} letter(s) of {}", letters.len(), arguments.through)?;
    Ok(exit)
}

/// The file of a letter: the same name for the same run, so that writing twice changes nothing.
fn write(folder: &Path, letter: &Letter, end: &str, bytes: &[u8]) -> Result<PathBuf, Failure> {
    std::fs::create_dir_all(folder).map_err(|error| Failure::file(folder, &error))?;
    let customer = subject_token(letter.customer.customer.as_str());
    let customer: String = customer.chars().take(64).collect();
    let id: String = letter.id.chars().take(12).collect();
    let path = folder.join(format!("{}-{customer}-{id}.{end}", letter.date));
    std::fs::write(&path, bytes).map_err(|error| Failure::file(&path, &error))?;
    Ok(path)
}
