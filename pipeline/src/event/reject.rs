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
    /// The AMQP message can't be decoded, so that what is kept is the whole message and not its body; what is wrong.
    Undecodable(String),
    /// There are no bytes, or only white space.
    Empty,
    /// It begins like .NET binary XML, which no version reads.
    BinaryXml,
    /// Its bytes are not UTF-8.
    InvalidUtf8,
    /// Its bytes begin like those of another encoding or of a compressed text, which is never read; what it is.
    Encoded(&'static str),
    /// It is not JSON; the parser's words.
    NotJson(String),
    /// It holds `NaN`, `INF` or `-INF` as the serializer writes them, which no JSON has.
    NotFinite(&'static str),
    /// It begins like XML and is none; the parser's words.
    NotXml(String),
    /// It has a document type. None is read, so that nothing is expanded or fetched.
    Doctype,
    /// It refers to an entity that is not one of XML's own five.
    Entity,
    /// It is XML, but its outermost element is no `RemoteExecutionContext`.
    OtherElement,
    /// Objects and lists stand deeper in each other than any event does.
    TooDeep,
    /// It is larger than an event can be, or would take too much memory for its size.
    TooLarge {
        /// The kind of item that exceeds its bound.
        of: &'static str,
        /// The bound for a body of its size.
        max: usize,
    },
    /// It is JSON, but no object.
    NotAnObject,
    /// It is an object, but no `RemoteExecutionContext`: it has no `MessageName`.
    NoMessageName,
}

impl Reason {
    /// Prefix of the reasons for messages that can't be decoded, and of no others. It marks their rows in
    /// `_quarantine`.
    pub const UNDECODABLE: &str = "the AMQP message can't be decoded: ";
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Undecodable(why) => write!(out, "{}{why}", Self::UNDECODABLE),
            Self::Empty => out.write_str("the body is empty"),
            Self::BinaryXml => {
                out.write_str("the body is .NET binary XML; register the endpoint with JSON or XML")
            }
            Self::InvalidUtf8 => out.write_str("the body is not UTF-8"),
            Self::Encoded(how) => write!(out, "the body is {how}; send it as plain UTF-8"),
            Self::NotJson(why) => write!(out, "the body is not JSON: {why}"),
            Self::NotFinite(number) => {
                write!(out, "the body is not JSON: it holds the number {number}, which JSON cannot write")
            }
            Self::NotXml(why) => write!(out, "the body is not XML: {why}"),
            Self::Doctype => out.write_str("the body has a document type (DOCTYPE), which is never read"),
            Self::Entity => out.write_str(
                "the body refers to an entity of its own; only lt, gt, amp, apos and quot are read",
            ),
            Self::OtherElement => out.write_str(
                "the body is not a RemoteExecutionContext: its outermost element has another name or namespace",
            ),
            Self::TooDeep => out.write_str("the body is nested too deep"),
            Self::TooLarge { of, max } => write!(out, "the body is too large: it has more than {max} {of}"),
            Self::NotAnObject => out.write_str("the body is JSON but no object"),
            Self::NoMessageName => {
                out.write_str("the body is not a RemoteExecutionContext: it names neither a message nor a table")
            }
        }
    }
}
