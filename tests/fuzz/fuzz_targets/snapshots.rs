//! See `fuzz::snapshot_files`.

#![no_main]

use fuzz::snapshot_files;

libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    fuzz::mutated(snapshot_files::mutated, (data, size, max_size), seed)
});

libfuzzer_sys::fuzz_target!(
    init: fuzz::begin(snapshot_files::seeds),
    |data: &[u8]| snapshot_files::check(data)
);
