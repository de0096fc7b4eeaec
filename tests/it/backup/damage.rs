//! Files that are no whole backup, and places that do not take one: refused, and nothing is left.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use super::*;

/// Lengths and flips that are tried with the whole program; the format's own tests try all.
const TRIES: usize = 60;

/// Splitmix64: a plain generator, so that a printed seed gives the same round again.
fn random(state: &mut u64) -> usize {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    usize::try_from((mixed ^ (mixed >> 31)) >> 1).unwrap()
}

fn seed() -> u64 {
    let seed = match std::env::var("REVLEDGER_SEED") {
        Ok(text) => text.parse().unwrap(),
        Err(_) => RandomState::new().build_hasher().finish(),
    };
    println!("REVLEDGER_SEED={seed}");
    seed
}

/// Neither checked nor restored, and nothing is in the data folder afterwards.
fn refused(bytes: &[u8], codes: &[&str]) {
    let ledger = Ledger::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad");
    fs::write(&file, bytes).unwrap();
    for verb in [&["backup", "--verify"][..], &["restore"]] {
        let run = ledger.expect(1, &[verb, &[text(&file)]].concat(), "");
        let is_told = codes.iter().any(|code| run.err.contains(&format!("error[{code}]")));
        assert!(is_told, "{verb:?}: {codes:?} not in {}", run.err);
        assert!(run.err.contains("\n  do:  ") && run.out.is_empty(), "{}", run.err);
    }
    assert_eq!(fs::read_dir(ledger.path()).unwrap().count(), 0, "nothing is left behind");
    assert_eq!(fs::read(&file).unwrap(), bytes, "nor is the file changed");
}

#[test]
fn a_torn_file_is_refused() {
    let (_ledger, file, _) = backed_up();
    let bytes = fs::read(file).unwrap();
    let mut seed = seed();
    let anywhere = (0..TRIES).map(|_| random(&mut seed) % bytes.len());
    let ends = [0, 1, 8, 15, 16, bytes.len() - 1, bytes.len() - 96, bytes.len() - 97];
    for length in ends.into_iter().chain(anywhere) {
        refused(&bytes[..length], &["backup.torn"]);
    }
    refused(&[&bytes[..], b"\0"].concat(), &["backup.damaged"]);
}

#[test]
fn a_flipped_bit_is_refused() {
    let (_ledger, file, _) = backed_up();
    let bytes = fs::read(file).unwrap();
    let mut seed = seed();
    for _ in 0..TRIES {
        let (at, bit) = (random(&mut seed) % bytes.len(), random(&mut seed) % 8);
        let mut changed = bytes.clone();
        changed[at] ^= 1 << bit;
        let codes: &[&str] = match at {
            0..8 => &["backup.not_a_backup"],
            16..20 => &["backup.damaged", "backup.torn"],
            _ => &["backup.damaged"],
        };
        refused(&changed, codes);
    }
}

/// Every checksum fits, and it is not what a ledger wrote: the hash chain tells.
#[test]
fn a_file_that_was_forged_with_its_checksums_is_refused() {
    use ledger_core::log::backup::{BackupReader, BackupWriter};

    let (_ledger, file, _) = backed_up();
    let bytes = fs::read(file).unwrap();
    let forged = |change: &dyn Fn(&mut StoredRecord), chain: Option<[u8; 32]>| {
        let mut reader = BackupReader::open(&bytes[..]).unwrap();
        let mut writer = BackupWriter::begin(Vec::new(), reader.about()).unwrap();
        while let Some(mut stored) = reader.next_record().unwrap() {
            change(&mut stored);
            writer.push(&stored).unwrap();
        }
        writer.finish(chain.unwrap_or(reader.end().unwrap().chain)).unwrap().0
    };
    assert_eq!(forged(&|_| {}, None), bytes);
    let amount = |stored: &mut StoredRecord| {
        let body = String::from_utf8(stored.record.body.clone()).unwrap();
        stored.record.body = body.replace("500.00", "900.00").into_bytes();
    };
    let subject = |stored: &mut StoredRecord| {
        stored.record.subject = stored.record.subject.replace("ledger.main", "ledger.other");
    };
    refused(&forged(&amount, None), &["backup.damaged"]);
    refused(&forged(&subject, None), &["backup.damaged"]);
    refused(&forged(&|_| {}, Some([1; 32])), &["backup.damaged"]);
    let later = |stored: &mut StoredRecord| {
        let body = String::from_utf8(stored.record.body.clone()).unwrap();
        stored.record.body = body.replace(r#""version":1"#, r#""version":99"#).into_bytes();
        let chain = schemas::chain::Chain::START.next(&stored.record.body).to_hex();
        let header = stored.record.headers.iter_mut().find(|(name, _)| name == "Ledger-Chain");
        header.unwrap().1 = chain.into();
    };
    refused(&forged(&later, None), &["backup.newer"]);
}

#[test]
fn what_is_no_backup_is_told_as_what_it_is() {
    let (ledger, file, _) = backed_up();
    refused(b"{\"id\":\"c1\"}\n", &["backup.not_a_backup"]);
    refused(&fs::read(tree(&journal(&ledger))[0].0.as_path()).unwrap(), &["backup.not_a_backup"]);
    let mut newer = fs::read(&file).unwrap();
    newer[8] = 2;
    // CRC32C of `RVBACKUP` and 2 as four little-endian bytes, by another program.
    newer[12..16].copy_from_slice(&[0x4a, 0x37, 0x92, 0x35]);
    refused(&newer, &["backup.newer"]);
}

#[test]
fn each_wrong_use_has_a_code_and_a_way_out() {
    let (ledger, file, _) = backed_up();
    let (file, folder) = (text(&file), text(ledger.path()));
    let inside = format!("{file}/b");
    let no_folder = format!("{folder}/none/b");
    let none = format!("{folder}/none");
    let empty = Ledger::new();
    write_journal(&journal(&empty), &[]);
    let empty_data = text(empty.path());
    let rows: [(i32, &[&str], &str); 14] = [
        (2, &["restore", &none], "backup.missing"),
        (2, &["backup", "--verify", &none], "backup.missing"),
        (2, &["restore", folder], "backup.not_a_file"),
        (2, &["backup", "--verify", "/dev/null"], "backup.not_a_file"),
        (2, &["restore", file, "--book", "acme"], "backup.other_book"),
        (1, &["restore", file], "target.book_exists"),
        (2, &["backup", file], "backup.exists"),
        (2, &["backup", folder, "--force"], "backup.not_a_file"),
        (2, &["backup", "/dev/null", "--force"], "backup.not_a_file"),
        (2, &["backup", &inside], "backup.unwritable"),
        (2, &["backup", &no_folder], "backup.unwritable"),
        (3, &["backup", &none, "--book", "nobody"], "store.missing"),
        (1, &["backup", &none, "--data", empty_data], "backup.empty"),
        (3, &["restore", file, "--nats", "nats://127.0.0.1:1"], "nats.unreachable"),
    ];
    let before = tree(ledger.path());
    for (code, arguments, expected) in rows {
        let run = ledger.expect(code, arguments, "");
        assert!(run.err.contains(&format!("error[{expected}]")), "{arguments:?}: {}", run.err);
        assert!(run.err.contains("\n  do:  "), "{arguments:?}: {}", run.err);
    }
    assert_eq!(tree(ledger.path()), before, "nothing was changed");
    let help = ledger.run(&["restore", file, "--book", "acme"]).err;
    assert!(help.contains("--book \"main\""), "{help}");
    ledger.expect(0, &["backup", file, "--force"], "");
    ledger.expect(0, &["backup", "--verify", file], "");
    ledger.expect(2, &["backup", "--verify", "--force", file], "");
}

#[test]
fn a_damaged_log_is_not_backed_up() {
    let (ledger, _, _) = backed_up();
    let segment = tree(&journal(&ledger))[0].0.clone();
    let mut bytes = fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&segment, &bytes).unwrap();
    let file = ledger.path().join("late");
    let run = ledger.expect(20, &["backup", text(&file)], "");
    assert!(run.err.contains("error[store.corrupt]"), "{}", run.err);
    let names = || fs::read_dir(ledger.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names().all(|name| name == "main" || name == "main.rvbackup"), "no draft is left");
}
