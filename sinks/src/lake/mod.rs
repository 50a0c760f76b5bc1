//! The lake: which name a file gets, and what the names prove.

pub mod paths; // every key, spelled and read back
pub mod audit; // the lake read back: each row once, no gaps, chains whole
