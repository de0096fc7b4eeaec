//! The harnesses of fuzzing on their seeds and on a fixed number of other inputs made of them, the same
//! ones in every run: so that they are compiled, and hold, without a fuzzer (`docs/RELIABILITY.md`).

#![expect(
    unreachable_pub,
    reason = "the crate of the fuzz targets has the same files as modules of a library"
)]

#[cfg(test)]
#[path = "fuzz/src/bend.rs"]
mod bend;
#[cfg(test)]
#[path = "fuzz/src/book.rs"]
mod book;
#[cfg(test)]
#[path = "fuzz/src/chance.rs"]
mod chance;
#[cfg(test)]
#[path = "fuzz/src/command_bytes.rs"]
mod command_bytes;
#[cfg(test)]
#[path = "fuzz/src/event_bytes.rs"]
mod event_bytes;
#[cfg(test)]
#[path = "fuzz/src/http_bytes.rs"]
mod http_bytes;
#[cfg(test)]
#[path = "fuzz/src/import_files.rs"]
mod import_files;
#[cfg(test)]
#[path = "fuzz/src/journal_files.rs"]
mod journal_files;
#[cfg(test)]
#[path = "fuzz/src/mutate.rs"]
mod mutate;
#[cfg(test)]
#[path = "fuzz/src/runtime.rs"]
mod runtime;
#[cfg(test)]
#[path = "fuzz/src/seeds.rs"]
mod seeds;
#[cfg(test)]
#[path = "fuzz/src/snapshot_files.rs"]
mod snapshot_files;

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    use crate::chance::Chance;
    use crate::*;

    /// Other inputs of each target, in all.
    const OTHERS: u64 = 300;

    /// One target: what it checks, what it begins with, and how another input is made.
    struct Target {
        name: &'static str,
        check: fn(&[u8]),
        seeds: fn() -> Vec<Vec<u8>>,
        mutated: fn(&[u8], &mut Chance) -> Vec<u8>,
    }

    /// More inputs, or others, for whoever asks for them.
    fn number_of(variable: &str) -> Option<u64> {
        std::env::var(variable).ok().map(|text| text.parse().unwrap())
    }

    impl Target {
        fn hold(&self, others: u64) {
            for (name, input) in seeds::regressions(self.name) {
                self.one(&name, &input);
            }
            let seeds = (self.seeds)();
            for (number, seed) in seeds.iter().enumerate() {
                self.one(&format!("seed {number}"), seed);
            }
            let mut chance = Chance::new(number_of("REVLEDGER_FUZZ_SEED").unwrap_or(1));
            let others = number_of("REVLEDGER_FUZZ_INPUTS").unwrap_or(others);
            for number in 0..others {
                let seed = chance.one_of(&seeds).clone();
                let input = (self.mutated)(&seed, &mut chance);
                self.one(&format!("input {number}"), &input);
            }
        }

        fn one(&self, name: &str, input: &[u8]) {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (self.check)(input))) {
                eprintln!("{}, {name}: {}", self.name, input.escape_ascii());
                resume_unwind(panic);
            }
        }
    }

    #[test]
    fn commands() {
        Target {
            name: "commands",
            check: command_bytes::check,
            seeds: command_bytes::seeds,
            mutated: command_bytes::mutated,
        }
        .hold(OTHERS * 4);
    }

    #[test]
    fn events() {
        Target {
            name: "events",
            check: event_bytes::check,
            seeds: event_bytes::seeds,
            mutated: event_bytes::mutated,
        }
        .hold(OTHERS);
    }

    #[test]
    fn journals() {
        Target {
            name: "journals",
            check: journal_files::check,
            seeds: journal_files::seeds,
            mutated: journal_files::mutated,
        }
        .hold(OTHERS);
    }

    #[test]
    fn imports() {
        Target {
            name: "imports",
            check: import_files::check,
            seeds: import_files::seeds,
            mutated: import_files::mutated,
        }
        .hold(OTHERS * 10);
    }

    #[test]
    fn snapshots() {
        Target {
            name: "snapshots",
            check: snapshot_files::check,
            seeds: snapshot_files::seeds,
            mutated: snapshot_files::mutated,
        }
        .hold(OTHERS);
    }

    #[test]
    fn requests() {
        Target {
            name: "requests",
            check: http_bytes::check,
            seeds: http_bytes::seeds,
            mutated: http_bytes::mutated,
        }
        .hold(OTHERS);
    }
}
