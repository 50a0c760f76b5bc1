//! Injected faults, to test how a client handles them.
//!
//! Owns the script. Does not own: its execution (`connection`, `outgoing`, `nodes`).

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::refusal::Refusal;

/// A fault is not scripted.
const NEVER: u64 = u64::MAX;

/// Faults that a hub injects on request.
#[derive(Debug)]
pub struct Faults {
    /// Events still to send before `next` happens.
    events_left: AtomicU64,
    next: Mutex<Fault>,
    /// Links to partitions that are refused: how many, and the reason.
    refused_links: Mutex<(u32, Option<Refusal>)>,
    /// Number of events that the management node claims past the last one.
    claimed: AtomicI64,
    /// Number of stalls. A reader that attached before the last one receives nothing.
    stalls: AtomicU64,
}

/// A fault of a connection, a session or a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection drops without a Close.
    Drop,
    /// The connection drops in the middle of a frame.
    DropInFrame,
    /// The link is detached.
    Detach(Reason),
    /// The session ends.
    EndSession(Reason),
    /// The connection is closed.
    Close(Reason),
}

/// An error condition and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The AMQP error condition.
    pub condition: &'static str,
    /// The description.
    pub text: String,
}

impl Reason {
    /// A reason with a tracking id, as the service writes them.
    pub fn new(condition: &'static str, text: &str) -> Self {
        Self { condition, text: format!("{text} TrackingId:2f6e-fault, SystemTracker:emulator") }
    }

    pub(super) fn refusal(&self) -> Refusal {
        Refusal::new(self.condition, self.text.as_str())
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            events_left: AtomicU64::new(NEVER),
            next: Mutex::new(Fault::Drop),
            refused_links: Mutex::default(),
            claimed: AtomicI64::new(0),
            stalls: AtomicU64::new(0),
        }
    }
}

impl Faults {
    /// Drops a connection once, without a Close, right after it has sent the `events`-th event from now.
    pub fn drop_connection_after(&self, events: u64) {
        self.inject_after(events, Fault::Drop);
    }

    /// Injects a fault once, right after the `events`-th event from now, where that event was sent.
    pub fn inject_after(&self, events: u64, fault: Fault) {
        *lock(&self.next) = fault;
        self.events_left.store(events, Ordering::Relaxed);
    }

    /// Returns whether the last fault is still to come.
    pub fn is_pending(&self) -> bool {
        self.events_left() != NEVER
    }

    /// Refuses the next links to partitions.
    pub fn refuse_links(&self, count: u32, reason: &Reason) {
        *lock(&self.refused_links) = (count, Some(reason.refusal()));
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

    /// The reason to refuse a link to a partition, if one is to be refused.
    pub(super) fn refused_link(&self) -> Option<Refusal> {
        let mut refused = lock(&self.refused_links);
        let (count, reason) = &mut *refused;
        *count = count.checked_sub(1)?;
        reason.clone()
    }

    /// Counts sent events; returns the fault that happens now.
    pub(super) fn count_sent(&self, events: u64) -> Option<Fault> {
        let subtract = |left: u64| match left {
            NEVER => None,
            left if left <= events => Some(NEVER),
            left => Some(left - events),
        };
        let before = self.events_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, subtract);
        before.is_ok_and(|left| left <= events).then(|| lock(&self.next).clone())
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_links_are_counted() {
        let faults = Faults::default();
        assert_eq!(faults.refused_link(), None);
        faults.refuse_links(1, &Reason::new("amqp:internal-error", "text"));
        assert_eq!(faults.refused_link().map(|refusal| refusal.condition), Some("amqp:internal-error"));
        assert_eq!(faults.refused_link(), None);
    }

    #[test]
    fn scripted_fault_happens_once() {
        let faults = Faults::default();
        assert_eq!(faults.count_sent(1_000_000), None);
        faults.drop_connection_after(10);
        assert_eq!(faults.count_sent(9), None);
        assert_eq!(faults.events_left(), 1);
        assert_eq!(faults.count_sent(1), Some(Fault::Drop));
        assert_eq!(faults.count_sent(1), None);
    }
}
