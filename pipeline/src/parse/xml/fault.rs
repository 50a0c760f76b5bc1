//! What is wrong with a text that is not XML, in words.

use quick_xml::Error;
use quick_xml::errors::{IllFormedError, SyntaxError};

use crate::event::{Reason, Reject};

/// What is said of a text that just stops.
pub(super) const INCOMPLETE: &str = "it ends before it is complete";

/// A reject with words and place.
pub(super) fn not_xml(words: &str, at: usize) -> Reject {
    Reject::at(Reason::NotXml(words.to_owned()), at)
}

/// The reject for what quick-xml said of a text.
pub(super) fn describe(error: &Error, at: usize, text: &str) -> Reject {
    let words = match error {
        Error::Syntax(SyntaxError::UnclosedDoctype)
        | Error::IllFormed(IllFormedError::MissingDoctypeName) => {
            return Reject::at(Reason::Doctype, at);
        }
        Error::Syntax(SyntaxError::InvalidBangMarkup) if !text[at.min(text.len())..].contains('>') => {
            INCOMPLETE
        }
        Error::Syntax(SyntaxError::InvalidBangMarkup) => "nothing in XML begins like this",
        Error::Syntax(_) => INCOMPLETE,
        Error::IllFormed(IllFormedError::MismatchedEndTag { .. }) => {
            "another element ends than the one that is open"
        }
        Error::IllFormed(IllFormedError::UnmatchedEndTag(_)) => "an element ends that did not begin",
        Error::IllFormed(IllFormedError::UnclosedReference) => "a reference has no end",
        Error::Namespace(_) => "no namespace is declared like this",
        Error::InvalidAttr(_) => "no attribute is written like this",
        _ => "no XML is written like this",
    };
    not_xml(words, at)
}
