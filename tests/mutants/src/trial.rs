//! Tests, the processes that run them, and which mutants they reach.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::build::Program;

/// Addresses a process may take: a mutant that collects without an end is stopped there.
const KIBIBYTES_MAX: u64 = 8 * 1024 * 1024;
/// Against a mutant that waits for what never comes. CPU seconds stop all that loop.
const WALL_SECONDS_MAX: u32 = 900;
/// The exit status of a shell whose command a signal ended is 128 and the signal.
const OUT_OF_CPU: [i32; 2] = [128 + 24, 128 + 9];

/// One test: a function of a test program, or a scenario file.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Test {
    /// The program that runs it, by its place in the list of programs.
    pub(crate) program: usize,
    /// Its name, or the file.
    pub(crate) name: String,
    /// CPU seconds it takes when nothing is mutated.
    pub(crate) seconds: f64,
    /// The switches it asks.
    pub(crate) reaches: BTreeSet<usize>,
}

/// How a run of tests went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All passed.
    Passed,
    /// One failed, or the process broke down.
    Failed,
    /// It took more CPU time than it may.
    Timeout,
}

/// Programs and where they run.
#[derive(Debug)]
pub(crate) struct Bench<'b> {
    /// The built programs.
    pub(crate) programs: &'b [Program],
    /// The copy of the project.
    pub(crate) scratch: &'b Path,
    /// How nice tests are to other processes.
    pub(crate) niceness: u8,
}

impl Bench<'_> {
    /// Runs tests of one program in one process, with a mutant (0: none), for so many CPU seconds at
    /// most. Returns how it went, what was printed and the CPU seconds taken.
    pub(crate) fn run(
        &self,
        program: usize,
        names: &[&str],
        mutant: usize,
        seconds_max: u64,
        reach: Option<&Path>,
    ) -> Result<(Outcome, String, f64), String> {
        let program = &self.programs[program];
        // Without a mutant it is a run of the tests as any other.
        let niceness = if mutant == 0 { 0 } else { self.niceness };
        let mut command = Command::new("nice");
        let limited = format!(
            "ulimit -v {KIBIBYTES_MAX}; ulimit -t {seconds_max}; ulimit -c 0; \
             timeout -s KILL {WALL_SECONDS_MAX} \"$@\"; code=$?; echo; times; exit $code"
        );
        command.args(["-n", &niceness.to_string(), "sh", "-c", &limited, "sh"]).arg(&program.path);
        if program.is_test {
            command.args(["--test-threads", "1", "--exact"]).current_dir(&program.folder);
        } else {
            command.arg("check").current_dir(self.scratch);
        }
        command
            .args(names)
            .env("CARGO_MANIFEST_DIR", &program.folder)
            .env("PROPTEST_RNG_SEED", "1")
            .env("PROPTEST_MAX_SHRINK_ITERS", "0")
            .env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "1")
            .env("RUST_BACKTRACE", "0")
            .env("REVLEDGER_MUTANT", mutant.to_string())
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        if let Some(path) = reach {
            command.env("REVLEDGER_MUTANT_REACH", path);
        }
        let output = command.output().map_err(|error| format!("{}: {error}", program.name))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let taken = text.lines().last().map_or(0.0, cpu_seconds);
        let outcome = match output.status.code() {
            Some(0) => Outcome::Passed,
            Some(code) if OUT_OF_CPU.contains(&code) => Outcome::Timeout,
            Some(_) | None => Outcome::Failed,
        };
        Ok((outcome, text, taken))
    }

    /// All tests, each run alone once: what it takes and which switches it asks. What fails without a
    /// mutant, or takes longer than `seconds_max`, is left out and named.
    pub(crate) fn tests(&self, workers: usize, seconds_max: u64) -> Result<Vec<Test>, String> {
        let mut names: Vec<(usize, String)> = Vec::new();
        for (at, program) in self.programs.iter().enumerate() {
            if program.is_test {
                names.extend(listed(program)?.into_iter().map(|name| (at, name)));
            } else if !program.is_test && program.name == "revledger" {
                names.extend(self.scenarios()?.into_iter().map(|name| (at, name)));
            }
        }
        let notes = self.scratch.join("state/tests.json");
        let old: Vec<(String, Test)> = fs::read(&notes)
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default();
        let old: BTreeMap<(&str, &str), &Test> =
            old.iter().map(|(key, test)| ((key.as_str(), test.name.as_str()), test)).collect();
        let keys: Vec<String> = self.programs.iter().map(built_at).collect();
        let found = crate::workers::run(workers, names, |(program, name)| {
            if let Some(known) = old.get(&(keys[program].as_str(), name.as_str())) {
                let is_fast = known.seconds <= seconds_max as f64;
                return Ok(is_fast.then(|| Test { program, ..(*known).clone() }));
            }
            let note = self.scratch.join(format!("state/reach-{:?}", std::thread::current().id()));
            drop(fs::remove_file(&note));
            let (outcome, _, seconds) = self.run(program, &[&name], 0, seconds_max, Some(&note))?;
            if outcome != Outcome::Passed {
                eprintln!("left out: {} of {} ({outcome:?})", name, self.programs[program].name);
                return Ok(None);
            }
            let text = fs::read_to_string(&note).unwrap_or_default();
            let reaches = text.lines().filter_map(|line| line.parse().ok()).collect();
            Ok(Some(Test { program, name, seconds, reaches }))
        })?;
        let found: Vec<Test> = found.into_iter().flatten().collect();
        let kept: Vec<(&str, &Test)> =
            found.iter().map(|test| (keys[test.program].as_str(), test)).collect();
        let text = serde_json::to_string(&kept).map_err(|error| error.to_string())?;
        fs::write(&notes, text).map_err(|error| format!("{}: {error}", notes.display()))?;
        Ok(found)
    }

    fn scenarios(&self) -> Result<Vec<String>, String> {
        let mut names = Vec::new();
        for folder in ["tests/scenarios", "tests/worked"] {
            let path = self.scratch.join(folder);
            let entries = fs::read_dir(&path).map_err(|error| format!("{folder}: {error}"))?;
            for entry in entries {
                let entry = entry.map_err(|error| format!("{folder}: {error}"))?;
                let name = PathBuf::from(folder).join(entry.file_name());
                if name.extension().is_some_and(|end| end == "json" || end == "yaml") {
                    names.push(name.display().to_string());
                }
            }
        }
        names.sort();
        Ok(names)
    }
}

/// What is different of a program that was built again.
fn built_at(program: &Program) -> String {
    let modified = fs::metadata(&program.path).and_then(|about| about.modified());
    format!("{} {:?}", program.path.display(), modified.ok())
}

fn listed(program: &Program) -> Result<Vec<String>, String> {
    let output = Command::new(&program.path)
        .args(["--list", "--format", "terse"])
        .current_dir(&program.folder)
        .output()
        .map_err(|error| format!("{}: {error}", program.name))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
}

/// User and system time in a line of `times`: `0m1.250000s 0m0.010000s`.
fn cpu_seconds(line: &str) -> f64 {
    let one = |word: &str| {
        let (minutes, seconds) = word.strip_suffix('s')?.split_once('m')?;
        Some(minutes.parse::<f64>().ok()? * 60.0 + seconds.parse::<f64>().ok()?)
    };
    line.split_whitespace().filter_map(one).sum()
}

/// For each switch the tests that ask it.
pub(crate) fn by_switch(tests: &[Test]) -> BTreeMap<usize, Vec<usize>> {
    let mut by_switch: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, test) in tests.iter().enumerate() {
        for switch in &test.reaches {
            by_switch.entry(*switch).or_default().push(at);
        }
    }
    by_switch
}
