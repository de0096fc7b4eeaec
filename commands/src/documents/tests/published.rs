//! The rules that documents are held to, on example documents that others published. They are not
//! ours to ship: REVLEDGER_REAL_DATA names their folder; without it the test says that it was
//! skipped.

use std::path::{Path, PathBuf};

use en16931::profiles::EN16931;

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "xml"));
    files.sort();
    files
}

#[test]
fn the_published_examples_of_the_standard_are_valid() {
    let Some(data) = std::env::var_os("REVLEDGER_REAL_DATA") else {
        eprintln!("SKIPPED: REVLEDGER_REAL_DATA names no folder of real data");
        return;
    };
    let files = files(&PathBuf::from(data).join("ubl/en16931_examples"));
    let mut told = Vec::new();
    for file in &files {
        let read = en16931_formats::read(&std::fs::read(file).unwrap()).unwrap();
        let report = EN16931.validate(&read.invoice);
        told.extend(report.fatal().map(|found| format!("{}: {found}", file.display())));
    }
    assert!(files.len() >= 15, "{} files", files.len());
    assert_eq!(told, Vec::<String>::new());
}
