//! A folder of flat files: pipe-delimited, one header row, counted, summed and hashed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use ledger_core::calendar::Day;
use ledger_core::money::Amount;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::exit::{Exit, Failure};

/// What stands in a column.
#[derive(Debug, Clone)]
pub(super) enum Cell {
    Text(String),
    Date(Day),
    Amount(Amount),
}

/// The cells of a row by column; the others are empty.
#[derive(Debug, Default)]
pub(super) struct Row(BTreeMap<String, Cell>);

impl Row {
    pub(super) fn cell(&mut self, column: &str, cell: Cell) {
        self.0.insert(column.to_owned(), cell);
    }

    pub(super) fn text(&mut self, column: &str, text: &str) {
        self.cell(column, Cell::Text(text.to_owned()));
    }

    pub(super) fn optional(&mut self, column: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(column, text);
        }
    }

    pub(super) fn date(&mut self, column: &str, day: Day) {
        self.cell(column, Cell::Date(day));
    }

    pub(super) fn amount(&mut self, column: &str, amount: Amount) {
        self.cell(column, Cell::Amount(amount));
    }
}

/// A file that is being written.
pub(super) struct Sheet {
    name: String,
    columns: &'static [&'static str],
    writer: csv::Writer<Hashing>,
    records: u64,
    totals: BTreeMap<String, Amount>,
}

/// What was written into a file.
#[derive(Debug, Clone)]
pub(super) struct Summary {
    pub(super) name: String,
    pub(super) records: u64,
    /// The sum of each column of amounts in the book's currency.
    pub(super) totals: BTreeMap<String, Amount>,
    /// SHA-256 of the file.
    pub(super) hash: String,
}

/// A file, hashed on the way.
struct Hashing {
    file: BufWriter<File>,
    hash: Sha256,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Sheet {
    /// Writes a row.
    pub(super) fn write(&mut self, row: Row) -> Result<(), Failure> {
        let unknown = row.0.keys().find(|name| !self.columns.contains(&name.as_str()));
        if let Some(name) = unknown {
            let what = format!("the table {} has no column {name}", self.name);
            return Err(Failure::new(Exit::No, "export.column", what));
        }
        let cells = self.columns.iter().map(|column| match row.0.get(*column) {
            None => String::new(),
            Some(Cell::Text(text)) => text.clone(),
            Some(Cell::Date(day)) => day.to_string(),
            Some(Cell::Amount(amount)) => amount.to_string(),
        });
        self.writer.write_record(cells).map_err(std::io::Error::from)?;
        self.records += 1;
        for (name, cell) in row.0 {
            // Local amounts are in as many currencies as documents are.
            if let Cell::Amount(amount) = cell
                && !name.ends_with("_Local")
            {
                *self.totals.entry(name).or_default() += amount;
            }
        }
        Ok(())
    }
}

/// A folder that is moved to its place when it is whole.
pub(super) struct Folder {
    place: PathBuf,
    beside: TempDir,
    summaries: Vec<Summary>,
}

impl Folder {
    /// A folder beside its place, which must be free.
    pub(super) fn beside(place: &Path) -> Result<Self, Failure> {
        let fault = |error: std::io::Error| Failure::file(place, &error);
        let is_free = match place.read_dir() {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) => error.kind() == std::io::ErrorKind::NotFound,
        };
        if !is_free {
            let what = format!("{} is there already", place.display());
            return Err(Failure::usage("export.exists", what)
                .help("name a folder that does not exist, or an empty one"));
        }
        let parent = place.parent().filter(|parent| !parent.as_os_str().is_empty());
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        {
            // As any program's folder: what the user's mask leaves of it.
            let all = std::os::unix::fs::PermissionsExt::from_mode(0o777);
            builder.permissions(all);
        }
        let beside = builder.prefix(".revledger-export-");
        let beside = beside.tempdir_in(parent.unwrap_or(Path::new("."))).map_err(fault)?;
        Ok(Self { place: place.to_owned(), beside, summaries: Vec::new() })
    }

    /// Begins a file.
    pub(super) fn sheet(
        &mut self,
        name: String,
        columns: &'static [&'static str],
    ) -> Result<Sheet, Failure> {
        let name = format!("{name}.txt");
        let file = File::create(self.beside.path().join(&name))?;
        let hashing = Hashing { file: BufWriter::new(file), hash: Sha256::new() };
        let mut builder = csv::WriterBuilder::new();
        let mut writer =
            builder.delimiter(b'|').terminator(csv::Terminator::CRLF).from_writer(hashing);
        writer.write_record(columns).map_err(std::io::Error::from)?;
        Ok(Sheet { name, columns, writer, records: 0, totals: BTreeMap::new() })
    }

    /// Ends a file.
    pub(super) fn close(&mut self, sheet: Sheet) -> Result<(), Failure> {
        let Sheet { name, writer, records, totals, .. } = sheet;
        let mut hashing = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
        hashing.flush()?;
        hashing.file.get_ref().sync_all()?;
        let hash = schemas::chain::hex(&hashing.hash.finalize());
        self.summaries.push(Summary { name, records, totals, hash });
        Ok(())
    }

    pub(super) fn summaries(&self) -> &[Summary] {
        &self.summaries
    }

    /// Moves the folder to its place.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let Self { place, beside, .. } = self;
        std::fs::rename(beside.path(), &place).map_err(|error| Failure::file(&place, &error))?;
        // It is gone from where it was: there is nothing left to clean up.
        let _gone = beside.keep();
        Ok(())
    }
}
