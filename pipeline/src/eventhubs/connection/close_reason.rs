//! The reason why a connection, a session or a link has ended. One reason may concern many links.

use crate::amqp::performatives::Condition;
use crate::eventhubs::error::Error;

/// The reason of an end.
#[derive(Clone, Debug)]
pub(crate) enum CloseReason {
    /// The hub stated an error.
    Remote {
        /// The AMQP error condition.
        condition: String,
        /// The hub's description.
        text: String,
    },
    /// The hub stated no error, or could not.
    Lost(String),
}

impl CloseReason {
    /// The error that the hub stated; without one, `fallback` describes the end.
    pub(crate) fn new(condition: Option<Condition<'_>>, fallback: &str) -> Self {
        match condition {
            Some(Condition { condition, description }) => {
                Self::Remote { condition: condition.to_owned(), text: description.to_owned() }
            }
            None => Self::Lost(fallback.to_owned()),
        }
    }

    /// The error for one of the links it concerns.
    pub(crate) fn error(&self, subject: &str) -> Error {
        match self {
            Self::Remote { condition, text } => Error::refused(subject, condition, text),
            Self::Lost(what) => Error::lost(subject, what.as_str()),
        }
    }
}
