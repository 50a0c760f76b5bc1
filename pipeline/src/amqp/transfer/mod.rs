//! Transfers, the performatives that carry events: a fast path in each direction.
//!
//! Owns: the fast paths. Does not own: the transfer as one of nine performatives
//! ([`Performative::Transfer`](super::performatives::Performative::Transfer)), which reads and writes every encoding.

mod decode; // received transfers, field by field
mod template; // sent transfers, patched per delivery

pub use decode::decode_transfer;
pub use template::{FIRST_FRAME_OVERHEAD, NEXT_FRAME_OVERHEAD, TransferTemplate};
