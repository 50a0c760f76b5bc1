//! Any bytes, with JSON as their seeds.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| catchwater_fuzz::memory::bounded(
    catchwater_fuzz::body::check,
    bytes
));
