//! Backups as files: written whole or not at all, and read with every byte checked.

use std::fs::File;
use std::io::{self, BufReader, BufWriter};
use std::path::{Path, PathBuf};

use ledger_core::log::backup::{About, BackupError, BackupReader, BackupWriter, End, WriteError};
use ledger_core::log::{StoredRecord, backup};
use tempfile::NamedTempFile;

use crate::cli::{Global, apply};
use crate::exit::{Exit, Failure};
use crate::history::fill::{BATCH_BYTES, BATCH_RECORDS};
use crate::history::{Checker, History, Misfit};

const BUFFER_BYTES: usize = 1 << 20;

/// A backup that is written beside its place, and moved there when it is whole.
#[derive(Debug)]
pub(crate) struct Draft {
    path: PathBuf,
    may_replace: bool,
    writer: BackupWriter<BufWriter<NamedTempFile>>,
}

impl Draft {
    /// Refuses a place where no backup can be, before any work is done for it.
    ///
    /// # Errors
    /// `backup.exists` where something is there that must not be replaced.
    pub(crate) fn check_place(path: &Path, may_replace: bool) -> Result<(), Failure> {
        let Ok(there) = path.symlink_metadata() else { return Ok(()) };
        let shown = path.display();
        if !there.is_file() {
            return Err(Failure::usage(
                "backup.not_a_file",
                format!("{shown} is not a plain file"),
            )
            .help("a backup is a file that is complete or not there: name a new one"));
        }
        if may_replace {
            return Ok(());
        }
        Err(Failure::usage("backup.exists", format!("{shown} is there already"))
            .help("name another file, or replace this one with --force"))
    }

    /// Begins a backup.
    ///
    /// # Errors
    /// As [`Draft::check_place`], or where the folder cannot be written to.
    pub(crate) fn create(path: &Path, may_replace: bool, about: &About) -> Result<Self, Failure> {
        Self::check_place(path, may_replace)?;
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        {
            // As any program's file: what the user's mask leaves of it.
            let all = std::os::unix::fs::PermissionsExt::from_mode(0o666);
            builder.permissions(all);
        }
        let beside = builder.prefix(".revledger-backup-").tempfile_in(folder(path));
        let file = beside.map_err(|error| unwritable(path, &error))?;
        let writer = BackupWriter::begin(BufWriter::with_capacity(BUFFER_BYTES, file), about)
            .map_err(|error| unwritten(path, error))?;
        Ok(Self { path: path.to_owned(), may_replace, writer })
    }

    /// Writes the next event.
    ///
    /// # Errors
    /// Where there is no space, or it is not the next one.
    pub(crate) fn push(&mut self, stored: &StoredRecord) -> Result<(), Failure> {
        self.writer.push(stored).map_err(|error| unwritten(&self.path, error))
    }

    /// Ends it: durable in its place when this returns.
    ///
    /// # Errors
    /// Where it is not complete, or cannot be written.
    pub(crate) fn finish(self, chain: [u8; 32]) -> Result<End, Failure> {
        let Self { path, may_replace, writer } = self;
        let fault = |error: &io::Error| unwritable(&path, error);
        let (buffer, end) = writer.finish(chain).map_err(|error| unwritten(&path, error))?;
        let file = buffer.into_inner().map_err(|error| fault(error.error()))?;
        file.as_file().sync_all().map_err(|error| fault(&error))?;
        place(file, &path, may_replace)?;
        sync_folder(folder(&path)).map_err(|error| fault(&error))?;
        Ok(end)
    }
}

/// Moves a draft to its place. Somebody else's file of that name may have come meanwhile.
fn place(draft: NamedTempFile, path: &Path, may_replace: bool) -> Result<(), Failure> {
    let draft = if may_replace {
        draft
    } else {
        match draft.persist_noclobber(path) {
            Ok(_) => return Ok(()),
            // Not every file system can do it in one step.
            Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => error.file,
            Err(error) => return Err(unwritable(path, &error.error)),
        }
    };
    Draft::check_place(path, may_replace)?;
    draft.persist(path).map_err(|error| unwritable(path, &error.error))?;
    Ok(())
}

/// Makes the names in a folder durable, where its file system knows of that.
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error)
            if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) =>
        {
            Ok(())
        }
        synced => synced,
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn exists(path: &Path) -> Failure {
    Failure::usage("backup.exists", format!("{} is there already", path.display()))
        .help("name another file, or replace this one with --force")
}

fn not_a_file(path: &Path, help: &str) -> Failure {
    Failure::usage("backup.not_a_file", format!("{} is not a plain file", path.display()))
        .help(help)
}

fn unwritten(path: &Path, error: WriteError) -> Failure {
    match error {
        WriteError::Write(error) => unwritable(path, &error),
        WriteError::Misfit { .. } => {
            Failure::store("store.tampered", "the log changed while it was read")
                .because(error)
                .help("`revledger verify` names what does not fit")
        }
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let shown = path.display();
    if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
        return Failure::store("backup.no_space", format!("there is no space for {shown}"))
            .because(error)
            .help("nothing was left there: make room, or name a file on another disk");
    }
    if error.kind() == io::ErrorKind::AlreadyExists {
        return exists(path);
    }
    Failure::usage("backup.unwritable", format!("cannot write {shown}"))
        .because(error)
        .help("check that the folder is there, and its permissions")
}

/// A backup that is being read.
#[derive(Debug)]
pub(crate) struct BackupFile {
    path: PathBuf,
    reader: BackupReader<BufReader<File>>,
}

impl BackupFile {
    /// Opens a file, and reads what it says of itself.
    ///
    /// # Errors
    /// Where there is none, or it is no backup that this release reads.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let there = path.metadata().map_err(|error| unopened(path, &error))?;
        if !there.is_file() {
            return Err(not_a_file(path, "it is read more than once: name a plain file"));
        }
        let file = File::open(path).map_err(|error| unopened(path, &error))?;
        let buffer = BufReader::with_capacity(BUFFER_BYTES, file);
        let reader = BackupReader::open(buffer).map_err(|error| unread(path, error))?;
        Ok(Self { path: path.to_owned(), reader })
    }

    /// What it says of itself.
    pub(crate) fn about(&self) -> &About {
        self.reader.about()
    }

    /// Reads all of it, and checks every byte and every event.
    ///
    /// # Errors
    /// Where it was cut short, is damaged, or holds what does not fit.
    pub(crate) fn check(mut self, global: &Global, checker: &mut Checker) -> Result<End, Failure> {
        let bar = apply::progress_to(global, self.about().through);
        while let Some(stored) = self.next_record()? {
            checker.see(&stored).map_err(|misfit| of_file(&self.path, misfit))?;
            bar.set_position(stored.sequence);
        }
        bar.finish_and_clear();
        let end = self.reader.end().cloned();
        let torn = BackupError::Torn { at: 0, last: 0 };
        let end = end.ok_or_else(|| unread(&self.path, torn))?;
        if end.chain != checker.chain.0 {
            return Err(damaged(&self.path, "the hash chain at its end is another one"));
        }
        Ok(end)
    }

    fn next_record(&mut self) -> Result<Option<StoredRecord>, Failure> {
        self.reader.next_record().map_err(|error| unread(&self.path, error))
    }
}

impl History for BackupFile {
    async fn next(&mut self) -> Result<Vec<StoredRecord>, Failure> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < BATCH_RECORDS && bytes < BATCH_BYTES {
            let Some(stored) = self.next_record()? else { break };
            bytes += stored.record.body.len();
            batch.push(stored);
        }
        Ok(batch)
    }
}

/// A file whose bytes are whole, and whose events are not what a ledger writes.
fn of_file(path: &Path, misfit: Misfit) -> Failure {
    match misfit {
        Misfit::Decode(error @ schemas::record::DecodeError::FromTheFuture { .. }) => {
            let what = format!("{} holds an event that this release cannot read", path.display());
            Failure::new(Exit::No, "backup.newer", what)
                .because(error)
                .help("the file may well be whole: read it with the release that wrote it")
        }
        Misfit::Decode(error) => damaged(path, error),
        Misfit::Projection(error) => {
            Failure::store("projection.stopped", "a projection cannot apply an event")
                .because(error)
                .help("the file may well be whole: leave --digests out")
        }
        Misfit::Order { .. } | Misfit::Book { .. } | Misfit::Chain { .. } => damaged(path, misfit),
    }
}

fn unopened(path: &Path, error: &io::Error) -> Failure {
    if error.kind() != io::ErrorKind::NotFound {
        return Failure::file(path, error);
    }
    Failure::usage("backup.missing", format!("there is no file {}", path.display()))
        .because(error)
        .help("`revledger backup FILE` writes one; check the path")
}

fn damaged(path: &Path, why: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::No, "backup.damaged", format!("{} is damaged", path.display()))
        .because(why)
        .help("nothing of it was used: take another copy")
}

fn unread(path: &Path, error: BackupError) -> Failure {
    let shown = path.display();
    let no = |code: &str, what: String| Failure::new(Exit::No, code, what);
    match error {
        BackupError::NotABackup => no("backup.not_a_backup", format!("{shown} is no backup"))
            .because(error)
            .help("name a file that `revledger backup` wrote; where it did, its start is damaged"),
        BackupError::Newer { .. } => no("backup.newer", format!("{shown} is of a later release"))
            .because(error)
            .help(format!("upgrade revledger: this one reads version {}", backup::VERSION)),
        BackupError::Torn { .. } => no("backup.torn", format!("{shown} is not complete"))
            .because(error)
            .help("nothing of it was used: copy it again, or take another one"),
        BackupError::Damaged { .. } => damaged(path, error),
        BackupError::Read(error) => Failure::file(path, &error),
    }
}
