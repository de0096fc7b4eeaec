//! A writer that must not go on: its disk failed, or the log is not what was written.

use commands::writer::WriterError;
use futures::future::join_all;
use ledger_core::log::LogError;

use crate::bent::Act;
use crate::{OPEN, ask, bent, code, customer, kinds, start};

#[tokio::test]
async fn a_failed_sync_ends_the_writer_and_tells_nobody_that_nothing_was_stored() {
    let (bent, log) = bent(&[Act::Stored, Act::Broken]);
    let writer = start(&log).await;
    let handle = writer.handle();
    assert_eq!(code(&ask(&handle, OPEN).await), "accepted");
    let waiting = ["C-1", "C-2", "C-3"].map(|name| ask(&handle, &customer(name, name)));
    for reply in join_all(waiting).await {
        assert_eq!(code(&reply), "command.outcome_unknown");
    }
    let why = writer.ended().await;
    assert!(matches!(why, WriterError::Log(LogError::Disk { .. })), "{why}");
    // Whatever comes now is not even tried.
    assert_eq!(code(&ask(&handle, &customer("C-4", "C-4")).await), "command.outcome_unknown");
    assert_eq!(bent.groups().len(), 2, "one append failed, and no other one was made");
    drop(handle);
    let ended = writer.shutdown().await;
    assert!(matches!(ended, Err(WriterError::Log(LogError::Disk { .. }))), "{ended:?}");
    // The next one reads what did get stored, and does nothing twice.
    let writer = start(&log).await;
    for name in ["C-1", "C-2", "C-3", "C-4"] {
        assert_eq!(code(&ask(&writer.handle(), &customer(name, name)).await), "accepted");
    }
    assert_eq!(kinds(&log).await.len(), 5);
    writer.shutdown().await.unwrap();
}
