//! Snapshots of the views: used where they fit to the last bit, and folded again where they do not.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use ledger_core::log::SharedLog;
use ledger_core::snapshot::{Heading, Unpublished};
use projections::projector::Projector;
use projections::replay::{ReplayError, replay};
use projections::reports::{Filters, REPORTS, run};
use projections::snapshot;
use projections::store::{FactStore, SledStore};
use projections::views::Views;
use schemas::chain::Chain;

#[path = "common/log.rs"]
mod common;

use common::{CUSTOMER, OPEN, book, invoice};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn snapshot(&self) -> PathBuf {
        self.0.path().join("views.snapshot")
    }

    fn facts(&self) -> Box<dyn FactStore> {
        Box::new(SledStore::open(self.0.path()).unwrap())
    }

    /// The projector of a daemon that starts, brought up to the end of the log.
    async fn projector(&self, log: &SharedLog) -> Projector {
        let mut projector =
            Projector::open(self.facts(), Some(self.snapshot()), log).await.unwrap();
        projector.catch_up(log, &mut |_| {}).await.unwrap();
        projector
    }

    /// The sequences of the facts that the store holds.
    fn rows(&self) -> Vec<u64> {
        let mut rows = Vec::new();
        let mut see = |sequence, _: &[u8]| {
            rows.push(sequence);
            true
        };
        self.facts().each(0, &mut see).unwrap();
        rows
    }
}

async fn written(path: &Path, log: &SharedLog) -> Views {
    let (views, chain) = replay(log, &mut |_| {}).await.unwrap();
    snapshot::write(path, &views, chain).and_then(Unpublished::publish).unwrap();
    views
}

fn keep(projector: &mut Projector) {
    let (written, through) = projector.write_snapshot().unwrap().unwrap();
    written.publish().unwrap();
    projector.snapshot_ended(through, true);
}

#[tokio::test]
async fn no_bit_of_a_snapshot_can_change_unseen() {
    let (folder, log) = (Folder::new(), book(4).log().await);
    let path = folder.snapshot();
    let views = written(&path, &log).await;
    let whole = fs::read(&path).unwrap();
    let told = format!("{views:?}");
    let mut refused = 0;
    for at in (0..whole.len()).step_by(7) {
        let mut bent = whole.clone();
        bent[at] ^= 1 << (at % 8);
        fs::write(&path, bent).unwrap();
        match snapshot::read(&path) {
            Err(_) => refused += 1,
            // The first bytes are there for whoever looks at the file.
            Ok(read) => assert!(at < 8 && format!("{:?}", read.unwrap().0) == told, "at {at}"),
        }
    }
    assert!(refused > 300, "only {refused}");
}

#[tokio::test]
async fn no_part_of_a_snapshot_can_be_missing_unseen() {
    let (folder, log) = (Folder::new(), book(2).log().await);
    let path = folder.snapshot();
    written(&path, &log).await;
    let whole = fs::read(&path).unwrap();
    for length in (0..whole.len()).step_by(5) {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(snapshot::read(&path).is_err(), "cut at {length} of {}", whole.len());
        let (views, chain) = snapshot::resume(&path, &log).await.unwrap();
        assert_eq!((views.sequence, chain), (0, Chain::START), "the log is folded again");
    }
}

#[tokio::test]
async fn a_snapshot_of_another_program_is_not_used() {
    let (folder, log) = (Folder::new(), book(2).log().await);
    let path = folder.snapshot();
    let heading = Heading { program: "another".to_owned(), sequence: 3, chain: [7; 32] };
    Unpublished::write(&path, heading, &[&1_u64]).and_then(Unpublished::publish).unwrap();
    assert!(snapshot::read(&path).unwrap().is_none());
    let (views, _) = snapshot::resume(&path, &log).await.unwrap();
    assert_eq!(views.sequence, 0);
}

#[tokio::test]
async fn a_snapshot_that_is_not_published_does_not_count() {
    let (folder, log) = (Folder::new(), book(2).log().await);
    let (views, chain) = replay(&log, &mut |_| {}).await.unwrap();
    let unpublished = snapshot::write(&folder.snapshot(), &views, chain).unwrap();
    assert!(snapshot::read(&folder.snapshot()).unwrap().is_none());
    unpublished.publish().unwrap();
    assert_eq!(snapshot::read(&folder.snapshot()).unwrap().unwrap().1, chain);
    assert_eq!(fs::read_dir(folder.0.path()).unwrap().count(), 1, "nothing else is left");
}

#[tokio::test]
async fn a_log_without_the_event_of_the_snapshot_stops_the_program() {
    let (folder, log) = (Folder::new(), book(3).log().await);
    let views = written(&folder.snapshot(), &log).await;
    let mut other = book(0);
    for number in 10..13 {
        invoice(&mut other, number);
    }
    for changed in [book(2).log().await, other.log().await] {
        let refused = snapshot::resume(&folder.snapshot(), &changed).await;
        let is_told = matches!(
            refused,
            Err(ReplayError::Tampered { sequence, .. }) if sequence == views.sequence
        );
        assert!(is_told, "{OPEN} {CUSTOMER}");
    }
}

#[tokio::test]
async fn a_daemon_keeps_only_the_facts_behind_its_snapshot() {
    let folder = Folder::new();
    let mut builder = book(6);
    let mut projector = folder.projector(&builder.log().await).await;
    let in_snapshot = projector.views().sequence;
    keep(&mut projector);
    drop(projector);
    assert_eq!(folder.rows(), Vec::<u64>::new());
    invoice(&mut builder, 7);
    let log = builder.log().await;
    drop(folder.projector(&log).await);
    let last = log.last_sequence().await.unwrap();
    assert_eq!(folder.rows(), (in_snapshot + 1..=last).collect::<Vec<_>>());
    let (fresh, _) = replay(&log, &mut |_| {}).await.unwrap();
    let again = Projector::open(folder.facts(), Some(folder.snapshot()), &log).await.unwrap();
    assert_eq!(format!("{:?}", again.views()), format!("{fresh:?}"), "both are used");
    assert_eq!(again.views().digests(), fresh.digests());
}

#[tokio::test]
async fn facts_without_their_snapshot_are_folded_again() {
    let mut builder = book(6);
    let short = builder.log().await;
    invoice(&mut builder, 7);
    let log = builder.log().await;
    let (fresh, _) = replay(&log, &mut |_| {}).await.unwrap();
    for damage in [|path: &Path| fs::remove_file(path), |path: &Path| fs::write(path, "half")] {
        let folder = Folder::new();
        keep(&mut folder.projector(&short).await);
        drop(folder.projector(&log).await);
        damage(&folder.snapshot()).unwrap();
        let projector = folder.projector(&log).await;
        assert_eq!(projector.views().digests(), fresh.digests());
        drop(projector);
        assert_eq!(folder.rows().len(), usize::try_from(fresh.sequence).unwrap());
    }
}

#[tokio::test]
async fn a_snapshot_that_could_not_be_written_changes_nothing() {
    let (folder, log) = (Folder::new(), book(6).log().await);
    let mut projector = folder.projector(&log).await;
    fs::create_dir(folder.snapshot()).unwrap();
    let (written, through) = projector.write_snapshot().unwrap().unwrap();
    let error = written.publish().unwrap_err().to_string();
    assert!(error.contains("views.snapshot"), "{error}");
    projector.snapshot_ended(through, false);
    assert!(!projector.is_snapshot_due(), "not again at once");
    drop(projector);
    assert_eq!(folder.rows().len(), usize::try_from(through).unwrap(), "the facts stay");
    fs::remove_dir(folder.snapshot()).unwrap();
    let (fresh, _) = replay(&log, &mut |_| {}).await.unwrap();
    assert_eq!(folder.projector(&log).await.views().digests(), fresh.digests());
}

/// So much is folded at once that a snapshot is due: the store holds nothing of it, and goes on behind the
/// snapshot, also with what came while that was being written.
#[tokio::test]
async fn what_a_snapshot_will_hold_is_not_stored_besides() {
    let folder = Folder::new();
    let mut builder = book(1);
    let short = builder.log().await;
    drop(folder.projector(&short).await);
    let few = short.last_sequence().await.unwrap();
    assert_eq!(folder.rows(), (1..=few).collect::<Vec<_>>());
    for number in 2..7_000 {
        invoice(&mut builder, number);
    }
    let long = builder.log().await;
    let mut projector = folder.projector(&long).await;
    let last = projector.views().sequence;
    assert!(projector.is_snapshot_due(), "{few} to {last}");
    let (snapshot, through) = projector.write_snapshot().unwrap().unwrap();
    assert_eq!(through, last);
    invoice(&mut builder, 20_000);
    let log = builder.log().await;
    projector.catch_up(&log, &mut |_| {}).await.unwrap();
    snapshot.publish().unwrap();
    projector.snapshot_ended(through, true);
    invoice(&mut builder, 20_001);
    let log = builder.log().await;
    projector.catch_up(&log, &mut |_| {}).await.unwrap();
    drop(projector);
    let end = log.last_sequence().await.unwrap();
    assert_eq!(folder.rows(), (last + 1..=end).collect::<Vec<_>>());
    let again = Projector::open(folder.facts(), Some(folder.snapshot()), &log).await.unwrap();
    let (fresh, _) = replay(&log, &mut |_| {}).await.unwrap();
    assert_eq!(again.views().sequence, end, "the snapshot and the store are used");
    assert_eq!(again.views().digests(), fresh.digests());
}

/// Without the snapshot that was to hold them, the facts are folded again at the next start.
#[tokio::test]
async fn what_no_snapshot_came_to_hold_is_folded_again() {
    let (folder, log) = (Folder::new(), book(7_000).log().await);
    let mut projector = folder.projector(&log).await;
    fs::create_dir(folder.snapshot()).unwrap();
    let (written, through) = projector.write_snapshot().unwrap().unwrap();
    assert!(written.publish().is_err());
    projector.snapshot_ended(through, false);
    projector.catch_up(&log, &mut |_| {}).await.unwrap();
    drop(projector);
    assert_eq!(folder.rows(), Vec::<u64>::new());
    fs::remove_dir(folder.snapshot()).unwrap();
    let (fresh, _) = replay(&log, &mut |_| {}).await.unwrap();
    assert_eq!(folder.projector(&log).await.views().digests(), fresh.digests());
}

#[tokio::test]
async fn views_without_rows_say_whether_somebody_missed_them() {
    let (folder, log) = (Folder::new(), book(4).log().await);
    let whole = written(&folder.snapshot(), &log).await;
    let day = "2026-06-30".parse().unwrap();
    let (mut asked_for_rows, mut did_not) = (0, 0);
    for report in REPORTS.iter().filter(|report| report.name != "forecast") {
        let (light, chain) = snapshot::resume_without_rows(&folder.snapshot(), &log).await.unwrap();
        let answer = run(report.name, &Filters::default(), &light, day);
        if light.audit_trail.is_missed() {
            asked_for_rows += 1;
        } else {
            did_not += 1;
            assert_eq!(
                answer,
                run(report.name, &Filters::default(), &whole, day),
                "{}",
                report.name
            );
        }
        assert!(snapshot::write(&folder.snapshot(), &light, chain).is_err(), "they are not whole");
    }
    assert!(asked_for_rows > 1 && did_not > 10, "{asked_for_rows} {did_not}");
    assert!(!whole.audit_trail.is_missed());
}
