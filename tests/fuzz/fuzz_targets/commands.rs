//! See `fuzz::command_bytes`.

#![no_main]

use fuzz::command_bytes;

libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    fuzz::mutated(command_bytes::mutated, (data, size, max_size), seed)
});

libfuzzer_sys::fuzz_target!(
    init: fuzz::begin(command_bytes::seeds),
    |data: &[u8]| command_bytes::check(data)
);
