//! esrs drives the ledger on every log: the same events as the writer's, byte for byte.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use commands::clock::FixedClock;
use commands::esrs::{BookCommand, LogStore, StoreError, aggregate_id};
use commands::standing::Standing;
use commands::writer;
use esrs::AggregateState;
use esrs::manager::AggregateManager;
use esrs::store::EventStore;
use futures::FutureExt;
use ledger_core::command::Command;
use ledger_core::id::Identifier;
use ledger_core::log::jetstream::{JetStreamLog, StreamSettings};
use ledger_core::log::journal::Journal;
use ledger_core::log::memory::MemoryLog;
use ledger_core::log::nats_server::NatsServer;
use ledger_core::log::{AppendError, SharedLog};
use schemas::command::{Origin, parse};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

const NOW: OffsetDateTime = datetime!(2026-05-01 09:00 UTC);

const COMMANDS: [&str; 5] = [
    r#"{"id":"1","command":"OpenBook","effective":"2026-01-01","data":{"currency":"USD"}}"#,
    r#"{"id":"2","command":"RegisterCustomer","effective":"2026-01-01","data":{"customer":"C-1","name":"One"}}"#,
    r#"{"id":"3","command":"IssueInvoice","effective":"2026-01-02","data":{"invoice":"INV-1","customer":"C-1","currency":"USD","lines":[{"description":"a year","amount":"365.00","service_start":"2026-01-01","service_end":"2026-12-31"}]}}"#,
    r#"{"id":"4","command":"RecordPayment","effective":"2026-01-03","data":{"payment":"PAY-1","customer":"C-1","amount":"65.00","currency":"USD","allocate":[{"invoice":"INV-1","amount":"65.00"}]}}"#,
    r#"{"id":"5","command":"IssueCredit","effective":"2026-01-04","data":{"credit":"CN-1","customer":"C-1","invoice":"INV-1","currency":"USD","lines":[{"invoice_line":"1","amount":"36.50"}],"apply":"invoice"}}"#,
];

fn book() -> Identifier {
    "main".parse().unwrap()
}

fn command(text: &str) -> Command {
    let origin = Origin {
        book: book(),
        actor: "test".to_owned(),
        today: "2026-05-01".parse().unwrap(),
        command_name: None,
    };
    parse(text.as_bytes(), &origin, &mut String::new).unwrap()
}

fn asked(text: &str) -> BookCommand {
    BookCommand { book: book(), command: command(text), now: NOW }
}

async fn state(manager: &AggregateManager<LogStore>) -> AggregateState<Standing> {
    let id = aggregate_id(&book());
    manager.load(id).await.unwrap().unwrap_or_else(|| AggregateState::with_id(id))
}

/// What the writer puts into a log, asked the same at the same time.
async fn written_by_the_writer() -> SharedLog {
    let log: SharedLog = Arc::new(MemoryLog::new());
    let clock = Arc::new(FixedClock(NOW));
    let writer = writer::start(book(), 0, Arc::clone(&log), clock).await.unwrap();
    for text in COMMANDS {
        let reply = writer.handle().submit(command(text), None).await;
        assert!(String::from_utf8(reply).unwrap().contains("accepted"), "{text}");
    }
    writer.shutdown().await.unwrap();
    log
}

async fn drives(log: SharedLog) {
    let manager = AggregateManager::new(LogStore::new(book(), 0, Arc::clone(&log)));
    for text in COMMANDS {
        let before = state(&manager).await;
        manager.handle_command(before, asked(text)).await.unwrap().unwrap();
    }
    let writers = written_by_the_writer().await;
    let read = |log: SharedLog| async move { log.read(1, 100).await.unwrap() };
    assert_eq!(read(Arc::clone(&log)).await, read(writers).await, "{}", log.describe());

    let standing = state(&manager).await;
    let last = log.last_sequence().await.unwrap();
    assert_eq!(i64::from(*standing.sequence_number()), i64::try_from(last).unwrap());
    let open = standing.inner().ledger.invoices.get(&"INV-1".parse().unwrap()).unwrap().open;
    assert_eq!(open.to_string(), "263.50", "365.00 less 65.00 less 36.50");

    // Once is enough: the same command again is accepted and makes nothing.
    manager.handle_command(standing, asked(COMMANDS[3])).await.unwrap().unwrap();
    assert_eq!(log.last_sequence().await.unwrap(), last);
    let other = COMMANDS[3].replace("2026-01-03", "2026-01-04");
    let refused = manager.handle_command(state(&manager).await, asked(&other)).await.unwrap();
    assert_eq!(refused.unwrap_err().code, "command.id_reused");
    let unknown = COMMANDS[3]
        .replace("INV-1", "INV-9")
        .replace("PAY-1", "PAY-9")
        .replace(r#""id":"4""#, r#""id":"6""#);
    let refused = manager.handle_command(state(&manager).await, asked(&unknown)).await.unwrap();
    assert_eq!(refused.unwrap_err().code, "invoice.unknown");
    assert_eq!(log.last_sequence().await.unwrap(), last, "a refusal writes nothing");

    loses_a_race(&manager, last).await;
    keeps_one_aggregate(&manager, &log).await;
}

/// Of two that loaded the same state only one can store.
async fn loses_a_race(manager: &AggregateManager<LogStore>, last: u64) {
    let customer = |number: u32| {
        let text = COMMANDS[1].replace("C-1", &format!("C-{number}"));
        asked(&text.replace(r#""id":"2""#, &format!(r#""id":"r{number}""#)))
    };
    let (first, second) = (state(manager).await, state(manager).await);
    manager.handle_command(first, customer(2)).await.unwrap().unwrap();
    let lost = manager.handle_command(second, customer(3)).await;
    assert!(
        matches!(
            lost,
            Err(StoreError::Append(AppendError::WrongSequence { expected, .. })) if expected == last
        ),
        "the second decided on a state that is gone"
    );
    manager.handle_command(state(manager).await, customer(3)).await.unwrap().unwrap();
}

async fn keeps_one_aggregate(manager: &AggregateManager<LogStore>, log: &SharedLog) {
    let id = aggregate_id(&book());
    let before = log.last_sequence().await.unwrap();
    assert!(matches!(manager.delete(id).await, Err(StoreError::DeleteRefused)));
    let other = manager.load(Uuid::nil()).await;
    assert!(matches!(other, Err(StoreError::OtherAggregate { .. })));
    assert_eq!(log.last_sequence().await.unwrap(), before);

    let store = LogStore::new(book(), 0, Arc::clone(log));
    let held = store.lock(id).await.unwrap();
    assert!(store.lock(id).now_or_never().is_none(), "somebody works on it");
    drop(held);
    assert!(store.lock(id).now_or_never().is_some());
}

#[tokio::test]
async fn in_memory() {
    drives(Arc::new(MemoryLog::new())).await;
}

#[tokio::test]
async fn on_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    drives(Arc::new(Journal::open(folder.path()).unwrap())).await;
}

#[tokio::test]
async fn on_jetstream() {
    let server = NatsServer::start().unwrap();
    let client = async_nats::connect(server.url()).await.unwrap();
    let settings = StreamSettings {
        book: "main".to_owned(),
        shard: 0,
        replicas: Some(1),
        monitors: vec![server.monitor_url()],
        unsafe_dev: false,
    };
    drives(Arc::new(JetStreamLog::open(client, settings).await.unwrap())).await;
}
