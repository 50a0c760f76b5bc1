//! Accepted gaps: numbers of a source that have no row and never will, which a run saw and went on behind.
//!
//! Owns the records that tell them apart from numbers that are missing: a run puts one before it hands over
//! what comes behind the gap, so no checkpoint and no footer passes an unrecorded one. Does not own numbers
//! that retention removed, which somebody has to choose to go on without ([`super::records`]).

use serde::{Deserialize, Serialize};

use super::records::{Error, Records};
use crate::ordinals::{Ordinal, OrdinalRange, OrdinalSet};
use crate::paths::{self, SourceId};

pub use crate::paths::GapCause;

/// A gap that a run accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptedGap {
    /// The reason.
    pub cause: GapCause,
    /// The ordinals.
    pub gap: OrdinalRange,
}

/// One record: what a run accepted at once.
///
/// # Shape
/// `{"ranges":[{"from":17,"to":19},{"from":24,"to":24}]}` under the name of its first number. The ranges
/// rise and don't touch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct GapRecord {
    pub(super) ranges: Vec<OrdinalRange>,
}

impl GapRecord {
    /// True if a number is in one of the ranges.
    pub(super) fn covers(&self, number: Ordinal) -> bool {
        self.ranges.iter().any(|range| range.contains(number))
    }
}

impl Records {
    /// Records gaps of a source, so that `audit` counts them as accepted.
    ///
    /// Call this before events behind the gaps are handed over. Calling it again with the same gaps changes
    /// nothing. Where a record of the same first number stands and covers less, the rest is recorded as
    /// another one. Puts one record, whatever the number of gaps, unless there is such a conflict; none at
    /// all for empty gaps.
    ///
    /// # Errors
    /// [`Error::NotCovered`] if a record was changed by hand.
    pub async fn accept_gaps(
        &self,
        source: &SourceId,
        cause: GapCause,
        gaps: &[OrdinalRange],
    ) -> Result<(), Error> {
        let mut open = merged(gaps.iter().copied());
        while let Some(first) = open.first() {
            let path = paths::gap_record(cause, source, first.from);
            let recorded = self.put_once(&path, GapRecord { ranges: open.clone() }).await?;
            // Each round takes at least the number in the name, or there would be no end.
            if !recorded.covers(first.from) {
                return Err(Error::NotCovered { path: path.to_string() });
            }
            open = without(&open, &recorded.ranges);
        }
        Ok(())
    }

    /// The accepted gaps of a source, sorted by their first number. Those of one cause that touch or overlap are
    /// merged; gaps of different causes may overlap.
    pub async fn accepted_gaps(&self, source: &SourceId) -> Result<Vec<AcceptedGap>, Error> {
        let mut accepted = Vec::new();
        for cause in GapCause::ALL {
            let mut gaps = Vec::new();
            for path in self.list(&paths::gap_folder(cause)).await? {
                if paths::parse_gap_record(&path).is_some_and(|(_, of, _)| of == *source) {
                    let record = self.get::<GapRecord>(&path).await?;
                    gaps.extend(record.into_iter().flat_map(|record| record.ranges));
                }
            }
            accepted.extend(merged(gaps).into_iter().map(|gap| AcceptedGap { cause, gap }));
        }
        accepted.sort_by_key(|accepted| (accepted.gap, accepted.cause));
        Ok(accepted)
    }
}

/// The same ordinals in rising ranges that don't touch. Empty ranges are left out.
pub(super) fn merged(gaps: impl IntoIterator<Item = OrdinalRange>) -> Vec<OrdinalRange> {
    gaps.into_iter().collect::<OrdinalSet>().ranges().to_vec()
}

/// The ordinals of `gaps` that are not in `covered`.
fn without(gaps: &[OrdinalRange], covered: &[OrdinalRange]) -> Vec<OrdinalRange> {
    let covered: OrdinalSet = covered.iter().copied().collect();
    gaps.iter().flat_map(|gap| covered.missing_in(*gap)).collect()
}

#[cfg(test)]
mod tests;
