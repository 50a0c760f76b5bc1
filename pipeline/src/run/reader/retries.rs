//! Attempts at a contradiction between hub and lake.

use std::time::Duration;

/// Attempts before a contradiction between hub and lake is accepted: the answer of either may lag.
pub(super) const ATTEMPTS: u32 = 4;

/// Pause between two attempts.
pub(super) const RETRY_DELAY: Duration = Duration::from_millis(500);
