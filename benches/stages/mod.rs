//! One stage at a time, inline: no thread, no runtime, bodies in memory.

pub(super) mod memory; // how fast memory is this minute
pub(super) mod receive; // bytes of a link → RawBatch
pub(super) mod parse; // body → ChangeEvent
pub(super) mod columns; // ChangeEvent → RecordBatch
pub(super) mod encode; // RecordBatch → Parquet bytes
pub(super) mod whole; // body → Parquet bytes
pub(super) mod handoff; // from thread to thread
pub(super) mod rows; // buffers by table, as a lane has them
