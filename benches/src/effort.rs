//! Effort of a measurement: rounds and amount of data.

use std::env;

/// Environment variable for a quick run: fewer rounds over fewer events, not for the record.
pub const QUICK: &str = "CATCHWATER_BENCH_QUICK";

/// Number of rounds and amount of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// True for a quick run.
    pub quick: bool,
}

impl Effort {
    /// Reads the effort from the environment.
    pub fn from_env() -> Self {
        Self { quick: env::var(QUICK).is_ok_and(|value| value == "1") }
    }

    /// Rounds of a stage without the warm-up. Odd, so that the median is a round.
    pub fn rounds(self) -> usize {
        if self.quick { 5 } else { 15 }
    }

    /// Rounds of a bench whose rounds take seconds.
    pub fn long_rounds(self) -> usize {
        if self.quick { 1 } else { 5 }
    }

    /// The full number of events, or a tenth of it in a quick run.
    pub fn events(self, full: usize) -> usize {
        if self.quick { (full / 10).max(1) } else { full }
    }
}
