//! Whether the keys of a list are all different.
//!
//! Owns: the test and its memory. The test is linear, since a body may hold ten thousands of keys, and
//! allocates nothing in the steady state.

use std::hash::{BuildHasher, RandomState};

use crate::event::names::is_same;

/// Up to this many keys each is compared with each; lengths tell most apart.
const FEW: usize = 8;

/// The keys of one list, list after list in the same memory. A key is a number that the caller has a text
/// for.
#[derive(Debug)]
pub(super) struct Keys {
    list: Vec<u32>,
    slots: Vec<Slot>,
    /// Slots of earlier rounds count as empty.
    round: u32,
    /// Keys come from outside; a seed nobody knows keeps them from colliding on purpose.
    seed: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    round: u32,
    tag: u32,
    key: u32,
}

impl Keys {
    /// No keys, no memory yet.
    pub(super) fn new() -> Self {
        Self { list: Vec::new(), slots: Vec::new(), round: 0, seed: RandomState::new().hash_one(0) }
    }

    /// Forgets the list before.
    pub(super) fn clear(&mut self) {
        self.list.clear();
    }

    /// Adds a key.
    pub(super) fn push(&mut self, key: usize) {
        self.list.push(key as u32);
    }

    /// Whether no two of the keys have the same text.
    pub(super) fn are_distinct<'k>(&mut self, text: impl Fn(usize) -> &'k [u8]) -> bool {
        if self.list.len() <= FEW {
            let text = |at: usize| text(self.list[at] as usize);
            return (1..self.list.len()).all(|late| {
                let late_text = text(late);
                (0..late).all(|early| !is_same(text(early), late_text))
            });
        }
        self.begin_round();
        (0..self.list.len()).all(|at| self.is_new(self.list[at], &text))
    }

    fn begin_round(&mut self) {
        let wanted = (self.list.len() * 2).next_power_of_two();
        if self.slots.len() < wanted {
            self.slots = vec![Slot::default(); wanted];
            self.round = 0;
        }
        if self.round == u32::MAX {
            self.slots.fill(Slot::default());
            self.round = 0;
        }
        self.round += 1;
    }

    fn is_new<'k>(&mut self, key: u32, text: &impl Fn(usize) -> &'k [u8]) -> bool {
        let own = text(key as usize);
        let hash = hash(own, self.seed);
        let (tag, mask) = ((hash >> 32) as u32, self.slots.len() - 1);
        let mut at = hash as usize & mask;
        // At most half the slots are taken, so an empty one comes.
        while self.slots[at].round == self.round {
            if self.slots[at].tag == tag && text(self.slots[at].key as usize) == own {
                return false;
            }
            at = (at + 1) & mask;
        }
        self.slots[at] = Slot { round: self.round, tag, key };
        true
    }
}

/// Folded multiplication, eight bytes at a time.
fn hash(bytes: &[u8], seed: u64) -> u64 {
    let mut hash = fold(seed ^ bytes.len() as u64);
    let mut rest = bytes;
    while let Some((word, behind)) = rest.split_first_chunk::<8>() {
        hash = fold(hash ^ u64::from_le_bytes(*word));
        rest = behind;
    }
    let last = match bytes.last_chunk::<8>() {
        // The last eight bytes, some of them again: quicker than the few that are left.
        Some(word) => u64::from_le_bytes(*word),
        None => rest.iter().fold(0, |tail, byte| tail << 8 | u64::from(*byte)),
    };
    fold(hash ^ last)
}

fn fold(value: u64) -> u64 {
    let product = u128::from(value) * 0x9e37_79b9_7f4a_7c15;
    product as u64 ^ (product >> 64) as u64
}
