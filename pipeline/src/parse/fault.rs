//! Reasons for texts that simd-json rejects, and the two repairs before its second attempt.
//!
//! Owns: reasons and offsets of `NotJson`, the repair of lone surrogates and of numbers beyond f64. Does not own: the
//! decision, which is simd-json's. Nothing here runs for a body that simd-json accepts.

use simd_json::{Error, ErrorType};

use crate::event::{Reason, Reject};

/// Replaces each escaped lone surrogate by an escaped U+FFFD of the same length. Returns true if there was one.
///
/// # Source
/// Dataverse's serializer writes each UTF-16 code unit of a string, paired or not.
pub(super) fn replace_lone_surrogates(text: &mut [u8]) -> bool {
    let mut replaced = false;
    let mut at = 0;
    while let Some(next) = text[at..].iter().position(|byte| *byte == b'\\') {
        at += next;
        at += match (code_unit(text, at), code_unit(text, at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                text[at..at + 6].copy_from_slice(b"\\ufffd");
                replaced = true;
                6
            }
            (Some(_), _) => 6,
            (None, _) => 2,
        };
        at = at.min(text.len());
    }
    replaced
}

/// Overwrites each number that may be beyond f64 by a zero and white space of the same length. Returns true if there
/// was one. Digits are read from the body, so none is lost.
pub(super) fn blank_long_numbers(text: &mut [u8]) -> bool {
    let (mut blanked, mut in_string, mut at) = (false, false, 0);
    while let Some(byte) = text.get(at) {
        let len = match byte {
            b'\\' if in_string => 2,
            b'"' => {
                in_string = !in_string;
                1
            }
            b'-' | b'0'..=b'9' if !in_string => {
                let len = text[at..].iter().take_while(|byte| is_number_byte(**byte)).count();
                let is_whole_value = at.checked_sub(1).is_none_or(|before| is_delimiter(text[before]))
                    && text.get(at + len).is_none_or(|after| is_delimiter(*after));
                if len >= SHORTEST_BEYOND_F64 && is_whole_value && is_number(&text[at..at + len]) {
                    text[at..at + len].fill(b' ');
                    text[at] = b'0';
                    blanked = true;
                }
                len
            }
            _ => 1,
        };
        at += len;
    }
    blanked
}

/// Length in bytes of the shortest number beyond f64.
const SHORTEST_BEYOND_F64: usize = "2e308".len();

fn is_number_byte(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b',' | b':' | b'[' | b']' | b'{' | b'}')
}

/// True for a number in JSON's syntax, of any value.
fn is_number(text: &[u8]) -> bool {
    let digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let (mantissa, exponent) = split_at_byte(unsigned, |byte| matches!(byte, b'e' | b'E'));
    let (integer, fraction) = split_at_byte(mantissa, |byte| byte == b'.');
    let unsigned_exponent = exponent.map(|exponent| match exponent.first() {
        Some(b'+' | b'-') => &exponent[1..],
        _ => exponent,
    });
    digits(integer)
        && (integer.len() == 1 || integer[0] != b'0')
        && fraction.is_none_or(digits)
        && unsigned_exponent.is_none_or(digits)
}

/// The parts before and after the first byte that matches; `None` after if no byte does.
fn split_at_byte(text: &[u8], matches: impl Fn(u8) -> bool) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|byte| matches(*byte)) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

/// The reject for an error of simd-json.
pub(super) fn describe(error: &Error, text: &[u8]) -> Reject {
    let (at, words) = match error.error() {
        ErrorType::DepthLimitExceeded => return Reject::at(Reason::TooDeep, error.index()),
        ErrorType::Syntax | ErrorType::InvalidEscape | ErrorType::InvalidUnicodeCodepoint => {
            // For these errors simd-json reports an offset within the string, or none.
            string_fault(text).unwrap_or((text.len(), "it ends before it is complete"))
        }
        ErrorType::InternalError => value_fault(error.index(), text),
        kind => (error.index(), words(kind)),
    };
    // simd-json reports the offset after a number's sign.
    let sign = at.checked_sub(1).filter(|before| text.get(*before) == Some(&b'-'));
    let signed = sign.unwrap_or(at);
    if let Some(number) = text.get(signed..).and_then(not_finite) {
        return Reject::at(Reason::NotFinite(number), signed);
    }
    let reason = match text.get(at) {
        Some(byte) if byte.is_ascii_graphic() => format!("{words}: '{}'", *byte as char),
        _ => words.to_owned(),
    };
    Reject::at(Reason::NotJson(reason), at)
}

/// NaN or an infinity, as the serializer writes it. JSON has no such literal.
fn not_finite(text: &[u8]) -> Option<&'static str> {
    ["NaN", "INF", "-INF"].into_iter().find(|number| text.starts_with(number.as_bytes()))
}

fn words(kind: &ErrorType) -> &'static str {
    match kind {
        ErrorType::ExpectedObjectColon => "a colon is missing after a member's name",
        ErrorType::ExpectedObjectKey => "a member's name is missing after a comma",
        ErrorType::ExpectedObjectContent => "not a comma, a member or the object's end",
        ErrorType::ExpectedArrayContent => "not a comma or the list's end",
        ErrorType::ExpectedTrue | ErrorType::ExpectedFalse | ErrorType::ExpectedNull => {
            "not true, false or null"
        }
        ErrorType::InvalidNumber | ErrorType::InvalidExponent => "malformed number",
        ErrorType::TrailingData => "unexpected content after the end",
        _ => "not a value",
    }
}

/// Offset and reason of simd-json's `InternalError`: a missing value, or content after the end. For the latter
/// simd-json reports the offset of the end.
fn value_fault(at: usize, text: &[u8]) -> (usize, &'static str) {
    let is_solid = |byte: &u8| !byte.is_ascii_whitespace();
    let before = text[..at].iter().rfind(|byte| is_solid(byte));
    let closes = matches!(text.get(at), Some(b'}' | b']'));
    if closes
        && !matches!(before, Some(b',' | b':'))
        && let Some(gap) = text[at + 1..].iter().position(is_solid)
    {
        return (at + 1 + gap, "unexpected content after the end");
    }
    (at, "not a value")
}

/// Offset and reason of the first fault in a string.
fn string_fault(text: &[u8]) -> Option<(usize, &'static str)> {
    let mut at = 0;
    while let Some(next) = text[at..].iter().position(|byte| *byte == b'"') {
        let opened = at + next;
        at = opened + 1;
        loop {
            at += match text.get(at) {
                None => return Some((opened, "unterminated string")),
                Some(b'"') => break,
                Some(0..=0x1f) => return Some((at, "unescaped control character in a string")),
                Some(b'\\') => match text.get(at + 1) {
                    Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
                    Some(b'u') if code_unit(text, at).is_some() => 6,
                    None => return Some((opened, "unterminated string")),
                    _ => return Some((at, "unknown escape")),
                },
                Some(_) => 1,
            };
        }
        at += 1;
    }
    None
}

/// The UTF-16 code unit of the `\uXXXX` at `at`.
fn code_unit(text: &[u8], at: usize) -> Option<u16> {
    let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | (*digit as char).to_digit(16)? as u16))
}
