//! A set of ordinals, kept as ranges: which events of a source are in a lake, and which are not.

use std::ops::RangeInclusive;

use super::records::LostRange;
use crate::paths::Ordinal;

/// Ordinals of one source.
///
/// # Shape
/// Sorted ranges that neither overlap nor touch: a run of consecutive events costs 16 bytes, however long it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrdinalSet(Vec<(i64, i64)>);

impl OrdinalSet {
    /// True if it has no ordinal.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True if it has this ordinal.
    pub fn contains(&self, ordinal: Ordinal) -> bool {
        let behind = self.0.partition_point(|(from, _)| *from <= ordinal.0);
        behind > 0 && self.0[behind - 1].1 >= ordinal.0
    }

    /// The parts of a range that it does not have, in rising order.
    pub fn missing_in(&self, range: RangeInclusive<i64>) -> Vec<LostRange> {
        let (mut from, to) = range.into_inner();
        let mut missing = Vec::new();
        let begin = self.0.partition_point(|(_, last)| *last < from);
        for &(first, last) in &self.0[begin..] {
            if first > to {
                break;
            }
            if first > from {
                missing.push(LostRange { from: Ordinal(from), to: Ordinal(first - 1) });
            }
            match last.checked_add(1) {
                Some(behind) => from = behind,
                None => return missing,
            }
        }
        if from <= to {
            missing.push(LostRange { from: Ordinal(from), to: Ordinal(to) });
        }
        missing
    }

    /// Adds the ordinals of another set.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        self.0.into_iter().chain(other.0).map(|(from, to)| from..=to).collect()
    }
}

/// Ranges in any order; empty ones are left out.
impl FromIterator<RangeInclusive<i64>> for OrdinalSet {
    fn from_iter<T: IntoIterator<Item = RangeInclusive<i64>>>(ranges: T) -> Self {
        let ranges = ranges.into_iter().filter(|range| !range.is_empty());
        let mut sorted: Vec<(i64, i64)> = ranges.map(RangeInclusive::into_inner).collect();
        sorted.sort_unstable();
        let mut merged: Vec<(i64, i64)> = Vec::new();
        for (from, to) in sorted {
            match merged.last_mut() {
                Some((_, last)) if from <= last.saturating_add(1) => *last = to.max(*last),
                _ => merged.push((from, to)),
            }
        }
        Self(merged)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn set(ranges: &[RangeInclusive<i64>]) -> OrdinalSet {
        ranges.iter().cloned().collect()
    }

    #[test]
    fn agrees_with_a_plain_set() {
        let ranges = [5..=9, 1..=2, 3..=3, 20..=22, 21..=30, RangeInclusive::new(7, 6), 40..=40];
        let ordinals = set(&ranges);
        let plain: BTreeSet<i64> = ranges.iter().cloned().flatten().collect();
        for ordinal in -2..45 {
            assert_eq!(ordinals.contains(Ordinal(ordinal)), plain.contains(&ordinal), "{ordinal}");
        }
        for from in -2..45 {
            for to in from - 1..45 {
                let missing: BTreeSet<i64> = ordinals
                    .missing_in(from..=to)
                    .into_iter()
                    .flat_map(|LostRange { from, to }| from.0..=to.0)
                    .collect();
                let expected: BTreeSet<i64> = (from..=to).filter(|one| !plain.contains(one)).collect();
                assert_eq!(missing, expected, "{from} to {to}");
            }
        }
    }

    #[test]
    fn neighbours_become_one_range() {
        assert_eq!(set(&[1..=2, 3..=4]), set(&[1..=4]));
        assert_eq!(set(&[1..=2]).union(set(&[2..=7, 9..=9])), set(&[1..=7, 9..=9]));
        assert!(set(&[]).is_empty());
    }

    #[test]
    fn ends_of_the_number_range_do_not_overflow() {
        let top = set(&[5..=i64::MAX]);
        assert!(top.missing_in(5..=i64::MAX).is_empty());
        assert_eq!(top.missing_in(4..=i64::MAX).len(), 1);
        assert_eq!(top.clone().union(top.clone()), top);
    }
}
