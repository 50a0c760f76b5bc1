//! Bytes as one message on a link, split into frames.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| catchwater_fuzz::memory::bounded(
    catchwater_fuzz::link::check_message,
    bytes
));
