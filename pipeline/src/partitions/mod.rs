//! Checkpoints of partitions.
//!
//! Owns: the contents of a checkpoint and its path. Does not own: when it may be saved (`run::ledger`), or the lake's
//! own durable position (`catchwater_sinks::lake`).

mod checkpoint; // format, scope and storage of checkpoints

pub use checkpoint::{Checkpoint, Checkpoints, Error, Scope};
