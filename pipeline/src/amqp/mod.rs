//! The lean wire layer of AMQP 1.0: frames, performatives, message sections, hot transfers.
//!
//! Owns the bytes on the wire, in both directions, without a socket, a clock or a runtime: everything here is a
//! plain function over slices, so that the emulator, the fast receiver and the tests share it.
//! Does not own: what a link means (`emulator`, `eventhubs`).
//!
//! Decoding borrows from the frame and allocates nothing; sizes stated on the wire are checked against the
//! bytes that are there before anything follows from them. The codec is our own and not `serde_amqp`, because
//! that trims trailing nulls when it encodes (the Python SDK indexes every field) and recurses without a limit
//! when it decodes.

pub mod codec; // primitive values, read
pub mod condition; // names of error conditions
mod descriptor; // codes of performatives and sections
pub mod encode; // primitive values, written
pub mod frames; // frames in a byte stream
pub mod map; // encoded maps, written as JSON
pub mod performatives; // the nine performatives
pub mod sasl; // the frames of the SASL layer
pub mod sections; // the sections of a message
pub mod session; // the state of a session that both ends keep
pub mod transfer; // fast paths for transfers

/// The protocol header that opens the AMQP layer: `AMQP`, protocol 0, version 1.0.0.
pub const AMQP_HEADER: [u8; 8] = *b"AMQP\x00\x01\x00\x00";

/// The protocol header that opens the SASL layer: `AMQP`, protocol 3, version 1.0.0.
pub const SASL_HEADER: [u8; 8] = *b"AMQP\x03\x01\x00\x00";

/// The largest frame we take or state, in bytes: the figure of the service's own Open.
///
/// # Source
/// Protocol reference 1.4.
pub const MAX_FRAME_SIZE: u32 = 65_536;

/// The smallest maximum that a peer may state, in bytes.
///
/// # Source
/// AMQP 1.0, 2.4.1.
pub const MIN_MAX_FRAME_SIZE: u32 = 512;
