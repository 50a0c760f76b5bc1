//! Delays between attempts at one request, and the decision to give up.
//!
//! Owns the delays and the count of attempts. Does not own errors, which implement [`Retryable`].

use std::error::Error;
use std::time::Duration;

/// An error that is transient or final.
pub trait Retryable: Error + 'static {
    /// True if another attempt can succeed: the request had no answer, or the peer was busy.
    fn is_transient(&self) -> bool;
}

/// Retry policy: delays that double up to a maximum, each with jitter, for a bounded number of attempts.
///
/// The delays are a pure function of seed and attempt.
#[derive(Clone, Debug)]
pub struct Backoff {
    /// Delay after the first attempt, before jitter.
    pub first: Duration,
    /// Upper bound of every delay.
    pub longest: Duration,
    /// Number of attempts after which an error is returned to the caller.
    pub attempts_max: u32,
    /// Seed of the jitter: writers with different seeds do not retry at the same time.
    pub seed: u64,
}

/// The attempts at one request so far.
#[derive(Debug)]
pub struct Attempts<'a> {
    backoff: &'a Backoff,
    made: u32,
}

impl Backoff {
    /// The policy for a store: gives up after about a minute, so that an operator sees a longer outage.
    pub fn for_store(seed: u64) -> Self {
        Self { first: FIRST_DELAY, longest: MAX_DELAY, attempts_max: MAX_ATTEMPTS, seed }
    }

    /// A single attempt.
    pub fn none() -> Self {
        Self { attempts_max: 1, ..Self::for_store(0) }
    }

    /// Delay after attempt number `attempt`, counted from 1: between half of its step and the whole step. Steps double.
    pub fn delay(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(31);
        let step = self.first.saturating_mul(1 << doublings).min(self.longest);
        let jitter = fastrand::Rng::with_seed(self.seed ^ u64::from(attempt)).f64();
        step.mul_f64(0.5 + jitter / 2.0)
    }

    /// Begins the count of attempts at one request.
    pub fn attempts(&self) -> Attempts<'_> {
        Attempts { backoff: self, made: 0 }
    }
}

impl Attempts<'_> {
    /// Counts a failed attempt. Returns the delay before the next one; `None` if the error is final or this was the
    /// last attempt.
    pub fn next_delay(&mut self, error: &impl Retryable) -> Option<Duration> {
        self.made += 1;
        let retry = error.is_transient() && self.made < self.backoff.attempts_max;
        retry.then(|| self.backoff.delay(self.made))
    }

    /// Waits before the next attempt.
    ///
    /// # Errors
    /// Returns `error` if it is final or this was the last attempt.
    pub async fn wait_after<E: Retryable>(&mut self, error: E) -> Result<(), E> {
        let Some(delay) = self.next_delay(&error) else { return Err(error) };
        tracing::warn!(attempt = self.made, ?delay, error = &error as &dyn Error, "request failed; retrying");
        tokio::time::sleep(delay).await;
        Ok(())
    }
}

/// Delay after the first attempt: long enough for a busy store to recover, short enough to hide one lost request.
const FIRST_DELAY: Duration = Duration::from_millis(100);

/// Upper bound of a delay: six requests a minute to a store that is down. More would slow its recovery.
const MAX_DELAY: Duration = Duration::from_secs(10);

/// Number of attempts: about a minute with the delays above.
const MAX_ATTEMPTS: u32 = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("failed")]
    struct Failed {
        transient: bool,
    }

    impl Retryable for Failed {
        fn is_transient(&self) -> bool {
            self.transient
        }
    }

    #[test]
    fn delays_double_up_to_the_maximum_and_differ_by_seed() {
        let backoff = Backoff::for_store(7);
        for (attempt, step_ms) in [(1, 100), (2, 200), (5, 1_600), (8, 10_000), (4_000_000, 10_000)] {
            let step = Duration::from_millis(step_ms);
            let delay = backoff.delay(attempt);
            assert!(step / 2 <= delay && delay <= step, "{attempt}: {delay:?}");
            assert_eq!(delay, backoff.delay(attempt), "{attempt}");
        }
        assert_ne!(backoff.delay(3), Backoff::for_store(8).delay(3));
    }

    #[test]
    fn gives_up_on_fatal_errors_and_after_the_last_attempt() {
        let backoff = Backoff { attempts_max: 3, ..Backoff::for_store(7) };
        assert_eq!(backoff.attempts().next_delay(&Failed { transient: false }), None);
        let mut attempts = backoff.attempts();
        let delays = [(); 3].map(|()| attempts.next_delay(&Failed { transient: true }));
        assert_eq!(delays, [Some(backoff.delay(1)), Some(backoff.delay(2)), None]);
    }
}
