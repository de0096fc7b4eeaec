//! Tries each mutant on the tests that reach it, until one fails.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::mutant::Mutant;
use crate::trial::{Bench, Outcome, Test};

/// CPU seconds of tests that are run in one process: few at first, as most mutants fail early.
const BATCH_SECONDS: f64 = 0.15;
const BATCH_SECONDS_MAX: f64 = 10.0;
/// Above what ten times the usual takes.
const SECONDS_MORE: f64 = 5.0;
const TIMES_MORE: f64 = 10.0;
/// How many of the tests that caught others in the same file are asked first.
const KNOWN_MAX: usize = 12;

/// What became of a mutant.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// A test failed.
    Caught,
    /// A test ran without an end.
    Timeout,
    /// Nothing noticed.
    Missed,
}

/// A line of the file of results.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Tried {
    /// The mutant.
    pub(crate) name: String,
    /// What became of it.
    pub(crate) verdict: Verdict,
    /// The test that failed, as far as it said so; for one that was missed, how many tests reach it.
    pub(crate) by: String,
}

/// All that is needed to try mutants.
#[derive(Debug)]
pub(crate) struct Hunt<'h> {
    /// How tests are run.
    pub(crate) bench: Bench<'h>,
    /// All tests.
    pub(crate) tests: &'h [Test],
    /// The tests that ask a switch.
    pub(crate) by_switch: BTreeMap<usize, Vec<usize>>,
    /// For each file the tests that caught mutants in it, and how many.
    pub(crate) known: Mutex<BTreeMap<String, BTreeMap<usize, u32>>>,
    /// Where results are appended.
    pub(crate) results: Mutex<File>,
}

impl Hunt<'_> {
    /// Tries one mutant and notes what became of it.
    pub(crate) fn try_one(
        &self,
        id: usize,
        switch: usize,
        mutant: &Mutant,
    ) -> Result<Verdict, String> {
        let mut order = self.order(switch, &mutant.file);
        let reaching = order.len();
        let mut budget = BATCH_SECONDS;
        let (mut verdict, mut by) = (Verdict::Missed, format!("{reaching} tests reach it"));
        while let Some(batch) = self.batch(&mut order, budget) {
            let names: Vec<&str> = batch.iter().map(|at| self.tests[*at].name.as_str()).collect();
            let usual: f64 = batch.iter().map(|at| self.tests[*at].seconds).sum();
            let seconds_max = (usual * TIMES_MORE + SECONDS_MORE).ceil();
            let program = self.tests[batch[0]].program;
            let (outcome, text, _) =
                self.bench.run(program, &names, id, seconds_max as u64, None)?;
            if outcome != Outcome::Passed {
                let culprit = batch.iter().find(|at| says_failed(&text, &self.tests[**at].name));
                self.note(&mutant.file, *culprit.unwrap_or(&batch[0]));
                let is_slow = outcome == Outcome::Timeout;
                verdict = if is_slow { Verdict::Timeout } else { Verdict::Caught };
                by = culprit.map_or_else(|| names.join(" "), |at| self.tests[*at].name.clone());
                by.truncate(200);
                break;
            }
            budget = (budget * 2.0).min(BATCH_SECONDS_MAX);
        }
        let tried = Tried { name: mutant.name.clone(), verdict, by };
        let line = serde_json::to_string(&tried).map_err(|error| error.to_string())?;
        let mut file = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(file, "{line}").map_err(|error| format!("results: {error}"))?;
        Ok(verdict)
    }

    /// The tests that reach a switch: first those that caught most in this file, then the fastest.
    fn order(&self, switch: usize, file: &str) -> Vec<usize> {
        let mut order = self.by_switch.get(&switch).cloned().unwrap_or_default();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut best: Vec<(u32, usize)> =
            known.get(file).into_iter().flatten().map(|(at, count)| (*count, *at)).collect();
        best.sort_unstable_by(|left, right| right.cmp(left));
        best.truncate(KNOWN_MAX);
        let best: BTreeSet<usize> = best.into_iter().map(|(_, at)| at).collect();
        let seconds = |at: &usize| self.tests[*at].seconds;
        order.sort_by(|left, right| {
            let first = best.contains(right).cmp(&best.contains(left));
            first.then(seconds(left).total_cmp(&seconds(right)))
        });
        order
    }

    /// Takes the next tests of one program, as many as are done in so many seconds.
    fn batch(&self, order: &mut Vec<usize>, budget: f64) -> Option<Vec<usize>> {
        let first = *order.first()?;
        let program = self.tests[first].program;
        let (mut batch, mut seconds) = (Vec::new(), 0.0);
        order.retain(|at| {
            let test = &self.tests[*at];
            let is_taken =
                test.program == program && (batch.is_empty() || seconds + test.seconds <= budget);
            if is_taken {
                batch.push(*at);
                seconds += test.seconds;
            }
            !is_taken
        });
        Some(batch)
    }

    fn note(&self, file: &str, test: usize) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(file.to_owned()).or_default().entry(test).or_default() += 1;
    }
}

/// Whether the output of libtest, or of `revledger check`, says that a test failed.
fn says_failed(text: &str, name: &str) -> bool {
    text.lines().any(|line| {
        (line.starts_with("test ")
            && line.contains(&format!(" {name} "))
            && line.ends_with("FAILED"))
            || (line.starts_with("FAIL ") && line.ends_with(&format!("({name})")))
    })
}
