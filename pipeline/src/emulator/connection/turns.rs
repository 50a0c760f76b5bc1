//! Turns: the order in which the links of a connection send, and the faults that strike in between.
//!
//! Owns the bound of a round. Does not own: credit and windows (`outgoing`), or which fault strikes (`faults`).

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::{Connection, Phase};
use crate::emulator::connection::outgoing::{MAX_TURN_BYTES, Sent};
use crate::emulator::faults::Fault;

/// Size at which a round of sending ends, bytes: a write of this size costs far more than the system call around it.
const MAX_ROUND_BYTES: usize = 256 * 1024;

// A round has room for the turns of several links.
const _: () = assert!(MAX_TURN_BYTES < MAX_ROUND_BYTES);

impl Connection {
    /// Sends on the links in turn until none has anything to send or the round is full.
    pub(in crate::emulator) fn pump(&mut self, out: &mut Vec<u8>) {
        self.shorten_grants();
        self.detach_ended(out);
        self.resumes = None;
        let mut idle_turns = 0;
        while self.phase == Phase::Running && out.len() < MAX_ROUND_BYTES && idle_turns < self.turns.len() {
            let Some(turn) = self.turns.pop_front() else { break };
            let before = out.len();
            if self.pump_link(turn, out) {
                self.turns.push_back(turn);
            }
            idle_turns = if out.len() == before { idle_turns + 1 } else { 0 };
        }
    }

    /// Returns the time until the next token expires or the pause of a link ends.
    pub(in crate::emulator) fn wait_time(&self) -> Option<Duration> {
        let expiry =
            self.context.grants.next_expiry().map(|expiry| expiry.since(self.context.namespace.now()));
        let pause = self.resumes.map(|resumes| resumes.saturating_duration_since(Instant::now()));
        [expiry, pause].into_iter().flatten().min()
    }

    /// Ends the grants that a fault ends early.
    fn shorten_grants(&mut self) {
        let Self { context, faults_seen, .. } = self;
        let version = context.namespace.faults.version();
        if *faults_seen == version {
            return;
        }
        *faults_seen = version;
        if let Some(life) = context.namespace.faults.token_life() {
            context.grants.shorten(context.namespace.now() + life);
        }
    }

    /// Detaches the links of hubs that have ended, and those whose token has expired.
    fn detach_ended(&mut self, out: &mut Vec<u8>) {
        let context = &mut self.context;
        if context.has_ended_hub() {
            self.sessions.values_mut().for_each(|session| session.detach_ended(out));
        }
        if context.grants.next_expiry().is_none() || !context.grants.lapse(context.namespace.now()) {
            return;
        }
        let lapsed = self.sessions.values_mut().map(|session| session.detach_lapsed(context, out)).sum();
        context.namespace.lapsed.fetch_add(lapsed, Ordering::Relaxed);
    }

    pub(super) fn add_turn(&mut self, channel: u16, handle: u32) {
        let sends = self.sessions.get(&channel).is_some_and(|session| session.sends_on(handle));
        if sends && !self.turns.contains(&(channel, handle)) {
            self.turns.push_back((channel, handle));
        }
    }

    /// Sends on one link; returns whether it is still attached.
    fn pump_link(&mut self, (channel, handle): (u16, u32), out: &mut Vec<u8>) -> bool {
        let Some(session) = self.sessions.get_mut(&channel) else { return false };
        let Sent { strike, resumes } = session.pump(handle, out);
        self.resumes = [self.resumes, resumes].into_iter().flatten().min();
        if let Some(fault) = strike {
            self.inject(&fault, (channel, handle), out);
        }
        self.sessions.get(&channel).is_some_and(|session| session.sends_on(handle))
    }

    fn inject(&mut self, fault: &Fault, (channel, handle): (u16, u32), out: &mut Vec<u8>) {
        match fault {
            Fault::Drop => self.phase = Phase::Dropped,
            Fault::DropInFrame => {
                out.extend_from_slice(&HALF_A_FRAME);
                self.phase = Phase::Dropped;
            }
            Fault::Detach(reason) => {
                if let Some(session) = self.sessions.get_mut(&channel) {
                    session.detach(handle, &reason.refusal(), out);
                }
            }
            Fault::EndSession(reason) => self.end_session(channel, &reason.refusal(), out),
            Fault::Close(reason) => self.close(Some(&reason.refusal()), out),
            // The reader's entry has ended, and its next turn detaches it.
            Fault::Steal(_) => {}
        }
    }
}

/// The header of a frame of 64 bytes, without its body.
const HALF_A_FRAME: [u8; 8] = [0, 0, 0, 64, 2, 0, 0, 0];
