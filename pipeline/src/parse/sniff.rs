//! Format of a body, from its first bytes.
//!
//! Owns: the byte order mark, JSON or XML, binary XML, UTF-8. Does not own: whether a text is well-formed.

use super::limits::{self, MAX_BODY};
use crate::event::{Reason, Reject};

/// The text of a body, with its format.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sniffed<'a> {
    /// The body without its byte order mark.
    pub(super) text: &'a str,
    /// Offset of the text in the body.
    pub(super) start: usize,
    /// Format, from the first character that is not white space.
    pub(super) format: Format,
    /// The text begins like a JSON string.
    pub(super) quoted: bool,
}

/// The two formats of events. The content type that a sender states is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Xml,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Detects the format of a body.
///
/// # Errors
/// A [`Reject`] for a body that is empty, too large, or not text in UTF-8.
pub(super) fn sniff(body: &[u8]) -> Result<Sniffed<'_>, Reject> {
    if body.len() > MAX_BODY {
        return Err(limits::too_large("bytes", MAX_BODY));
    }
    let bytes = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let start = body.len() - bytes.len();
    let Some(first) = bytes.iter().position(|byte| !byte.is_ascii_whitespace()) else {
        return Err(Reject::new(Reason::Empty));
    };
    if is_binary_xml(bytes) {
        return Err(Reject::at(Reason::BinaryXml, start));
    }
    if let Some(encoding) = other_encoding(bytes) {
        return Err(Reject::at(Reason::Encoded(encoding), start));
    }
    let text = simdutf8::basic::from_utf8(bytes).map_err(|_| Reject {
        reason: Reason::InvalidUtf8,
        // simdutf8 does not report the offset; the standard library does.
        byte_offset: std::str::from_utf8(bytes).err().map(|error| start + error.valid_up_to()),
    })?;
    let format = if bytes[first] == b'<' { Format::Xml } else { Format::Json };
    Ok(Sniffed { text, start, format, quoted: bytes[first] == b'"' })
}

/// An encoding other than UTF-8 that the first bytes reveal. Neither JSON nor XML begins like this.
fn other_encoding(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x1f, 0x8b, ..] => Some("compressed with gzip"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [b'{' | b'<', 0, ..] | [0, b'{' | b'<', ..] => Some("UTF-16"),
        _ => None,
    }
}

/// True if the bytes begin with an element record of .NET binary XML (MC-NBFX, 2.2.1): 0x40 to 0x77, then the length of
/// a name or a dictionary index, both small. The second byte of JSON is never such a control character.
fn is_binary_xml(bytes: &[u8]) -> bool {
    match bytes {
        [b'@', ..] => true,
        [0x41..=0x77, second, ..] => *second < 0x20 && !second.is_ascii_whitespace(),
        _ => false,
    }
}
