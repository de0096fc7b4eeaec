//! What fuzzing does with an input, one module a target: each checks what must hold whatever comes, and
//! panics where it does not. The project's own tests include the same files (`tests/fuzz.rs`).

pub mod bend;
pub mod book;
pub mod chance;
pub mod command_bytes;
pub mod event_bytes;
pub mod http_bytes;
pub mod import_files;
pub mod journal_files;
pub mod mutate;
pub mod runtime;
pub mod seeds;
pub mod snapshot_files;

use crate::chance::Chance;

/// Another input in place: of ours every second time, else of libFuzzer's own.
pub fn mutated(
    ours: fn(&[u8], &mut Chance) -> Vec<u8>,
    (data, size, max_size): (&mut [u8], usize, usize),
    seed: u32,
) -> usize {
    if seed % 2 == 0 {
        return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    }
    let made = ours(&data[..size], &mut Chance::new(seed.into()));
    let length = made.len().min(max_size).min(data.len());
    data[..length].copy_from_slice(&made[..length]);
    length
}

/// The folder that a target writes its seeds to, and ends: what it begins with is made, and not kept.
pub const SEEDS: &str = "REVLEDGER_FUZZ_SEEDS";

/// What a target does first.
pub fn begin(seeds: fn() -> Vec<Vec<u8>>) {
    let Some(folder) = std::env::var_os(SEEDS) else { return };
    for (number, seed) in seeds().iter().enumerate() {
        let path = std::path::Path::new(&folder).join(format!("seed-{number:03}"));
        std::fs::write(path, seed).expect("the folder of the seeds can be written to");
    }
    std::process::exit(0);
}
