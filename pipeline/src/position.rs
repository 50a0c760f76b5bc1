//! Where an event stands in an event hub: one type per meaning.
//!
//! Does not own: how positions are stored (`partitions`) or proved (`catchwater_sinks::lake`).

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// One ordered sub-log of an event hub.
///
/// # Source
/// Event Hubs numbers its partitions `"0"`, `"1"`, …; the lake spells them `p0000`, `p0001`, ….
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PartitionId(pub u32);

impl fmt::Display for PartitionId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// The number of an event in its partition: rises by one per event, gaps are not promised to be absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SequenceNumber(pub i64);

impl fmt::Display for SequenceNumber {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// An opaque resume token. Never parsed, never compared. Empty when the event had no usable one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Offset(pub Arc<str>);

impl Offset {
    /// Whether there is none, or none that can be sent back in a filter: reading resumes by the sequence number then. The
    /// service's offsets are a few digits, with a geo-replicated namespace three numbers and colons between them.
    pub fn is_unknown(&self) -> bool {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'-' | b'.' | b'_');
        self.0.is_empty() || self.0.len() > OFFSET_LENGTH_MAX || !self.0.bytes().all(is_plain)
    }
}

/// The longest offset that is sent back, in bytes.
const OFFSET_LENGTH_MAX: usize = 128;

impl fmt::Display for Offset {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// The hub's creation time: a re-created hub is another log that begins at 0 again.
///
/// # Units
/// Unix milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(pub i64);

impl fmt::Display for Generation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// A place behind an event: everything up to and including it has been seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The last event seen.
    pub sequence_number: SequenceNumber,
    /// Its resume token.
    pub offset: Offset,
    /// When the hub took it in, unix milliseconds; 0 when the event had no usable time.
    pub enqueued_time_ms: i64,
}
