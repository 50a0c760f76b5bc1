//! Ordinals: the places of events in a source, alone, as ranges and as sets.
//!
//! Does not own the source itself (`paths`), or what is proved about an ordinal (`lake`).

mod ordinal; // one place in a source
mod range; // consecutive ordinals
mod set; // any ordinals, kept as ranges

pub use ordinal::Ordinal;
pub use range::OrdinalRange;
pub use set::OrdinalSet;
