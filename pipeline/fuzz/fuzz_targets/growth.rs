//! Bytes as choices that draw a body of repeated pieces.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| catchwater_fuzz::growth::check(bytes));
