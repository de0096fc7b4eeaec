//! Tests of the format: what was written comes back, and nothing that was cut or changed does.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{About, BackupError, BackupReader, BackupWriter, End, WriteError};
use crate::log::conformance::samples;
use crate::log::{Record, StoredRecord};

const CHAIN: [u8; 32] = [7; 32];

fn about(through: u64) -> About {
    About {
        book: "Käufer".to_owned(),
        shard: 0,
        through,
        created_at: "2026-01-01T00:00:00.000000Z".to_owned(),
        program: "revledger 0".to_owned(),
    }
}

fn stored(records: Vec<Record>) -> Vec<StoredRecord> {
    (1..).zip(records).map(|(sequence, record)| StoredRecord { sequence, record }).collect()
}

fn written(records: &[StoredRecord]) -> (Vec<u8>, End) {
    let through = u64::try_from(records.len()).unwrap();
    let mut writer = BackupWriter::begin(Vec::new(), &about(through)).unwrap();
    for record in records {
        writer.push(record).unwrap();
    }
    writer.finish(CHAIN).unwrap()
}

fn read(bytes: &[u8]) -> Result<(About, Vec<StoredRecord>, End), BackupError> {
    let mut reader = BackupReader::open(bytes)?;
    let mut found = Vec::new();
    while let Some(record) = reader.next_record()? {
        assert!(reader.end().is_none());
        found.push(record);
    }
    assert!(reader.next_record()?.is_none(), "and none again");
    Ok((reader.about().clone(), found, reader.end().unwrap().clone()))
}

proptest! {
    #[test]
    fn what_was_written_comes_back(
        records in vec(
            ("\\PC{0,40}", vec(("\\PC{0,9}", "\\PC{0,9}"), 0..4), vec(any::<u8>(), 0..300)),
            0..40,
        )
    ) {
        let record = |(subject, headers, body): (_, Vec<(String, String)>, _)| {
            let headers = headers.into_iter().map(|(name, value)| (name.into(), value.into()));
            Record { subject, headers: headers.collect(), body }
        };
        let records = stored(records.into_iter().map(record).collect());
        let (bytes, end) = written(&records);
        prop_assert_eq!(u64::try_from(bytes.len()).unwrap(), end.bytes);
        let through = u64::try_from(records.len()).unwrap();
        let (found_about, found, found_end) = read(&bytes).unwrap();
        prop_assert_eq!(found_about, about(through));
        prop_assert_eq!(found, records);
        prop_assert_eq!(found_end, end);
    }
}

#[test]
fn every_length_but_the_whole_one_is_torn() {
    let (bytes, _) = written(&stored(samples(1, 5)));
    for length in 0..bytes.len() {
        match read(&bytes[..length]) {
            Err(BackupError::Torn { at, .. }) => assert_eq!(at, u64::try_from(length).unwrap()),
            other => panic!("{length} of {} bytes: {other:?}", bytes.len()),
        }
    }
    assert!(read(&bytes).is_ok());
}

#[test]
fn a_cut_between_events_is_torn_behind_the_last_whole_one() {
    let (bytes, _) = written(&stored(samples(1, 5)));
    let shorter = written(&stored(samples(1, 3))).0;
    let cut = shorter.len() - super::END_BYTES;
    let Err(BackupError::Torn { last, .. }) = read(&bytes[..cut]) else { panic!("not torn") };
    assert_eq!(last, 3);
    // The end of a shorter one behind fewer events is not the end of this one.
    let spliced = [&bytes[..cut], &shorter[cut..]].concat();
    let Err(BackupError::Damaged { at, .. }) = read(&spliced) else { panic!("not found") };
    assert_eq!(at, u64::try_from(cut).unwrap());
}

#[test]
fn every_flipped_bit_is_found() {
    let (bytes, _) = written(&stored(samples(1, 3)));
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            let found = read(&changed).expect_err("a changed bit");
            match found {
                BackupError::NotABackup => assert!(at < super::MAGIC.len()),
                BackupError::Damaged { at: said, .. } => {
                    assert!(said <= u64::try_from(at).unwrap(), "{at} is told as {said}");
                }
                // The length in front of what it says of itself is larger than that.
                BackupError::Torn { .. } if (16..20).contains(&at) => {}
                BackupError::Torn { .. } | BackupError::Newer { .. } | BackupError::Read(_) => {
                    panic!("bit {bit} of byte {at}: {found}")
                }
            }
        }
    }
}

#[test]
fn what_is_no_backup_or_too_new_or_too_long_is_told_apart() {
    let (bytes, _) = written(&stored(samples(1, 2)));
    for text in ["{}", "RVJ1", "a text that is longer than the start of a backup"] {
        assert!(matches!(read(text.as_bytes()), Err(BackupError::NotABackup)), "{text}");
    }
    let mut newer = bytes.clone();
    newer[8] = 2;
    let checksum = crc32c::crc32c(&newer[..12]).to_le_bytes();
    newer[12..16].copy_from_slice(&checksum);
    assert!(matches!(read(&newer), Err(BackupError::Newer { version: 2 })));
    let longer = [&bytes[..], b"\n"].concat();
    let Err(BackupError::Damaged { at, .. }) = read(&longer) else { panic!("not found") };
    assert_eq!(at, u64::try_from(bytes.len()).unwrap());
    let twice = [&bytes[..], &bytes[..]].concat();
    assert!(matches!(read(&twice), Err(BackupError::Damaged { .. })));
}

#[test]
fn a_writer_takes_only_the_log_that_was_promised() {
    let records = stored(samples(1, 3));
    let begin = || BackupWriter::begin(Vec::new(), &about(3)).unwrap();
    let misfit = |answer: Result<(), WriteError>| {
        assert!(matches!(answer, Err(WriteError::Misfit { .. })), "{answer:?}");
    };
    misfit(begin().push(&records[1]));
    let mut twice = begin();
    twice.push(&records[0]).unwrap();
    misfit(twice.push(&records[0]));
    misfit(twice.finish(CHAIN).map(drop));
    let long = About { program: "x".repeat(5_000), ..about(0) };
    misfit(BackupWriter::begin(Vec::new(), &long).map(drop));
}

/// The bytes on disk are a promise to those who keep them: they change only with the version.
/// Put together by hand from the table; the checksums are other programs' (`sha256sum`, and CRC32C
/// of RFC 3720 by a table of 256 entries).
#[test]
fn the_bytes_are_pinned() {
    let record = Record { subject: "s".to_owned(), headers: Vec::new(), body: b"{}".to_vec() };
    let about = About {
        book: "b".to_owned(),
        shard: 0,
        through: 1,
        created_at: "t".to_owned(),
        program: "p".to_owned(),
    };
    let mut writer = BackupWriter::begin(Vec::new(), &about).unwrap();
    writer.push(&StoredRecord { sequence: 1, record }).unwrap();
    let (bytes, _) = writer.finish(CHAIN).unwrap();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let wanted = [
        "52564241434b55500100000073beb057",
        "1b000000000000000100000000000000010000006201000000740100000070466dcd45",
        "52564a3103000000010000000000000000000100010000000000000036c2d30444136fa355b3678a",
        "1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a5b599477",
        "737b7d",
        "52564245010000000000000001000000000000007a00000000000000070707070707070707070707",
        "0707070707070707070707070707070707070707",
        "beb802885871a8273ba34a975dd249a26aa891a83269c2ebfe38ff85839356e4",
        "ede292a5",
    ];
    assert_eq!(hex, wanted.concat());
}
