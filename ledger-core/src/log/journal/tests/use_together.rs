//! Writers and readers at the same time, on threads of their own.

use super::*;
use crate::log::AppendError;

const GROUPS: u64 = 200;
const GROUP: u64 = 3;

/// Reads from 1 until the sequence `last`, in windows; every record must be the one appended.
async fn follow(journal: Arc<Journal>, last: u64, window: usize) {
    let mut next = 1;
    while next <= last {
        for found in journal.read(next, window).await.unwrap() {
            assert_eq!(found.sequence, next);
            assert_eq!(found.record, conformance::sample(next));
            next += 1;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_beside_a_writer_see_whole_records_only() {
    let dir = TempDir::new().unwrap();
    let writer = Arc::new(Journal::open_sized(dir.path(), 0, 20_000).unwrap());
    let reader = Arc::new(Journal::open_read_only(dir.path()).unwrap());
    let last = GROUPS * GROUP;
    let mut tasks = Vec::new();
    for window in [1, 7, 1_000] {
        tasks.push(tokio::spawn(follow(Arc::clone(&writer), last, window)));
        tasks.push(tokio::spawn(follow(Arc::clone(&reader), last, window)));
    }
    tasks.push(tokio::spawn(async move {
        for group in 0..GROUPS {
            let at = group * GROUP;
            writer.append(at, samples(at + 1, at + GROUP)).await.unwrap();
        }
    }));
    for task in tasks {
        task.await.unwrap();
    }
    assert_holds(&reader, last).await;
    assert_holds(&Journal::open(dir.path()).unwrap(), last).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_racing_writers_one_wins() {
    let dir = TempDir::new().unwrap();
    let journal = Arc::new(Journal::open(dir.path()).unwrap());
    for last in 0..50 {
        let tasks = [1, 2].map(|_| {
            let journal = Arc::clone(&journal);
            tokio::spawn(async move { journal.append(last, samples(last + 1, last + 1)).await })
        });
        let mut won = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(sequence) => {
                    assert_eq!(sequence, last + 1);
                    won += 1;
                }
                Err(error) => {
                    let actual = last + 1;
                    assert_eq!(error, AppendError::WrongSequence { expected: last, actual });
                }
            }
        }
        assert_eq!(won, 1);
    }
    assert_holds(&journal, 50).await;
}

#[tokio::test]
async fn a_held_journal_is_read_and_not_written_to() {
    let dir = TempDir::new().unwrap();
    written(dir.path(), SMALL_SEGMENT, &[30, 12]).await;
    let before = fs::read(segments(dir.path()).pop().unwrap()).unwrap();
    let held = Journal::open_held(dir.path()).unwrap();
    assert_holds(&held, 42).await;
    let refused = held.append(42, samples(43, 43)).await;
    assert!(matches!(refused, Err(AppendError::Refused { .. })), "{refused:?}");
    let writer = Journal::open(dir.path());
    assert!(matches!(writer, Err(LogError::Unavailable { .. })), "{writer:?}");
    assert!(Journal::open_held(dir.path()).is_ok(), "two readers do not disturb one another");
    drop(held);
    assert_eq!(fs::read(segments(dir.path()).pop().unwrap()).unwrap(), before);
    let writer = Journal::open(dir.path()).unwrap();
    let late = Journal::open_held(dir.path());
    assert!(matches!(late, Err(LogError::Unavailable { .. })), "{late:?}");
    drop(writer);
}
