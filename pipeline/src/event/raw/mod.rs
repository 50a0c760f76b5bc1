//! Bodies of one partition as they arrived, a batch at a time.
//!
//! Owns: the immutable batch that travels from a receiver to a lane, its builder, and the buffers that batches reuse.
//! Does not own: what a body means (`parse`), where a batch ends (`eventhubs`).

mod batch; // the finished batch and its events
mod buffers; // bytes and spans of the events of one batch
mod builder; // a batch that is being filled
mod pool; // buffers of dropped batches, for the next ones

pub use batch::{RawBatch, RawEvent, Undecodable};
pub use builder::{EventHead, RawBatchBuilder};
pub use pool::BufferPool;
