//! From the transfers of a link to batches of events.
//!
//! ```text
//! transfers ──► delivery ──► template, sections, body ──► assembler ──► RawBatch
//!                   └──────► undecodable ─────────────────────┘
//! ```
//!
//! Owns: joining frames to messages, reading a message up to its body, the order of sequence numbers, batches, credit.
//! Does not own: flows and dispositions (`link`).
//!
//! A body is copied once, from the read buffer to its partition's batch. Nothing here allocates or logs per event.

mod assembler; // batches, order of sequence numbers, payment
mod body; // pieces of a message's body
mod credit; // credit of a link in events
mod delivery; // frames of one message
mod order; // order of the sections from the body on
mod properties; // application properties
mod sections; // sections before the body
mod template; // sections before the body, read by the layout of the previous message
mod undecodable; // messages that can't be decoded

pub(super) use assembler::BatchAssembler;
#[cfg(test)]
pub(super) use credit::Credit;
pub(super) use delivery::{Delivery, Progress};
