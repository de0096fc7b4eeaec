//! The projector and its store: one position, rebuilt from whatever is left, stopped by what does
//! not fit.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use ledger_core::decide::decide;
use ledger_core::event::{Event, EventData};
use ledger_core::id::Identifier;
use ledger_core::log::memory::MemoryLog;
use ledger_core::log::{Record, SharedLog};
use ledger_core::state::Ledger;
use projections::projector::Projector;
use projections::replay::{ReplayError, replay};
use projections::store::{FactStore, Position, SledStore, StoreError};
use schemas::chain::Chain;
use schemas::command::{Origin, parse};
use schemas::record::{EncodeContext, encode};

/// Builds a log as the writer does, but lets a test bend an event first.
struct Builder {
    ledger: Ledger,
    chain: Chain,
    records: Vec<Record>,
}

impl Builder {
    fn new() -> Self {
        Self { ledger: Ledger::default(), chain: Chain::START, records: Vec::new() }
    }

    fn command(&mut self, envelope: &str, bend: impl Fn(&mut Event)) {
        let book: Identifier = "main".parse().unwrap();
        let origin = Origin {
            book: book.clone(),
            actor: "test".to_owned(),
            today: "2026-01-01".parse().unwrap(),
            command_name: None,
        };
        let command = parse(envelope.as_bytes(), &origin, &mut String::new).unwrap();
        for new in decide(&book, &self.ledger, &command).unwrap() {
            let sequence = u64::try_from(self.records.len()).unwrap() + 1;
            let mut event = Event {
                sequence,
                id: format!("e-{sequence}"),
                effective: new.effective,
                recorded_at: time::macros::datetime!(2026-01-01 00:00 UTC),
                actor: command.actor.clone(),
                command_id: command.id.clone(),
                command_hash: command.content_hash.clone(),
                correlation_id: command.correlation_id.clone(),
                reason: command.reason.clone(),
                data: new.data,
                functional: new.functional,
            };
            self.ledger.apply(&event);
            bend(&mut event);
            let context =
                EncodeContext { book: &book, shard: 0, chain: self.chain, traceparent: None };
            let (record, chain) = encode(&event, &context).unwrap();
            self.chain = chain;
            self.records.push(record);
        }
    }

    async fn log(&self) -> SharedLog {
        let log: SharedLog = Arc::new(MemoryLog::default());
        log.append(0, self.records.clone()).await.unwrap();
        log
    }
}

const OPEN: &str =
    r#"{"id":"1","command":"OpenBook","effective":"2026-01-01","data":{"currency":"USD"}}"#;
const CUSTOMER: &str = r#"{"id":"2","command":"RegisterCustomer","effective":"2026-01-01","data":{"customer":"C-1","name":"One"}}"#;

fn book(invoices: usize) -> Builder {
    let mut builder = Builder::new();
    builder.command(OPEN, |_| {});
    builder.command(CUSTOMER, |_| {});
    for number in 1..=invoices {
        invoice(&mut builder, number);
    }
    builder
}

fn invoice(builder: &mut Builder, number: usize) {
    builder.command(
        &format!(
            r#"{{"id":"i{number}","command":"IssueInvoice","effective":"2026-01-02","data":{{"invoice":"INV-{number}","customer":"C-1","currency":"USD","lines":[{{"description":"a year","amount":"365.00","service_start":"2026-01-01","service_end":"2026-12-31"}}]}}}}"#
        ),
        |_| {},
    );
    builder.command(&payment(number), |_| {});
}

fn payment(number: usize) -> String {
    format!(
        r#"{{"id":"p{number}","command":"RecordPayment","effective":"2026-01-03","data":{{"payment":"PAY-{number}","customer":"C-1","amount":"65.00","currency":"USD","allocate":[{{"invoice":"INV-{number}","amount":"65.00"}}]}}}}"#
    )
}

async fn project(store: Box<dyn FactStore>, log: &SharedLog) -> Result<Projector, ReplayError> {
    let mut projector = Projector::open(store, log).await?;
    projector.catch_up(log, &mut |_| {}).await?;
    Ok(projector)
}

fn sled(folder: &Path) -> Box<dyn FactStore> {
    Box::new(SledStore::open(folder).unwrap())
}

#[tokio::test]
async fn many_passes_give_the_digests_of_one() {
    let whole = book(40);
    let folder = tempfile::tempdir().unwrap();
    let mut builder = book(0);
    for number in 1..=40 {
        invoice(&mut builder, number);
        if number % 7 == 0 {
            project(sled(folder.path()), &builder.log().await).await.unwrap();
        }
    }
    let log = whole.log().await;
    let stored = project(sled(folder.path()), &log).await.unwrap();
    let (fresh, _) = replay(&log, &mut |_| {}).await.unwrap();
    assert_eq!(stored.views().digests(), fresh.digests());
    assert_eq!(stored.views().sequence, log.last_sequence().await.unwrap());
    assert_eq!(stored.views().receivables.invoices, fresh.receivables.invoices);
    assert_eq!(stored.views().audit_trail.rows, fresh.audit_trail.rows);
    assert_eq!(stored.views().deferred_revenue.contracts, fresh.deferred_revenue.contracts);
}

#[tokio::test]
async fn rows_and_position_are_one() {
    let folder = tempfile::tempdir().unwrap();
    let log = book(5).log().await;
    drop(project(sled(folder.path()), &log).await.unwrap());
    let store = SledStore::open(folder.path()).unwrap();
    let mut rows = Vec::new();
    let mut see = |sequence, _: &[u8]| {
        rows.push(sequence);
        true
    };
    store.each(&mut see).unwrap();
    let position = store.position().unwrap().unwrap();
    assert_eq!(rows, (1..=position.sequence).collect::<Vec<_>>());
    assert_eq!(position.sequence, log.last_sequence().await.unwrap());
}

/// A store whose next commit fails.
#[derive(Debug)]
struct Failing(SledStore);

impl FactStore for Failing {
    fn position(&self) -> Result<Option<Position>, StoreError> {
        self.0.position()
    }
    fn commit(&mut self, _: &[(u64, Vec<u8>)], _: &Position) -> Result<(), StoreError> {
        Err(StoreError::Failed { path: "here".to_owned(), reason: "disk full".to_owned() })
    }
    fn each(&self, see: &mut dyn FnMut(u64, &[u8]) -> bool) -> Result<(), StoreError> {
        self.0.each(see)
    }
    fn clear(&mut self) -> Result<(), StoreError> {
        self.0.clear()
    }
}

#[tokio::test]
async fn a_store_that_fails_changes_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let log = book(5).log().await;
    let (fresh, _) = replay(&log, &mut |_| {}).await.unwrap();
    let failing = Box::new(Failing(SledStore::open(folder.path()).unwrap()));
    let projector = project(failing, &log).await.unwrap();
    assert_eq!(projector.views().digests(), fresh.digests());
    drop(projector);
    assert_eq!(SledStore::open(folder.path()).unwrap().position().unwrap(), None);
    let again = project(sled(folder.path()), &log).await.unwrap();
    assert_eq!(again.views().digests(), fresh.digests());
}

/// What a row, the position or the version can be bent into; each is built again.
#[tokio::test]
async fn stored_facts_that_do_not_fit_are_built_again() {
    let log = book(5).log().await;
    let (fresh, _) = replay(&log, &mut |_| {}).await.unwrap();
    type Bend = fn(&mut SledStore, Position);
    let bends: [(&str, Bend); 4] = [
        ("a cent more in a row", |store, position| {
            let mut bent = Vec::new();
            let mut see = |sequence, row: &[u8]| {
                let text = String::from_utf8(row.to_vec()).unwrap();
                bent.push((sequence, text.replace("365.00", "365.01").into_bytes()));
                true
            };
            store.each(&mut see).unwrap();
            store.commit(&bent, &position).unwrap();
        }),
        ("a row too many", |store, position| {
            store.commit(&[(position.sequence + 1, b"{}".to_vec())], &position).unwrap();
        }),
        ("another version", |store, mut position| {
            position.versions.insert("receivables".to_owned(), 0);
            store.commit(&[], &position).unwrap();
        }),
        ("a position ahead of the rows", |store, mut position| {
            position.sequence += 1;
            store.commit(&[], &position).unwrap();
        }),
    ];
    for (name, bend) in bends {
        let folder = tempfile::tempdir().unwrap();
        drop(project(sled(folder.path()), &log).await.unwrap());
        let mut store = SledStore::open(folder.path()).unwrap();
        let position = store.position().unwrap().unwrap();
        bend(&mut store, position);
        let projector = project(Box::new(store), &log).await.unwrap();
        assert_eq!(projector.views().digests(), fresh.digests(), "{name}");
        drop(projector);
        let again = Projector::open(sled(folder.path()), &log).await.unwrap();
        assert_eq!(again.views().sequence, fresh.sequence, "{name}: stored again");
    }
}

#[tokio::test]
async fn files_of_the_store_that_were_damaged_are_built_again() {
    let log = book(20).log().await;
    let (fresh, _) = replay(&log, &mut |_| {}).await.unwrap();
    for place in 0..24_usize {
        let folder = tempfile::tempdir().unwrap();
        drop(project(sled(folder.path()), &log).await.unwrap());
        let files = folder.path().join("sled");
        for entry in fs::read_dir(&files).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() && path.file_name().unwrap() != "conf" {
                let mut bytes = fs::read(&path).unwrap();
                if !bytes.is_empty() {
                    let at = bytes.len() * place / 24;
                    bytes[at] ^= 0x10;
                    fs::write(&path, bytes).unwrap();
                }
            }
        }
        fs::write(files.join("snap.0000.generating"), b"half").unwrap();
        let projector = project(sled(folder.path()), &log).await.unwrap();
        assert_eq!(projector.views().digests(), fresh.digests(), "bit flipped at {place}/24");
    }
}

#[tokio::test]
async fn a_second_process_is_refused_and_nothing_is_thrown_away() {
    let folder = tempfile::tempdir().unwrap();
    let log = book(2).log().await;
    let projector = project(sled(folder.path()), &log).await.unwrap();
    assert!(matches!(SledStore::open(folder.path()), Err(StoreError::InUse { .. })));
    drop(projector);
    assert!(SledStore::open(folder.path()).unwrap().position().unwrap().is_some());
}

#[tokio::test]
async fn an_event_that_cannot_be_applied_stops_the_projector_there() {
    type Bend = fn(&mut Event);
    let bends: [(&str, Bend); 3] = [
        ("more than is open", |event| {
            if let EventData::PaymentAllocated(data) = &mut event.data {
                data.allocations[0].amount = "900.00".parse().unwrap();
            }
        }),
        ("an invoice that nobody issued", |event| {
            if let EventData::PaymentAllocated(data) = &mut event.data {
                data.allocations[0].invoice = "INV-9".parse().unwrap();
            }
        }),
        ("a credit for a contract that nobody made", |event| {
            if let EventData::InvoiceIssued(data) = &mut event.data {
                data.order = Some("O-9".parse().unwrap());
                data.lines[0].schedule = None;
                data.lines[0].order_line = Some("1".parse().unwrap());
            }
        }),
    ];
    for (name, bend) in bends {
        let mut builder = book(1);
        builder.command(
            r#"{"id":"i2","command":"IssueInvoice","effective":"2026-01-02","data":{"invoice":"INV-2","customer":"C-1","currency":"USD","lines":[{"amount":"365.00","service_start":"2026-01-01","service_end":"2026-12-31"}]}}"#,
            bend,
        );
        builder.command(&payment(2), bend);
        builder.command(&payment(2).replace("\"p2\"", "\"p3\"").replace("PAY-2", "PAY-3"), |_| {});
        let log = builder.log().await;
        let folder = tempfile::tempdir().unwrap();
        let mut projector = Projector::open(sled(folder.path()), &log).await.unwrap();
        let mut told = Vec::new();
        for _ in 0..2 {
            match projector.catch_up(&log, &mut |_| {}).await {
                Err(ReplayError::Projection(error)) => told.push(error.sequence),
                other => assert!(other.is_err(), "{name}: {other:?}"),
            }
        }
        assert_eq!(told.len(), 2, "{name}: it stays stopped");
        assert_eq!(projector.views().sequence + 1, told[0], "{name}: it stands in front of it");
        assert_eq!(told[0], told[1], "{name}: at the same event");
        drop(projector);
        let position = SledStore::open(folder.path()).unwrap().position().unwrap().unwrap();
        assert_eq!(position.sequence + 1, told[0], "{name}: what was good is stored");
    }
}

#[tokio::test]
async fn history_that_shrank_or_changed_stops_the_projector() {
    let folder = tempfile::tempdir().unwrap();
    let log = book(3).log().await;
    drop(project(sled(folder.path()), &log).await.unwrap());
    let shorter = book(2).log().await;
    let mut other = Builder::new();
    other.command(&OPEN.replace("USD", "EUR"), |_| {});
    other.command(CUSTOMER, |_| {});
    let last = log.last_sequence().await.unwrap();
    while u64::try_from(other.records.len()).unwrap() < last {
        let number = other.records.len();
        other.command(
            &CUSTOMER
                .replace("C-1", &format!("C-{number}"))
                .replace("\"2\"", &format!("\"{number}\"")),
            |_| {},
        );
    }
    for log in [shorter, other.log().await] {
        let refused = Projector::open(sled(folder.path()), &log).await;
        assert!(
            matches!(refused, Err(ReplayError::Tampered { sequence, .. }) if sequence == last),
            "{refused:?}"
        );
    }
}
