//! Bytes as a body; the seeds are XML.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| catchwater_fuzz::memory::bounded(
    catchwater_fuzz::body::check,
    bytes
));
