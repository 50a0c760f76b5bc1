//! Bytes as choices that draw an event.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| catchwater_fuzz::memory::bounded(
    catchwater_fuzz::differential::check,
    bytes
));
