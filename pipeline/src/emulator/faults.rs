//! Injected faults, to test how a client handles them.
//!
//! Owns the script. Does not own: its execution (`connection`, `outgoing`, `nodes`).

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// A drop is not scripted.
const NEVER: u64 = u64::MAX;

/// Faults that a hub injects on request.
#[derive(Debug)]
pub struct Faults {
    /// Events still to send before a connection drops.
    events_left: AtomicU64,
    /// Number of events that the management node claims past the last one.
    claimed: AtomicI64,
    /// Number of stalls. A reader that attached before the last one receives nothing.
    stalls: AtomicU64,
}

impl Default for Faults {
    fn default() -> Self {
        Self { events_left: AtomicU64::new(NEVER), claimed: AtomicI64::new(0), stalls: AtomicU64::new(0) }
    }
}

impl Faults {
    /// Drops a connection once, without a Close, right after it has sent the `events`-th event from now.
    pub fn drop_connection_after(&self, events: u64) {
        self.events_left.store(events, Ordering::Relaxed);
    }

    /// Makes the management node claim this many events past the last one of each partition.
    pub fn claim_more(&self, events: i64) {
        self.claimed.store(events, Ordering::Relaxed);
    }

    /// Stops sending to the readers that are attached now; their links stay open.
    pub fn stall_readers(&self) {
        self.stalls.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of events to claim past the last one.
    pub(super) fn claimed(&self) -> i64 {
        self.claimed.load(Ordering::Relaxed)
    }

    /// Returns the number of stalls so far.
    pub(super) fn stalls(&self) -> u64 {
        self.stalls.load(Ordering::Relaxed)
    }

    /// Returns the number of events that may still be sent.
    pub(super) fn events_left(&self) -> u64 {
        self.events_left.load(Ordering::Relaxed)
    }

    /// Counts sent events; returns whether the connection has to drop now.
    pub(super) fn count_sent(&self, events: u64) -> bool {
        let subtract = |left: u64| match left {
            NEVER => None,
            left if left <= events => Some(NEVER),
            left => Some(left - events),
        };
        let before = self.events_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, subtract);
        before.is_ok_and(|left| left <= events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scripted_drop_happens_once() {
        let faults = Faults::default();
        assert!(!faults.count_sent(1_000_000));
        faults.drop_connection_after(10);
        assert!(!faults.count_sent(9));
        assert_eq!(faults.events_left(), 1);
        assert!(faults.count_sent(1));
        assert!(!faults.count_sent(1));
    }
}
