//! Failures of the hub in a row: how long a reader waits before it tries again, and when it gives up. Pure.
//!
//! Owns: the delays. Does not own: the meaning of an error (`eventhubs::Recovery`), or waiting (`reader`).

use std::time::Duration;

use catchwater_sinks::backoff::Backoff;
use tokio::time::Instant;

use crate::eventhubs::Recovery;

/// Rules for trying again.
#[derive(Clone, Debug)]
pub(in crate::run) struct RetryPolicy {
    backoff: Backoff,
    /// Time without success after which an error ends the run; `None` tries again until the run is stopped.
    limit: Option<Duration>,
}

impl RetryPolicy {
    /// Gives up after `limit` without success. Readers with different seeds do not try again at the same time.
    pub(in crate::run) fn bounded(limit: Duration, seed: u64) -> Self {
        let backoff = Backoff { first: FIRST_DELAY, longest: MAX_DELAY, attempts_max: u32::MAX, seed };
        Self { backoff, limit: Some(limit) }
    }

    /// Never gives up, as a service.
    pub(in crate::run) fn unbounded(seed: u64) -> Self {
        Self { limit: None, ..Self::bounded(Duration::ZERO, seed) }
    }

    /// The same with delays of another seed.
    pub(in crate::run) fn with_seed(&self, seed: u64) -> Self {
        Self {
            backoff: Backoff { seed: self.backoff.seed ^ seed, ..self.backoff.clone() },
            limit: self.limit,
        }
    }
}

/// Failures in a row, without success between them.
#[derive(Debug, Default)]
pub(in crate::run) struct Outage {
    failures: u32,
    since: Option<Instant>,
    /// The last failure was a refused token, which was replaced.
    token_renewed: bool,
}

impl Outage {
    /// Counts a failure. Returns the delay before the next attempt; `None` ends the attempts.
    pub(in crate::run) fn delay_after(
        &mut self,
        recovery: Recovery,
        policy: &RetryPolicy,
        now: Instant,
    ) -> Option<Duration> {
        self.failures = self.failures.saturating_add(1);
        // The new token could not be put, or the hub accepted it before this failure.
        self.token_renewed &= recovery == Recovery::RenewToken;
        let elapsed = now.duration_since(*self.since.get_or_insert(now));
        let backoff = policy.backoff.delay(self.failures);
        let delay = match recovery {
            // The service moves a partition: the first attempt does not wait.
            Recovery::Reattach if self.failures == 1 => Duration::ZERO,
            Recovery::Reattach | Recovery::Reconnect => backoff,
            Recovery::Wait(min) => min + backoff,
            Recovery::AwaitOperator(delay) if policy.limit.is_none() => delay,
            Recovery::AwaitOperator(_)
            | Recovery::RenewToken
            | Recovery::HandBack
            | Recovery::FindPosition
            | Recovery::End => return None,
        };
        policy.limit.is_none_or(|limit| elapsed + delay < limit).then_some(delay)
    }

    /// The time for one attempt: what is left of the limit. `None` without a limit, and with a single attempt.
    pub(in crate::run) fn attempt_limit(&self, policy: &RetryPolicy, now: Instant) -> Option<Duration> {
        let limit = policy.limit.filter(|limit| !limit.is_zero())?;
        let elapsed = self.since.map_or(Duration::ZERO, |since| now.duration_since(since));
        Some(limit.saturating_sub(elapsed).max(MIN_ATTEMPT))
    }

    /// A link has ended: a success before this failure if it brought events or lasted.
    pub(in crate::run) fn on_link_end(&mut self, brought_events: bool, lasted: Duration) {
        if brought_events || lasted >= LASTING {
            *self = Self::default();
        }
    }

    /// Returns whether a refused token may be replaced: once in a row, because a refused new token is final.
    pub(in crate::run) fn may_renew_token(&mut self) -> bool {
        !std::mem::replace(&mut self.token_renewed, true)
    }

    /// Failures so far.
    pub(in crate::run) fn failures(&self) -> u32 {
        self.failures
    }
}

/// Time after which a link counts as a success even if it has brought no event: an idle partition is detached after ten
/// minutes or more.
const LASTING: Duration = Duration::from_mins(1);
/// Lower bound on the time for one attempt: a connection through a proxy takes a few round trips.
const MIN_ATTEMPT: Duration = Duration::from_secs(2);
/// Delay after the first failure: most losses are over at once.
const FIRST_DELAY: Duration = Duration::from_millis(200);
/// Upper bound of a delay: two attempts a minute to a hub that is down, and back within half a minute.
const MAX_DELAY: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn delays(recovery: Recovery, policy: &RetryPolicy, count: usize) -> Vec<Option<Duration>> {
        let mut outage = Outage::default();
        let mut now = Instant::now();
        let mut next = || {
            let delay = outage.delay_after(recovery, policy, now);
            now += delay.unwrap_or_default();
            delay
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn service_never_gives_up_and_its_delays_are_capped() {
        let delays = delays(Recovery::Reconnect, &RetryPolicy::unbounded(1), 10_000);
        assert!(delays.iter().all(|delay| delay.is_some_and(|delay| delay <= MAX_DELAY)));
        assert!(delays[0] < Some(FIRST_DELAY) && delays[9_999] >= Some(MAX_DELAY / 2));
    }

    #[test]
    fn bounded_run_gives_up_after_its_limit() {
        let policy = RetryPolicy::bounded(5 * MINUTE, 1);
        for recovery in [Recovery::Reattach, Recovery::Reconnect, Recovery::Wait(Duration::from_secs(4))] {
            let delays = delays(recovery, &policy, 100);
            let waited: Duration = delays.iter().map_while(|delay| *delay).sum();
            assert!(delays.contains(&None) && waited < 5 * MINUTE && waited > 4 * MINUTE, "{waited:?}");
        }
    }

    #[test]
    fn an_attempt_gets_what_is_left_of_the_limit() {
        let (policy, now) = (RetryPolicy::bounded(MINUTE, 1), Instant::now());
        let mut outage = Outage::default();
        assert_eq!(outage.attempt_limit(&policy, now), Some(MINUTE));
        outage.delay_after(Recovery::Reconnect, &policy, now);
        assert_eq!(outage.attempt_limit(&policy, now + MINUTE / 3), Some(MINUTE / 3 * 2));
        assert_eq!(outage.attempt_limit(&policy, now + MINUTE), Some(MIN_ATTEMPT));
        for policy in [RetryPolicy::unbounded(1), RetryPolicy::bounded(Duration::ZERO, 1)] {
            assert_eq!(outage.attempt_limit(&policy, now), None);
        }
    }

    #[test]
    fn limit_of_zero_gives_up_at_once() {
        assert_eq!(delays(Recovery::Reattach, &RetryPolicy::bounded(Duration::ZERO, 1), 1), [None]);
    }

    #[test]
    fn moved_partition_is_attached_at_once_and_then_with_delays() {
        let delays = delays(Recovery::Reattach, &RetryPolicy::unbounded(1), 2);
        assert_eq!(delays[0], Some(Duration::ZERO));
        assert!(delays[1] > Some(Duration::ZERO));
    }

    #[test]
    fn busy_hub_gets_the_time_that_it_asks_for() {
        let four = Duration::from_secs(4);
        let delays = delays(Recovery::Wait(four), &RetryPolicy::unbounded(1), 5);
        assert!(delays.iter().all(|delay| *delay > Some(four)));
    }

    #[test]
    fn service_waits_for_an_operator_and_a_bounded_run_does_not() {
        let recovery = Recovery::AwaitOperator(MINUTE);
        assert_eq!(delays(recovery, &RetryPolicy::unbounded(1), 2), [Some(MINUTE); 2]);
        assert_eq!(delays(recovery, &RetryPolicy::bounded(5 * MINUTE, 1), 1), [None]);
    }

    #[test]
    fn token_is_renewed_once() {
        let mut outage = Outage::default();
        assert!(outage.may_renew_token());
        assert!(!outage.may_renew_token());
        outage.on_link_end(true, Duration::ZERO);
        assert!(outage.may_renew_token(), "the link brought events in between");
        assert!(
            outage.delay_after(Recovery::Reconnect, &RetryPolicy::unbounded(1), Instant::now()).is_some()
        );
        assert!(outage.may_renew_token(), "the new token could not be put");
    }

    #[test]
    fn errors_without_a_retry_end_at_once() {
        for recovery in [Recovery::End, Recovery::HandBack, Recovery::FindPosition, Recovery::RenewToken] {
            assert_eq!(delays(recovery, &RetryPolicy::unbounded(1), 1), [None]);
        }
    }
}
