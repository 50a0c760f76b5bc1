//! The dictionary of a column: its distinct values, and the index of each value.

use std::hash::BuildHasher;
use std::ops::Range;

use ahash::RandomState;

use super::leaf::Leaf;
use super::rle::encode_numbers;
use super::values::KeyedValues;
use crate::parquet::limits::DICTIONARY_BYTES;

/// A column's distinct values in the order of their first appearance.
pub(super) struct Dictionary {
    /// The first item of each distinct value.
    pub(super) items: Vec<usize>,
    /// The index of each value in `items`.
    indexes: Vec<u32>,
}

impl Dictionary {
    /// `None` if a dictionary does not pay: hardly a value repeats, or the dictionary would be too long.
    pub(super) fn build<V: KeyedValues>(values: &V, leaf: &Leaf<'_>) -> Option<Self> {
        let mut table = IndexTable::new();
        let mut indexes = Vec::with_capacity(leaf.value_count(leaf.all()));
        let mut previous = None;
        leaf.for_each(leaf.all(), |item| {
            let key = values.key(item);
            let index = match previous {
                Some((same, index)) if same == key => index,
                _ => table.index(values, item, key),
            };
            previous = Some((key, index));
            indexes.push(index);
        });
        let items = table.items;
        let bytes: usize = items.iter().map(|item| values.encoded_bytes(*item..item + 1)).sum();
        let repeats = items.len() <= indexes.len() / 10 * 9;
        (repeats && bytes <= DICTIONARY_BYTES && !items.is_empty()).then_some(Self { items, indexes })
    }

    /// Appends the indexes of some of the column's values, after their width in bits.
    pub(super) fn encode_indexes(&self, values: Range<usize>, out: &mut Vec<u8>) {
        let width = usize::BITS - (self.items.len() - 1).leading_zeros();
        out.push(width as u8);
        encode_numbers(&self.indexes[values], width, out);
    }
}

/// Open-addressing hash table from distinct values to their indexes. A general table takes twice as long.
struct IndexTable {
    items: Vec<usize>,
    /// An index, or [`FREE`]. The length is a power of two, at most half of it occupied.
    slots: Vec<u32>,
    hash: RandomState,
}

impl IndexTable {
    fn new() -> Self {
        // A secret seed, so that no sender can choose values that collide. The encoded bytes do not depend on it.
        let hash = RandomState::with_seed(std::hash::RandomState::new().hash_one(0) as usize);
        Self { items: Vec::new(), slots: vec![FREE; FIRST_SLOTS], hash }
    }

    /// The index of a value, which is added if it is new.
    #[inline]
    fn index<V: KeyedValues>(&mut self, values: &V, item: usize, key: V::Key) -> u32 {
        let mut slot = self.slot(key);
        loop {
            let index = self.slots[slot];
            if index == FREE {
                return self.add(values, item, slot);
            }
            if values.key(self.items[index as usize]) == key {
                return index;
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }

    /// The slot from which a value is searched.
    #[inline]
    fn slot(&self, key: impl std::hash::Hash) -> usize {
        self.hash.hash_one(key) as usize & (self.slots.len() - 1)
    }

    #[cold]
    fn add<V: KeyedValues>(&mut self, values: &V, item: usize, slot: usize) -> u32 {
        let index = self.items.len() as u32;
        self.items.push(item);
        self.slots[slot] = index;
        if self.items.len() * 2 > self.slots.len() {
            self.slots = vec![FREE; self.slots.len() * 2];
            for index in 0..self.items.len() {
                let mut slot = self.slot(values.key(self.items[index]));
                while self.slots[slot] != FREE {
                    slot = (slot + 1) & (self.slots.len() - 1);
                }
                self.slots[slot] = index as u32;
            }
        }
        index
    }
}

/// Not an index: a row group has far fewer rows.
const FREE: u32 = u32::MAX;

/// Slots of a new table, a power of two: few columns have more than 32 distinct values.
const FIRST_SLOTS: usize = 64;

const _: () = assert!(FIRST_SLOTS.is_power_of_two());
