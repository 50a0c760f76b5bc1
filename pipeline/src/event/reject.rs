//! Why a body cannot become an event. The answer is always the same: quarantine.

use std::fmt;

/// Why a body cannot become an event, and where that shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// What is wrong.
    pub reason: Reason,
    /// Where in the body it shows, in bytes from its start, if there is such a place.
    pub byte_offset: Option<usize>,
}

impl Reject {
    /// A reject without a place.
    pub fn new(reason: Reason) -> Self {
        Self { reason, byte_offset: None }
    }

    /// A reject with its place.
    pub fn at(reason: Reason, byte_offset: usize) -> Self {
        Self { reason, byte_offset: Some(byte_offset) }
    }
}

/// What is wrong with a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There are no bytes, or only white space.
    Empty,
    /// It begins like XML, which this version does not read.
    Xml,
    /// It begins like .NET binary XML, which no version reads.
    BinaryXml,
    /// Its bytes are not UTF-8.
    InvalidUtf8,
    /// It is not JSON; the parser's words.
    NotJson(String),
    /// Objects and lists stand deeper in each other than any event does.
    TooDeep,
    /// It is larger than an event can be.
    TooLarge,
    /// It is JSON, but no object.
    NotAnObject,
    /// It is an object, but no `RemoteExecutionContext`: it has no `MessageName`.
    NoMessageName,
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => out.write_str("the body is empty"),
            Self::Xml => out.write_str(
                "the body is XML, which this version does not read; register the endpoint with JSON",
            ),
            Self::BinaryXml => out.write_str("the body is .NET binary XML; register the endpoint with JSON"),
            Self::InvalidUtf8 => out.write_str("the body is not UTF-8"),
            Self::NotJson(why) => write!(out, "the body is not JSON: {why}"),
            Self::TooDeep => out.write_str("the body is nested too deep"),
            Self::TooLarge => out.write_str("the body is too large"),
            Self::NotAnObject => out.write_str("the body is JSON but no object"),
            Self::NoMessageName => {
                out.write_str("the body is no RemoteExecutionContext: it names neither a message nor a table")
            }
        }
    }
}
