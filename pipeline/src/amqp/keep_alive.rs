//! Keep-alive of a connection: when a heartbeat is due, and when the peer is silent for too long.
//!
//! Owns the deadlines of both directions, and noticing that the machine was suspended. Does not own: a clock, which the
//! caller reads, or the socket. Client and emulator use it.
//!
//! # A machine that slept
//! The monotonic clock of Linux and macOS stops while the machine is suspended: after a night, a connection looks as
//! fresh as before it, although the peer has closed it long ago, and the idle timeout would need its full time again to
//! notice. Wall-clock time goes on. So a caller that gives it to [`check`](KeepAlive::check) learns within seconds that
//! more wall-clock time than the idle timeout went by unmeasured. A wall clock that is set forward by as much looks the
//! same; then the connection is opened again without need, once.

use std::time::{Duration, Instant};

use crate::clock::UnixMillis;

/// The deadlines of one connection.
#[derive(Debug)]
pub struct KeepAlive {
    /// The peer is silent when nothing was received for this time.
    idle_timeout: Duration,
    /// A heartbeat is due when nothing was sent for this time.
    heartbeat_interval: Option<Duration>,
    received: Instant,
    sent: Instant,
    /// Both clocks at the last check; `None` without wall-clock time.
    checked: Option<(Instant, UnixMillis)>,
}

/// The duty at a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// None yet.
    Nothing,
    /// A frame has to be sent, for instance an empty one. It counts as sent: if the socket is full, the bytes in it are
    /// a sign of life once the peer reads them.
    Heartbeat,
    /// The peer has sent nothing for the idle timeout.
    Silent,
    /// The machine was suspended for this time, which is longer than the idle timeout.
    Suspended(Duration),
}

impl KeepAlive {
    /// Starts at `now`. A peer that sends nothing for `idle_timeout` is silent.
    pub fn new(now: Instant, idle_timeout: Duration) -> Self {
        Self { idle_timeout, heartbeat_interval: None, received: now, sent: now, checked: None }
    }

    /// Notices a suspended machine too; `wall` is the wall-clock time at `now`.
    #[must_use]
    pub fn with_wall_clock(self, now: Instant, wall: UnixMillis) -> Self {
        Self { checked: Some((now, wall)), ..self }
    }

    /// Sets the idle timeout that the peer has stated in its Open: a heartbeat is due after half of it.
    pub fn set_peer_timeout(&mut self, timeout: Option<Duration>) {
        self.heartbeat_interval = timeout.map(|timeout| (timeout / 2).max(MIN_HEARTBEAT_INTERVAL));
    }

    /// Bytes were received.
    pub fn on_received(&mut self, now: Instant) {
        self.received = now;
    }

    /// Bytes were sent.
    pub fn on_sent(&mut self, now: Instant) {
        self.sent = now;
    }

    /// The next moment to [`check`](Self::check).
    pub fn next_deadline(&self) -> Instant {
        let silence = self.received + self.idle_timeout;
        let heartbeat = self.heartbeat_interval.map(|interval| self.sent + interval);
        let check = self.checked.map(|(checked, _)| checked + CHECK_INTERVAL_MAX.min(self.idle_timeout / 4));
        [heartbeat, check].into_iter().flatten().fold(silence, Instant::min)
    }

    /// Returns the duty at `now`. `wall` is read at the same moment; without [`with_wall_clock`](Self::with_wall_clock)
    /// it counts for nothing.
    pub fn check(&mut self, now: Instant, wall: UnixMillis) -> Due {
        if let Some((checked, earlier)) = &mut self.checked {
            let unmeasured = wall.since(*earlier).saturating_sub(now.saturating_duration_since(*checked));
            (*checked, *earlier) = (now, wall);
            if unmeasured > self.idle_timeout {
                return Due::Suspended(unmeasured);
            }
        }
        if now.saturating_duration_since(self.received) >= self.idle_timeout {
            return Due::Silent;
        }
        let is_due = |interval| now.saturating_duration_since(self.sent) >= interval;
        if self.heartbeat_interval.is_some_and(is_due) {
            self.sent = now;
            return Due::Heartbeat;
        }
        Due::Nothing
    }
}

/// Lower bound on the interval of heartbeats. A peer may state any idle timeout, and one of a millisecond would have us
/// write without a pause; no known peer states less than some seconds.
const MIN_HEARTBEAT_INTERVAL: Duration = Duration::from_millis(100);

/// Upper bound on the time between two looks at the wall clock: too rare to cost anything. A quarter of the idle timeout
/// is one too: the jump of the clocks is to be noticed before silence is.
const CHECK_INTERVAL_MAX: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    const START: UnixMillis = UnixMillis::new(1_700_000_000_000);
    const IDLE: Duration = Duration::from_mins(1);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[expect(clippy::disallowed_methods, reason = "a test begins at any instant")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn peer_is_silent_after_the_idle_timeout_without_bytes() {
        let start = start();
        let mut keep_alive = KeepAlive::new(start, IDLE);
        assert_eq!(keep_alive.next_deadline(), start + IDLE);
        keep_alive.on_received(start + seconds(59));
        assert_eq!(keep_alive.check(start + seconds(60), START), Due::Nothing);
        assert_eq!(keep_alive.next_deadline(), start + seconds(119));
        assert_eq!(keep_alive.check(start + seconds(119), START), Due::Silent);
    }

    #[test]
    fn heartbeat_is_due_after_half_of_the_idle_timeout_of_the_peer() {
        let start = start();
        let mut keep_alive = KeepAlive::new(start, IDLE);
        keep_alive.set_peer_timeout(Some(seconds(40)));
        assert_eq!(keep_alive.next_deadline(), start + seconds(20));
        assert_eq!(keep_alive.check(start + seconds(19), START), Due::Nothing);
        keep_alive.on_sent(start + seconds(19));
        assert_eq!(keep_alive.check(start + seconds(20), START), Due::Nothing);
        assert_eq!(keep_alive.check(start + seconds(39), START), Due::Heartbeat);
        assert_eq!(keep_alive.check(start + seconds(40), START), Due::Nothing);
        assert_eq!(keep_alive.next_deadline(), start + seconds(59));
    }

    #[test]
    fn tiny_idle_timeout_of_a_peer_does_not_make_heartbeats_without_a_pause() {
        let start = start();
        let mut keep_alive = KeepAlive::new(start, IDLE);
        keep_alive.set_peer_timeout(Some(Duration::from_millis(1)));
        let mut now = start;
        for _ in 0..10 {
            now = keep_alive.next_deadline();
            assert_eq!(keep_alive.check(now, START), Due::Heartbeat);
        }
        assert_eq!(now, start + seconds(1), "ten heartbeats take a second");
    }

    #[test]
    fn suspended_machine_is_noticed_at_the_next_check() {
        let start = start();
        let mut keep_alive = KeepAlive::new(start, IDLE).with_wall_clock(start, START);
        let now = keep_alive.next_deadline();
        assert_eq!(now, start + CHECK_INTERVAL_MAX);
        // As much wall-clock time as monotonic time; a short nap; and a wall clock that is set back.
        let checks = [(5, 5), (10, 65), (15, 10)];
        for (monotonic, wall) in checks {
            keep_alive.on_received(start + seconds(monotonic));
            assert_eq!(keep_alive.check(start + seconds(monotonic), START + seconds(wall)), Due::Nothing);
        }
        let woken = keep_alive.check(start + seconds(20), START + seconds(10 + 5 + 3_600));
        assert_eq!(woken, Due::Suspended(seconds(3_600)));
    }

    #[test]
    fn wall_clock_counts_only_if_it_is_asked_for() {
        let start = start();
        let mut keep_alive = KeepAlive::new(start, IDLE);
        assert_eq!(keep_alive.check(start, START), Due::Nothing);
        assert_eq!(keep_alive.check(start + seconds(1), START + seconds(3_600)), Due::Nothing);
    }
}
