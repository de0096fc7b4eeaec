//! Snapshots: files with bends, and files with the right checksums whose parts have any bytes.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::OnceLock;

use borsh::{BorshDeserialize, BorshSerialize};
use commands::standing::Standing;
use ledger_core::snapshot::{Heading, Part, Snapshot, Unpublished};
use projections::snapshot as views_snapshot;
use projections::views::Views;
use tempfile::TempDir;

use crate::bend;
use crate::book::Desk;
use crate::chance::Chance;
use crate::mutate;

/// Bytes of an input: more only take longer.
pub const BYTES_MAX: usize = 8 * 1024;

/// Whose snapshot it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Writer,
    Views,
}

/// A snapshot that nothing happened to.
struct Whole {
    bytes: Vec<u8>,
    heading: Heading,
    parts: Vec<Vec<u8>>,
}

/// All that is left of a part.
struct Rest(Vec<u8>);

impl BorshDeserialize for Rest {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes)?;
        Ok(Self(bytes))
    }
}

impl BorshSerialize for Rest {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        writer.write_all(&self.0)
    }
}

fn whole(whose: Whose) -> &'static Whole {
    static WRITER: OnceLock<Whole> = OnceLock::new();
    static VIEWS: OnceLock<Whole> = OnceLock::new();
    match whose {
        Whose::Writer => WRITER.get_or_init(|| {
            of(|path| Desk::golden().standing.write_snapshot(path).unwrap().publish().unwrap())
        }),
        Whose::Views => VIEWS.get_or_init(|| of(|path| write(path, &Desk::golden().views()))),
    }
}

fn of(write: impl FnOnce(&Path)) -> Whole {
    let folder = folder();
    let path = folder.path().join("snapshot");
    write(&path);
    let snapshot = Snapshot::open(&path).unwrap().unwrap();
    let parts = (0..).map_while(|number| snapshot.part::<Rest>(number).ok());
    Whole {
        bytes: fs::read(&path).unwrap(),
        heading: snapshot.heading().clone(),
        parts: parts.map(|part| part.0).collect(),
    }
}

fn write(path: &Path, views: &Views) {
    let chain = Desk::golden().standing.chain;
    views_snapshot::write(path, views, chain).unwrap().publish().unwrap();
}

fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    made.unwrap()
}

/// The first byte says whose, and what happens; the second one to which part.
pub fn check(input: &[u8]) {
    let [what, number, rest @ ..] = input else { return };
    let whose = if what & 1 == 0 { Whose::Writer } else { Whose::Views };
    let whole = whole(whose);
    let folder = folder();
    let path = folder.path().join("snapshot");
    match what & 6 {
        0 => {
            fs::write(&path, rest).unwrap();
            is_refused(whose, &path);
        }
        2 => {
            fs::write(&path, bend::bent(&whole.bytes, &[], rest)).unwrap();
            if let Some(again) = written_again(whose, &path) {
                assert!(again == whole.bytes, "a bent snapshot is read as another one");
            }
        }
        // The checksums are right: whatever is read has no more than a size that the bytes bear out.
        _ => {
            let mut parts: Vec<Rest> = whole.parts.iter().map(|part| Rest(part.clone())).collect();
            let number = usize::from(*number) % parts.len();
            let part = &mut parts[number].0;
            *part = if what & 2 == 0 { rest.to_vec() } else { bend::bent(part, &[], rest) };
            let parts: Vec<&dyn Part> = parts.iter().map(|part| part as &dyn Part).collect();
            let made = Unpublished::write(&path, whole.heading.clone(), &parts).unwrap();
            made.publish().unwrap();
            drop(written_again(whose, &path));
        }
    }
}

fn is_refused(whose: Whose, path: &Path) {
    assert!(written_again(whose, path).is_none(), "any bytes are read as a snapshot");
}

/// What was read, written once more; none where it is no snapshot of ours. An error names the file.
fn written_again(whose: Whose, path: &Path) -> Option<Vec<u8>> {
    let again = path.with_extension("again");
    let clear = |error: ledger_core::snapshot::SnapshotError| {
        assert!(error.path.contains("snapshot") && !error.reason.is_empty(), "{error}");
    };
    match whose {
        Whose::Writer => {
            let standing: Standing = Standing::read_snapshot(path).map_err(clear).ok()??;
            standing.write_snapshot(&again).unwrap().publish().unwrap();
        }
        Whose::Views => {
            let (views, _) = views_snapshot::read(path).map_err(clear).ok()??;
            write(&again, &views);
        }
    }
    Some(fs::read(again).unwrap())
}

/// The true files, and some bends of each part.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut chance = Chance::new(11);
    let mut all = Vec::new();
    for (which, whose) in [(0_u8, Whose::Writer), (1, Whose::Views)] {
        let whole = whole(whose);
        let start = &whole.bytes[..whole.bytes.len().min(BYTES_MAX - 2)];
        all.push([&[which, 0], start].concat());
        all.push(vec![which | 2, 0]);
        all.push([vec![which | 2, 0], bend::by_chance(&mut chance)].concat());
        for (number, part) in (0_u8..).zip(&whole.parts) {
            all.push([&[which | 4, number], &part[..part.len().min(BYTES_MAX - 2)]].concat());
            all.push([vec![which | 6, number], bend::by_chance(&mut chance)].concat());
        }
    }
    all
}

/// Another input.
pub fn mutated(input: &[u8], chance: &mut Chance) -> Vec<u8> {
    if chance.below(2) == 0 {
        let what = 2 | u8::try_from(chance.below(8)).unwrap_or(0);
        let number = u8::try_from(chance.below(16)).unwrap_or(0);
        return [vec![what, number], bend::by_chance(chance)].concat();
    }
    mutate::bytes(input, chance, BYTES_MAX)
}
