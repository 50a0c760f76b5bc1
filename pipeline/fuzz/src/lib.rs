//! What the fuzz targets check. A test of the product includes the checks and runs them over seeds and findings.

pub mod body;
pub mod chunk;
mod dice;
pub mod differential;
mod event;
pub mod growth;
pub mod link;
pub mod memory;
mod spelling;
