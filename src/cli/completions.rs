//! `revledger completions SHELL` and `revledger man`: generated from the command line itself.

use std::io::Write;

use clap::{Args, CommandFactory};

use crate::cli::Cli;
use crate::exit::{Exit, Failure};

/// Arguments of `completions`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// The shell.
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

/// Prints the completions of a shell.
///
/// # Errors
/// Where the output cannot be written.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "revledger", &mut text);
    std::io::stdout().lock().write_all(&text)?;
    Ok(Exit::Done)
}

/// Prints the manual page.
///
/// # Errors
/// Where the output cannot be written.
pub(crate) fn man() -> Result<Exit, Failure> {
    let mut text = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut text)?;
    std::io::stdout().lock().write_all(&text)?;
    Ok(Exit::Done)
}
