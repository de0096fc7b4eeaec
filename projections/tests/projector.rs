//! The projector and its store: one position, rebuilt from whatever is left, stopped by what does
//! not fit.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use ledger_core::event::{Event, EventData};
use ledger_core::log::SharedLog;
use projections::facts::{EventFacts, ReceivablesFact};
use projections::projector::Projector;
use projections::replay::{ReplayError, replay};
use projections::store::{FactStore, Position, SledStore, StoreError};

#[path = "common/log.rs"]
mod common;

use common::{Builder, CUSTOMER, OPEN, book, invoice, payment};

async fn project(store: Box<dyn FactStore>, log: &SharedLog) -> Result<Projector, ReplayError> {
    let mut projector = Projector::open(store, None, log).await?;
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
    assert_eq!(stored.views().audit_trail.rows(), fresh.audit_trail.rows());
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
    store.each(0, &mut see).unwrap();
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
    fn each(&self, after: u64, see: &mut dyn FnMut(u64, &[u8]) -> bool) -> Result<(), StoreError> {
        self.0.each(after, see)
    }
    fn forget(&mut self, through: u64) -> Result<(), StoreError> {
        self.0.forget(through)
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
    let bends: [(&str, Bend); 5] = [
        ("a cent more in a row", |store, position| {
            let mut bent = Vec::new();
            let mut see = |sequence, row: &[u8]| {
                let mut facts: EventFacts = borsh::from_slice(row).unwrap();
                for fact in &mut facts.receivables {
                    if let ReceivablesFact::Invoice(data) = fact {
                        data.total += "0.01".parse().unwrap();
                        bent.push((sequence, borsh::to_vec(&facts).unwrap()));
                        break;
                    }
                }
                true
            };
            store.each(0, &mut see).unwrap();
            assert!(!bent.is_empty());
            store.commit(&bent, &position).unwrap();
        }),
        ("a row too many", |store, position| {
            store.commit(&[(position.sequence + 1, b"{}".to_vec())], &position).unwrap();
        }),
        ("another version", |store, mut position| {
            position.versions.insert("receivables".to_owned(), 0);
            store.commit(&[], &position).unwrap();
        }),
        ("another program's", |store, mut position| {
            position.program.push('x');
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
        let again = Projector::open(sled(folder.path()), None, &log).await.unwrap();
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
        let mut projector = Projector::open(sled(folder.path()), None, &log).await.unwrap();
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
        let refused = Projector::open(sled(folder.path()), None, &log).await;
        assert!(
            matches!(refused, Err(ReplayError::Tampered { sequence, .. }) if sequence == last),
            "{refused:?}"
        );
    }
}
