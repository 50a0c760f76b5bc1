//! The format of one write to a log: the events of a batch, with a checksum over all of them.
//!
//! Owns encoding and decoding. Does not own: files (`segment`).
//!
//! All numbers are big-endian. A frame is its size without the prefix (4), number of events (4), enqueued time (8) and
//! checksum (8), then for each event its size (4), the size of its header section (4) and its bytes. The checksum is
//! salted by the segment: bytes of a frame inside an event are not taken for a frame.

use crate::clock::UnixMillis;

use super::error::Error;

/// Bytes before the events of a frame.
pub(super) const PREFIX_SIZE: usize = 4 + 4 + 8 + 8;

/// Bytes before each event.
const EVENT_PREFIX_SIZE: usize = 4 + 4;

/// One event in its stored form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::emulator) struct Record {
    pub(in crate::emulator) header_size: u32,
    pub(in crate::emulator) encoded: Box<[u8]>,
}

/// A place between two events of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::emulator) struct LogPosition {
    /// Sequence number of the event after it.
    pub(in crate::emulator) next: i64,
    /// Offset of the event after it: the encoded size of all events before.
    pub(in crate::emulator) next_offset: u64,
    /// The event before it.
    pub(in crate::emulator) last: Option<LastEvent>,
}

/// The event before a place in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::emulator) struct LastEvent {
    pub(in crate::emulator) offset: u64,
    pub(in crate::emulator) enqueued_time: UnixMillis,
}

impl LogPosition {
    /// Returns the place after one more event.
    #[must_use]
    pub(in crate::emulator) fn after(self, enqueued_time: UnixMillis, size: usize) -> Self {
        Self {
            next: self.next + 1,
            next_offset: self.next_offset + size as u64,
            last: Some(LastEvent { offset: self.next_offset, enqueued_time }),
        }
    }
}

/// Appends a frame with these events.
///
/// # Errors
/// The events are too large together.
pub(super) fn encode(
    salt: u64,
    enqueued_time: UnixMillis,
    records: &[Record],
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let size = records.iter().map(|record| EVENT_PREFIX_SIZE + record.encoded.len()).sum();
    let size = u32::try_from(size).map_err(|_| Error::TooLarge { size })?;
    out.reserve(PREFIX_SIZE + size as usize);
    let start = out.len();
    out.extend_from_slice(&size.to_be_bytes());
    out.extend_from_slice(&(records.len() as u32).to_be_bytes());
    out.extend_from_slice(&enqueued_time.get().to_be_bytes());
    out.extend_from_slice(&[0; 8]);
    for record in records {
        out.extend_from_slice(&(record.encoded.len() as u32).to_be_bytes());
        out.extend_from_slice(&record.header_size.to_be_bytes());
        out.extend_from_slice(&record.encoded);
    }
    let sum = checksum_of(salt, &out[start..start + 16], &out[start + PREFIX_SIZE..]);
    out[start + 16..start + PREFIX_SIZE].copy_from_slice(&sum.to_be_bytes());
    Ok(())
}

/// The prefix of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prefix {
    /// Size of the frame without the prefix.
    pub(super) size: usize,
    count: usize,
    pub(super) enqueued_time: UnixMillis,
    head: [u8; 16],
    sum: u64,
}

impl Prefix {
    pub(super) fn read(bytes: &[u8; PREFIX_SIZE]) -> Self {
        let (head, sum) = bytes.split_at(16);
        Self {
            size: number(head) as usize,
            count: number(&head[4..]) as usize,
            enqueued_time: UnixMillis::new(long(&head[8..]) as i64),
            head: head.first_chunk().copied().unwrap_or_default(),
            sum: long(sum),
        }
    }

    /// Returns the events of a frame; `None` if it is torn or damaged.
    pub(super) fn events<'a>(&self, salt: u64, payload: &'a [u8]) -> Option<Vec<(u32, &'a [u8])>> {
        let is_whole = payload.len() == self.size
            && self.count <= self.size / EVENT_PREFIX_SIZE
            && checksum_of(salt, &self.head, payload) == self.sum;
        if !is_whole {
            return None;
        }
        let mut events = Vec::with_capacity(self.count);
        let mut rest = payload;
        while !rest.is_empty() {
            let (prefix, after) = rest.split_at_checked(EVENT_PREFIX_SIZE)?;
            let (event, after) = after.split_at_checked(number(prefix) as usize)?;
            let header_size = number(&prefix[4..]);
            if header_size as usize > event.len() {
                return None;
            }
            events.push((header_size, event));
            rest = after;
        }
        (events.len() == self.count).then_some(events)
    }
}

/// Returns whether a whole frame begins at any byte of these but the first.
pub(super) fn any_follows(salt: u64, bytes: &[u8]) -> bool {
    (1..bytes.len()).any(|at| {
        let Some((prefix, rest)) = bytes[at..].split_first_chunk() else { return false };
        let prefix = Prefix::read(prefix);
        rest.get(..prefix.size).is_some_and(|payload| prefix.events(salt, payload).is_some())
    })
}

fn checksum_of(salt: u64, head: &[u8], payload: &[u8]) -> u64 {
    checksum(checksum(FNV_BASIS ^ salt, head), payload)
}

/// Basis of FNV-1a with 64 bits.
const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a over words of eight bytes, an eighth of the work of the one over bytes: it runs while the log is locked. It
/// detects torn and damaged writes; it is not meant to resist an attacker.
pub(super) fn checksum(seed: u64, bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let step = |sum: u64, word: u64| (sum ^ word).wrapping_mul(0x0100_0000_01b3);
    let sum = words.iter().fold(seed, |sum, word| step(sum, u64::from_le_bytes(*word)));
    let sum = rest.iter().fold(sum, |sum, byte| step(sum, u64::from(*byte)));
    sum ^ sum >> 32
}

/// Reads the first four bytes, which the caller has checked to be there.
fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes.first_chunk().copied().unwrap_or_default())
}

/// Reads the first eight bytes, which the caller has checked to be there.
pub(super) fn long(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(bytes.first_chunk().copied().unwrap_or_default())
}
