//! Effort of a measurement.

use std::env;

/// The variable that makes benches quick: fewer rounds over fewer events, for a look and not for the record.
pub const QUICK: &str = "CATCHWATER_BENCH_QUICK";

/// Number of rounds and amount of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// True for a quick look.
    pub quick: bool,
}

impl Effort {
    /// The effort that the environment requests.
    pub fn from_env() -> Self {
        Self { quick: env::var(QUICK).is_ok_and(|value| value == "1") }
    }

    /// Rounds of a stage, the one that warms up not counted. An odd number has a middle.
    pub fn rounds(self) -> usize {
        if self.quick { 5 } else { 15 }
    }

    /// Rounds of what takes seconds each.
    pub fn long_rounds(self) -> usize {
        if self.quick { 1 } else { 5 }
    }

    /// A number of events, or a tenth of it.
    pub fn events(self, full: usize) -> usize {
        if self.quick { (full / 10).max(1) } else { full }
    }
}
