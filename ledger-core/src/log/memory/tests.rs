//! Tests of the log in memory.

use std::sync::Arc;

use super::MemoryLog;
use crate::log::{EventLog, Record, SharedLog, conformance};

#[tokio::test]
async fn conforms() {
    conformance::run(|| async { Arc::new(MemoryLog::new()) as SharedLog }).await;
}

#[tokio::test]
async fn starts_from_records_and_appends_behind_them() {
    let record = |subject: &str| Record { subject: subject.into(), headers: vec![], body: vec![1] };
    let log = MemoryLog::from_records(vec![record("a"), record("b")]);
    assert_eq!(log.last_sequence().await, Ok(2));
    assert_eq!(log.append(2, vec![record("c")]).await, Ok(3));
    let read = log.read(1, 9).await.unwrap();
    let subjects: Vec<_> = read.iter().map(|r| (r.sequence, r.record.subject.as_str())).collect();
    assert_eq!(subjects, [(1, "a"), (2, "b"), (3, "c")]);
}
