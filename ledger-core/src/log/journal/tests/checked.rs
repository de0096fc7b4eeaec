//! What was checked before is not checked again, unless it was changed.

use std::time::{Duration, SystemTime};

use super::*;

/// A journal of several segments that were changed last an hour ago, and its note of them.
async fn noted(dir: &Path) -> Vec<PathBuf> {
    let files = written(dir, SMALL_SEGMENT, &[20, 20, 20, 20]).await;
    files.iter().for_each(|file| set_time(file, hour_ago(file)));
    drop(small(dir));
    files
}

fn hour_ago(file: &Path) -> SystemTime {
    time_of(file) - Duration::from_secs(3_600)
}

fn time_of(file: &Path) -> SystemTime {
    fs::metadata(file).unwrap().modified().unwrap()
}

fn set_time(file: &Path, time: SystemTime) {
    fs::File::options().write(true).open(file).unwrap().set_modified(time).unwrap();
}

/// Changes a byte in the middle of a file; its time stays, as where the disk itself does it.
fn rot(file: &Path) {
    let time = time_of(file);
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, bytes).unwrap();
    set_time(file, time);
}

#[tokio::test]
async fn an_opening_takes_full_segments_as_they_were_found() {
    let dir = TempDir::new().unwrap();
    let files = noted(dir.path()).await;
    assert_eq!(files.len(), 4);
    assert_holds(&small(dir.path()), 80).await;
    rot(&files[1]);
    let journal = small(dir.path());
    assert_eq!(journal.last_sequence().await, Ok(80), "it was not read");
    assert!(journal.read(1, 80).await.is_err(), "what is read is checked");
    let other = journal.read(41, 40).await.unwrap();
    assert_eq!(other.len(), 40, "and the rest can be read");
    assert_corrupt(Journal::check(dir.path()), &files[1]);
}

#[tokio::test]
async fn what_was_written_to_or_is_new_is_checked() {
    let changes: [fn(&Path, &[PathBuf]); 4] = [
        |_, files| {
            rot(&files[1]);
            set_time(&files[1], time_of(&files[1]) + Duration::from_secs(60));
        },
        |_, files| {
            let (bytes, time) = (fs::read(&files[1]).unwrap(), time_of(&files[1]));
            fs::write(&files[1], &bytes[..bytes.len() - 1]).unwrap();
            set_time(&files[1], time);
        },
        // The newest is never taken as it was.
        |_, files| rot(&files[3]),
        |dir, files| {
            rot(&files[0]);
            fs::remove_file(dir.join("checked")).unwrap();
        },
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let dir = TempDir::new().unwrap();
        let files = noted(dir.path()).await;
        change(dir.path(), &files);
        assert!(Journal::open_read_only(dir.path()).is_err(), "change {number}");
        assert!(Journal::open_sized(dir.path(), 0, SMALL_SEGMENT).is_err(), "change {number}");
    }
}

#[tokio::test]
async fn a_damaged_note_is_no_note() {
    let dir = TempDir::new().unwrap();
    let files = noted(dir.path()).await;
    let note = dir.path().join("checked");
    let whole = fs::read(&note).unwrap();
    rot(&files[0]);
    assert!(Journal::open_read_only(dir.path()).is_ok(), "the note counts");
    for at in 0..whole.len() {
        let mut bent = whole.clone();
        bent[at] ^= 8;
        fs::write(&note, bent).unwrap();
        assert_corrupt(Journal::open_read_only(dir.path()), &files[0]);
        fs::write(&note, &whole[..at]).unwrap();
        assert_corrupt(Journal::open_read_only(dir.path()), &files[0]);
    }
}

#[tokio::test]
async fn a_segment_that_was_written_just_now_is_not_noted() {
    let dir = TempDir::new().unwrap();
    let files = written(dir.path(), SMALL_SEGMENT, &[20, 20, 20]).await;
    rot(&files[0]);
    assert_corrupt(Journal::open_read_only(dir.path()), &files[0]);
}

#[tokio::test]
async fn a_journal_that_opens_with_a_note_is_written_on() {
    let dir = TempDir::new().unwrap();
    noted(dir.path()).await;
    let journal = small(dir.path());
    assert_eq!(journal.append(80, samples(81, 120)).await, Ok(120));
    assert_holds(&journal, 120).await;
    drop(journal);
    assert_holds(&small(dir.path()), 120).await;
    assert_eq!(Journal::check(dir.path()), Ok(120));
}
