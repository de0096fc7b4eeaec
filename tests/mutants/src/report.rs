//! The table: what became of the mutants of each module.

use std::collections::BTreeMap;

use crate::build::Dropped;
use crate::hunt::{Tried, Verdict};
use crate::mutant::Mutant;

#[derive(Clone, Copy, Default)]
struct Counts {
    all: u32,
    caught: u32,
    timeout: u32,
    missed: u32,
    unviable: u32,
    not_switched: u32,
}

/// The module of a file: `decide` for `ledger-core/src/decide/order/change.rs`.
pub(crate) fn module(file: &str) -> &str {
    let inner = file.strip_prefix("ledger-core/src/").unwrap_or(file);
    inner.split_once('/').map_or(inner.trim_end_matches(".rs"), |(folder, _)| folder)
}

/// Prints the table, in Markdown.
pub(crate) fn print(
    mutants: &[Mutant],
    dropped: &BTreeMap<String, Dropped>,
    tried: &BTreeMap<String, Tried>,
) {
    let mut modules: BTreeMap<&str, Counts> = BTreeMap::new();
    for mutant in mutants {
        for module in [module(&mutant.file), "~all"] {
            let counts = modules.entry(module).or_default();
            counts.all += 1;
            match (dropped.get(&mutant.name), tried.get(&mutant.name).map(|one| one.verdict)) {
                (Some(Dropped::Unviable), _) => counts.unviable += 1,
                (_, Some(Verdict::Caught)) => counts.caught += 1,
                (_, Some(Verdict::Timeout)) => counts.timeout += 1,
                (_, Some(Verdict::Missed)) => counts.missed += 1,
                (Some(Dropped::NotSwitched), None) => counts.not_switched += 1,
                (None, None) => {}
            }
        }
    }
    println!(
        "| module | mutants | caught | timeout | missed | unviable | not switched | caught of tried |"
    );
    println!("| --- | --: | --: | --: | --: | --: | --: | --: |");
    for (module, one) in modules {
        let (good, tried) = (one.caught + one.timeout, one.caught + one.timeout + one.missed);
        let share = f64::from(good) * 100.0 / f64::from(tried.max(1));
        println!(
            "| {} | {} | {} | {} | {} | {} | {} | {share:.1} % |",
            module.trim_start_matches('~'),
            one.all,
            one.caught,
            one.timeout,
            one.missed,
            one.unviable,
            one.not_switched,
        );
    }
}
