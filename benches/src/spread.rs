//! Median and quartiles of rounds.

use serde::{Deserialize, Serialize};

/// Median and quartiles of rounds.
///
/// Quartiles, since the distance between min and max grows with the number of rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Median.
    pub median: f64,
    /// Lower quartile.
    pub low: f64,
    /// Upper quartile.
    pub high: f64,
}

impl Spread {
    /// Summarizes at least one round.
    pub fn of(rounds: impl IntoIterator<Item = f64>) -> Self {
        let mut rounds: Vec<f64> = rounds.into_iter().collect();
        rounds.sort_by(f64::total_cmp);
        Self { median: quantile(&rounds, 0.5), low: quantile(&rounds, 0.25), high: quantile(&rounds, 0.75) }
    }

    /// Wraps a value that is the same in every round.
    pub fn exactly(value: f64) -> Self {
        Self { median: value, low: value, high: value }
    }

    /// True if the ranges between the quartiles do not overlap.
    pub fn is_apart_from(&self, other: &Self) -> bool {
        self.high < other.low || other.high < self.low
    }
}

/// Quantile of sorted values, interpolated linearly.
fn quantile(sorted: &[f64], fraction: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = fraction * last as f64;
    let (below, above) = (sorted[place as usize], sorted[(place.ceil() as usize).min(last)]);
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_is_median_and_quartiles() {
        let spread = Spread::of([5.0, 1.0, 4.0, 2.0, 3.0]);
        assert_eq!(spread, Spread { median: 3.0, low: 2.0, high: 4.0 });
        assert_eq!(Spread::of([7.0]), Spread::exactly(7.0));
        assert_eq!(Spread::of([1.0, 2.0]), Spread { median: 1.5, low: 1.25, high: 1.75 });
    }

    #[test]
    fn overlapping_quartiles_are_not_apart() {
        let around = |middle: f64| Spread { median: middle, low: middle - 1.0, high: middle + 1.0 };
        assert!(!around(1.0).is_apart_from(&around(3.0)));
        assert!(around(1.0).is_apart_from(&around(3.5)));
        assert!(around(3.5).is_apart_from(&around(1.0)));
    }
}
