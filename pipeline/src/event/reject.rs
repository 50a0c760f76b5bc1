//! Reasons for quarantine.
//!
//! Owns: the reasons and their texts. Does not own: the row of a rejected body (`columns`).

use std::fmt;

/// Reason why a body is not an event, with its position. The body goes to quarantine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The reason.
    pub reason: Reason,
    /// Offset from the start of the body, in bytes, if the reason has a position.
    pub byte_offset: Option<usize>,
}

impl Reject {
    /// A reject without a position.
    pub fn new(reason: Reason) -> Self {
        Self { reason, byte_offset: None }
    }

    /// A reject with its position.
    pub fn at(reason: Reason, byte_offset: usize) -> Self {
        Self { reason, byte_offset: Some(byte_offset) }
    }
}

/// Reason why a body is not an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The AMQP message can't be decoded, for this reason. The whole message is kept instead of its body.
    Undecodable(String),
    /// The body is empty or white space.
    Empty,
    /// It begins like .NET binary XML, which is not supported.
    BinaryXml,
    /// Its bytes are not UTF-8.
    InvalidUtf8,
    /// It begins like this other encoding or compression, which is not supported.
    Encoded(&'static str),
    /// It is not JSON, for this reason.
    NotJson(String),
    /// It contains this number: `NaN`, `INF` or `-INF`, as the serializer writes them. JSON has none of them.
    NotFinite(&'static str),
    /// It begins like XML and is not XML, for this reason.
    NotXml(String),
    /// It has a document type. None is read, so that nothing is expanded or fetched.
    Doctype,
    /// It refers to an entity other than XML's five.
    Entity,
    /// It is XML, but its root is not a `RemoteExecutionContext`.
    OtherElement,
    /// It is nested deeper than any event.
    TooDeep,
    /// It is larger than an event can be, or would take too much memory for its size.
    TooLarge {
        /// The kind of item that exceeds its bound.
        of: &'static str,
        /// The bound for a body of its size.
        max: usize,
    },
    /// It is JSON, but not an object.
    NotAnObject,
    /// It is an object, but not a `RemoteExecutionContext`: it lacks a `MessageName`.
    NoMessageName,
}

impl Reason {
    /// Prefix of the reasons for messages that can't be decoded, and of no others: it identifies their rows in
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
            Self::Encoded(encoding) => write!(out, "the body is {encoding}; send it as plain UTF-8"),
            Self::NotJson(why) => write!(out, "the body is not JSON: {why}"),
            Self::NotFinite(number) => {
                write!(out, "the body is not JSON: it contains {number}, which JSON cannot represent")
            }
            Self::NotXml(why) => write!(out, "the body is not XML: {why}"),
            Self::Doctype => out.write_str("the body has a document type (DOCTYPE), which is not supported"),
            Self::Entity => out.write_str(
                "the body refers to an unknown entity; only lt, gt, amp, apos and quot are supported",
            ),
            Self::OtherElement => out.write_str(
                "the body is not a RemoteExecutionContext: its root element has another name or namespace",
            ),
            Self::TooDeep => out.write_str("the body is nested too deeply"),
            Self::TooLarge { of, max } => write!(out, "the body is too large: it has more than {max} {of}"),
            Self::NotAnObject => out.write_str("the body is JSON but not an object"),
            Self::NoMessageName => out.write_str(
                "the body is not a RemoteExecutionContext: it names neither a message nor a table",
            ),
        }
    }
}
