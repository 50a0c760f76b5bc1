//! Bytes, or choices that draw frames, as a peer of the hub.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| catchwater_fuzz::memory::bounded(
    catchwater_fuzz::hub::check,
    bytes
));
