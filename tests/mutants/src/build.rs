//! The copy of the project with all mutants in it, built once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::instrument::{self, Fragment};
use crate::mutant::Mutant;

/// Errors of rustc that come of two branches in one function, not of the mutant.
const OF_THE_SWITCH: [&str; 9] =
    ["E0282", "E0283", "E0382", "E0499", "E0502", "E0505", "E0506", "E0597", "E0716"];
/// Test programs that need servers or real disks, or start the whole program for each test.
const LEFT_OUT: [&str; 2] = ["it", "jetstream"];
const PASSES_MAX: usize = 60;

/// Why a mutant cannot be tried.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Dropped {
    /// It does not compile.
    Unviable,
    /// A switch at run time cannot express it.
    NotSwitched,
}

/// A program that was built.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// Its target's name.
    pub(crate) name: String,
    /// The file.
    pub(crate) path: PathBuf,
    /// The package's folder, in which its tests run.
    pub(crate) folder: PathBuf,
    /// Whether it is a test harness.
    pub(crate) is_test: bool,
}

/// What was built.
#[derive(Debug)]
pub(crate) struct Built {
    /// The programs.
    pub(crate) programs: Vec<Program>,
    /// The switch of each mutant that can be tried.
    pub(crate) switches: BTreeMap<usize, usize>,
    /// Those that cannot, by name.
    pub(crate) dropped: BTreeMap<String, Dropped>,
}

/// Builds the copy in `scratch`, without the mutants that do not compile there.
pub(crate) fn build(root: &Path, scratch: &Path, mutants: &[Mutant]) -> Result<Built, String> {
    copy(root, scratch, mutants)?;
    let notes = scratch.join("state/dropped.json");
    let mut dropped: BTreeMap<String, Dropped> = fs::read(&notes)
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok())
        .unwrap_or_default();
    for pass in 1..=PASSES_MAX {
        let files = place(root, scratch, mutants, &mut dropped)?;
        let (programs, errors) = compile(scratch)?;
        if errors.is_empty() {
            write(&notes, &json(&dropped)?)?;
            let fragments = files.values().flatten();
            let switches = fragments.map(|one| (one.id, one.switch)).collect();
            return Ok(Built { programs, switches, dropped });
        }
        let before = dropped.len();
        for error in &errors {
            blame(error, &files, mutants, &mut dropped);
        }
        eprintln!("build {pass}: {} errors, {} mutants dropped", errors.len(), dropped.len());
        if dropped.len() == before {
            let text = errors.iter().filter_map(|one| one["rendered"].as_str());
            return Err(text.take(5).collect::<Vec<_>>().join("\n"));
        }
        write(&notes, &json(&dropped)?)?;
    }
    Err(format!("it does not compile after {PASSES_MAX} passes"))
}

fn json<T: Serialize>(value: &T) -> Result<String, String> {
    serde_json::to_string_pretty(value).map_err(|error| error.to_string())
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    if fs::read(path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(path);
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(path, text));
    written.map_err(|error| format!("{}: {error}", path.display()))
}

/// Copies what git knows or would take; files that are the same keep their times.
fn copy(root: &Path, scratch: &Path, mutants: &[Mutant]) -> Result<(), String> {
    let mutated: BTreeSet<&str> = mutants.iter().map(|one| one.file.as_str()).collect();
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("git: {error}"))?;
    for name in String::from_utf8_lossy(&output.stdout).split_terminator('\0') {
        let (from, to) = (root.join(name), scratch.join(name));
        if mutated.contains(name) || name == "ledger-core/src/lib.rs" || !from.is_file() {
            continue;
        }
        let bytes = fs::read(&from).map_err(|error| format!("{name}: {error}"))?;
        if fs::read(&to).is_ok_and(|old| old == bytes) {
            continue;
        }
        let folder = to.parent().unwrap_or(scratch);
        let copied = fs::create_dir_all(folder).and_then(|()| fs::copy(&from, &to).map(|_| ()));
        copied.map_err(|error| format!("{}: {error}", to.display()))?;
    }
    let library = fs::read_to_string(root.join("ledger-core/src/lib.rs"));
    let library = library.map_err(|error| format!("ledger-core/src/lib.rs: {error}"))?;
    write(
        &scratch.join("ledger-core/src/lib.rs"),
        &format!("{library}\n#[doc(hidden)]\npub mod mutant_switch;\n"),
    )?;
    let switch = format!("{}{};\n", include_str!("switch.rs.txt"), mutants.len() + 1);
    write(&scratch.join("ledger-core/src/mutant_switch.rs"), &switch)
}

/// Writes the mutated sources and says what stands where in them.
fn place(
    root: &Path,
    scratch: &Path,
    mutants: &[Mutant],
    dropped: &mut BTreeMap<String, Dropped>,
) -> Result<BTreeMap<String, Vec<Fragment>>, String> {
    let mut of_files: BTreeMap<&str, Vec<(usize, &Mutant)>> = BTreeMap::new();
    for (at, mutant) in mutants.iter().enumerate() {
        let of_file = of_files.entry(&mutant.file).or_default();
        if !dropped.contains_key(&mutant.name) {
            of_file.push((at + 1, mutant));
        }
    }
    let mut files = BTreeMap::new();
    for (name, of_file) in of_files {
        let text =
            fs::read_to_string(root.join(name)).map_err(|error| format!("{name}: {error}"))?;
        let made =
            instrument::mutate(&text, &of_file).map_err(|error| format!("{name}: {error}"))?;
        write(&scratch.join(name), &made.text)?;
        let placed: BTreeSet<usize> = made.fragments.iter().map(|one| one.id).collect();
        for (id, mutant) in of_file {
            if made.unviable.contains(&id) {
                dropped.insert(mutant.name.clone(), Dropped::Unviable);
            } else if !placed.contains(&id) {
                dropped.insert(mutant.name.clone(), Dropped::NotSwitched);
            }
        }
        files.insert(name.to_owned(), made.fragments);
    }
    Ok(files)
}

/// Builds all test programs; returns the errors where there are any.
fn compile(scratch: &Path) -> Result<(Vec<Program>, Vec<Value>), String> {
    let output = Command::new("cargo")
        .args(["test", "--no-run", "--message-format=json", "--profile", "quick"])
        .args(["--workspace", "--exclude", "benches", "--lib"])
        .args(test_programs(scratch)?)
        .current_dir(scratch)
        .env("RUSTFLAGS", "--cap-lints allow")
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_TARGET_DIR", scratch.join("target"))
        .output()
        .map_err(|error| format!("cargo: {error}"))?;
    let (mut programs, mut errors) = (Vec::new(), Vec::new());
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let Ok(message) = serde_json::from_str::<Value>(line) else { continue };
        if message["reason"] == "compiler-message" && message["message"]["level"] == "error" {
            let is_sum = message["message"]["spans"].as_array().is_none_or(Vec::is_empty);
            errors.extend((!is_sum).then(|| message["message"].clone()));
        }
        if let (Some(path), Some(manifest)) =
            (message["executable"].as_str(), message["manifest_path"].as_str())
        {
            programs.push(Program {
                name: message["target"]["name"].as_str().unwrap_or_default().to_owned(),
                path: path.into(),
                folder: Path::new(manifest).parent().unwrap_or(scratch).to_owned(),
                is_test: message["profile"]["test"] == true,
            });
        }
    }
    if !output.status.success() && errors.is_empty() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok((programs, errors))
}

/// `--test NAME` for each test program but those that are left out.
fn test_programs(scratch: &Path) -> Result<Vec<String>, String> {
    let mut names = BTreeSet::new();
    for folder in ["ledger-core/tests", "projections/tests", "commands/tests", "tests"] {
        let entries =
            fs::read_dir(scratch.join(folder)).map_err(|error| format!("{folder}: {error}"))?;
        for entry in entries {
            let path = entry.map_err(|error| format!("{folder}: {error}"))?.path();
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if path.extension().is_some_and(|end| end == "rs") && !LEFT_OUT.contains(&name.as_str())
            {
                names.insert(format!("--test={name}"));
            }
        }
    }
    Ok(names.into_iter().collect())
}

/// Drops the mutants that an error points into.
fn blame(
    error: &Value,
    files: &BTreeMap<String, Vec<Fragment>>,
    mutants: &[Mutant],
    dropped: &mut BTreeMap<String, Dropped>,
) {
    let code = error["code"]["code"].as_str().unwrap_or_default();
    let mut spans: Vec<&Value> = error["spans"].as_array().into_iter().flatten().collect();
    spans.sort_by_key(|span| span["is_primary"] != true);
    let places: Vec<(&Vec<Fragment>, usize, usize)> = spans
        .iter()
        .filter_map(|span| {
            let byte = |key: &str| span[key].as_u64().and_then(|byte| usize::try_from(byte).ok());
            let file = files.get(span["file_name"].as_str()?)?;
            Some((file, byte("byte_start")?, byte("byte_end")?))
        })
        .collect();
    for (file, start, end) in &places {
        let within = |one: &&Fragment| one.text.start <= *start && *end <= one.text.end;
        if let Some(one) = file.iter().filter(within).min_by_key(|one| one.text.len()) {
            let is_ours = OF_THE_SWITCH.contains(&code);
            let why = if is_ours { Dropped::NotSwitched } else { Dropped::Unviable };
            dropped.insert(mutants[one.id - 1].name.clone(), why);
            return;
        }
    }
    for (file, start, end) in &places {
        let around = |one: &&Fragment| one.site.start <= *start && *end <= one.site.end;
        let smallest = file.iter().filter(around).map(|one| one.site.len()).min();
        let sites = file.iter().filter(around).filter(|one| Some(one.site.len()) == smallest);
        let mut is_found = false;
        for one in sites {
            dropped.insert(mutants[one.id - 1].name.clone(), Dropped::NotSwitched);
            is_found = true;
        }
        if is_found {
            return;
        }
    }
}
