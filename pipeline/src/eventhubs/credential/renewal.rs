//! The time at which a token is renewed, as a pure function.
//!
//! # Source
//! Protocol reference 2.5: ten minutes before the expiry as .NET does, a tenth of the life as Python does.

use std::time::Duration;

use crate::clock::UnixMillis;

/// The validity of a token that can be renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    /// Time at which it was obtained.
    pub(super) from: UnixMillis,
    /// Time from which it is refused.
    pub(super) until: UnixMillis,
}

impl Validity {
    /// The time at which its renewal is due.
    pub(super) fn renewal(self) -> UnixMillis {
        self.until - self.margin()
    }

    /// Returns whether its renewal is due.
    pub(super) fn is_due(self, now: UnixMillis) -> bool {
        now >= self.renewal()
    }

    /// Returns whether the hub still takes it.
    pub(super) fn is_valid(self, now: UnixMillis) -> bool {
        now < self.until
    }

    /// The delay between attempts at a renewal that is due.
    pub(super) fn retry_delay(self) -> Duration {
        (self.margin() / RETRIES).clamp(MIN_RETRY_DELAY, MAX_RETRY_DELAY)
    }

    /// Time for retries: ten minutes of an hour, a tenth of a long life, a third of a short one.
    fn margin(self) -> Duration {
        let life = self.until.since(self.from);
        (life / 3).min(MARGIN).max(life / 10)
    }
}

/// Margin of a token that lives between half an hour and 100 minutes, as in .NET.
const MARGIN: Duration = Duration::from_mins(10);
/// Attempts within a margin.
const RETRIES: u32 = 10;
/// Lower bound on the delay between attempts: a token that has lapsed does not turn into a busy loop.
const MIN_RETRY_DELAY: Duration = Duration::from_millis(250);
/// Upper bound on the delay between attempts: .NET asks every two minutes at most.
const MAX_RETRY_DELAY: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renewal_leaves_time_for_retries() {
        // Life, renewal and delay between attempts, in milliseconds.
        for (life, renewal, delay) in [
            (3_600_000, 3_000_000, 60_000),
            (86_400_000, 77_760_000, 60_000),
            (1_800_000, 1_200_000, 60_000),
            (300_000, 200_000, 10_000),
            (10_000, 6_667, 333),
            (1_000, 667, 250),
            (0, 0, 250),
            (-5_000, -5_000, 250),
        ] {
            let from = UnixMillis::new(1_700_000_000_000);
            let validity = Validity { from, until: UnixMillis::new(from.get() + life) };
            assert_eq!(validity.renewal().get() - from.get(), renewal, "{life}");
            assert_eq!(validity.retry_delay().as_millis(), delay, "{life}");
            assert_eq!(validity.is_due(from), life <= 0, "{life}");
            assert!(validity.is_due(validity.renewal()) && !validity.is_valid(validity.until), "{life}");
        }
    }
}
