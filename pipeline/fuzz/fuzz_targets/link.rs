//! Any bytes on a link, frames as their seeds.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| catchwater_fuzz::memory::bounded(
    catchwater_fuzz::link::check,
    bytes
));
