//! How long to wait before a store is asked again, and when to give up.

use std::time::Duration;

use crate::store::Kind;

/// Waits that double up to a cap, each with jitter, for a bounded number of attempts.
///
/// The delays are a pure function of seed and attempt: what waits is the async code that asks.
#[derive(Clone, Debug)]
pub struct Backoff {
    /// The wait behind the first attempt, before jitter.
    pub first: Duration,
    /// No wait is longer.
    pub longest: Duration,
    /// How often one thing is asked before its error is handed on.
    pub attempts_max: u32,
    /// Tells the writers apart, so that they don't return all at once.
    pub seed: u64,
}

impl Backoff {
    /// What suits a store: a minute of trying, for a network that is gone longer is for the operator to see.
    pub fn for_store(seed: u64) -> Self {
        Self { first: FIRST_DELAY, longest: LONGEST_DELAY, attempts_max: ATTEMPTS_MAX, seed }
    }

    /// The wait behind the `attempt`th attempt, counted from 1: between half and all of its doubled step.
    pub fn delay(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(31);
        let step = self.first.saturating_mul(1 << doublings).min(self.longest);
        let fraction = f64::from(scramble(self.seed ^ u64::from(attempt)) as u32) / f64::from(u32::MAX);
        step.mul_f64(0.5 + fraction / 2.0)
    }

    /// Begins to count the attempts at one thing.
    pub(super) fn begin(&self) -> Attempts<'_> {
        Attempts { backoff: self, made: 0 }
    }
}

/// Long enough for a busy store, short enough that nobody notices one lost request.
const FIRST_DELAY: Duration = Duration::from_millis(100);

/// A store that is down is asked six times a minute: more would hinder its return.
const LONGEST_DELAY: Duration = Duration::from_secs(10);

/// With the delays above about a minute.
const ATTEMPTS_MAX: u32 = 12;

/// The attempts at one thing, so far.
#[derive(Debug)]
pub(super) struct Attempts<'a> {
    backoff: &'a Backoff,
    made: u32,
}

impl Attempts<'_> {
    /// Waits before the next attempt.
    ///
    /// # Errors
    /// Gives `error` back if asking again can't help, or after too many attempts.
    pub(super) async fn again<E: Failure>(&mut self, error: E) -> Result<(), E> {
        self.made += 1;
        if error.kind() == Kind::Fatal || self.made >= self.backoff.attempts_max {
            return Err(error);
        }
        let delay = self.backoff.delay(self.made);
        tracing::warn!(attempt = self.made, ?delay, error = &error as &dyn std::error::Error, "asking again");
        tokio::time::sleep(delay).await;
        Ok(())
    }
}

/// An error that knows if asking again can help.
pub(super) trait Failure: std::error::Error + 'static {
    /// What to do about it.
    fn kind(&self) -> Kind;
}

impl Failure for crate::store::Error {
    fn kind(&self) -> Kind {
        self.kind()
    }
}

impl Failure for crate::parquet::Error {
    fn kind(&self) -> Kind {
        self.kind()
    }
}

/// The finalizer of `SplitMix64`: neighbouring inputs come out far apart.
fn scramble(input: u64) -> u64 {
    let mut mixed = input.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_differ_by_seed() {
        let backoff = Backoff::for_store(7);
        for (attempt, step_ms) in [(1, 100), (2, 200), (5, 1_600), (8, 10_000), (4_000_000, 10_000)] {
            let step = Duration::from_millis(step_ms);
            let delay = backoff.delay(attempt);
            assert!(step / 2 <= delay && delay <= step, "{attempt}: {delay:?}");
        }
        assert_ne!(backoff.delay(3), Backoff::for_store(8).delay(3));
    }
}
