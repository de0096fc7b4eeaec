//! `revledger check FILE…`: scenarios, each in a fresh book in memory (contract, section 8).

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::Global;
use crate::config;
use crate::exit::{Exit, Failure};
use crate::scenario::file::Scenario;
use crate::scenario::{missing, run as scenario};

/// Arguments of `check`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// Scenario files, JSON or YAML.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Names for each scenario that fails what of it this release lacks.
    #[arg(long)]
    pub(crate) missing: bool,
}

/// Runs the scenarios.
///
/// # Errors
/// Where a file cannot be read at all, or the output cannot be written.
pub(crate) fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let mut output = std::io::BufWriter::new(std::io::stdout().lock());
    let (mut passed, mut failed) = (0_u64, 0_u64);
    for path in &arguments.files {
        if !path.is_file() {
            return Err(Failure::usage("file.missing", format!("no file {}", path.display())));
        }
        match check(path) {
            Outcome::Passed { title } => {
                passed += 1;
                if !global.quiet {
                    writeln!(output, "ok    {title} ({})", path.display())?;
                }
            }
            Outcome::Failed { title, scenario, difference } => {
                failed += 1;
                writeln!(output, "FAIL  {title} ({})", path.display())?;
                output.write_all(difference.as_bytes())?;
                if let (true, Some(scenario)) = (arguments.missing, scenario) {
                    let lacks = missing::of(&scenario);
                    writeln!(output, "      this release lacks: {}", lacks.join(", "))?;
                }
            }
        }
    }
    writeln!(output, "{passed} passed, {failed} failed")?;
    output.flush()?;
    Ok(if failed == 0 { Exit::Done } else { Exit::No })
}

/// How a scenario went.
enum Outcome {
    /// Everything holds.
    Passed { title: String },
    /// Something differs, or the file cannot be read.
    Failed { title: String, scenario: Option<Box<Scenario>>, difference: String },
}

fn check(path: &Path) -> Outcome {
    let scenario = match Scenario::read(path) {
        Ok(scenario) => scenario,
        Err(reason) => {
            return Outcome::Failed {
                title: "unreadable".to_owned(),
                scenario: None,
                difference: format!("      {reason}\n"),
            };
        }
    };
    let title = scenario.title.clone();
    let difference = match config::block_on(scenario::run(&scenario)) {
        Ok(differences) if differences.is_empty() => return Outcome::Passed { title },
        Ok(differences) => differences,
        Err(failure) => format!("      {}: {}\n", failure.code, failure.what),
    };
    Outcome::Failed { title, scenario: Some(Box::new(scenario)), difference }
}
