//! A daemon's snapshots: the next start and every report come to the same with them, without them, and
//! with damaged ones.

use std::fs;
use std::path::{Path, PathBuf};

use crate::daemon::Daemon;
use crate::harness::{BOOK, Ledger};

/// Some ask for the rows of the audit trail, some do not.
const REPORTS: [&[&str]; 6] = [
    &["receivables"],
    &["receivables", "--known-at", "2999-01-01T00:00:00Z"],
    &["trial-balance"],
    &["journal"],
    &["invoice", "--invoice", "INV-1"],
    &["audit-trail"],
];

/// The snapshots of a book behind a daemon's clean end.
fn kept(ledger: &Ledger) -> [PathBuf; 2] {
    let folder = ledger.path().join("main").join("projections-journal");
    ["views.snapshot", "writer.snapshot"].map(|name| folder.join(name))
}

fn reports(ledger: &Ledger) -> Vec<String> {
    let report = |asked: &&[&str]| {
        let whole = [&["report"], *asked, &["--as-of", "2026-03-01", "--format", "json"]].concat();
        ledger.expect(0, &whole, "").out
    };
    REPORTS.iter().map(report).collect()
}

fn flip(path: &Path) -> std::io::Result<()> {
    let mut bytes = fs::read(path)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x20;
    fs::write(path, bytes)
}

#[test]
fn a_start_from_snapshots_is_a_start_from_the_log() {
    let ledger = Ledger::new();
    let daemon = Daemon::start(&ledger);
    let first = daemon.commands(BOOK);
    let digests = daemon.get("/v1/books/main/reports/receivables?as_of=2026-03-01").body;
    assert_eq!(daemon.terminate(), 0);
    let snapshots = kept(&ledger);
    assert!(snapshots.iter().all(|path| path.is_file()), "{snapshots:?}");
    let expected = reports(&ledger);
    for damage in [|_: &Path| Ok(()), |path: &Path| fs::remove_file(path), flip] {
        snapshots.iter().try_for_each(|path| damage(path)).unwrap();
        assert_eq!(reports(&ledger), expected);
        ledger.expect(0, &["replay", "--compare"], "");
        let daemon = Daemon::start(&ledger);
        assert_eq!(daemon.commands(BOOK), first, "the replies are the first ones");
        assert_eq!(daemon.get("/v1/books/main/reports/receivables?as_of=2026-03-01").body, digests);
        assert_eq!(daemon.terminate(), 0);
        assert!(snapshots.iter().all(|path| path.is_file()), "written again");
    }
}

/// Whoever puts another log in the place of the one that was folded is told so by every verb.
#[test]
fn another_log_under_the_snapshots_is_refused() {
    let (ledger, other) = (Ledger::new(), Ledger::new());
    for (one, book) in [(&ledger, BOOK.to_owned()), (&other, BOOK.replace("One", "Two"))] {
        let daemon = Daemon::start(one);
        daemon.commands(&book);
        assert_eq!(daemon.terminate(), 0);
    }
    let journal = |of: &Ledger| of.path().join("main").join("journal");
    fs::remove_dir_all(journal(&ledger)).unwrap();
    fs::rename(journal(&other), journal(&ledger)).unwrap();
    fs::remove_file(ledger.path().join("main").join("journal.anchor")).unwrap();
    let run = ledger.expect(20, &["report", "receivables"], "");
    assert!(run.err.contains("store.tampered"), "{}", run.err);
}
