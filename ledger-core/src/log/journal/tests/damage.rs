//! Files that a crash cut short, and files that were changed.

use super::*;
use crate::log::frame::{HEADER_BYTES, frame_bytes};
use crate::log::journal::Cut;

const ONE_SEGMENT: u64 = 64 * 1024 * 1024;

/// Where the group of the samples `from` to `to` ends that begins at `start`.
fn end_of(start: usize, from: u64, to: u64) -> usize {
    start + samples(from, to).iter().map(|r| frame_bytes(r) as usize).sum::<usize>()
}

#[tokio::test]
async fn cut_at_any_byte_of_the_last_group_keeps_the_whole_groups_before() {
    for groups in [&[2, 3][..], &[3], &[1, 1], &[1, 4, 1]] {
        let dir = TempDir::new().unwrap();
        let file = written(dir.path(), ONE_SEGMENT, groups).await.remove(0);
        let bytes = fs::read(&file).unwrap();
        let last: u64 = groups.iter().sum();
        let kept = last - groups.last().unwrap();
        let start = end_of(0, 1, kept);
        for length in start..bytes.len() {
            fs::write(&file, &bytes[..length]).unwrap();
            let reader = Journal::open_read_only(dir.path()).unwrap();
            assert_holds(&reader, kept).await;
            assert_eq!(fs::metadata(&file).unwrap().len(), length as u64, "a reader cut");

            let journal = Journal::open(dir.path()).unwrap();
            assert_holds(&journal, kept).await;
            let cut =
                Cut { file: file.clone(), length: start as u64, bytes: (length - start) as u64 };
            assert_eq!(journal.cut(), (length > start).then_some(&cut), "cut at {length}");
            assert_eq!(fs::read(&file).unwrap(), &bytes[..start]);
            journal.append(kept, samples(kept + 1, last)).await.unwrap();
            assert_holds(&journal, last).await;
            assert_eq!(fs::read(&file).unwrap(), bytes);
        }
    }
}

#[tokio::test]
async fn sectors_that_were_never_written_are_a_torn_tail() {
    let dir = TempDir::new().unwrap();
    let file = written(dir.path(), ONE_SEGMENT, &[2, 9]).await.remove(0);
    let bytes = fs::read(&file).unwrap();
    let start = end_of(0, 1, 2);
    let sectors = (0..bytes.len()).step_by(512).filter(|at| *at > start);
    for zeros_from in sectors.chain([start]) {
        let mut torn = bytes.clone();
        torn[zeros_from..].fill(0);
        for more in [0, 4_096] {
            torn.resize(bytes.len() + more, 0);
            fs::write(&file, &torn).unwrap();
            let journal = Journal::open(dir.path()).unwrap();
            assert_holds(&journal, 2).await;
            assert!(journal.cut().is_some());
        }
    }
}

#[tokio::test]
async fn zeros_before_other_data_are_damage() {
    let dir = TempDir::new().unwrap();
    let file = written(dir.path(), ONE_SEGMENT, &[2, 9]).await.remove(0);
    let bytes = fs::read(&file).unwrap();
    for at in (0..bytes.len() - 512).step_by(512) {
        let mut hole = bytes.clone();
        hole[at..at + 512].fill(0);
        fs::write(&file, &hole).unwrap();
        assert_corrupt(Journal::open(dir.path()), &file);
        assert_eq!(fs::read(&file).unwrap(), hole, "a damaged file was changed");
    }
}

#[tokio::test]
async fn any_flipped_bit_is_damage() {
    let dir = TempDir::new().unwrap();
    let file = written(dir.path(), ONE_SEGMENT, &[1, 2, 2]).await.remove(0);
    let bytes = fs::read(&file).unwrap();
    for at in 0..bytes.len() {
        for bit in [1, 0x10, 0x80] {
            let mut flipped = bytes.clone();
            flipped[at] ^= bit;
            fs::write(&file, &flipped).unwrap();
            assert_corrupt(Journal::open_read_only(dir.path()), &file);
            assert_corrupt(Journal::open(dir.path()), &file);
            assert_eq!(fs::read(&file).unwrap(), flipped, "a damaged file was changed");
        }
    }
}

#[tokio::test]
async fn a_flipped_bit_before_a_torn_tail_is_damage() {
    let dir = TempDir::new().unwrap();
    let file = written(dir.path(), ONE_SEGMENT, &[2, 2]).await.remove(0);
    let bytes = fs::read(&file).unwrap();
    let start = end_of(0, 1, 2);
    let torn = bytes.len() - 5;
    for at in (0..start + HEADER_BYTES).step_by(3) {
        let mut flipped = bytes[..torn].to_vec();
        flipped[at] ^= 4;
        fs::write(&file, &flipped).unwrap();
        assert_corrupt(Journal::open(dir.path()), &file);
        assert_eq!(fs::read(&file).unwrap(), flipped);
    }
}

#[tokio::test]
async fn an_earlier_segment_is_never_cut() {
    let dir = TempDir::new().unwrap();
    let files = written(dir.path(), SMALL_SEGMENT, &[5; 20]).await;
    assert!(files.len() > 3);
    let bytes = fs::read(&files[1]).unwrap();
    for length in (0..bytes.len()).step_by(7) {
        fs::write(&files[1], &bytes[..length]).unwrap();
        let blamed = if Journal::open(dir.path())
            .is_err_and(|error| error.to_string().contains(&files[1].display().to_string()))
        {
            &files[1]
        } else {
            &files[2] // cut between two groups: the next segment does not follow
        };
        assert_corrupt(Journal::open(dir.path()), blamed);
        assert_corrupt(Journal::open_read_only(dir.path()), blamed);
        assert_eq!(fs::metadata(&files[1]).unwrap().len(), length as u64);
    }
}

#[tokio::test]
async fn missing_doubled_and_foreign_data_is_damage() {
    let dir = TempDir::new().unwrap();
    let files = written(dir.path(), SMALL_SEGMENT, &[5; 20]).await;
    let aside = dir.path().join("aside");
    for (missing, blamed) in [(0, 1), (1, 2)] {
        fs::rename(&files[missing], &aside).unwrap();
        assert_corrupt(Journal::open(dir.path()), &files[blamed]);
        fs::rename(&aside, &files[missing]).unwrap();
    }
    let newest = files.last().unwrap();
    let bytes = fs::read(newest).unwrap();
    for more in [&bytes[..], b"x", &fs::read(&files[0]).unwrap()] {
        fs::write(newest, [&bytes[..], more].concat()).unwrap();
        assert_corrupt(Journal::open(dir.path()), newest);
    }
    fs::write(newest, &bytes).unwrap();
    let foreign = dir.path().join("17.log");
    fs::write(&foreign, b"").unwrap();
    assert_corrupt(Journal::open(dir.path()), &foreign);
    fs::remove_file(&foreign).unwrap();
    assert_holds(&Journal::open(dir.path()).unwrap(), 100).await;
}

#[tokio::test]
async fn an_empty_newest_segment_is_gone_on_with() {
    let dir = TempDir::new().unwrap();
    written(dir.path(), ONE_SEGMENT, &[3]).await;
    let empty = dir.path().join("00000000000000000004.log");
    fs::write(&empty, b"").unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    assert_holds(&journal, 3).await;
    journal.append(3, samples(4, 6)).await.unwrap();
    assert_holds(&journal, 6).await;
    assert!(fs::metadata(&empty).unwrap().len() > 0);
    drop(journal);
    assert_holds(&Journal::open(dir.path()).unwrap(), 6).await;
}

#[tokio::test]
async fn nothing_is_cut_below_the_anchor() {
    let dir = TempDir::new().unwrap();
    let file = written(dir.path(), ONE_SEGMENT, &[2, 3]).await.remove(0);
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
    assert_corrupt(Journal::open_with_anchor(dir.path(), 5), &file);
    assert_corrupt(Journal::open_with_anchor(dir.path(), 3), &file);
    assert_eq!(fs::metadata(&file).unwrap().len(), bytes.len() as u64 - 1);
    assert_holds(&Journal::open_with_anchor(dir.path(), 2).unwrap(), 2).await;
    let empty = TempDir::new().unwrap();
    assert_corrupt(Journal::open_with_anchor(empty.path(), 1), empty.path());
}

#[tokio::test]
async fn damage_behind_an_open_journal_is_found_by_the_read() {
    let dir = TempDir::new().unwrap();
    let file = written(dir.path(), ONE_SEGMENT, &[2, 3]).await.remove(0);
    let journal = Journal::open(dir.path()).unwrap();
    let mut bytes = fs::read(&file).unwrap();
    bytes[HEADER_BYTES + 10] ^= 1;
    fs::write(&file, &bytes).unwrap();
    assert_corrupt(journal.read(1, 10).await, &file);
    fs::write(&file, &bytes[..100]).unwrap();
    assert_corrupt(journal.read(2, 10).await, &file);
}
