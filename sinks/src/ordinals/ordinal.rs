//! One place in a source.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A place in a source: the number of one event. Numbers rise, and may leave gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ordinal(i64);

impl Ordinal {
    /// The lowest ordinal that the type can hold. Sources number their events from 0.
    pub const MIN: Self = Self(i64::MIN);

    /// The highest ordinal that the type can hold.
    pub const MAX: Self = Self(i64::MAX);

    /// The ordinal with this number.
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The ordinal above; [`Ordinal::MAX`] is its own.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The ordinal below; [`Ordinal::MIN`] is its own.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// The ordinal above; `None` above [`Ordinal::MAX`].
    pub const fn checked_next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }
}

impl fmt::Display for Ordinal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}
