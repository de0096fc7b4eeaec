//! Files of a journal: any bytes, and those of a true one with bends.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ledger_core::log::backup::{About, BackupReader, BackupWriter};
use ledger_core::log::journal::Journal;
use ledger_core::log::{EventLog, LogError, Record, StoredRecord};
use tempfile::TempDir;

use crate::bend;
use crate::book::Desk;
use crate::chance::Chance;
use crate::{mutate, runtime};

/// Bytes of an input: more only take longer.
pub const BYTES_MAX: usize = 16 * 1024;
/// Sizes of the groups of the true journal, over and over.
const GROUPS: [usize; 5] = [1, 3, 2, 7, 1];
/// The group behind which the second file begins.
const SECOND_FILE: usize = 6;

/// A journal that nothing happened to.
struct Whole {
    records: Vec<Record>,
    /// The names of its files, and their bytes.
    files: [(String, Vec<u8>); 2],
    /// Where groups end, in the bytes of both.
    seams: [Vec<usize>; 2],
}

fn whole() -> &'static Whole {
    static WHOLE: OnceLock<Whole> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let records = Desk::golden().records.clone();
        let folder = folder();
        let journal = Journal::open(folder.path()).unwrap();
        let (mut last, mut ends) = (0, vec![0]);
        let (mut rest, mut sizes) = (records.as_slice(), GROUPS.iter().cycle());
        let mut second = (0, 0);
        let file = folder.path().join(file_name(1));
        while !rest.is_empty() {
            let size = (*sizes.next().unwrap()).min(rest.len());
            let (group, after) = rest.split_at(size);
            last = runtime::run(journal.append(last, group.to_vec())).unwrap();
            rest = after;
            ends.push(usize::try_from(fs::metadata(&file).unwrap().len()).unwrap());
            if ends.len() == SECOND_FILE + 1 {
                second = (last + 1, ends[SECOND_FILE]);
            }
        }
        let bytes = fs::read(&file).unwrap();
        let (one, two) = bytes.split_at(second.1);
        let behind = ends[SECOND_FILE..].iter().map(|end| end - second.1).collect();
        Whole {
            records,
            files: [(file_name(1), one.to_vec()), (file_name(second.0), two.to_vec())],
            seams: [ends[..=SECOND_FILE].to_vec(), behind],
        }
    })
}

fn file_name(first: u64) -> String {
    format!("{first:020}.log")
}

/// A folder in memory, where there is one.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    made.unwrap()
}

/// The first byte says what happens, and to which file; the rest are bytes, or bends.
pub fn check(input: &[u8]) {
    let [what, rest @ ..] = input else { return };
    if what & 4 != 0 {
        return check_backup(rest);
    }
    let which = usize::from(what & 1);
    let whole = whole();
    let bytes = if what & 2 == 0 {
        rest.to_vec()
    } else {
        bend::bent(&whole.files[which].1, &whole.seams[which], rest)
    };
    let folder = folder();
    let paths: Vec<PathBuf> =
        whole.files.iter().map(|(name, _)| folder.path().join(name)).collect();
    for (path, (_, true_bytes)) in paths.iter().zip(&whole.files) {
        fs::write(path, true_bytes).unwrap();
    }
    fs::write(&paths[which], &bytes).unwrap();
    opens_or_refuses(folder.path(), &paths[which], &bytes);
}

/// All ways to open a journal: each says what is wrong, or has the true events from the first on.
fn opens_or_refuses(folder: &Path, path: &Path, bytes: &[u8]) {
    let read_only = Journal::open_read_only(folder).map(|journal| holds(&journal));
    let checked = Journal::check(folder);
    is_same(&read_only, &checked);
    // Somebody was told that the last event is stored.
    let all = whole().records.len() as u64;
    match Journal::open_with_anchor(folder, all) {
        Ok(journal) => assert_eq!(holds(&journal), all, "acknowledged events are gone"),
        Err(error) => {
            is_clear(&error);
            assert_eq!(fs::read(path).unwrap(), bytes, "it was changed and not opened");
        }
    }
    let opened = Journal::open(folder).map(|journal| holds(&journal));
    is_same(&opened, &checked);
    // What was cut off is gone; everything else is as it was.
    let again = Journal::check(folder);
    is_same(&again, &opened);
    if let Ok(last) = opened {
        let after = fs::read(path).unwrap();
        assert!(bytes.starts_with(&after), "more than a cut");
        is_one_group_at_most(&after, bytes);
        goes_on(folder, last);
    }
}

fn is_same(one: &Result<u64, LogError>, other: &Result<u64, LogError>) {
    match (one, other) {
        (Ok(one), Ok(other)) => assert_eq!(one, other),
        (Err(one), Err(other)) => [one, other].into_iter().for_each(is_clear),
        (one, other) => panic!("one way to open it says {one:?}, another one {other:?}"),
    }
}

fn is_clear(error: &LogError) {
    let LogError::Corrupt { what, reason, .. } = error else { panic!("{error:?}") };
    assert!(!what.is_empty() && reason.contains("restore the journal"), "{error}");
}

/// Its last event, where all it has are true ones.
fn holds(journal: &Journal) -> u64 {
    let last = runtime::run(journal.last_sequence()).unwrap();
    let read = runtime::run(journal.read(1, 10_000)).unwrap();
    is_true(&read, last);
    last
}

fn is_true(read: &[StoredRecord], last: u64) {
    assert_eq!(read.len() as u64, last);
    for ((sequence, stored), record) in (1..).zip(read).zip(&whole().records) {
        assert_eq!(stored.sequence, sequence);
        assert_eq!(&stored.record, record, "another event {sequence}");
    }
    assert!(read.len() <= whole().records.len(), "more events than there were");
}

/// A crash leaves the beginning of one group, and sectors that were never written behind it.
fn is_one_group_at_most(after: &[u8], before: &[u8]) {
    let whole = whole();
    let places = whole.files.iter().zip(&whole.seams);
    let next = places.filter(|((_, file), _)| !after.is_empty() && file.starts_with(after));
    let next = next.filter_map(|(_, seams)| seams.iter().find(|seam| **seam > after.len())).next();
    let written = before.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    if let Some(next) = next {
        assert!(written <= *next, "{} bytes are cut off as one group", before.len() - after.len());
    }
}

/// The next event can be stored, and is there then.
fn goes_on(folder: &Path, last: u64) {
    let place = usize::try_from(last).unwrap();
    let Some(next) = whole().records.get(place) else { return };
    let journal = Journal::open(folder).unwrap();
    assert_eq!(runtime::run(journal.append(last, vec![next.clone()])), Ok(last + 1));
    drop(journal);
    assert_eq!(holds(&Journal::open(folder).unwrap()), last + 1);
}

/// A backup of any bytes, or of the true journal's with bends: its events are true ones, or it says what
/// is wrong.
fn check_backup(input: &[u8]) {
    let Some((how, rest)) = input.split_first() else { return };
    let bytes = if how & 1 == 0 { rest.to_vec() } else { bend::bent(backup(), &[], rest) };
    let Ok(mut reader) = BackupReader::open(bytes.as_slice()) else { return };
    let mut read = Vec::new();
    loop {
        match reader.next_record() {
            Ok(Some(stored)) => read.push(stored),
            Ok(None) => {
                assert_eq!(read.len(), whole().records.len(), "it is not whole, and ends well");
                break;
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                break;
            }
        }
    }
    is_true(&read, read.len() as u64);
}

fn backup() -> &'static [u8] {
    static BACKUP: OnceLock<Vec<u8>> = OnceLock::new();
    BACKUP.get_or_init(|| {
        let records = &whole().records;
        let about = About {
            book: "main".to_owned(),
            shard: 0,
            through: records.len() as u64,
            created_at: "2026-12-01T09:00:00.000000Z".to_owned(),
            program: "revledger 0".to_owned(),
        };
        let mut writer = BackupWriter::begin(Vec::new(), &about).unwrap();
        for (sequence, record) in (1..).zip(records) {
            writer.push(&StoredRecord { sequence, record: record.clone() }).unwrap();
        }
        writer.finish(Desk::golden().standing.chain.0).unwrap().0
    })
}

/// The true files as any bytes, and some bends of each.
pub fn seeds() -> Vec<Vec<u8>> {
    let whole = whole();
    let mut all: Vec<Vec<u8>> = vec![vec![2], vec![3], vec![4], vec![5, 1], vec![]];
    for (which, (_, bytes)) in (0_u8..).zip(&whole.files) {
        all.push([&[which], &bytes[..bytes.len().min(BYTES_MAX - 1)]].concat());
    }
    all.push([&[4, 0], &backup()[..backup().len().min(BYTES_MAX - 2)]].concat());
    let mut chance = Chance::new(7);
    for what in [2, 3, 2, 3, 2, 3, 2, 3] {
        all.push([vec![what], bend::by_chance(&mut chance)].concat());
    }
    all.push([vec![5, 1], bend::by_chance(&mut chance)].concat());
    all
}

/// Another input.
pub fn mutated(input: &[u8], chance: &mut Chance) -> Vec<u8> {
    match chance.below(8) {
        0..=3 => {
            let what = 2 + u8::try_from(chance.below(2)).unwrap_or(0);
            [vec![what], bend::by_chance(chance)].concat()
        }
        4 => [vec![5, 1], bend::by_chance(chance)].concat(),
        _ => mutate::bytes(input, chance, BYTES_MAX),
    }
}
