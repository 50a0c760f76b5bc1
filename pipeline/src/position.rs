//! Positions in an event hub: one type per meaning.
//!
//! Does not own: how positions are stored (`partitions`) or proved (`catchwater_sinks::lake`).

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::UnixMillis;

/// One ordered sub-log of an event hub.
///
/// # Source
/// Event Hubs numbers its partitions `"0"`, `"1"`, …; the lake spells them `p0000`, `p0001`, ….
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PartitionId(u32);

impl PartitionId {
    /// The partition with this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for PartitionId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// The number of an event in its partition: larger for each later event, usually by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SequenceNumber(i64);

impl SequenceNumber {
    /// The sequence number with this value.
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// Its value.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The number after this one. Numbers near the end of `i64` are rejected when an event is received.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The number before this one; −1 before the first event of a hub.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// An opaque resume token: never parsed, never compared. Empty if the event had no usable offset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Offset(Arc<str>);

impl Offset {
    /// The offset as the hub spelled it.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The offset as the hub spelled it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True if the offset is missing or can't be sent back in a filter: reading then resumes by sequence number.
    ///
    /// The service's offsets are a few digits; those of a geo-replicated namespace are three numbers joined by colons.
    pub fn is_unknown(&self) -> bool {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'-' | b'.' | b'_');
        self.0.is_empty() || self.0.len() > MAX_OFFSET_BYTES || !self.0.bytes().all(is_plain)
    }
}

/// The longest offset that is sent back in a filter: several times the longest one that the service gives out.
const MAX_OFFSET_BYTES: usize = 128;

impl fmt::Display for Offset {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// The hub's creation time: a re-created hub is another log, whose numbers begin at 0 again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(UnixMillis);

impl Generation {
    /// The generation of a hub that was created at this time.
    pub const fn new(created_at: UnixMillis) -> Self {
        Self(created_at)
    }

    /// Creation time of the hub, in Unix milliseconds: the number by which the lake knows a generation.
    pub const fn get(self) -> i64 {
        self.0.get()
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// The position after an event: it and every event before it have been read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The last event read.
    pub sequence_number: SequenceNumber,
    /// Its resume token.
    pub offset: Offset,
    /// Time at which the hub enqueued it; 1970-01-01 if the event had no usable time.
    #[serde(rename = "enqueued_time_ms")]
    pub enqueued_time: UnixMillis,
}
