//! A restore that was interrupted is no book, and goes on; one that would lose events is refused.

use super::*;

fn unfinished(ledger: &Ledger) -> PathBuf {
    ledger.path().join("main/journal.unfinished")
}

#[test]
fn an_interrupted_restore_is_no_book_and_goes_on() {
    let (old, file, told) = backed_up();
    let all = records(&events(&journal(&old)));
    for there in 0..=all.len() {
        let new = Ledger::new();
        write_journal(&unfinished(&new), &all[..there]);
        for verb in [&["report", "receivables"][..], &["apply", "-"], &["serve"], &["verify"]] {
            let run = new.expect(3, verb, BOOK);
            assert!(run.err.contains("error[store.unfinished]"), "{verb:?}: {}", run.err);
        }
        new.expect(0, &["restore", text(&file)], "");
        assert_eq!(events(&journal(&new)), events(&journal(&old)), "{there}");
        assert!(!unfinished(&new).exists());
        assert_eq!(digests(&new, &[]), told["digests"]);
    }
}

#[test]
fn what_was_begun_with_another_history_is_not_gone_on_with() {
    let (old, file, _) = backed_up();
    let all = records(&events(&journal(&old)));
    let more = [&all[..], &all[..1]].concat();
    let mut cases = vec![(more, "target.ahead", "it holds 6 events".to_owned())];
    for place in 0..all.len() {
        let mut other = all.clone();
        // Of a header, which the hash chain does not cover.
        let value = &mut other[place].headers[2].1;
        *value = format!("{value}x").into();
        let told = match place {
            0 => "it is another book".to_owned(),
            _ => format!("event {} is the first", place + 1),
        };
        cases.push((other, "target.differs", told));
    }
    for (there, code, told) in cases {
        let new = Ledger::new();
        write_journal(&unfinished(&new), &there);
        let run = new.expect(1, &["restore", text(&file)], "");
        assert!(
            run.err.contains(&format!("error[{code}]")) && run.err.contains(&told),
            "{}",
            run.err
        );
        assert_eq!(records(&events(&unfinished(&new))), there, "nothing was changed");
        assert!(!journal(&new).exists());
        fs::remove_dir_all(unfinished(&new)).unwrap();
        new.expect(0, &["restore", text(&file)], "");
    }
}

/// The journal is lost, the anchor beside it is not: an older backup would silently lose events.
#[test]
fn a_backup_that_ends_before_what_was_acknowledged_is_refused() {
    let (ledger, file, _) = backed_up();
    let anchor = ledger.path().join("main/journal.anchor");
    let folder = ledger.path().join("main/projections-journal");
    let next = BOOK.lines().nth(1).unwrap().replace("c2", "c5").replace("C-1", "C-2");
    ledger.expect(0, &["apply", "-"], &next);
    // A daemon stores its projections.
    assert_eq!(Daemon::start(&ledger).terminate(), 0);
    assert!(folder.is_dir());
    fs::rename(journal(&ledger), ledger.path().join("lost")).unwrap();
    let restore = ["restore", text(&file)];
    let run = ledger.expect(1, &restore, "");
    assert!(run.err.contains("error[target.anchored]"), "{}", run.err);
    assert!(run.err.contains("6 events were acknowledged here, and this ends at 5"), "{}", run.err);
    assert!(run.err.contains(text(&anchor)), "{}", run.err);
    assert!(!journal(&ledger).exists() && !unfinished(&ledger).exists());
    fs::rename(&anchor, ledger.path().join("gone")).unwrap();
    ledger.expect(0, &restore, "");
    // What was projected of the lost event is gone with it.
    assert!(!folder.exists());
    assert_eq!(Daemon::start(&ledger).terminate(), 0);
    ledger.expect(0, &["replay", "--compare"], "");
    // Where the anchored event is another one, it is another history.
    let other = Ledger::new();
    other.expect(0, &["apply", "-"], &BOOK.replace("500.00", "400.00"));
    fs::rename(journal(&other), other.path().join("lost")).unwrap();
    let run = other.expect(1, &restore, "");
    assert!(run.err.contains("event 5 was another one here"), "{}", run.err);
}

/// As a kill leaves it: any number of bytes of the journal that was being made.
#[test]
fn a_restore_goes_on_behind_a_torn_write() {
    let (old, file, _) = backed_up();
    let all = records(&events(&journal(&old)));
    let made = Ledger::new();
    write_journal(&unfinished(&made), &all);
    let whole = fs::read(tree(&unfinished(&made))[0].0.as_path()).unwrap();
    for length in (0..whole.len()).step_by(251).chain([whole.len() - 1]) {
        let new = Ledger::new();
        fs::create_dir_all(unfinished(&new)).unwrap();
        fs::write(unfinished(&new).join("00000000000000000001.log"), &whole[..length]).unwrap();
        new.expect(0, &["restore", text(&file), "--quiet"], "");
        assert_eq!(events(&journal(&new)), events(&journal(&old)), "{length}");
    }
}

#[test]
fn a_killed_backup_is_no_backup() {
    let ledger = Ledger::new();
    ledger.expect(0, &["apply", "-", "--quiet"], &format!("{BOOK}{}", customers(2_000)));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("b");
    let mut child = ledger.command(&["backup", text(&file)]).spawn().unwrap();
    let written = || fs::read_dir(folder.path()).unwrap().next().map(|entry| entry.unwrap().path());
    let found = loop {
        if let Some(found) = written() {
            break found;
        }
        assert_eq!(child.try_wait().unwrap(), None, "it ended before it wrote anything");
    };
    child.kill().unwrap();
    child.wait().unwrap();
    if file.exists() {
        // It was faster than the kill.
        ledger.expect(0, &["backup", "--verify", text(&file)], "");
        return;
    }
    let draft = ledger.expect(1, &["backup", "--verify", text(&found)], "");
    assert!(draft.err.contains("error[backup.torn]"), "{}", draft.err);
    ledger.expect(0, &["backup", text(&file)], "");
    ledger.expect(0, &["backup", "--verify", text(&file)], "");
}
