//! Bytes as choices that draw the columns of a row group.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| catchwater_fuzz::chunk::check(bytes));
