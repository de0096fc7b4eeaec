//! Files that are written whole or not at all.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use crate::exit::Failure;

/// What standard output keeps in memory before it goes to a file of its own.
const SPOOL_BYTES: usize = 16 << 20;

/// Writes to a file, or to standard output where none is named: everything, or where `write`
/// fails nothing.
///
/// # Errors
/// Where `write` fails, or the place cannot be written to.
pub(crate) fn whole<T>(
    place: Option<&Path>,
    write: impl FnOnce(&mut dyn Write) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let is_device = |path: &&Path| path.metadata().is_ok_and(|meta| !meta.is_file());
    match place {
        Some(path) if !is_device(&path) => file(path, write),
        Some(path) => {
            let open = || File::options().write(true).open(path);
            let mut device = open().map_err(|error| Failure::file(path, &error))?;
            spooled(&mut device, write)
        }
        None => spooled(&mut std::io::stdout().lock(), write),
    }
}

/// Writes a file beside its place, and moves it there when it is whole.
fn file<T>(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let fault = |error: std::io::Error| Failure::file(path, &error);
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        // As any program's file: what the user's mask leaves of it.
        let all = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        builder.permissions(all);
    }
    let beside = builder.prefix(".revledger-export-");
    let temporary = beside.tempfile_in(parent.unwrap_or(Path::new("."))).map_err(fault)?;
    let mut buffer = BufWriter::new(temporary);
    let answer = write(&mut buffer)?;
    let temporary = buffer.into_inner().map_err(|error| fault(error.into_error()))?;
    temporary.as_file().sync_all().map_err(fault)?;
    temporary.persist(path).map_err(|error| fault(error.error))?;
    Ok(answer)
}

/// Writes into memory or a nameless file first.
fn spooled<T>(
    output: &mut dyn Write,
    write: impl FnOnce(&mut dyn Write) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut spool = BufWriter::new(tempfile::SpooledTempFile::new(SPOOL_BYTES));
    let answer = write(&mut spool)?;
    let mut spool = spool.into_inner().map_err(|error| Failure::from(error.into_error()))?;
    spool.seek(SeekFrom::Start(0))?;
    std::io::copy(&mut spool, output)?;
    output.flush()?;
    Ok(answer)
}
