//! What a body is, by its first bytes.
//!
//! Owns: byte order mark, JSON or XML, binary XML, UTF-8. Does not own: whether a text is well formed.

use super::limits::{self, MAX_BODY};
use crate::event::{Reason, Reject};

/// The text of a body that may be an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sniffed<'a> {
    /// All of the body but its byte order mark.
    pub(super) text: &'a str,
    /// Where in the body the text begins.
    pub(super) start: usize,
    /// What it begins like.
    pub(super) format: Format,
    /// It begins like a JSON string.
    pub(super) quoted: bool,
}

/// The two formats of events. The content type that a sender states decides nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Xml,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Tells what a body is.
///
/// # Errors
/// A [`Reject`] for everything that can't be text.
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
    if let Some(how) = encoding(bytes) {
        return Err(Reject::at(Reason::Encoded(how), start));
    }
    let text = simdutf8::basic::from_utf8(bytes).map_err(|_| Reject {
        reason: Reason::InvalidUtf8,
        // The quick check does not say where; the slow one does.
        byte_offset: std::str::from_utf8(bytes).err().map(|error| start + error.valid_up_to()),
    })?;
    let format = if bytes[first] == b'<' { Format::Xml } else { Format::Json };
    Ok(Sniffed { text, start, format, quoted: bytes[first] == b'"' })
}

/// Another form of text than UTF-8 that bytes begin like; no JSON and no XML does.
fn encoding(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x1f, 0x8b, ..] => Some("compressed with gzip"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [b'{' | b'<', 0, ..] | [0, b'{' | b'<', ..] => Some("UTF-16"),
        _ => None,
    }
}

/// Whether the bytes begin with an element record of .NET binary XML (MC-NBFX, 2.2.1): 0x40 to 0x77, then
/// the length of a name or a dictionary's number, both small. No JSON has such a control character second.
fn is_binary_xml(bytes: &[u8]) -> bool {
    match bytes {
        [b'@', ..] => true,
        [0x41..=0x77, second, ..] => *second < 0x20 && !second.is_ascii_whitespace(),
        _ => false,
    }
}
