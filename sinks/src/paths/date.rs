//! Days, as folders name them.

use std::fmt;
use std::str::FromStr;

use jiff::civil;
use serde::{Deserialize, Serialize};

use super::error::Error;

/// A day in UTC.
///
/// # Units
/// Days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Date(i32);

impl Date {
    /// The day of rows whose time is unknown: 1970-01-01.
    pub const UNKNOWN: Self = Self(0);

    /// The day that is this many days after 1970-01-01.
    pub const fn from_unix_days(days: i32) -> Self {
        Self(days)
    }

    /// Days since 1970-01-01.
    pub const fn unix_days(self) -> i32 {
        self.0
    }

    /// The day of an instant.
    pub fn from_unix_ms(milliseconds: i64) -> Self {
        const DAY_MS: i64 = 24 * 60 * 60 * 1000;
        // Floor division: an instant before 1970 belongs to the day that contains it, not to the next one.
        let days = milliseconds.div_euclid(DAY_MS);
        // Days outside the years 0 to 9999 have no name of ten characters: the nearest day with one is taken.
        Self(days.clamp(i64::from(FIRST_DAY), i64::from(LAST_DAY)) as i32)
    }
}

/// 0000-01-01 and 9999-12-31: the days with a name of ten characters.
const FIRST_DAY: i32 = -719_528;
const LAST_DAY: i32 = 2_932_896;

/// Day 0 of [`Date`].
const EPOCH: civil::Date = civil::date(1970, 1, 1);

impl fmt::Display for Date {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.0.clamp(FIRST_DAY, LAST_DAY);
        let date = EPOCH.saturating_add(jiff::Span::new().days(days));
        write!(out, "{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
    }
}

impl FromStr for Date {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = || Error::Date { text: text.to_owned() };
        let date: civil::Date = text.parse().map_err(|_| invalid())?;
        let days = EPOCH.until(date).map_err(|_| invalid())?.get_days();
        let parsed = Self(days);
        if parsed.to_string() == text { Ok(parsed) } else { Err(invalid()) }
    }
}

impl TryFrom<String> for Date {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Date> for String {
    fn from(date: Date) -> Self {
        date.to_string()
    }
}
