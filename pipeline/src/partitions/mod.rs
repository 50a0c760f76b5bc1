//! Checkpoints of partitions.
//!
//! Owns: the contents of a checkpoint, its form in each kind of state store, which one counts. Does not own: when it may
//! be saved (`run::ledger`), or the lake's own durable position (`catchwater_sinks::lake`).

mod checkpoint; // content and scope of a checkpoint
mod checkpoint_store; // the store of checkpoints, as a trait
mod json_objects; // checkpoints as JSON objects, on any store
#[cfg(feature = "azure")]
mod sdk_blobs; // checkpoints as blobs of the official SDKs, in Azure
mod checkpoints; // the checkpoints of one scope: which one counts, and which one a save may replace

pub use checkpoint::{Checkpoint, Scope};
pub use checkpoint_store::{ConsumerGroup, Error, SdkCheckpoint};
pub use checkpoints::Checkpoints;

#[cfg(test)]
mod tests;
