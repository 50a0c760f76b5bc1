//! Bytes as the choices that make a body which tries to take much memory.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| catchwater_fuzz::growth::check(bytes));
