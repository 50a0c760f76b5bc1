//! Connections without links: the service closes them, although they are not idle.
//!
//! Owns the two rules and their text. Does not own: a clock, which the caller reads, or the socket.
//!
//! # Source
//! Protocol reference 1.5.

use std::time::{Duration, Instant};

use crate::amqp::condition;

use super::refusal::Refusal;

/// Times after which a connection without links is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkTimeouts {
    /// Of a connection that has not had a link yet, handshake included.
    pub first: Duration,
    /// Of a connection that has lost its last link.
    pub again: Duration,
}

/// The times of the service.
impl Default for LinkTimeouts {
    fn default() -> Self {
        Self { first: Duration::from_mins(1), again: Duration::from_mins(5) }
    }
}

/// Watches one connection.
#[derive(Debug)]
pub(super) struct LinkWatch {
    timeouts: LinkTimeouts,
    /// Time of the connection, or of the end of its last link; `None` while it has links.
    without: Option<Instant>,
    had_links: bool,
}

impl LinkWatch {
    /// Starts with a connection at `now`.
    pub(super) fn new(now: Instant, timeouts: LinkTimeouts) -> Self {
        Self { timeouts, without: Some(now), had_links: false }
    }

    /// Notes whether the connection has links at `now`.
    pub(super) fn note(&mut self, now: Instant, has_links: bool) {
        self.had_links |= has_links;
        self.without = if has_links { None } else { self.without.or(Some(now)) };
    }

    /// The moment at which the connection has to close, unless it gets a link.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.without.map(|since| since + self.timeout())
    }

    /// The reason to close the connection at `now`, if there is one.
    pub(super) fn check(&self, now: Instant) -> Option<Refusal> {
        self.deadline().filter(|deadline| *deadline <= now)?;
        let text = format!(
            "The connection was inactive for more than the allowed {} milliseconds and is closed by container \
             'LinkTracker'.",
            self.timeout().as_millis()
        );
        Some(Refusal::new(condition::CONNECTION_FORCED, text))
    }

    fn timeout(&self) -> Duration {
        if self.had_links { self.timeouts.again } else { self.timeouts.first }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a test begins at any instant")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn connection_without_a_link_is_closed_after_a_minute_and_after_its_last_link_in_five() {
        let start = start();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut watch = LinkWatch::new(start, LinkTimeouts::default());
        watch.note(at(30), false);
        assert_eq!((watch.deadline(), watch.check(at(59))), (Some(at(60)), None));
        let refusal = watch.check(at(60)).unwrap();
        assert_eq!(refusal.condition, condition::CONNECTION_FORCED);
        assert!(refusal.text.contains("the allowed 60000 milliseconds"), "{}", refusal.text);
        watch.note(at(60), true);
        assert_eq!((watch.deadline(), watch.check(at(10_000))), (None, None));
        watch.note(at(100), false);
        watch.note(at(200), false);
        assert_eq!((watch.deadline(), watch.check(at(399))), (Some(at(400)), None));
        assert!(watch.check(at(400)).unwrap().text.contains("the allowed 300000 milliseconds"));
    }
}
