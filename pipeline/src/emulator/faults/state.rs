//! The faults of a namespace, as its connections ask for them.
//!
//! Owns the lock of the script. A turn of a reader costs one atomic load while no fault concerns it. Does not own: the
//! rules (`script`), or time (`schedule`).

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::condition::reason;
use super::effect::{Effect, Fault, Form, Reason, State, Strike};
use super::script::{FaultId, Script, Turn};
use super::spec::{FaultSpec, Target, Trigger};
use crate::amqp::condition::SERVER_BUSY;
use crate::emulator::refusal::Refusal;
use crate::emulator::wakers::Wakers;

/// Faults that a namespace injects on request.
#[derive(Debug, Default)]
pub struct Faults {
    script: Mutex<Script>,
    /// The script concerns the turns of readers.
    concerns_turns: AtomicBool,
    /// The script has a state that concerns something else than the turns of readers.
    has_states: AtomicBool,
    /// Changes with every change of the script.
    version: AtomicU64,
    changed: watch::Sender<()>,
    /// Connections with a reader.
    wakers: Wakers,
    /// The fault of [`inject_after`](Self::inject_after).
    scripted: AtomicU64,
    /// Links to partitions that are refused: how many, and the reason.
    refused_links: Mutex<(u32, Option<Refusal>)>,
    /// Number of events that the management node claims past the last one.
    claimed: AtomicI64,
}

impl Faults {
    /// Drops a connection once, without a Close, right after it has sent the `events`-th event from now.
    pub fn drop_connection_after(&self, events: u64) {
        self.inject_after(events, Fault::Drop);
    }

    /// Injects a fault once, right after the `events`-th event from now, where that event was sent. It replaces the
    /// one before.
    pub fn inject_after(&self, events: u64, fault: Fault) {
        let trigger = Trigger::Events { first: events, every: None };
        let id = self.change(|script| {
            script.remove(self.scripted.load(Ordering::Relaxed));
            script.add(Effect::Strike(Strike::Fault(fault)), trigger, Some(1), Target::default())
        });
        self.scripted.store(id, Ordering::Relaxed);
    }

    /// Returns whether the last fault of [`inject_after`](Self::inject_after) is still to come.
    pub fn is_pending(&self) -> bool {
        lock(&self.script).fired(self.scripted.load(Ordering::Relaxed)).is_some()
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
        let id = self.change(|script| {
            let at_once = Trigger::Time { first: Duration::ZERO, every: None };
            script.add(Effect::State(State::Stall), at_once, Some(1), Target::default())
        });
        self.fire(id);
    }

    /// Returns the number of events to claim past the last one.
    pub(in crate::emulator) fn claimed(&self) -> i64 {
        self.claimed.load(Ordering::Relaxed)
    }

    /// Returns the number of stalls so far.
    pub(in crate::emulator) fn stalls(&self) -> u64 {
        lock(&self.script).stalls()
    }

    /// Notifies `waker` of every change of the faults.
    pub(in crate::emulator) fn wake_on_change(&self, waker: &Arc<Notify>) {
        self.wakers.add(waker);
    }

    /// Returns the faults that concern the next turn of a reader, which attached after this number of stalls.
    pub(in crate::emulator) fn turn(&self, hub: &str, partition: u32, stalls: u64) -> Turn {
        if !self.concerns_turns.load(Ordering::Relaxed) {
            return Turn::FREE;
        }
        let mut script = lock(&self.script);
        let turn = script.turn(hub, partition, stalls);
        if turn.strike.is_some() {
            self.publish(&script);
        }
        turn
    }

    /// Counts events sent to a reader; returns the fault that strikes it now.
    pub(in crate::emulator) fn count_sent(&self, hub: &str, partition: u32, events: u64) -> Option<Fault> {
        let mut script = lock(&self.script);
        let (fault, any) = script.count_sent(hub, partition, events);
        if any || fault.is_some() {
            self.publish(&script);
            drop(script);
            self.wake();
        }
        fault
    }

    /// The reason to refuse a reader's link, if it is to be refused.
    pub(in crate::emulator) fn refused_link(&self, hub: &str) -> Option<Refusal> {
        if let Some(refusal) = self.busy_link(hub) {
            return Some(refusal);
        }
        let mut refused = lock(&self.refused_links);
        let (count, reason) = &mut *refused;
        *count = count.checked_sub(1)?;
        reason.clone()
    }

    /// The reason to refuse a link while the hub is busy.
    pub(in crate::emulator) fn busy_link(&self, hub: &str) -> Option<Refusal> {
        self.busy(hub, |links, _| links)
    }

    /// The reason to reject a sent event, if it is to be rejected.
    pub(in crate::emulator) fn rejected_send(&self, hub: &str) -> Option<Refusal> {
        self.busy(hub, |_, sends| sends)
    }

    fn busy(&self, hub: &str, is_busy: impl Fn(bool, bool) -> bool) -> Option<Refusal> {
        let mut found = false;
        self.for_each_state(hub, |state| {
            found |= matches!(state, State::Busy { links, sends } if is_busy(links, sends));
        });
        if found { reason(SERVER_BUSY).map(|reason| reason.refusal()) } else { None }
    }

    /// Returns the upper bound on the life of a token.
    pub(in crate::emulator) fn token_life(&self) -> Option<Duration> {
        let mut shortest: Option<Duration> = None;
        self.for_each_state("", |state| {
            if let State::TokenLife(life) = state {
                shortest = Some(shortest.map_or(life, |shortest| shortest.min(life)));
            }
        });
        shortest
    }

    /// Returns the forms in which new events are stored.
    pub(in crate::emulator) fn forms(&self, hub: &str) -> Vec<Form> {
        let mut forms = Vec::new();
        self.for_each_state(hub, |state| {
            if let State::Form(form) = state {
                forms.push(form);
            }
        });
        forms
    }

    /// Returns a number that changes with the faults.
    pub(in crate::emulator) fn version(&self) -> u64 {
        self.version.load(Ordering::Relaxed)
    }

    /// Adds a fault and returns its number.
    pub(super) fn add(&self, spec: &FaultSpec) -> FaultId {
        self.change(|script| script.add(spec.effect.clone(), spec.trigger, spec.times, spec.target.clone()))
    }

    /// Lets a fault happen whose time has come.
    pub(super) fn fire(&self, id: FaultId) {
        self.change(|script| script.fire(id));
    }

    /// Ends a state.
    pub(super) fn end(&self, id: FaultId) {
        self.change(|script| script.end(id));
    }

    /// Removes a fault that will not happen again; a state of it lasts on.
    pub(super) fn forget(&self, id: FaultId) {
        self.change(|script| script.forget(id));
    }

    /// Ends all faults, also those that are still to come.
    pub fn clear(&self) {
        *lock(&self.refused_links) = (0, None);
        self.claim_more(0);
        self.change(Script::clear);
    }

    /// Returns whether a fault will happen again.
    pub(super) fn is_left(&self, id: FaultId) -> bool {
        lock(&self.script).is_left(id)
    }

    /// Returns the number of times that a fault has happened; `None` once it is removed.
    pub(super) fn fired(&self, id: FaultId) -> Option<u64> {
        lock(&self.script).fired(id)
    }

    /// Returns a receiver of changes.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    fn change<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        let mut script = lock(&self.script);
        let result = change(&mut script);
        self.publish(&script);
        drop(script);
        self.wake();
        result
    }

    fn publish(&self, script: &Script) {
        self.concerns_turns.store(script.concerns_turns(), Ordering::Relaxed);
        self.has_states.store(script.has_states(), Ordering::Relaxed);
        self.version.fetch_add(1, Ordering::Relaxed);
    }

    fn wake(&self) {
        self.changed.send_replace(());
        self.wakers.wake();
    }

    fn for_each_state(&self, hub: &str, take: impl FnMut(State)) {
        if self.has_states.load(Ordering::Relaxed) {
            lock(&self.script).states(hub).for_each(take);
        }
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
        assert_eq!(faults.refused_link("events"), None);
        faults.refuse_links(1, &Reason::new("amqp:internal-error", "text"));
        assert_eq!(
            faults.refused_link("events").map(|refusal| refusal.condition),
            Some("amqp:internal-error")
        );
        assert_eq!(faults.refused_link("events"), None);
    }

    #[test]
    fn scripted_fault_happens_once() {
        let faults = Faults::default();
        assert_eq!(faults.turn("events", 0, 0), Turn::FREE);
        faults.drop_connection_after(10);
        assert_eq!(faults.count_sent("events", 0, 9), None);
        assert_eq!(faults.turn("events", 0, 0).events_max, 1);
        assert!(faults.is_pending());
        assert_eq!(faults.count_sent("events", 0, 1), Some(Fault::Drop));
        assert_eq!(faults.turn("events", 0, 0), Turn::FREE);
        assert!(!faults.is_pending());
    }
}
