//! Checks of the fuzz targets. `pipeline/tests/fuzz_seeds_and_findings.rs` includes these files and runs the checks
//! over seeds and findings.

pub mod body;
pub mod chunk;
mod dice;
pub mod differential;
mod event;
pub mod frames;
pub mod growth;
pub mod hub;
pub mod link;
pub mod memory;
mod spelling;
