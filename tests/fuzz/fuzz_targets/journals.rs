//! See `fuzz::journal_files`.

#![no_main]

use fuzz::journal_files;

libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    fuzz::mutated(journal_files::mutated, (data, size, max_size), seed)
});

libfuzzer_sys::fuzz_target!(
    init: fuzz::begin(journal_files::seeds),
    |data: &[u8]| journal_files::check(data)
);
