//! The mutants, as cargo-mutants lists them.

use std::path::Path;
use std::process::Command;

use serde::Deserialize;

/// A place in a file: line and column, both from 1, columns in characters.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The line.
    pub(crate) line: usize,
    /// The column.
    pub(crate) column: usize,
}

/// Where the text stands that a mutant replaces.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Extent {
    /// Its first character.
    pub(crate) start: Place,
}

/// One change that a person could have made by mistake.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Mutant {
    /// What cargo-mutants calls it.
    pub(crate) name: String,
    /// The file, from the root of the project.
    pub(crate) file: String,
    /// Which kind of change: `BinaryOperator`, `FnValue`, …
    pub(crate) genre: String,
    /// The text it puts there.
    pub(crate) replacement: String,
    /// What it replaces.
    pub(crate) span: Extent,
}

/// Asks cargo-mutants for all mutants of the core that `.cargo/mutants.toml` does not leave out. The
/// number of a mutant is its place in the list, from 1.
pub(crate) fn list(root: &Path) -> Result<Vec<Mutant>, String> {
    let output = Command::new("cargo")
        .args(["mutants", "--list", "--json", "--package", "ledger-core"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("cargo does not start: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("cargo mutants --list failed (cargo install cargo-mutants): {said}"));
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("cargo mutants lists something else than expected: {error}"))
}
