//! Limits on one peer: a hostile one costs its connection, and never much memory.
//!
//! Owns the figures, and budgets of bytes that the links of a connection share. Does not own: the refusals of a peer
//! that exceeds them (`attach`, `session`, `incoming`).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::amqp::condition;

use super::refusal::Refusal;

/// Links of a connection, detached ones included until the peer has detached them too: two for each partition of the
/// largest hub, with room for links that come and go.
const MAX_LINKS: usize = 5_000;

/// Length of an address or an audience, bytes: the longest names of hub (256 characters) and group (50), each
/// percent-encoded, with host and path.
pub(super) const MAX_ADDRESS_BYTES: usize = 4_096;

/// Length of a delivery tag, bytes.
///
/// # Source
/// AMQP 1.0, 2.8.7.
pub(super) const MAX_TAG_BYTES: usize = 32;

/// Length of a reader's name in the texts for other readers, in characters. The service refuses longer ones.
pub(super) const MAX_NAME_CHARS: usize = 64;

/// Tokens of a connection: one for each partition of the largest hub, in several consumer groups.
pub(super) const MAX_TOKENS: usize = 5_000;

/// Bytes of deliveries that are not complete, of all links of a connection: 64 of the largest deliveries at once.
const INCOMPLETE_BYTES: usize = 64 << 20;

/// Bytes of replies that wait for credit, of all links of a connection. A reply about 1,024 partitions has about 7 KB.
const REPLY_BYTES: usize = 4 << 20;

/// Bytes of deliveries that wait for a session window after their first frame. No further delivery begins beyond it.
const BEGUN_BYTES: usize = 16 << 20;

/// The budgets of one connection.
#[derive(Clone, Debug)]
pub(super) struct Budgets {
    /// Of deliveries that are not complete.
    pub(super) incomplete: Arc<Budget>,
    /// Of replies that wait for credit.
    pub(super) replies: Arc<Budget>,
    /// Of deliveries that wait for a session window.
    pub(super) begun: Arc<Budget>,
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            incomplete: Budget::new(INCOMPLETE_BYTES),
            replies: Budget::new(REPLY_BYTES),
            begun: Budget::new(BEGUN_BYTES),
        }
    }
}

/// Bytes that several links may hold together.
#[derive(Debug)]
pub(super) struct Budget {
    used: AtomicUsize,
    max: usize,
}

impl Budget {
    fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { used: AtomicUsize::new(0), max })
    }

    /// Returns whether any byte is left.
    pub(super) fn has_room(&self) -> bool {
        self.used.load(Ordering::Relaxed) < self.max
    }
}

/// The bytes of a budget that one link holds; they are given back on drop.
#[derive(Debug)]
pub(super) struct Held {
    bytes: usize,
    of: Arc<Budget>,
}

impl Held {
    /// Holds nothing yet.
    pub(super) fn new(of: &Arc<Budget>) -> Self {
        Self { bytes: 0, of: Arc::clone(of) }
    }

    /// Returns whether any byte of the budget is left.
    pub(super) fn has_room(&self) -> bool {
        self.of.has_room()
    }

    /// Holds `bytes` more; returns false, and holds as much as before, if the budget lacks them.
    #[must_use]
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let grown = |used: usize| used.checked_add(bytes).filter(|used| *used <= self.of.max);
        let fits = self.of.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown).is_ok();
        self.bytes += if fits { bytes } else { 0 };
        fits
    }

    /// Holds `bytes` more, beyond the budget if it has to be.
    pub(super) fn overdraw(&mut self, bytes: usize) {
        self.of.used.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
    }

    /// Gives `bytes` back, as many as there are.
    pub(super) fn shrink(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.of.used.fetch_sub(bytes, Ordering::Relaxed);
        self.bytes -= bytes;
    }

    /// Gives all bytes back.
    pub(super) fn release(&mut self) {
        self.shrink(self.bytes);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.release();
    }
}

/// Checks that a connection with `count` links may have one more.
///
/// # Errors
/// The reason to close the connection: a refusal of the link would have to be kept too, until the peer detaches.
pub(super) fn check_link_count(count: usize) -> Result<(), Refusal> {
    if count < MAX_LINKS {
        return Ok(());
    }
    let text = format!("A connection has at most {MAX_LINKS} links.");
    Err(Refusal::new(condition::RESOURCE_LIMIT, text))
}

/// Checks that none of these frames, which wait to be sent, is larger than the peer accepts.
///
/// An Attach repeats what the peer has written, and may be larger than the frame that the peer has stated as its limit.
///
/// # Errors
/// The reason to close the connection.
pub(super) fn check_frame_sizes(frames: &[u8], max_frame_size: usize) -> Result<(), Refusal> {
    let mut rest = frames;
    while let Some(size) = rest.first_chunk() {
        let size = u32::from_be_bytes(*size) as usize;
        if size > max_frame_size {
            let text =
                format!("The answer has {size} bytes, and the maximum frame size is {max_frame_size}.");
            return Err(Refusal::new(condition::FRAME_SIZE_TOO_SMALL, text));
        }
        rest = rest.get(size..).unwrap_or_default();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budget_is_shared_and_given_back() {
        let budget = Budget::new(10);
        let (mut one, mut two) = (Held::new(&budget), Held::new(&budget));
        assert!(one.grow(6) && two.grow(3) && !two.grow(2) && two.has_room());
        two.overdraw(5);
        assert!(!one.has_room() && !one.grow(1));
        drop(two);
        assert!(one.grow(4) && !one.has_room());
        one.shrink(3);
        assert!(one.has_room());
        one.release();
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
        assert!(!one.grow(usize::MAX) && one.grow(10));
    }
}
