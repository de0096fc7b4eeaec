//! A log that loses its end under a running writer.

use std::sync::{Arc, Mutex};

use ledger_core::log::memory::MemoryLog;
use ledger_core::log::{
    AppendError, EventLog, LogError, LogFuture, Record, SharedLog, StoredRecord,
};

use super::{INVOICE, OPEN, ask, code, customer, start};

/// A log in memory that can be exchanged for another one.
#[derive(Debug)]
struct Exchanged(Mutex<Arc<MemoryLog>>);

impl Exchanged {
    fn now(&self) -> Arc<MemoryLog> {
        Arc::clone(&self.0.lock().unwrap())
    }

    /// Keeps the first events, as a disk does that lied about what it wrote.
    async fn keep(&self, count: usize) {
        let kept = self.now().read(1, count).await.unwrap();
        let records = kept.into_iter().map(|stored| stored.record).collect();
        *self.0.lock().unwrap() = Arc::new(MemoryLog::from_records(records));
    }
}

impl EventLog for Exchanged {
    fn append(&self, last: u64, group: Vec<Record>) -> LogFuture<'_, Result<u64, AppendError>> {
        let log = self.now();
        Box::pin(async move { log.append(last, group).await })
    }

    fn read(&self, from: u64, max: usize) -> LogFuture<'_, Result<Vec<StoredRecord>, LogError>> {
        let log = self.now();
        Box::pin(async move { log.read(from, max).await })
    }

    fn last_sequence(&self) -> LogFuture<'_, Result<u64, LogError>> {
        let log = self.now();
        Box::pin(async move { log.last_sequence().await })
    }

    fn describe(&self) -> String {
        "a log that is exchanged".to_owned()
    }
}

/// The writer read the shorter log into a fresh state once, and went on as if nothing had been lost:
/// the numbers and sequences that callers had been given were given again.
#[tokio::test]
async fn a_running_writer_does_not_go_on_at_a_log_that_lost_what_it_stored() {
    for kept in 0..3 {
        let exchanged = Arc::new(Exchanged(Mutex::default()));
        let log: SharedLog = Arc::<Exchanged>::clone(&exchanged);
        let writer = start(&log).await;
        let handle = writer.handle();
        for text in [OPEN, &customer("c", "C-1"), INVOICE] {
            assert_eq!(code(&ask(&handle, text).await), "accepted");
        }
        exchanged.keep(kept).await;
        for number in 2..4 {
            let text = customer(&format!("c{number}"), &format!("C-{number}"));
            assert_eq!(code(&ask(&handle, &text).await), "command.outcome_unknown", "{kept} kept");
        }
        assert_eq!(
            code(&ask(&handle, &OPEN.replace(r#""open""#, r#""other""#)).await),
            "command.outcome_unknown"
        );
        assert_eq!(log.last_sequence().await.unwrap(), u64::try_from(kept).unwrap());
    }
}
