//! Bytes as frames, performatives, messages and values.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| catchwater_fuzz::memory::bounded(
    catchwater_fuzz::frames::check,
    bytes
));
