//! A set of places in a source, at a bit each.

use std::collections::BTreeMap;

use crate::ordinals::{Ordinal, OrdinalRange};

/// Places that were seen.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// By the place's upper bits; sources begin anywhere and may have wide gaps.
    chunks: BTreeMap<i64, Box<Chunk>>,
}

/// Places that share their upper bits, one bit each.
type Chunk = [u64; CHUNK_WORDS];

const CHUNK_BITS: u32 = 16;
const CHUNK_WORDS: usize = (1 << CHUNK_BITS) / 64;

impl Places {
    /// Adds a place; returns true if it is new.
    pub(super) fn insert(&mut self, place: Ordinal) -> bool {
        let place = place.get();
        let chunk = self.chunks.entry(place >> CHUNK_BITS).or_insert_with(empty_chunk);
        let (word, bit) = within(place);
        let is_new = chunk[word] & bit == 0;
        chunk[word] |= bit;
        is_new
    }

    /// Adds all places of another set; returns how many were there already, and the first of these.
    pub(super) fn merge(&mut self, other: Self) -> (u64, Option<Ordinal>) {
        let (mut twice, mut first) = (0, None);
        for (key, theirs) in other.chunks {
            let ours = self.chunks.entry(key).or_insert_with(empty_chunk);
            for (word, (ours, theirs)) in ours.iter_mut().zip(theirs.iter()).enumerate() {
                let both = *ours & theirs;
                if both != 0 {
                    twice += u64::from(both.count_ones());
                    first = first.or_else(|| Some(place_of(key, word, both)));
                }
                *ours |= theirs;
            }
        }
        (twice, first)
    }

    /// The places that are not in another set.
    pub(super) fn minus(&self, other: &Self) -> Self {
        let mut chunks = BTreeMap::new();
        for (key, ours) in &self.chunks {
            let mut left = ours.clone();
            for (ours, theirs) in
                left.iter_mut().zip(other.chunks.get(key).into_iter().flat_map(|it| it.iter()))
            {
                *ours &= !theirs;
            }
            // `bounds` relies on chunks with at least one place.
            if left.iter().any(|word| *word != 0) {
                chunks.insert(*key, left);
            }
        }
        Self { chunks }
    }

    /// Number of places in the set.
    pub(super) fn len(&self) -> u64 {
        self.chunks.values().flat_map(|chunk| chunk.iter()).map(|word| u64::from(word.count_ones())).sum()
    }

    /// The lowest and the highest.
    pub(super) fn bounds(&self) -> Option<(Ordinal, Ordinal)> {
        let (low, lowest) = self.chunks.first_key_value()?;
        let (high, highest) = self.chunks.last_key_value()?;
        let first = lowest.iter().position(|word| *word != 0)?;
        let last = highest.iter().rposition(|word| *word != 0)?;
        let top_bit = 1 << highest[last].ilog2();
        Some((place_of(*low, first, lowest[first]), place_of(*high, last, top_bit)))
    }

    /// Number of places of a range that are not in the set, and the first of these.
    pub(super) fn missing(&self, range: OrdinalRange) -> (u64, Option<Ordinal>) {
        if range.is_empty() {
            return (0, None);
        }
        let (start, end) = (range.from.get(), range.to.get());
        // `i128`, because it may be one past the highest place.
        let (mut here, mut first) = (0, i128::from(start));
        for (key, chunk) in self.chunks.range(start >> CHUNK_BITS..=end >> CHUNK_BITS) {
            for (word, bits) in chunk.iter().enumerate() {
                let base = (key << CHUNK_BITS) + (word as i64) * 64;
                let bits = bits & bits_between(start.saturating_sub(base), end.saturating_sub(base));
                here += u64::from(bits.count_ones());
                // The first is where the unbroken run from the start ends.
                let run = first - i128::from(base);
                if (0..64).contains(&run) {
                    first += i128::from((bits >> run).trailing_ones());
                }
            }
        }
        let missing = range.len() - here;
        (missing, (missing > 0).then_some(Ordinal::new(first as i64)))
    }
}

/// The bits of a word from one to another, both included and either of them possibly outside.
fn bits_between(from: i64, to: i64) -> u64 {
    if from > 63 || to < 0 {
        return 0;
    }
    let above = u64::MAX << from.max(0);
    let below = u64::MAX >> (63 - to.min(63));
    above & below
}

fn within(place: i64) -> (usize, u64) {
    let low = place as usize & ((1 << CHUNK_BITS) - 1);
    (low / 64, 1 << (low % 64))
}

/// The place of the lowest bit of a word.
fn place_of(key: i64, word: usize, bits: u64) -> Ordinal {
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

    /// Any set does what a plain one does.
    fn check(places: &[i64], more: &[i64], ranges: &[RangeInclusive<i64>]) {
        let mut plain: BTreeSet<i64> = places.iter().copied().collect();
        let other: BTreeSet<i64> = more.iter().copied().collect();
        let (mut set, mut second) = (Places::default(), Places::default());
        for place in places {
            set.insert(Ordinal::new(*place));
        }
        for place in more {
            second.insert(Ordinal::new(*place));
        }
        let left: Vec<i64> = plain.difference(&other).copied().collect();
        let minus = set.minus(&second);
        assert_eq!(minus.len(), left.len() as u64, "{places:?} without {more:?}");
        let bounds =
            left.first().zip(left.last()).map(|(low, high)| (Ordinal::new(*low), Ordinal::new(*high)));
        assert_eq!(minus.bounds(), bounds, "{places:?} without {more:?}");
        let twice: Vec<&i64> = plain.intersection(&other).collect();
        let expected = (twice.len() as u64, twice.first().map(|place| Ordinal::new(**place)));
        assert_eq!(set.merge(second), expected, "{places:?} and {more:?}");
        plain.extend(other);
        assert_eq!(set.len(), plain.len() as u64);
        let bounds =
            plain.first().zip(plain.last()).map(|(low, high)| (Ordinal::new(*low), Ordinal::new(*high)));
        assert_eq!(set.bounds(), bounds);
        for range in ranges {
            let mut missing = range.clone().filter(|place| !plain.contains(place));
            let first = missing.next();
            let expected = (u64::from(first.is_some()) + missing.count() as u64, first.map(Ordinal::new));
            assert_eq!(set.missing(range.clone().into()), expected, "{range:?} of {plain:?}");
        }
    }

    #[test]
    fn places_are_a_set() {
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
    fn wide_ranges_cost_nothing() {
        let mut set = Places::default();
        set.insert(Ordinal::MAX);
        assert_eq!(set.missing((0..=i64::MAX).into()), (i64::MAX as u64, Some(Ordinal::new(0))));
        assert_eq!(set.bounds(), Some((Ordinal::new(i64::MAX), Ordinal::new(i64::MAX))));
    }
}
