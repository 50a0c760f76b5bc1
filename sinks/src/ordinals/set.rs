//! Any ordinals of one source, kept as ranges.

use super::ordinal::Ordinal;
use super::range::OrdinalRange;

/// Ordinals of one source.
///
/// # Shape
/// Rising ranges that neither overlap nor touch: consecutive events take 16 bytes, however many they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrdinalSet(Vec<OrdinalRange>);

impl OrdinalSet {
    /// True if the set has no ordinal.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True if the ordinal is in the set.
    pub fn contains(&self, ordinal: Ordinal) -> bool {
        let above = self.0.partition_point(|range| range.from <= ordinal);
        above > 0 && self.0[above - 1].contains(ordinal)
    }

    /// The ranges of the set, in rising order.
    pub fn ranges(&self) -> &[OrdinalRange] {
        &self.0
    }

    /// The parts of a range that are not in the set, in rising order.
    pub fn missing_in(&self, range: OrdinalRange) -> Vec<OrdinalRange> {
        let OrdinalRange { mut from, to } = range;
        let mut missing = Vec::new();
        let begin = self.0.partition_point(|present| present.to < from);
        for present in &self.0[begin..] {
            if present.from > to {
                break;
            }
            if present.from > from {
                missing.push(OrdinalRange::new(from, present.from.previous()));
            }
            match present.to.checked_next() {
                Some(above) => from = above,
                None => return missing,
            }
        }
        if from <= to {
            missing.push(OrdinalRange::new(from, to));
        }
        missing
    }

    /// Adds the ordinals of another set.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        self.0.into_iter().chain(other.0).collect()
    }
}

/// Accepts ranges in any order; empty ones are left out.
impl FromIterator<OrdinalRange> for OrdinalSet {
    fn from_iter<T: IntoIterator<Item = OrdinalRange>>(ranges: T) -> Self {
        let mut sorted: Vec<OrdinalRange> = ranges.into_iter().filter(|range| !range.is_empty()).collect();
        sorted.sort_unstable();
        let mut merged: Vec<OrdinalRange> = Vec::with_capacity(sorted.len());
        for range in sorted {
            match merged.last_mut() {
                Some(last) if range.from <= last.to.next() => last.to = last.to.max(range.to),
                _ => merged.push(range),
            }
        }
        Self(merged)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::ops::RangeInclusive;

    use super::*;

    fn set(ranges: &[RangeInclusive<i64>]) -> OrdinalSet {
        ranges.iter().cloned().map(OrdinalRange::from).collect()
    }

    fn missing(set: &OrdinalSet, range: RangeInclusive<i64>) -> Vec<RangeInclusive<i64>> {
        set.missing_in(range.into()).into_iter().map(|range| range.from.get()..=range.to.get()).collect()
    }

    #[test]
    fn agrees_with_a_plain_set() {
        let ranges = [5..=9, 1..=2, 3..=3, 20..=22, 21..=30, RangeInclusive::new(7, 6), 40..=40];
        let ordinals = set(&ranges);
        let plain: BTreeSet<i64> = ranges.iter().cloned().flatten().collect();
        for ordinal in -2..45 {
            assert_eq!(ordinals.contains(Ordinal::new(ordinal)), plain.contains(&ordinal), "{ordinal}");
        }
        for from in -2..45 {
            for to in from - 1..45 {
                let missing: BTreeSet<i64> = missing(&ordinals, from..=to).into_iter().flatten().collect();
                let expected: BTreeSet<i64> = (from..=to).filter(|one| !plain.contains(one)).collect();
                assert_eq!(missing, expected, "{from} to {to}");
            }
        }
    }

    #[test]
    fn missing_parts_lie_between_the_ranges_of_the_set() {
        type Ranges<'a> = &'a [RangeInclusive<i64>];
        let cases: [(RangeInclusive<i64>, Ranges, Ranges); 11] = [
            (1..=9, &[], &[1..=9]),
            (RangeInclusive::new(9, 1), &[], &[]),
            (1..=9, &[3..=4], &[1..=2, 5..=9]),
            (1..=9, &[0..=1, 9..=12], &[2..=8]),
            (1..=9, &[1..=1, 2..=2, 4..=4], &[3..=3, 5..=9]),
            (1..=9, &[0..=9], &[]),
            (1..=9, &[0..=20], &[]),
            (1..=9, &[-5..=0, 10..=12], &[1..=9]),
            (1..=9, &[2..=7, 3..=4, RangeInclusive::new(8, 7)], &[1..=1, 8..=9]),
            (1..=9, &[5..=i64::MAX, 6..=7], &[1..=4]),
            (i64::MIN..=i64::MAX, &[0..=0], &[i64::MIN..=-1, 1..=i64::MAX]),
        ];
        for (range, present, expected) in cases {
            assert_eq!(missing(&set(present), range.clone()), expected, "{range:?} without {present:?}");
        }
    }

    #[test]
    fn touching_ranges_become_one() {
        assert_eq!(set(&[1..=2, 3..=4]), set(&[1..=4]));
        assert_eq!(set(&[1..=2]).union(set(&[2..=7, 9..=9])), set(&[1..=7, 9..=9]));
        assert!(set(&[]).is_empty());
    }

    #[test]
    fn highest_ordinal_does_not_overflow() {
        let top = set(&[5..=i64::MAX]);
        assert!(missing(&top, 5..=i64::MAX).is_empty());
        assert_eq!(missing(&top, 4..=i64::MAX).len(), 1);
        assert_eq!(top.clone().union(top.clone()), top);
    }
}
