//! A writer that starts from its snapshot answers as one that read the whole log.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use commands::clock::FixedClock;
use commands::standing::Standing;
use commands::writer::{self, Keep, RunningWriter, WriterError};
use futures::future::join_all;
use ledger_core::log::SharedLog;
use ledger_core::log::memory::MemoryLog;
use ledger_core::snapshot::Unpublished;
use schemas::chain::Chain;
use schemas::record::decode;

use super::bent::Act;
use super::{INVOICE, NOW, OPEN, PAYMENT, ask, bent, book, code, command, customer};

fn keep(folder: &tempfile::TempDir, at_end: bool) -> Keep {
    Keep { path: folder.path().join("writer.snapshot"), at_end }
}

async fn start(log: &SharedLog, keep: Keep) -> Result<RunningWriter, WriterError> {
    let clock = Arc::new(FixedClock(NOW));
    writer::start_from(Some(keep), book(), 0, Arc::clone(log), clock).await
}

/// Sends each line to a writer with a snapshot, which ends then; the replies.
async fn session(log: &SharedLog, keep: &Keep, lines: &[String]) -> Vec<Vec<u8>> {
    let writer = start(log, keep.clone()).await.unwrap();
    let handle = writer.handle();
    let mut replies = Vec::new();
    for line in lines {
        replies.push(ask(&handle, line).await);
    }
    drop(handle);
    writer.shutdown().await.unwrap();
    replies
}

fn lines() -> Vec<String> {
    vec![OPEN.to_owned(), customer("c", "C-1"), INVOICE.to_owned(), PAYMENT.to_owned()]
}

async fn folded(log: &SharedLog, through: u64) -> Standing {
    let mut standing = Standing::default();
    for stored in log.read(1, usize::try_from(through).unwrap()).await.unwrap() {
        standing.chain = standing.chain.next_leaf(&Chain::leaf(&stored.record.body));
        standing.fold(&decode(&stored).unwrap());
    }
    standing
}

/// All of it. An event that was decided just now says 0.00 where its stored bytes say nothing.
fn told(standing: &Standing) -> String {
    format!("{standing:?}").replace("Amount(0.00)", "Amount(0)")
}

fn read(path: &Path) -> Standing {
    Standing::read_snapshot(path).unwrap().unwrap()
}

#[tokio::test]
async fn the_same_command_has_the_same_reply_behind_a_snapshot() {
    let (folder, log) = (tempfile::tempdir().unwrap(), memory());
    let keep = keep(&folder, true);
    let first = session(&log, &keep, &lines()).await;
    assert!(first.iter().all(|reply| code(reply) == "accepted"));
    let last = log.last_sequence().await.unwrap();
    assert_eq!(told(&read(&keep.path)), told(&folded(&log, last).await));
    let again = session(&log, &keep, &lines()).await;
    assert_eq!(again, first);
    assert_eq!(log.last_sequence().await.unwrap(), last, "nothing was done twice");
    let other = INVOICE.replace("100.00", "101.00");
    assert_eq!(code(&session(&log, &keep, &[other]).await[0]), "command.id_reused");
    let more = PAYMENT.replace("\"pay\"", "\"p2\"").replace("PAY-1", "PAY-2");
    assert_eq!(code(&session(&log, &keep, &[more]).await[0]), "payment.over_allocated");
}

fn memory() -> SharedLog {
    Arc::new(MemoryLog::new())
}

#[tokio::test]
async fn only_the_tail_is_read_behind_a_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let (bent, log) = bent(&[]);
    session(&log, &keep(&folder, true), &lines()).await;
    session(&log, &keep(&folder, false), &[customer("d", "C-2")]).await;
    bent.forget_reads();
    let writer = start(&log, keep(&folder, false)).await.unwrap();
    let in_snapshot = read(&keep(&folder, false).path).sequence;
    assert_eq!(in_snapshot, 5, "the one of the first session");
    assert_eq!(bent.first_reads().into_iter().min(), Some(in_snapshot), "{:?}", bent.first_reads());
    drop(writer);
}

#[tokio::test]
async fn a_damaged_snapshot_is_thrown_away() {
    let (folder, log) = (tempfile::tempdir().unwrap(), memory());
    let keep = keep(&folder, true);
    let first = session(&log, &keep, &lines()).await;
    let whole = fs::read(&keep.path).unwrap();
    for at in [9, whole.len() / 3, whole.len() / 2, whole.len() - 30] {
        let mut damaged = whole.clone();
        damaged[at] ^= 4;
        fs::write(&keep.path, damaged).unwrap();
        assert!(Standing::read_snapshot(&keep.path).is_err(), "at {at}");
        assert_eq!(session(&log, &keep, &lines()).await, first);
        assert_eq!(read(&keep.path).sequence, 5, "written again");
    }
}

#[tokio::test]
async fn a_log_without_the_snapshot_s_last_event_is_not_written_on() {
    let (folder, log) = (tempfile::tempdir().unwrap(), memory());
    let keep = keep(&folder, true);
    session(&log, &keep, &lines()).await;
    let records: Vec<_> =
        log.read(1, 100).await.unwrap().into_iter().map(|stored| stored.record).collect();
    let shorter: SharedLog = Arc::new(MemoryLog::from_records(records[..4].to_vec()));
    let refused = start(&shorter, keep).await;
    assert!(matches!(refused, Err(WriterError::HistoryChanged { sequence: 5, .. })), "{refused:?}");
}

#[tokio::test]
async fn after_an_append_that_failed_the_state_comes_from_the_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let (bent, log) = bent(&[Act::Stored; 4]);
    session(&log, &keep(&folder, true), &lines()).await;
    bent.then(&[Act::StoredUnknown, Act::LostUnknown]);
    let writer = start(&log, keep(&folder, false)).await.unwrap();
    bent.forget_reads();
    let handle = writer.handle();
    for number in 2..5 {
        let text = customer(&format!("c{number}"), &format!("C-{number}"));
        assert_eq!(code(&ask(&handle, &text).await), "accepted");
    }
    assert!(bent.first_reads().iter().all(|from| *from >= 5), "{:?}", bent.first_reads());
    drop(handle);
    writer.shutdown().await.unwrap();
    assert_eq!(log.last_sequence().await.unwrap(), 8);
}

/// Sends so many commands at once: the writer has no pause, and makes one for a snapshot.
async fn many(count: usize) -> (tempfile::TempDir, PathBuf, SharedLog) {
    let (folder, log) = (tempfile::tempdir().unwrap(), memory());
    let keep = keep(&folder, false);
    let writer = start(&log, keep.clone()).await.unwrap();
    let handle = writer.handle();
    assert_eq!(code(&ask(&handle, OPEN).await), "accepted");
    let replies = (0..count).map(|number| {
        handle.submit_waiting(command(&customer(&format!("c{number}"), &format!("C-{number}"))))
    });
    join_all(replies).await;
    drop(handle);
    writer.shutdown().await.unwrap();
    (folder, keep.path, log)
}

#[tokio::test]
async fn a_snapshot_under_load_is_the_log_s_own_state() {
    let (folder, path, log) = many(40_500).await;
    let kept = read(&path);
    assert!(kept.sequence >= 20_000, "{}", kept.sequence);
    let other = folder.path().join("folded.snapshot");
    let folded = folded(&log, kept.sequence).await;
    folded.write_snapshot(&other).and_then(Unpublished::publish).unwrap();
    assert!(fs::read(path).unwrap() == fs::read(other).unwrap(), "the same to the last byte");
}
