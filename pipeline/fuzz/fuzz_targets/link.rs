//! Bytes as frames on a link.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| catchwater_fuzz::memory::bounded(
    catchwater_fuzz::link::check,
    bytes
));
