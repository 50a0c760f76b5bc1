//! AMQP 1.0 without a socket, a clock or a runtime: frames, performatives, message sections, session windows,
//! reassembly of deliveries,
//! keep-alive.
//!
//! Owns the bytes on the wire and the protocol state that both ends of a connection keep, so that the emulator, the
//! receiver and the tests share them. Does not own: the purpose of a link (`emulator`, `eventhubs`).
//!
//! Code that the emulator and the client share belongs here: the wire, and the rules that both ends of a connection
//! keep ([`session`], [`reassembly`], [`keep_alive`]).
//!
//! Decoding borrows from the frame and allocates nothing. A size on the wire is checked against the bytes that are
//! there before it is used. `serde_amqp` does not serve here: it trims trailing nulls when it encodes, although the
//! Python SDK indexes every field, and it recurses without a limit when it decodes.

pub mod codec; // primitive values, read
pub mod condition; // names of error conditions
pub mod decimal; // decimals as text
mod descriptor; // codes of performatives and sections
pub mod encode; // primitive values, written
pub mod frames; // frames in a byte stream
pub mod keep_alive; // heartbeats, and a silent peer
pub mod map; // encoded maps, written as JSON
pub mod performatives; // the nine performatives
pub mod reassembly; // one delivery over several transfers
pub mod sasl; // the frames of the SASL layer
pub mod sections; // the sections of a message
pub mod session; // the windows of a session
pub mod transfer; // fast paths for transfers

/// The protocol header that opens the AMQP layer: `AMQP`, protocol 0, version 1.0.0.
pub const AMQP_HEADER: [u8; 8] = *b"AMQP\x00\x01\x00\x00";

/// The protocol header that opens the SASL layer: `AMQP`, protocol 3, version 1.0.0.
pub const SASL_HEADER: [u8; 8] = *b"AMQP\x03\x01\x00\x00";

/// Protocol header of TLS inside AMQP: the answer to a client that may not go on without TLS.
pub const TLS_HEADER: [u8; 8] = *b"AMQP\x02\x01\x00\x00";

/// Largest frame that we accept and advertise, bytes: the figure of the service's own Open.
///
/// # Source
/// Protocol reference 1.4.
pub const MAX_FRAME_SIZE: u32 = 65_536;

/// Lower bound on the maximum frame size of a peer, bytes.
///
/// # Source
/// AMQP 1.0, 2.4.1.
pub const MIN_MAX_FRAME_SIZE: u32 = 512;

const _: () = assert!(MIN_MAX_FRAME_SIZE <= MAX_FRAME_SIZE);
