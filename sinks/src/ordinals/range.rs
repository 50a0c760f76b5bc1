//! Consecutive ordinals.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::ordinal::Ordinal;

/// The ordinals from one to another, both included; empty if `to` is below `from`.
///
/// # Shape
/// In records: `{"from":17,"to":19}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OrdinalRange {
    /// The first ordinal.
    pub from: Ordinal,
    /// The last ordinal.
    pub to: Ordinal,
}

impl OrdinalRange {
    /// The ordinals `from` to `to`.
    pub const fn new(from: Ordinal, to: Ordinal) -> Self {
        Self { from, to }
    }

    /// True if the range has no ordinal.
    pub fn is_empty(self) -> bool {
        self.from > self.to
    }

    /// Number of ordinals in the range, at most `u64::MAX`.
    pub fn len(self) -> u64 {
        if self.is_empty() { 0 } else { self.to.get().abs_diff(self.from.get()).saturating_add(1) }
    }

    /// True if the ordinal is in the range.
    pub fn contains(self, ordinal: Ordinal) -> bool {
        self.from <= ordinal && ordinal <= self.to
    }
}

impl From<RangeInclusive<i64>> for OrdinalRange {
    fn from(range: RangeInclusive<i64>) -> Self {
        let (from, to) = range.into_inner();
        Self::new(Ordinal::new(from), Ordinal::new(to))
    }
}
