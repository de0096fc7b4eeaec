//! See `fuzz::event_bytes`.

#![no_main]

use fuzz::event_bytes;

libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    fuzz::mutated(event_bytes::mutated, (data, size, max_size), seed)
});

libfuzzer_sys::fuzz_target!(
    init: fuzz::begin(event_bytes::seeds),
    |data: &[u8]| event_bytes::check(data)
);
