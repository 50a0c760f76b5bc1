//! Benches of single stages, inline and with bodies in memory; only `receive`, `hub` and `handoff` use
//! threads.

pub(super) mod memory; // memory bandwidth during the run
pub(super) mod receive; // frames of a link → RawBatch
pub(super) mod hub; // CPU time of a hub per event
pub(super) mod parse; // body → ChangeEvent
pub(super) mod columns; // ChangeEvent → RecordBatch
pub(super) mod encode; // RecordBatch → Parquet bytes
pub(super) mod whole; // body → Parquet bytes
pub(super) mod handoff; // RawBatch through the channel of a lane
pub(super) mod rows; // table buffers of a lane
