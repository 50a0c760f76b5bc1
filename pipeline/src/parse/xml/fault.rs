//! Reasons for texts that are not XML.

use quick_xml::Error;
use quick_xml::errors::{IllFormedError, SyntaxError};

use crate::event::{Reason, Reject};

pub(super) const INCOMPLETE: &str = "it ends before it is complete";
pub(super) const MALFORMED_ATTRIBUTE: &str = "malformed attribute";
pub(super) const UNTERMINATED_REFERENCE: &str = "a reference without its semicolon";

/// The reject for a text that is not XML, for a reason that shows at `at`.
pub(super) fn not_xml(words: &str, at: usize) -> Reject {
    Reject::at(Reason::NotXml(words.to_owned()), at)
}

/// The reject for an error of quick-xml.
pub(super) fn describe(error: &Error, at: usize, text: &str) -> Reject {
    let words = match error {
        Error::Syntax(SyntaxError::UnclosedDoctype)
        | Error::IllFormed(IllFormedError::MissingDoctypeName) => {
            return Reject::at(Reason::Doctype, at);
        }
        Error::Syntax(SyntaxError::InvalidBangMarkup) if !text[at.min(text.len())..].contains('>') => {
            INCOMPLETE
        }
        Error::Syntax(SyntaxError::InvalidBangMarkup) => "unknown markup after `<!`",
        Error::Syntax(_) => INCOMPLETE,
        Error::IllFormed(IllFormedError::MismatchedEndTag { .. }) => {
            "an end tag that does not match the open element"
        }
        Error::IllFormed(IllFormedError::UnmatchedEndTag(_)) => "an end tag without its element",
        Error::IllFormed(IllFormedError::UnclosedReference) => UNTERMINATED_REFERENCE,
        Error::Namespace(_) => "malformed namespace declaration",
        Error::InvalidAttr(_) => MALFORMED_ATTRIBUTE,
        _ => "malformed markup",
    };
    not_xml(words, at)
}
