//! An error with its causes, in one line.
//!
//! Owns that no text of a chain is repeated. Does not own escaping and masking: a program does both where it shows a
//! text.

use std::error::Error;
use std::fmt;

/// Shows an error and its causes, outermost first, separated by `: `.
///
/// Some libraries repeat the text of the cause in the error, and some causes begin with the text of the error above
/// them. A text that an outer error already contains is left out.
pub fn error_chain<'a>(error: &'a (dyn Error + 'static)) -> impl fmt::Display + 'a {
    ErrorChain(error)
}

struct ErrorChain<'a>(&'a (dyn Error + 'static));

impl fmt::Display for ErrorChain<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&distinct_texts(self.0).join(": "))
    }
}

fn distinct_texts(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        next = error.source();
        let text = error.to_string();
        if text.is_empty() || texts.iter().any(|outer| contains_words(outer, &text)) {
            continue;
        }
        // "partition 1" above "partition 1 of orders: …": the longer one suffices.
        if texts.last().is_some_and(|outer| text.starts_with(outer.as_str()) && contains_words(&text, outer))
        {
            texts.pop();
        }
        texts.push(text);
    }
    texts
}

/// True if a text contains another as whole words.
fn contains_words(text: &str, words: &str) -> bool {
    text.match_indices(words).any(|(at, _)| {
        let is_letter = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
        !is_letter(text[..at].chars().next_back()) && !is_letter(text[at + words.len()..].chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<Layer>>);

    impl fmt::Display for Layer {
        fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str(self.0)
        }
    }

    impl Error for Layer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|cause| cause as &(dyn Error + 'static))
        }
    }

    #[test]
    fn repeated_texts_are_shown_once() {
        for (texts, expected) in [
            (&["put a file", "no space left"][..], "put a file: no space left"),
            (&["partition 1", "partition 1 of hub: gone"], "partition 1 of hub: gone"),
            (&["partition 1", "partition 12 of hub: gone"], "partition 1: partition 12 of hub: gone"),
            (&["Generic error: walk x: denied", "walk x: denied", "denied"], "Generic error: walk x: denied"),
            (&["read", "", "read"], "read"),
            (&["a", "b", "a"], "a: b"),
        ] {
            let chain = texts.iter().rev().fold(None, |cause, text| Some(Box::new(Layer(text, cause))));
            assert_eq!(error_chain(&*chain.unwrap()).to_string(), expected);
        }
    }
}
