//! What went wrong with the hub, and what a caller can do about it.

/// What went wrong with the hub.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The hub said no.
    #[error("{subject}: {condition}: {text}")]
    Refused {
        /// What was asked for, or of whom.
        subject: String,
        /// The AMQP error condition.
        condition: String,
        /// The hub's own words.
        text: String,
        /// What it means.
        kind: ErrorKind,
    },
}

/// What an error means to a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// It passes: try again, on a new connection.
    Transient,
    /// Another reader has taken the partition.
    OwnershipLost,
    /// The position is gone; going on is an explicit choice.
    PositionLost,
    /// The credentials do not open this hub.
    Unauthorized,
    /// There is no such hub, consumer group or partition.
    NotFound,
    /// Trying again will not help.
    Fatal,
}

impl Error {
    /// What it means to a caller.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused { kind, .. } => *kind,
        }
    }
}
