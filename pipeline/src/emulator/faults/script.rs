//! The script of a hub: faults that are still to come, and states that last. Pure.
//!
//! Owns the counting of events. Does not own: time (`schedule`), or the lock (`state`).

use super::effect::{Effect, Fault, Pace, State, Strike};
use super::kind::connection_faults;
use super::spec::{Target, Trigger};

/// Number of a posted fault.
pub(super) type FaultId = u64;

/// The script.
#[derive(Debug, Default)]
pub(super) struct Script {
    entries: Vec<Entry>,
    active: Vec<Active>,
    /// Number of stalls so far: a reader that attached after the last one is not stalled.
    stalls: u64,
    last_id: FaultId,
}

/// A fault that may still happen.
#[derive(Debug)]
struct Entry {
    id: FaultId,
    target: Target,
    effect: Effect,
    /// Events until it happens; `None` while it waits for a time.
    left: Option<u64>,
    /// Events between two times.
    every: Option<u64>,
    /// Times that are left; `None` is without a limit.
    times: Option<u32>,
    /// Number of times so far.
    fired: u64,
    /// It strikes the next reader in turn.
    is_due: bool,
    random: u64,
}

/// A state that lasts.
#[derive(Clone, Debug)]
struct Active {
    id: FaultId,
    target: Target,
    state: State,
    /// The number of stalls, this one included, if it is one.
    stall: u64,
}

/// The faults that concern one turn of a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::emulator) struct Turn {
    /// Number of events that may be sent.
    pub(in crate::emulator) events_max: u64,
    /// Deliveries are settled.
    pub(in crate::emulator) settled: bool,
    /// The reader gets nothing.
    pub(in crate::emulator) stalled: bool,
    pub(in crate::emulator) pace: Option<Pace>,
    /// The fault that strikes the reader before it gets anything.
    pub(in crate::emulator) strike: Option<Fault>,
    /// The script counts what is sent.
    pub(in crate::emulator) counts: bool,
}

impl Turn {
    /// A turn without faults.
    pub(super) const FREE: Self =
        Self { events_max: u64::MAX, settled: true, stalled: false, pace: None, strike: None, counts: false };
}

impl Script {
    /// Adds a fault and returns its number.
    pub(super) fn add(
        &mut self,
        effect: Effect,
        trigger: Trigger,
        times: Option<u32>,
        target: Target,
    ) -> FaultId {
        self.last_id += 1;
        let (left, every) = match trigger {
            Trigger::Events { first, every } => (Some(first), every),
            Trigger::Time { .. } => (None, None),
        };
        let random = if let Effect::Strike(Strike::Random(seed)) = effect { seed } else { 0 };
        let id = self.last_id;
        let entry = Entry { id, target, effect, left, every, times, fired: 0, is_due: false, random };
        self.entries.push(entry);
        id
    }

    /// Removes a fault, also if it lasts.
    pub(super) fn remove(&mut self, id: FaultId) {
        self.entries.retain(|entry| entry.id != id);
        self.end(id);
    }

    /// Removes a fault that will not happen again; a state of it lasts on.
    pub(super) fn forget(&mut self, id: FaultId) {
        self.entries.retain(|entry| entry.id != id);
    }

    /// Removes all faults.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.active.clear();
    }

    /// Returns the number of times that a fault has happened; `None` once it is removed.
    pub(super) fn fired(&self, id: FaultId) -> Option<u64> {
        self.entries.iter().find(|entry| entry.id == id).map(|entry| entry.fired)
    }

    /// Returns whether a fault will happen again.
    pub(super) fn is_left(&self, id: FaultId) -> bool {
        self.entries.iter().any(|entry| entry.id == id && entry.times != Some(0))
    }

    /// Lets a fault happen whose time has come.
    pub(super) fn fire(&mut self, id: FaultId) {
        if let Some(index) = self.entries.iter().position(|entry| entry.id == id) {
            self.fire_at(index);
        }
    }

    fn fire_at(&mut self, index: usize) {
        let entry = &mut self.entries[index];
        if entry.times == Some(0) {
            return;
        }
        entry.times = entry.times.map(|times| times - 1);
        entry.fired += 1;
        match entry.effect {
            Effect::Strike(_) => entry.is_due = true,
            Effect::State(state) => {
                let (id, target) = (entry.id, entry.target.clone());
                self.activate(id, target, state);
            }
            Effect::Operation(_) => {}
        }
    }

    fn activate(&mut self, id: FaultId, target: Target, state: State) {
        if state == State::Stall {
            self.stalls += 1;
        }
        self.active.retain(|active| active.id != id);
        self.active.push(Active { id, target, state, stall: self.stalls });
    }

    /// Ends a state.
    pub(super) fn end(&mut self, id: FaultId) {
        self.active.retain(|active| active.id != id);
    }

    /// Number of stalls so far.
    pub(super) fn stalls(&self) -> u64 {
        self.stalls
    }

    /// Returns whether the turns of readers have to ask.
    pub(super) fn concerns_turns(&self) -> bool {
        let entry = |entry: &Entry| entry.is_due || (entry.left.is_some() && entry.times != Some(0));
        let state =
            |active: &Active| matches!(active.state, State::Stall | State::Slow(_) | State::Unsettled);
        self.entries.iter().any(entry) || self.active.iter().any(state)
    }

    /// Returns whether a state lasts.
    pub(super) fn has_states(&self) -> bool {
        !self.active.is_empty()
    }

    /// Returns the states that last in a hub.
    pub(super) fn states(&self, hub: &str) -> impl Iterator<Item = State> {
        self.active.iter().filter(move |active| active.target.has_hub(hub)).map(|active| active.state)
    }

    /// Returns the faults that concern the next turn of a reader, which attached after this number of stalls.
    pub(super) fn turn(&mut self, hub: &str, partition: u32, stalls: u64) -> Turn {
        let mut turn = Turn { strike: self.take_due(hub, partition), ..Turn::FREE };
        for entry in self.entries.iter().filter(|entry| entry.target.has_partition(hub, partition)) {
            if let Some(left) = entry.left.filter(|_| entry.times != Some(0)) {
                turn.counts = true;
                turn.events_max = turn.events_max.min(left);
            }
        }
        for active in &self.active {
            if !active.target.has_partition(hub, partition) {
                continue;
            }
            match active.state {
                State::Stall => turn.stalled |= stalls < active.stall,
                State::Slow(pace) => turn.pace = Some(pace),
                State::Unsettled => turn.settled = false,
                State::Busy { .. } | State::TokenLife(_) | State::Form(_) => {}
            }
        }
        turn
    }

    /// Counts events sent to a reader of a partition; returns the fault that strikes it now, and whether any happened.
    pub(super) fn count_sent(&mut self, hub: &str, partition: u32, events: u64) -> (Option<Fault>, bool) {
        let mut any = false;
        for index in 0..self.entries.len() {
            let entry = &mut self.entries[index];
            let concerns = entry.target.has_partition(hub, partition);
            let Some(left) = entry.left.filter(|_| concerns) else { continue };
            if left > events {
                entry.left = Some(left - events);
                continue;
            }
            entry.left = Some(entry.every.unwrap_or(u64::MAX));
            self.fire_at(index);
            any = true;
        }
        (self.take_due(hub, partition), any)
    }

    fn take_due(&mut self, hub: &str, partition: u32) -> Option<Fault> {
        let is_due = |entry: &Entry| entry.is_due && entry.target.has_partition(hub, partition);
        let index = self.entries.iter().position(is_due)?;
        let entry = &mut self.entries[index];
        entry.is_due = false;
        let fault = match &entry.effect {
            Effect::Strike(Strike::Fault(fault)) => Some(fault.clone()),
            Effect::Strike(Strike::Random(_)) => {
                let mut faults = connection_faults();
                let chosen = next_random(&mut entry.random) % faults.len() as u64;
                Some(faults.swap_remove(chosen as usize))
            }
            _ => None,
        };
        if entry.times == Some(0) {
            self.entries.remove(index);
        }
        fault
    }
}

/// The next number of a seeded sequence.
///
/// # Source
/// `SplitMix64`, Steele, Lea and Flood 2014.
fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut number = *state;
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strikes(script: &mut Script, text: &str) -> FaultId {
        let spec: super::super::FaultSpec = text.parse().unwrap();
        script.add(spec.effect, spec.trigger, spec.times, spec.target)
    }

    #[test]
    fn strike_comes_right_after_its_event_and_again_after_each_period() {
        let mut script = Script::default();
        strikes(&mut script, "drop,after=10,every=3,times=3");
        assert_eq!(script.turn("events", 0, 0).events_max, 10);
        assert_eq!(script.count_sent("events", 0, 9), (None, false));
        assert_eq!(script.turn("events", 0, 0).events_max, 1);
        for events in [1, 3, 3] {
            assert_eq!(script.count_sent("events", 0, events), (Some(Fault::Drop), true));
        }
        assert!(!script.concerns_turns(), "three times are over");
        assert_eq!(script.turn("events", 0, 0), Turn::FREE);
    }

    #[test]
    fn strike_of_a_partition_spares_the_others() {
        let mut script = Script::default();
        strikes(&mut script, "reset,after=5,partition=2");
        assert_eq!(script.turn("events", 1, 0), Turn::FREE);
        assert_eq!(script.count_sent("events", 1, 100), (None, false));
        assert_eq!(script.count_sent("events", 2, 5), (Some(Fault::DropInFrame), true));
    }

    #[test]
    fn strike_of_a_time_waits_for_the_next_reader_in_turn() {
        let mut script = Script::default();
        let id = strikes(&mut script, "drop,every=1s");
        assert!(!script.concerns_turns());
        script.fire(id);
        script.fire(id);
        assert_eq!(script.turn("events", 3, 0).strike, Some(Fault::Drop));
        assert_eq!(script.turn("events", 3, 0).strike, None, "two times without a reader are one");
    }

    #[test]
    fn random_faults_of_one_seed_are_the_same_and_of_every_kind() {
        let draw = |seed: u64| {
            let mut script = Script::default();
            strikes(&mut script, &format!("random={seed},every=1"));
            let faults = (0..100).map(|_| script.count_sent("events", 0, 1).0.unwrap().name());
            faults.collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        let mut kinds = draw(7);
        kinds.sort_unstable();
        kinds.dedup();
        assert_eq!(kinds, ["close", "detach", "drop", "end", "reset"]);
    }

    #[test]
    fn stall_holds_earlier_readers_until_it_ends() {
        let mut script = Script::default();
        let before = script.stalls();
        let id = strikes(&mut script, "stall,partition=1");
        script.fire(id);
        assert!(script.turn("events", 1, before).stalled);
        assert!(!script.turn("events", 0, before).stalled, "another partition");
        assert!(!script.turn("events", 1, script.stalls()).stalled, "attached during the stall");
        script.end(id);
        assert!(!script.turn("events", 1, before).stalled);
    }
}
