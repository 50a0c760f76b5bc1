//! Text that was read as a name of a lake and is not one.

/// Text that is not a name of a lake.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not a source.
    #[error("{text:?} is not a source: expected <log>-<generation>-p<partition>")]
    SourceId {
        /// The text.
        text: String,
    },
    /// Not a day.
    #[error("{text:?} is not a day: expected year-month-day as in 2026-11-22")]
    Date {
        /// The text.
        text: String,
    },
}
