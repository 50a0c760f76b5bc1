//! From where each partition is read: checkpoints.
//!
//! Owns: what a checkpoint says and where it stands. Does not own: whether it may be written yet
//! (`run::ledger`), or how far the lake really is (`catchwater_sinks::lake`).

mod checkpoint;

pub use checkpoint::{Checkpoint, Checkpoints, Error, Scope};
