//! Faults on demand, so that tests can see what a client does about them.
//!
//! Owns what is scripted. Does not own: carrying it out (`connection`, `listener`).

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// No fault is scripted.
const NEVER: u64 = u64::MAX;

/// Faults that a hub commits when it is told to.
#[derive(Debug)]
pub struct Faults {
    /// Events that may still be sent before a connection drops.
    events_left: AtomicU64,
    /// Events beyond its last one that the hub claims to have.
    claimed: AtomicI64,
    /// Number of times readers were stalled: those that attached earlier receive nothing.
    stalls: AtomicU64,
}

impl Default for Faults {
    fn default() -> Self {
        Self { events_left: AtomicU64::new(NEVER), claimed: AtomicI64::new(0), stalls: AtomicU64::new(0) }
    }
}

impl Faults {
    /// Drops the connection that sends the `events`-th event from now, right behind it and without a word; once.
    pub fn drop_connection_after(&self, events: u64) {
        self.events_left.store(events, Ordering::Relaxed);
    }

    /// Makes the management node claim this many events beyond the last one of each partition.
    pub fn claim_more(&self, events: i64) {
        self.claimed.store(events, Ordering::Relaxed);
    }

    /// Sends nothing more to the readers that are attached now, without a word.
    pub fn stall_readers(&self) {
        self.stalls.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many events are claimed beyond the last one.
    pub(super) fn claimed(&self) -> i64 {
        self.claimed.load(Ordering::Relaxed)
    }

    /// Returns how often readers were stalled.
    pub(super) fn stalls(&self) -> u64 {
        self.stalls.load(Ordering::Relaxed)
    }

    /// Returns how many events may be sent now.
    pub(super) fn allowance(&self) -> u64 {
        self.events_left.load(Ordering::Relaxed)
    }

    /// Counts events that were sent, and tells whether the connection has to drop now.
    pub(super) fn spend(&self, events: u64) -> bool {
        let spend = |left: u64| match left {
            NEVER => None,
            left if left <= events => Some(NEVER),
            left => Some(left - events),
        };
        let before = self.events_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend);
        before.is_ok_and(|left| left <= events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scripted_drop_happens_once() {
        let faults = Faults::default();
        assert!(!faults.spend(1_000_000));
        faults.drop_connection_after(10);
        assert!(!faults.spend(9));
        assert_eq!(faults.allowance(), 1);
        assert!(faults.spend(1));
        assert!(!faults.spend(1));
    }
}
