//! The dictionary of a column: its distinct values, and the index of each value.

use std::hash::BuildHasher;
use std::ops::Range;

use ahash::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

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

/// Distinct values of a column and their indexes.
struct IndexTable {
    items: Vec<usize>,
    /// Indexes into `items`, found by the hashes of values.
    indexes: HashTable<u32>,
    hash: RandomState,
}

impl IndexTable {
    fn new() -> Self {
        // A secret seed, so that no sender can choose values that collide. The encoded bytes do not depend on it.
        let hash = RandomState::with_seed(std::hash::RandomState::new().hash_one(0) as usize);
        Self { items: Vec::new(), indexes: HashTable::with_capacity(FIRST_CAPACITY), hash }
    }

    /// The index of a value, which is added if it is new.
    #[inline]
    fn index<V: KeyedValues>(&mut self, values: &V, item: usize, key: V::Key) -> u32 {
        let Self { items, indexes, hash } = self;
        let is_same = |index: &u32| values.key(items[*index as usize]) == key;
        let rehash = |index: &u32| hash.hash_one(values.key(items[*index as usize]));
        match indexes.entry(hash.hash_one(key), is_same, rehash) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let index = items.len() as u32;
                entry.insert(index);
                items.push(item);
                index
            }
        }
    }
}

/// Values that a new table has room for: few columns have more distinct values.
const FIRST_CAPACITY: usize = 32;
