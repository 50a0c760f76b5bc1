//! The distinct values of a column, and which of them each value is.

use std::hash::BuildHasher;
use std::ops::Range;

use ahash::RandomState;

use super::leaf::Leaf;
use super::rle::put_numbers;
use super::values::Keyed;
use crate::parquet::limits::DICTIONARY_BYTES;

/// A column's distinct values in the order of their first appearance.
pub(super) struct Dictionary {
    /// The first item of each distinct value.
    pub(super) items: Vec<usize>,
    /// Which of them each value is.
    indices: Vec<u32>,
}

impl Dictionary {
    /// `None` if hardly a value repeats, or it would be longer than a dictionary may be: the column is better off without.
    pub(super) fn of<V: Keyed>(values: &V, leaf: &Leaf<'_>) -> Option<Self> {
        let mut known = Known::new();
        let mut indices = Vec::with_capacity(leaf.count(leaf.all()));
        let mut before = None;
        leaf.for_each(leaf.all(), |item| {
            let key = values.key(item);
            let index = match before {
                Some((same, index)) if same == key => index,
                _ => known.index(values, item, key),
            };
            before = Some((key, index));
            indices.push(index);
        });
        let items = known.items;
        let bytes: usize = items.iter().map(|item| values.size(*item..item + 1)).sum();
        let repeats = items.len() <= indices.len() / 10 * 9;
        (repeats && bytes <= DICTIONARY_BYTES && !items.is_empty()).then_some(Self { items, indices })
    }

    /// Appends which values some of the column's values are.
    pub(super) fn put(&self, values: Range<usize>, out: &mut Vec<u8>) {
        let width = usize::BITS - (self.items.len() - 1).leading_zeros();
        out.push(width as u8);
        put_numbers(&self.indices[values], width, out);
    }
}

/// Distinct values by their hashes: each index at its place, or behind it. A general table takes twice as long.
struct Known {
    items: Vec<usize>,
    /// A power of two, at the most half of it taken.
    places: Vec<u32>,
    hash: RandomState,
}

impl Known {
    fn new() -> Self {
        // A seed that nobody knows, so that nobody sends values that all have one place. It does not matter to the bytes.
        let hash = RandomState::with_seed(std::hash::RandomState::new().hash_one(0) as usize);
        Self { items: Vec::new(), places: vec![FREE; 64], hash }
    }

    #[inline]
    fn index<V: Keyed>(&mut self, values: &V, item: usize, key: V::Key) -> u32 {
        let mut place = self.place(key);
        loop {
            let index = self.places[place];
            if index == FREE {
                return self.add(values, item, place);
            }
            if values.key(self.items[index as usize]) == key {
                return index;
            }
            place = (place + 1) & (self.places.len() - 1);
        }
    }

    #[inline]
    fn place(&self, key: impl std::hash::Hash) -> usize {
        self.hash.hash_one(key) as usize & (self.places.len() - 1)
    }

    #[cold]
    fn add<V: Keyed>(&mut self, values: &V, item: usize, place: usize) -> u32 {
        let index = self.items.len() as u32;
        self.items.push(item);
        self.places[place] = index;
        if self.items.len() * 2 > self.places.len() {
            self.places = vec![FREE; self.places.len() * 2];
            for index in 0..self.items.len() {
                let mut place = self.place(values.key(self.items[index]));
                while self.places[place] != FREE {
                    place = (place + 1) & (self.places.len() - 1);
                }
                self.places[place] = index as u32;
            }
        }
        index
    }
}

/// No index: a row group has far fewer rows.
const FREE: u32 = u32::MAX;
