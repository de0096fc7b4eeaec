//! How the program ends: the exit codes, and an error as a person reads it.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use ledger_core::log::{AppendError, LogError};
use ledger_core::rejection::{Code, Rejection};

/// How a verb ended: what scripts and service managers go by (docs/OPERATIONS.md, exit codes).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done,
    /// It ran, and the answer is no.
    No,
    /// It was asked in a wrong way.
    Usage,
    /// The store or the server could not be reached, or another program has it.
    Store,
    /// A server or a stream is set up so that what was acknowledged could be lost.
    Unsafe,
    /// The log is not what was written: it is shorter, changed or damaged.
    History,
    /// A write or a sync of the log failed.
    Disk,
}

impl Exit {
    /// How a failure ends the program, by its code: so that each place that finds one ends alike.
    fn of(code: &str) -> Self {
        match code {
            UNSAFE => Self::Unsafe,
            CORRUPT | TAMPERED => Self::History,
            DISK => Self::Disk,
            _ => Self::Store,
        }
    }
}

const UNSAFE: &str = "store.unsafe";
const CORRUPT: &str = "store.corrupt";
const TAMPERED: &str = "store.tampered";
const DISK: &str = "store.disk";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::No => 1,
            Exit::Usage => 2,
            Exit::Store => 3,
            Exit::Unsafe => 10,
            Exit::History => 20,
            Exit::Disk => 30,
        })
    }
}

/// Why a verb could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The code to exit with.
    pub(crate) exit: Exit,
    /// Stable, lower-case `noun.problem`.
    pub(crate) code: String,
    /// What happened.
    pub(crate) what: String,
    /// Why, where it is known.
    pub(crate) why: Option<String>,
    /// What to do.
    pub(crate) help: Option<String>,
}

impl Failure {
    /// A failure that is told in one sentence.
    pub(crate) fn new(exit: Exit, code: &str, what: impl Into<String>) -> Self {
        Self { exit, code: code.to_owned(), what: what.into(), why: None, help: None }
    }

    /// Wrong use of the command line.
    pub(crate) fn usage(code: &str, what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, code, what)
    }

    /// A store or server that cannot be used; the code says how the program ends.
    pub(crate) fn store(code: &str, what: impl Into<String>) -> Self {
        Self::new(Exit::of(code), code, what)
    }

    /// A file that cannot be read or written.
    pub(crate) fn file(path: &Path, error: &io::Error) -> Self {
        Self::usage("file.unreadable", format!("cannot use {}", path.display()))
            .because(error)
            .help("check the path and its permissions")
    }

    /// Adds why it happened.
    #[must_use]
    pub(crate) fn because(mut self, why: impl std::fmt::Display) -> Self {
        self.why = Some(why.to_string());
        self
    }

    /// Adds what to do.
    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Whether nobody reads the output any more, which is no error (`revledger report … | head`).
    pub(crate) fn is_closed_output(&self) -> bool {
        self.code == CLOSED
    }

    /// Prints the failure to `output`, at most four lines.
    ///
    /// # Errors
    /// Where the output cannot be written.
    pub(crate) fn print(&self, output: &mut impl Write) -> io::Result<()> {
        writeln!(output, "error[{}]: {}", self.code, self.what)?;
        if let Some(why) = &self.why {
            writeln!(output, "  why: {why}")?;
        }
        if let Some(help) = &self.help {
            writeln!(output, "  do:  {help}")?;
        }
        Ok(())
    }
}

const CLOSED: &str = "output.closed";

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::new(Exit::Done, CLOSED, "nobody reads the output any more");
        }
        Self::new(Exit::Store, "output.failed", "cannot write the output").because(error)
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Unavailable { what, reason } => {
                Self::store("store.unavailable", what).because(reason)
            }
            LogError::Corrupt { what, at, reason } => {
                Self::store(CORRUPT, format!("{what} is damaged at {at}"))
                    .because(reason)
                    .help("nothing was changed; restore the log from a copy, then `verify` it")
            }
            LogError::Unsafe { what, reason } => {
                Self::store(UNSAFE, format!("{what} is not safe for a ledger"))
                    .because(reason)
                    .help("mend the setting, or start with --unsafe-dev where no money is at stake")
            }
            LogError::Unfinished { what, reason } => {
                Self::store("store.unfinished", format!("{what} is no whole book yet"))
                    .because(reason)
            }
            LogError::Disk { what, reason } => {
                Self::store(DISK, format!("{what} cannot be written"))
                    .because(reason)
                    .help("send unanswered commands again with the same ids: none is done twice")
            }
        }
    }
}

impl From<AppendError> for Failure {
    fn from(error: AppendError) -> Self {
        let code = match error {
            AppendError::Disk { .. } => DISK,
            AppendError::WrongSequence { .. }
            | AppendError::Refused { .. }
            | AppendError::Unknown { .. } => "store.append",
        };
        Self::store(code, "the log did not take the events").because(error)
    }
}

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        let is_answer = rejection.code == Code::ReportDoesNotTie.as_str();
        let is_misuse = rejection.code.starts_with("report.") && !is_answer;
        let exit = if is_misuse { Exit::Usage } else { Exit::No };
        let failure = Self::new(exit, &rejection.code, rejection.message);
        match rejection.field {
            Some(field) => failure.because(format!("the field {field}")),
            None => failure,
        }
    }
}
