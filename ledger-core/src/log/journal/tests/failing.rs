//! Disks that fail, and who may append.

use std::fs::{File, OpenOptions};

use super::*;
use crate::log::AppendError;

fn replace_file(journal: &Journal, file: File) {
    journal.writer.as_ref().unwrap().lock().unwrap().file = Some(file);
}

async fn assert_gives_up(journal: &Journal, dir: &Path) {
    let answer = journal.append(3, samples(4, 5)).await;
    assert!(matches!(answer, Err(AppendError::Disk { .. })), "{answer:?}");
    replace_file(journal, OpenOptions::new().append(true).open(&segments(dir)[0]).unwrap());
    for expected in [3, 5] {
        let answer = journal.append(expected, samples(expected + 1, 9)).await;
        match answer {
            Err(AppendError::Disk { reason }) => assert!(reason.contains("restart"), "{reason}"),
            other => panic!("appended to a journal that failed: {other:?}"),
        }
    }
    let last = journal.last_sequence().await;
    assert!(matches!(last, Err(LogError::Disk { .. })), "{last:?}");
    assert_eq!(journal.read(1, 10).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_failed_write_ends_all_appending() {
    let dir = TempDir::new().unwrap();
    written(dir.path(), super::super::SEGMENT_BYTES, &[3]).await;
    let journal = Journal::open(dir.path()).unwrap();
    replace_file(&journal, File::open(&segments(dir.path())[0]).unwrap());
    assert_gives_up(&journal, dir.path()).await;
    drop(journal);
    assert_holds(&Journal::open(dir.path()).unwrap(), 3).await;
}

/// A pipe takes writes and cannot be synced.
#[tokio::test]
async fn a_failed_sync_ends_all_appending() {
    let dir = TempDir::new().unwrap();
    written(dir.path(), super::super::SEGMENT_BYTES, &[3]).await;
    let journal = Journal::open(dir.path()).unwrap();
    let (_reader, pipe) = std::io::pipe().unwrap();
    replace_file(&journal, File::from(std::os::fd::OwnedFd::from(pipe)));
    assert_gives_up(&journal, dir.path()).await;
    drop(journal);
    assert_holds(&Journal::open(dir.path()).unwrap(), 3).await;
}

#[tokio::test]
async fn a_segment_that_cannot_be_created_ends_all_appending() {
    let dir = TempDir::new().unwrap();
    let journal = small(dir.path());
    journal.append(0, samples(1, 15)).await.unwrap();
    let obstacle = dir.path().join("00000000000000000016.log");
    fs::create_dir(&obstacle).unwrap();
    for _ in 0..2 {
        let answer = journal.append(15, samples(16, 30)).await;
        assert!(matches!(answer, Err(AppendError::Disk { .. })), "{answer:?}");
    }
    fs::remove_dir(&obstacle).unwrap();
    drop(journal);
    let journal = small(dir.path());
    journal.append(15, samples(16, 30)).await.unwrap();
    assert_holds(&journal, 30).await;
}

#[tokio::test]
async fn only_one_may_append() {
    let dir = TempDir::new().unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    match Journal::open(dir.path()) {
        Err(LogError::Unavailable { reason, .. }) => {
            assert!(reason.contains("another process has it open"), "{reason}");
        }
        other => panic!("opened twice: {other:?}"),
    }
    journal.append(0, samples(1, 1)).await.unwrap();
    drop(journal);
    assert_holds(&Journal::open(dir.path()).unwrap(), 1).await;
}

#[tokio::test]
async fn a_reader_does_not_append_or_create() {
    let dir = TempDir::new().unwrap();
    let missing = dir.path().join("missing");
    let answer = Journal::open_read_only(&missing);
    assert!(matches!(answer, Err(LogError::Unavailable { .. })), "{answer:?}");
    assert!(!missing.exists());
    let reader = Journal::open_read_only(dir.path()).unwrap();
    let answer = reader.append(0, samples(1, 1)).await;
    assert!(matches!(answer, Err(AppendError::Refused { .. })), "{answer:?}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
