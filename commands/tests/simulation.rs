//! The write side and the read side in a simulation: seeded histories with everything that goes
//! wrong, and what must hold all the same (docs/RELIABILITY.md).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};

use self::bugs::Bug;
use self::run::{Outcome, history};
use self::situations::Situation;

#[path = "simulation/bugs.rs"]
mod bugs;
#[path = "simulation/check.rs"]
mod check;
#[path = "simulation/client.rs"]
mod client;
#[path = "simulation/history.rs"]
mod history;
#[path = "simulation/lanes.rs"]
mod lanes;
#[path = "simulation/log.rs"]
mod log;
#[path = "simulation/nemesis.rs"]
mod nemesis;
#[path = "simulation/oracle.rs"]
mod oracle;
#[path = "simulation/planted.rs"]
mod planted;
#[path = "simulation/reader.rs"]
mod reader;
#[path = "simulation/rng.rs"]
mod rng;
#[path = "simulation/run.rs"]
mod run;
#[path = "simulation/script.rs"]
mod script;
#[path = "simulation/server.rs"]
mod server;
#[path = "simulation/situations.rs"]
mod situations;
#[path = "simulation/world.rs"]
mod world;

/// Histories of a usual run.
const SEEDS: u64 = 30;
/// Seeds that found something once. They always run, whichever others do.
const REGRESSIONS: &[u64] = &[
    // A running writer went on at a log that had lost what it stored.
    5,
];
/// Every so many seeds one is run twice, to see that it is the same history.
const TWICE_IN: u64 = 20;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

fn run(seed: u64) -> Outcome {
    let outcome = history(seed, None);
    assert!(
        outcome.violations.is_empty(),
        "seed {seed} breaks what must hold:\n  {}\nrun it again: REVLEDGER_FIRST_SEED={seed} \
         REVLEDGER_SEEDS=1 cargo test -p commands --test simulation whatever_happens",
        outcome.violations.join("\n  ")
    );
    outcome
}

/// A history is one thread's; histories know nothing of one another.
fn on_two_threads<I: Copy + Send + Sync, T: Send>(
    items: &[I],
    work: impl Fn(I) -> T + Send + Sync,
) -> Vec<T> {
    let place = AtomicUsize::new(0);
    let of_one = || {
        let next = || items.get(place.fetch_add(1, Ordering::SeqCst)).copied();
        std::iter::from_fn(next).map(&work).collect::<Vec<T>>()
    };
    let joined = std::thread::scope(|threads| {
        let workers = [threads.spawn(of_one), threads.spawn(of_one)];
        workers.map(std::thread::ScopedJoinHandle::join)
    });
    joined.into_iter().flat_map(|done| done.unwrap_or_else(|panic| resume_unwind(panic))).collect()
}

#[test]
fn whatever_happens_the_replies_and_the_log_agree() {
    let first = number("REVLEDGER_FIRST_SEED", 1);
    let count = number("REVLEDGER_SEEDS", SEEDS);
    let seeds: BTreeSet<u64> = REGRESSIONS.iter().copied().chain(first..first + count).collect();
    let seeds: Vec<u64> = seeds.into_iter().collect();
    let outcomes = on_two_threads(&seeds, |seed| {
        let outcome = run(seed);
        if seed % TWICE_IN == 0 {
            let again = run(seed);
            assert_eq!(outcome.fingerprint, again.fingerprint, "seed {seed} has two histories");
        }
        outcome
    });
    let events: u64 = outcomes.iter().map(|one| one.events).sum();
    let seen: BTreeSet<Situation> = outcomes.into_iter().flat_map(|one| one.seen).collect();
    let missing: Vec<&str> =
        Situation::ALL.iter().filter(|one| !seen.contains(one)).map(|one| one.text()).collect();
    println!("{} histories, {events} events; never happened: {missing:?}", seeds.len());
    assert!(count < SEEDS || missing.is_empty(), "never happened: {missing:#?}");
}

/// Histories in which a planted bug has to show itself.
const SEEDS_FOR_A_BUG: u64 = 60;

/// The first seed that shows a planted bug, with what it shows.
fn caught(bug: Bug) -> Result<(u64, String), String> {
    let mut fired = 0;
    for seed in seeds_for(bug) {
        let outcome = history_with(seed, bug);
        fired += outcome.fired;
        let Some(violation) = outcome.violations.into_iter().next() else { continue };
        if fired == 0 {
            return Err(format!("{bug:?} had no effect, and seed {seed} shows: {violation}"));
        }
        return Ok((seed, violation));
    }
    Err(format!("{bug:?} ({}) had its effect {fired} times, and nothing showed it", bug.text()))
}

fn seeds_for(bug: Bug) -> Vec<u64> {
    let all = 1..=SEEDS_FOR_A_BUG;
    // What only shows where the log loses its end, where it is silent, or where a run has parts.
    if [Bug::TrustsAShrunkLog, Bug::TrustsAnySnapshot, Bug::ForgetsWhatItStored].contains(&bug) {
        return all.filter(|seed| run::loses(*seed)).collect();
    }
    if bug == Bug::LetsGoOfWhatIsUnknown {
        // One in four of them shows it.
        let more = 1..=3 * SEEDS_FOR_A_BUG;
        return more.filter(|seed| !run::loses(*seed) && world::is_silent(*seed)).collect();
    }
    if bug == Bug::TakesAPartForTheRun {
        return all.filter(|seed| client::is_long(*seed)).collect();
    }
    all.filter(|seed| !run::loses(*seed) && !client::is_long(*seed)).collect()
}

#[cfg(feature = "planted-bugs")]
fn history_with(seed: u64, bug: Bug) -> Outcome {
    commands::planted::plant(bug.in_writer());
    let mut outcome = history(seed, Some(bug));
    outcome.fired += commands::planted::plant(None);
    outcome
}

#[cfg(not(feature = "planted-bugs"))]
fn history_with(seed: u64, bug: Bug) -> Outcome {
    history(seed, Some(bug))
}

#[cfg(not(feature = "planted-bugs"))]
fn is_planted(bug: Bug) -> bool {
    bug.in_writer().is_none()
}

#[cfg(feature = "planted-bugs")]
fn is_planted(_: Bug) -> bool {
    true
}

#[test]
fn every_planted_bug_is_found() {
    let bugs: Vec<Bug> = Bug::ALL.iter().copied().filter(|bug| is_planted(*bug)).collect();
    let found = on_two_threads(&bugs, |bug| (bug, caught(bug)));
    let mut missed = Vec::new();
    for (bug, caught) in found {
        match caught {
            Ok((seed, violation)) => println!("{bug:?}: seed {seed}: {violation}"),
            Err(problem) => missed.push(problem),
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}
