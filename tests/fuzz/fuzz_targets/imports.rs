//! See `fuzz::import_files`.

#![no_main]

use fuzz::import_files;

libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    fuzz::mutated(import_files::mutated, (data, size, max_size), seed)
});

libfuzzer_sys::fuzz_target!(
    init: fuzz::begin(import_files::seeds),
    |data: &[u8]| import_files::check(data)
);
