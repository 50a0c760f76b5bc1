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
        Condition { condition: self.condition, description: cut(&self.text, MAX_TEXT_BYTES) }
    }
}

/// Length of the text of a refusal on the wire, bytes: texts may repeat parts of a frame, and have to fit into one.
const MAX_TEXT_BYTES: usize = 1_024;

/// Cuts a text to this number of bytes, between two characters.
fn cut(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!((cut("aé", 2), cut("aé", 3), cut("aé", 9), cut("", 0)), ("a", "aé", "aé", ""));
    }
}
