//! A refusal: an error condition for programs and the service's text for people.

use crate::amqp::performatives::Condition;

/// Reason for which a link, a request or a connection is refused or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) condition: &'static str,
    pub(super) text: String,
}

impl Refusal {
    pub(super) fn new(condition: &'static str, text: impl Into<String>) -> Self {
        Self { condition, text: text.into() }
    }

    /// Returns the refusal in its wire form.
    pub(super) fn wire(&self) -> Condition<'_> {
        Condition { condition: self.condition, description: &self.text }
    }
}
