//! Check that the keys of a list are distinct.
//!
//! Owns: the check and its memory. It takes linear time, as a body may have tens of thousands of keys, and does not
//! allocate in the steady state.
//!
//! An open-addressing table of our own: rounds make clearing free. `hashbrown::HashTable` has to clear its memory for
//! each list. It took 1.5 times the instructions for 9 to 200 keys, and 9 times for 30 keys after a list of 10,000.

use std::hash::{BuildHasher, RandomState};

use crate::event::names::is_same;

/// Lists up to this length compare each key with each other one: most differ in length.
const PAIRWISE_MAX: usize = 8;

/// The keys of one list, list after list in the same memory. A key is a number for which the caller has the text.
#[derive(Debug)]
pub(super) struct Keys {
    list: Vec<u32>,
    slots: Vec<Slot>,
    /// One round for each list. Slots of earlier rounds are empty.
    round: u32,
    /// Secret, so that a sender cannot choose keys that collide.
    seed: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    round: u32,
    tag: u32,
    key: u32,
}

impl Keys {
    /// An empty list without memory.
    pub(super) fn new() -> Self {
        Self { list: Vec::new(), slots: Vec::new(), round: 0, seed: RandomState::new().hash_one(0) }
    }

    /// Begins the next list.
    pub(super) fn clear(&mut self) {
        self.list.clear();
    }

    /// Adds a key.
    pub(super) fn push(&mut self, key: usize) {
        self.list.push(key as u32);
    }

    /// True if no two keys have the same text.
    pub(super) fn are_distinct<'k>(&mut self, text: impl Fn(usize) -> &'k [u8]) -> bool {
        if self.list.len() <= PAIRWISE_MAX {
            let text = |at: usize| text(self.list[at] as usize);
            return (1..self.list.len()).all(|later| {
                let later_text = text(later);
                (0..later).all(|earlier| !is_same(text(earlier), later_text))
            });
        }
        self.begin_round();
        (0..self.list.len()).all(|at| self.is_new(self.list[at], &text))
    }

    fn begin_round(&mut self) {
        let capacity = (self.list.len() * 2).next_power_of_two();
        if self.slots.len() < capacity {
            self.slots = vec![Slot::default(); capacity];
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
        // At most half of the slots are taken, so the search ends.
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
    while let Some((word, tail)) = rest.split_first_chunk::<8>() {
        hash = fold(hash ^ u64::from_le_bytes(*word));
        rest = tail;
    }
    let last = match bytes.last_chunk::<8>() {
        // The last eight bytes, some of them hashed before: faster than a loop over the remainder.
        Some(word) => u64::from_le_bytes(*word),
        None => rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    fold(hash ^ last)
}

fn fold(value: u64) -> u64 {
    let product = u128::from(value) * 0x9e37_79b9_7f4a_7c15;
    product as u64 ^ (product >> 64) as u64
}
