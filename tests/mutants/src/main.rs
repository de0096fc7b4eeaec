//! Mutation testing of the core with all mutants in one build (docs/RELIABILITY.md, Mutation testing).
//!
//! cargo-mutants lists the mutants. A copy of the project gets all of them at once, each behind a number
//! that an environment variable switches on, and is built once; a first pass notes which test reaches
//! which mutant, and then each mutant is tried on the tests that reach it until one fails.

mod build;
mod hunt;
mod instrument;
mod mutant;
mod report;
mod trial;
mod workers;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use hunt::{Hunt, Tried, Verdict};
use trial::{Bench, Test};

const HELP: &str = "\
Tries every mutant of ledger-core on the tests of the project, all in one build.

  cargo run --manifest-path tests/mutants/Cargo.toml -- [OPTIONS]

  --scratch FOLDER   the copy, its build and the results (default: a folder beside temporary files);
                     a run goes on where the one before it ended
  --only TEXT        only mutants whose name has TEXT (of a file, a function, an operator)
  --missed           only those that were missed, again: after tests were added
  --workers N        tests at once (2)
  --nice N           how nice tests are to other processes (15)
  --seconds N        tests that take longer, alone and without a mutant, are left out (20)
  --report           prints the table and what was missed, and tries nothing
";

struct Options {
    scratch: PathBuf,
    only: Option<String>,
    is_missed_again: bool,
    is_report: bool,
    workers: usize,
    seconds: u64,
    niceness: u8,
}

fn options() -> Result<Option<Options>, String> {
    let mut options = Options {
        scratch: std::env::temp_dir().join("revledger-mutants"),
        only: None,
        is_missed_again: false,
        is_report: false,
        workers: 2,
        seconds: 20,
        niceness: 15,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value\n\n{HELP}"));
        let number = |text: String| text.parse().map_err(|_| format!("{text:?} is not a number"));
        match word.as_str() {
            "--scratch" => options.scratch = value()?.into(),
            "--only" => options.only = Some(value()?),
            "--workers" => options.workers = number(value()?)?,
            "--seconds" => options.seconds = value()?.parse().map_err(|_| HELP.to_owned())?,
            "--nice" => options.niceness = value()?.parse().map_err(|_| HELP.to_owned())?,
            "--missed" => options.is_missed_again = true,
            "--report" => options.is_report = true,
            "--help" => return Ok(None),
            _ => return Err(format!("{word} is not known\n\n{HELP}")),
        }
    }
    Ok(Some(options))
}

fn main() -> ExitCode {
    let done = match options() {
        Ok(None) => {
            print!("{HELP}");
            Ok(())
        }
        Ok(Some(options)) => run(&options),
        Err(usage) => Err(usage),
    };
    if let Err(message) = done {
        eprintln!("mutants: {message}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn run(options: &Options) -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let state = options.scratch.join("state");
    fs::create_dir_all(&state).map_err(|error| format!("{}: {error}", state.display()))?;
    let mutants = mutant::list(&root)?;
    let results = state.join("results.jsonl");
    if options.is_report {
        let text = fs::read_to_string(state.join("dropped.json")).unwrap_or_default();
        let dropped = serde_json::from_str(&text).unwrap_or_default();
        report(&mutants, &dropped, &read(&results));
        return Ok(());
    }
    let built = build::build(&root, &options.scratch, &mutants)?;
    let bench =
        Bench { programs: &built.programs, scratch: &options.scratch, niceness: options.niceness };
    let tests = bench.tests(options.workers, options.seconds)?;
    let seconds: f64 = tests.iter().map(|test| test.seconds).sum();
    eprintln!("{} mutants, {} tests of {seconds:.0} CPU seconds", mutants.len(), tests.len());
    let old = read(&results);
    let file = fs::OpenOptions::new().append(true).create(true).open(&results);
    let hunt = Hunt {
        bench,
        by_switch: trial::by_switch(&tests),
        known: Mutex::new(known(&tests, &mutants, &old)),
        tests: &tests,
        results: Mutex::new(file.map_err(|error| format!("{}: {error}", results.display()))?),
    };
    let mut tasks = Vec::new();
    for (at, mutant) in mutants.iter().enumerate() {
        let Some(switch) = built.switches.get(&(at + 1)) else { continue };
        let is_asked = options.only.as_ref().is_none_or(|text| mutant.name.contains(text));
        let is_due = match old.get(&mutant.name).map(|one| one.verdict) {
            None => true,
            Some(Verdict::Missed) => options.is_missed_again,
            Some(Verdict::Caught | Verdict::Timeout) => false,
        };
        if is_asked && is_due {
            tasks.push((at + 1, *switch, mutant));
        }
    }
    // In no order of files, so that a run that ends early has tried a fair sample.
    tasks.sort_by_key(|(id, ..)| id.wrapping_mul(2_654_435_761) % (1 << 32));
    let (count, done, missed) = (tasks.len(), AtomicUsize::new(0), AtomicUsize::new(0));
    workers::run(options.workers, tasks, |(id, switch, mutant)| {
        let verdict = hunt.try_one(id, switch, mutant)?;
        missed.fetch_add(usize::from(verdict == Verdict::Missed), Ordering::Relaxed);
        let tried = done.fetch_add(1, Ordering::Relaxed) + 1;
        if tried.is_multiple_of(50) {
            eprintln!("{tried} of {count} tried, {} missed", missed.load(Ordering::Relaxed));
        }
        Ok(())
    })?;
    report(&mutants, &built.dropped, &read(&results));
    Ok(())
}

/// The last result of each mutant.
fn read(path: &Path) -> BTreeMap<String, Tried> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Tried>(line).ok());
    lines.map(|tried| (tried.name.clone(), tried)).collect()
}

/// Which tests caught mutants of which files before.
fn known(
    tests: &[Test],
    mutants: &[mutant::Mutant],
    old: &BTreeMap<String, Tried>,
) -> BTreeMap<String, BTreeMap<usize, u32>> {
    let places: BTreeMap<&str, usize> =
        tests.iter().enumerate().map(|(at, test)| (test.name.as_str(), at)).collect();
    let mut known: BTreeMap<String, BTreeMap<usize, u32>> = BTreeMap::new();
    for mutant in mutants {
        let tried = old.get(&mutant.name).filter(|one| one.verdict != Verdict::Missed);
        if let Some(at) = tried.and_then(|one| places.get(one.by.as_str())) {
            *known.entry(mutant.file.clone()).or_default().entry(*at).or_default() += 1;
        }
    }
    known
}

fn report(
    mutants: &[mutant::Mutant],
    dropped: &BTreeMap<String, build::Dropped>,
    tried: &BTreeMap<String, Tried>,
) {
    for mutant in mutants {
        if let Some(one) = tried.get(&mutant.name).filter(|one| one.verdict == Verdict::Missed) {
            println!("missed: {} ({})", one.name, one.by);
        }
    }
    for mutant in mutants {
        if dropped.get(&mutant.name) == Some(&build::Dropped::NotSwitched) {
            println!("not switched: {}", mutant.name);
        }
    }
    report::print(mutants, dropped, tried);
}
