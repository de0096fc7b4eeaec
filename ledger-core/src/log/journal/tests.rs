//! Tests of the journal: what it keeps, what it cuts off, and what it refuses.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use super::Journal;
use crate::log::conformance::{self, samples};
use crate::log::{EventLog, LogError, Record, SharedLog, StoredRecord};

mod checked;
mod damage;
mod failing;
mod use_together;

/// Segments of about 20 samples.
const SMALL_SEGMENT: u64 = 4_096;

fn small(dir: &Path) -> Journal {
    Journal::open_sized(dir, 0, SMALL_SEGMENT).unwrap()
}

/// A journal of groups of the given sizes, closed again. Returns its segments in order.
async fn written(dir: &Path, segment_bytes: u64, groups: &[u64]) -> Vec<PathBuf> {
    let journal = Journal::open_sized(dir, 0, segment_bytes).unwrap();
    let mut last = 0;
    for size in groups {
        assert_eq!(journal.append(last, samples(last + 1, last + size)).await, Ok(last + size));
        last += size;
    }
    segments(dir)
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    super::segment::list(dir).unwrap().into_iter().map(|(_, path)| path).collect()
}

async fn assert_holds(journal: &Journal, last: u64) {
    let wanted: Vec<_> = (1..)
        .zip(samples(1, last))
        .map(|(sequence, record)| StoredRecord { sequence, record })
        .collect();
    assert_eq!(journal.last_sequence().await, Ok(last));
    assert!(journal.read(0, 100_000).await.unwrap() == wanted, "not the samples 1 to {last}");
}

fn assert_corrupt<T: std::fmt::Debug>(result: Result<T, LogError>, file: &Path) {
    match result {
        Err(LogError::Corrupt { what, reason, .. }) => {
            assert_eq!(what, file.display().to_string());
            assert!(reason.contains("restore the journal"), "{reason}");
        }
        other => panic!("not reported as damage of {}: {other:?}", file.display()),
    }
}

#[tokio::test]
async fn conforms() {
    let dir = TempDir::new().unwrap();
    let count = std::cell::Cell::new(0);
    conformance::run(|| async {
        count.set(count.get() + 1);
        Arc::new(Journal::open(&dir.path().join(count.get().to_string())).unwrap()) as SharedLog
    })
    .await;
}

#[tokio::test]
async fn conforms_with_small_segments() {
    let dir = TempDir::new().unwrap();
    let count = std::cell::Cell::new(0);
    conformance::run(|| async {
        count.set(count.get() + 1);
        Arc::new(small(&dir.path().join(format!("deep/er/{}", count.get())))) as SharedLog
    })
    .await;
    assert!(segments(&dir.path().join("deep/er/2")).len() > 3);
}

#[tokio::test]
async fn keeps_everything_over_reopening() {
    let dir = TempDir::new().unwrap();
    let mut last = 0;
    for size in [1, 2, 300, 1, 1_000, 5] {
        let journal = small(dir.path());
        assert_holds(&journal, last).await;
        assert_eq!(journal.cut(), None);
        journal.append(last, samples(last + 1, last + size)).await.unwrap();
        last += size;
        assert_holds(&journal, last).await;
    }
    assert_holds(&small(dir.path()), last).await;
    assert_holds(&Journal::open_read_only(dir.path()).unwrap(), last).await;
    assert_eq!(segments(dir.path())[0].file_name().unwrap(), "00000000000000000001.log");
}

#[tokio::test]
async fn keeps_headers_in_their_order_and_repeated() {
    let dir = TempDir::new().unwrap();
    let headers = [("b", "1"), ("a", "2"), ("b", "1"), ("", "")]
        .map(|(name, value)| (name.into(), value.into()))
        .to_vec();
    let record = Record { subject: String::new(), headers, body: vec![0; 3] };
    Journal::open(dir.path()).unwrap().append(0, vec![record.clone()]).await.unwrap();
    let read = Journal::open(dir.path()).unwrap().read(1, 2).await.unwrap();
    assert_eq!(read, [StoredRecord { sequence: 1, record }]);
}

#[tokio::test]
async fn reads_any_window_with_and_without_a_cursor() {
    let dir = TempDir::new().unwrap();
    written(dir.path(), 100_000, &[700, 700, 1, 700]).await;
    let journal = small(dir.path());
    let all = journal.read(1, 5_000).await.unwrap();
    assert_eq!(all.len(), 2_101);
    for from in (1..2_101).step_by(13) {
        for max in [1, 100, 700] {
            let at = from - 1;
            let wanted = &all[at..(at + max).min(all.len())];
            assert!(journal.read(from as u64, max).await.unwrap() == wanted, "{from}, {max}");
        }
    }
}

/// The bytes on disk are a promise to those who keep them: they change only with the magic.
#[test]
fn frame_bytes_are_pinned() {
    let mut bytes = Vec::new();
    let headers = vec![("k".into(), "v".into())];
    let record = Record { subject: "s".to_owned(), headers, body: b"{}".to_vec() };
    crate::log::frame::encode(&mut bytes, 7, (1, 2), &record).unwrap();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(super::frame_bytes(&record), bytes.len() as u64);
    let wanted = [
        "52564a310d00000007000000000000000100020001000000",
        "0a0000004a3d6d6c",
        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        "ed0d59f1",
        "73010000006b01000000767b7d",
    ];
    assert_eq!(hex, wanted.concat());
}
