//! Shared code of the benches: measuring, reporting, comparing.
//!
//! Owns: the method of measuring (`README.md` has the reasons) and the form of a result. Does not own: what is measured
//! (`main.rs` and the folders beside it).

pub mod effort; // how long a measurement may take
pub mod bodies; // event bodies, generated or real
pub mod made; // bodies of a chosen number of columns, size and table
pub mod clock; // CPU time
pub mod spread; // a median and how far rounds lie apart
pub mod turns; // contenders timed in turn
pub mod report; // results as a table and as JSON
pub mod comparison; // two reports: what changed
pub mod yardstick; // memcpy and simd-json's tape, what everything is a ratio to
pub mod machine; // which machine, which core
