//! Why a connection, a session or a link is no more: said once, told to everyone it concerns.

use crate::amqp::performatives::Condition;
use crate::eventhubs::Error;

/// Why something ended.
#[derive(Clone, Debug)]
pub(super) enum Gone {
    /// The hub said why.
    Told {
        /// The AMQP error condition.
        condition: String,
        /// The hub's own words.
        text: String,
    },
    /// Nobody said why.
    Lost(String),
}

impl Gone {
    /// What the hub said, or `otherwise` when it said nothing.
    pub(super) fn told(condition: Option<Condition<'_>>, otherwise: &str) -> Self {
        match condition {
            Some(Condition { condition, description }) => {
                Self::Told { condition: condition.to_owned(), text: description.to_owned() }
            }
            None => Self::Lost(otherwise.to_owned()),
        }
    }

    /// The error for one of those it concerns.
    pub(super) fn error(&self, subject: &str) -> Error {
        match self {
            Self::Told { condition, text } => Error::refused(subject, condition, text),
            Self::Lost(what) => Error::lost(subject, what.as_str()),
        }
    }
}
