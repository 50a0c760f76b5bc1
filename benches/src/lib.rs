//! Shared code of the benches: measuring, reporting, comparing.
//!
//! Owns: the method of measuring (reasons in `README.md`) and the form of a result. Does not own: the benches
//! themselves (`main.rs` and the folders beside it).

pub mod effort; // rounds and amount of data
pub mod bodies; // event bodies, generated or real
pub mod made; // bodies with a chosen number of tables, columns and bytes
pub mod clock; // CPU time
pub mod spread; // median and quartiles of rounds
pub mod turns; // timing of contenders, round by round
pub mod report; // results, as a table and as JSON
pub mod comparison; // changes between two reports
pub mod yardstick; // references for ratios: simd-json's tape, memcpy
pub mod machine; // processor, cores, revision
