//! What a verb found of a whole history, as it is printed.

use std::io::Write;

use schemas::chain::hex;
use serde_json::{Map, Value};

use crate::cli::{Format, Global};
use crate::exit::Failure;
use crate::history::Whole;
use crate::output::printable;

/// Names and values in the order in which they are printed, and a hint for people.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    rows: Vec<(&'static str, Value)>,
    digests: Vec<(&'static str, String)>,
    next: Vec<String>,
}

impl Answer {
    /// Adds a value.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.rows.push((name, value.into()));
        self
    }

    /// Adds what is known of a history.
    #[must_use]
    pub(crate) fn with_whole(mut self, whole: &Whole) -> Self {
        self.digests.clone_from(&whole.digests);
        self.with("events", whole.last)
            .with("last_sequence", whole.last)
            .with("chain", whole.chain.to_hex())
    }

    /// Adds a SHA-256.
    #[must_use]
    pub(crate) fn with_sha256(self, sha256: &[u8; 32]) -> Self {
        self.with("sha256", hex(sha256))
    }

    /// Adds a line that says what to do next, for people only.
    #[must_use]
    pub(crate) fn then(mut self, line: impl Into<String>) -> Self {
        self.next.push(line.into());
        self
    }

    /// Prints it: the answer on standard output, what to do next on standard error.
    ///
    /// # Errors
    /// Where an output cannot be written.
    pub(crate) fn print(self, global: &Global) -> Result<(), Failure> {
        let mut output = std::io::stdout().lock();
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match global.format_or(Format::Table) {
            Format::Json | Format::Ndjson => writeln!(output, "{}", self.json())?,
            Format::Csv => {
                let mut table = csv::WriterBuilder::new()
                    .terminator(csv::Terminator::CRLF)
                    .from_writer(Vec::new());
                let written = table.write_record(["name", "value"]).and_then(|()| {
                    self.flat()
                        .try_for_each(|(name, value)| table.write_record([name, text(&value)]))
                });
                let failed = |error: &dyn std::fmt::Display| {
                    Failure::store("output.failed", "cannot write the output").because(error)
                };
                written.map_err(|error| failed(&error))?;
                output.write_all(&table.into_inner().map_err(|error| failed(&error))?)?;
            }
            Format::Table | Format::Pdf | Format::Ubl => {
                for (name, value) in self.flat() {
                    let (name, value) = (name.replace('_', " "), printable(&text(&value)));
                    writeln!(output, "{name:<25} {value}")?;
                }
            }
        }
        output.flush()?;
        if !global.quiet {
            let mut errors = std::io::stderr().lock();
            for line in &self.next {
                writeln!(errors, "next: {line}")?;
            }
        }
        Ok(())
    }

    fn flat(&self) -> impl Iterator<Item = (String, Value)> {
        let rows = self.rows.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        rows.chain(self.digests.iter().map(|(projection, digest)| {
            (format!("digest {projection}"), Value::String(digest.clone()))
        }))
    }

    fn json(&self) -> Value {
        let rows = self.rows.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let mut object: Map<String, Value> = rows.collect();
        if !self.digests.is_empty() {
            let digests = self.digests.iter();
            let digests = digests
                .map(|(projection, digest)| ((*projection).to_owned(), digest.clone().into()));
            object.insert("digests".to_owned(), Value::Object(digests.collect()));
        }
        Value::Object(object)
    }
}
