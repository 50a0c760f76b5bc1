//! Announcement of the expiry of a token that can't be renewed, as a pure function.
//!
//! Does not own: the log (`source`).

use std::time::Duration;

use crate::clock::UnixMillis;

/// The time that is left until the expiry, in steps that are each announced once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Notice {
    /// More than a day.
    Later,
    /// A day at most.
    Day,
    /// An hour at most.
    Hour,
    /// Ten minutes at most.
    Minutes,
    /// None.
    Expired,
}

impl Notice {
    /// The step at `now`.
    pub(super) fn at(now: UnixMillis, expiry: UnixMillis) -> Self {
        if now >= expiry {
            return Self::Expired;
        }
        let left = expiry.since(now);
        let steps = [(Self::Minutes, TEN_MINUTES), (Self::Hour, HOUR), (Self::Day, DAY)];
        steps.into_iter().find(|(_, within)| left <= *within).map_or(Self::Later, |(step, _)| step)
    }

    /// The text of its warning; `None` if the expiry is far.
    pub(super) fn warning(self) -> Option<&'static str> {
        match self {
            Self::Later => None,
            Self::Day => Some("the shared access signature expires within 24 hours"),
            Self::Hour => Some("the shared access signature expires within an hour"),
            Self::Minutes => Some("the shared access signature expires within ten minutes"),
            Self::Expired => Some("the shared access signature has expired"),
        }
    }
}

const TEN_MINUTES: Duration = Duration::from_mins(10);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_announced_a_day_an_hour_and_ten_minutes_ahead() {
        let expiry = UnixMillis::new(1_700_000_000_000);
        for (seconds_left, expected) in [
            (86_401, Notice::Later),
            (86_400, Notice::Day),
            (3_601, Notice::Day),
            (3_600, Notice::Hour),
            (601, Notice::Hour),
            (600, Notice::Minutes),
            (1, Notice::Minutes),
            (0, Notice::Expired),
            (-1, Notice::Expired),
        ] {
            let now = UnixMillis::new(expiry.get() - seconds_left * 1000);
            assert_eq!(Notice::at(now, expiry), expected, "{seconds_left} s");
            assert_eq!(expected.warning().is_some(), seconds_left <= 86_400, "{seconds_left} s");
        }
    }
}
