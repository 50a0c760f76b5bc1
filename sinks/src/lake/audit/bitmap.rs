//! A set of ordinals, one bit each.

use std::collections::BTreeMap;

use crate::ordinals::{Ordinal, OrdinalRange};

/// A set of ordinals of one source.
#[derive(Debug, Default)]
pub(super) struct Bitmap {
    /// By the ordinal's upper bits: sources begin at any number and may have wide gaps.
    chunks: BTreeMap<i64, Box<Chunk>>,
}

/// Ordinals with the same upper bits, one bit each.
type Chunk = [u64; CHUNK_WORDS];

/// Lower bits of an ordinal, within a chunk: 8 KiB a chunk.
const CHUNK_BITS: u32 = 16;
const CHUNK_WORDS: usize = (1 << CHUNK_BITS) / 64;

impl Bitmap {
    /// Adds an ordinal; returns true if it is new.
    pub(super) fn insert(&mut self, ordinal: Ordinal) -> bool {
        let ordinal = ordinal.get();
        let chunk = self.chunks.entry(ordinal >> CHUNK_BITS).or_insert_with(empty_chunk);
        let (word, bit) = bit_of(ordinal);
        let is_new = chunk[word] & bit == 0;
        chunk[word] |= bit;
        is_new
    }

    /// Adds all ordinals of another set; returns the number that were present already, and the first of these.
    pub(super) fn merge(&mut self, other: Self) -> (u64, Option<Ordinal>) {
        let (mut twice, mut first) = (0, None);
        for (key, theirs) in other.chunks {
            let ours = self.chunks.entry(key).or_insert_with(empty_chunk);
            for (word, (ours, theirs)) in ours.iter_mut().zip(theirs.iter()).enumerate() {
                let both = *ours & theirs;
                if both != 0 {
                    twice += u64::from(both.count_ones());
                    first = first.or_else(|| Some(ordinal_of(key, word, both)));
                }
                *ours |= theirs;
            }
        }
        (twice, first)
    }

    /// The ordinals that are not in another set.
    pub(super) fn minus(&self, other: &Self) -> Self {
        let mut chunks = BTreeMap::new();
        for (key, ours) in &self.chunks {
            let mut left = ours.clone();
            for (ours, theirs) in
                left.iter_mut().zip(other.chunks.get(key).into_iter().flat_map(|it| it.iter()))
            {
                *ours &= !theirs;
            }
            // `bounds` requires that every chunk has at least one ordinal.
            if left.iter().any(|word| *word != 0) {
                chunks.insert(*key, left);
            }
        }
        Self { chunks }
    }

    /// Number of ordinals in the set.
    pub(super) fn len(&self) -> u64 {
        self.chunks.values().flat_map(|chunk| chunk.iter()).map(|word| u64::from(word.count_ones())).sum()
    }

    /// The lowest and the highest ordinal.
    pub(super) fn bounds(&self) -> Option<(Ordinal, Ordinal)> {
        let (low, lowest) = self.chunks.first_key_value()?;
        let (high, highest) = self.chunks.last_key_value()?;
        let first = lowest.iter().position(|word| *word != 0)?;
        let last = highest.iter().rposition(|word| *word != 0)?;
        let top_bit = 1 << highest[last].ilog2();
        Some((ordinal_of(*low, first, lowest[first]), ordinal_of(*high, last, top_bit)))
    }

    /// Number of ordinals of a range that are not in the set, and the first of these.
    pub(super) fn missing(&self, range: OrdinalRange) -> (u64, Option<Ordinal>) {
        if range.is_empty() {
            return (0, None);
        }
        let (start, end) = (range.from.get(), range.to.get());
        // `i128`, since it may be one past the highest ordinal.
        let (mut present, mut first) = (0, i128::from(start));
        for (key, chunk) in self.chunks.range(start >> CHUNK_BITS..=end >> CHUNK_BITS) {
            for (word, bits) in chunk.iter().enumerate() {
                let base = (key << CHUNK_BITS) + (word as i64) * 64;
                let bits = bits & bits_between(start.saturating_sub(base), end.saturating_sub(base));
                present += u64::from(bits.count_ones());
                // The first missing ordinal is at the end of the run of set bits from the start.
                let run = first - i128::from(base);
                if (0..64).contains(&run) {
                    first += i128::from((bits >> run).trailing_ones());
                }
            }
        }
        let missing = range.len() - present;
        (missing, (missing > 0).then_some(Ordinal::new(first as i64)))
    }
}

/// Mask of a word's bits `from..=to`; both may be outside the word.
fn bits_between(from: i64, to: i64) -> u64 {
    if from > 63 || to < 0 {
        return 0;
    }
    let above = u64::MAX << from.max(0);
    let below = u64::MAX >> (63 - to.min(63));
    above & below
}

fn bit_of(ordinal: i64) -> (usize, u64) {
    let low = ordinal as usize & ((1 << CHUNK_BITS) - 1);
    (low / 64, 1 << (low % 64))
}

/// The ordinal of the lowest set bit of a word.
fn ordinal_of(key: i64, word: usize, bits: u64) -> Ordinal {
    Ordinal::new((key << CHUNK_BITS) + (word * 64) as i64 + i64::from(bits.trailing_zeros()))
}

fn empty_chunk() -> Box<Chunk> {
    Box::new([0; CHUNK_WORDS])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::ops::RangeInclusive;

    use super::*;

    /// Compares a bitmap with a `BTreeSet` of the same ordinals.
    fn check(ordinals: &[i64], more: &[i64], ranges: &[RangeInclusive<i64>]) {
        let mut plain: BTreeSet<i64> = ordinals.iter().copied().collect();
        let other: BTreeSet<i64> = more.iter().copied().collect();
        let (mut set, mut second) = (Bitmap::default(), Bitmap::default());
        for ordinal in ordinals {
            set.insert(Ordinal::new(*ordinal));
        }
        for ordinal in more {
            second.insert(Ordinal::new(*ordinal));
        }
        let left: Vec<i64> = plain.difference(&other).copied().collect();
        let minus = set.minus(&second);
        assert_eq!(minus.len(), left.len() as u64, "{ordinals:?} without {more:?}");
        let bounds =
            left.first().zip(left.last()).map(|(low, high)| (Ordinal::new(*low), Ordinal::new(*high)));
        assert_eq!(minus.bounds(), bounds, "{ordinals:?} without {more:?}");
        let twice: Vec<&i64> = plain.intersection(&other).collect();
        let expected = (twice.len() as u64, twice.first().map(|ordinal| Ordinal::new(**ordinal)));
        assert_eq!(set.merge(second), expected, "{ordinals:?} and {more:?}");
        plain.extend(other);
        assert_eq!(set.len(), plain.len() as u64);
        let bounds =
            plain.first().zip(plain.last()).map(|(low, high)| (Ordinal::new(*low), Ordinal::new(*high)));
        assert_eq!(set.bounds(), bounds);
        for range in ranges {
            let mut missing = range.clone().filter(|ordinal| !plain.contains(ordinal));
            let first = missing.next();
            let expected = (u64::from(first.is_some()) + missing.count() as u64, first.map(Ordinal::new));
            assert_eq!(set.missing(range.clone().into()), expected, "{range:?} of {plain:?}");
        }
    }

    #[test]
    fn bitmap_agrees_with_a_btree_set() {
        const CHUNK: i64 = 1 << CHUNK_BITS;
        let edges = [0, 1, 62, 63, 64, 65, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK + 7, -1, -CHUNK, 3];
        let ranges = [
            0..=0,
            0..=63,
            0..=64,
            63..=65,
            RangeInclusive::new(5, 4),
            -3..=3,
            CHUNK - 70..=CHUNK + 70,
            66..=5 * CHUNK + 9,
        ];
        check(&[], &[], &ranges);
        check(&edges, &[], &ranges);
        check(&edges, &edges[3..9], &ranges);
        check(&[], &edges, &ranges);
        let run: Vec<i64> = (60..CHUNK + 200).collect();
        check(&run, &[70, CHUNK + 500], &[60..=CHUNK + 199, 60..=CHUNK + 501, 59..=61, 61..=CHUNK + 600]);
    }

    #[test]
    fn missing_in_the_widest_range_is_immediate() {
        let mut set = Bitmap::default();
        set.insert(Ordinal::MAX);
        assert_eq!(set.missing((0..=i64::MAX).into()), (i64::MAX as u64, Some(Ordinal::new(0))));
        assert_eq!(set.bounds(), Some((Ordinal::new(i64::MAX), Ordinal::new(i64::MAX))));
    }
}
