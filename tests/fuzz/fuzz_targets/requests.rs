//! See `fuzz::http_bytes`.

#![no_main]

use fuzz::http_bytes;

libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    fuzz::mutated(http_bytes::mutated, (data, size, max_size), seed)
});

libfuzzer_sys::fuzz_target!(
    init: fuzz::begin(http_bytes::seeds),
    |data: &[u8]| http_bytes::check(data)
);
