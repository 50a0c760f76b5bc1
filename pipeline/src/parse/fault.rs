//! What is wrong with a text that simd-json refuses, and the two things that are mended.
//!
//! Owns: words and places for `NotJson`, lone surrogates, numbers beyond f64. Does not own: the decision; simd-json refuses,
//! this module only says why. Nothing here runs for a sound body.

use simd_json::{Error, ErrorType};

use crate::event::{Reason, Reject};

/// Replaces each escaped surrogate that has no partner by an escaped U+FFFD, which is as long; false if there
/// was none.
///
/// # Source
/// Dataverse's serializer writes UTF-16 code units as they stand, so half a pair is ordinary to it.
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

/// Overwrites each number that could be beyond f64 by a zero and white space, which is as long; false if there
/// was none. Digits are read from the body, so none is lost.
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
                let len = text[at..].iter().take_while(|byte| is_of_number(**byte)).count();
                let free = at.checked_sub(1).is_none_or(|before| is_around_value(text[before]))
                    && text.get(at + len).is_none_or(|behind| is_around_value(*behind));
                if len >= SHORTEST_BEYOND_F64 && free && is_number(&text[at..at + len]) {
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

/// The characters of `2e308`: no shorter number is beyond f64.
const SHORTEST_BEYOND_F64: usize = 5;

fn is_of_number(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')
}

fn is_around_value(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b',' | b':' | b'[' | b']' | b'{' | b'}')
}

/// Whether this is a number as JSON writes them, whatever its value.
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

/// What stands before and behind the first such byte; `None` behind if there is none.
fn split_at_byte(text: &[u8], is_it: impl Fn(u8) -> bool) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|byte| is_it(*byte)) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

/// The reject for what simd-json said of a text.
pub(super) fn describe(error: &Error, text: &[u8]) -> Reject {
    let (place, words) = match error.error() {
        ErrorType::DepthLimitExceeded => return Reject::at(Reason::TooDeep, error.index()),
        ErrorType::Syntax | ErrorType::InvalidEscape | ErrorType::InvalidUnicodeCodepoint => {
            // For these simd-json gives a place within the string, or none.
            string_fault(text).unwrap_or((text.len(), "it ends before it is complete"))
        }
        ErrorType::InternalError => value_fault(error.index(), text),
        kind => (error.index(), words(kind)),
    };
    // simd-json names the sign as part of the number, and its place is behind it.
    let sign = place.checked_sub(1).filter(|before| text.get(*before) == Some(&b'-'));
    let signed = sign.unwrap_or(place);
    if let Some(number) = text.get(signed..).and_then(not_finite) {
        return Reject::at(Reason::NotFinite(number), signed);
    }
    let found = match text.get(place) {
        Some(byte) if byte.is_ascii_graphic() => format!("{words}: '{}'", *byte as char),
        _ => words.to_owned(),
    };
    Reject::at(Reason::NotJson(found), place)
}

/// How the serializer writes a number that is none; JSON has no such word.
fn not_finite(text: &[u8]) -> Option<&'static str> {
    ["NaN", "INF", "-INF"].into_iter().find(|number| text.starts_with(number.as_bytes()))
}

fn words(kind: &ErrorType) -> &'static str {
    match kind {
        ErrorType::ExpectedObjectColon => "a colon is missing after a member's name",
        ErrorType::ExpectedObjectKey => "a member's name is missing after a comma",
        ErrorType::ExpectedObjectContent => "this is neither a member, nor a comma, nor an object's end",
        ErrorType::ExpectedArrayContent => "this is neither a comma nor a list's end",
        ErrorType::ExpectedTrue | ErrorType::ExpectedFalse | ErrorType::ExpectedNull => {
            "this is neither true, nor false, nor null"
        }
        ErrorType::InvalidNumber | ErrorType::InvalidExponent => "no number is written like this",
        ErrorType::TrailingData => "unexpected content after the end",
        _ => "this is not a value",
    }
}

/// simd-json has one word for "no value begins here" and for "unexpected content after the end"; for the
/// latter it gives the place of the end.
fn value_fault(place: usize, text: &[u8]) -> (usize, &'static str) {
    let solid = |byte: &u8| !byte.is_ascii_whitespace();
    let before = text[..place].iter().rfind(|byte| solid(byte));
    let closes = matches!(text.get(place), Some(b'}' | b']'));
    if closes
        && !matches!(before, Some(b',' | b':'))
        && let Some(gap) = text[place + 1..].iter().position(solid)
    {
        return (place + 1 + gap, "unexpected content after the end");
    }
    (place, "this is not a value")
}

/// The first fault within a string.
fn string_fault(text: &[u8]) -> Option<(usize, &'static str)> {
    let mut at = 0;
    while let Some(next) = text[at..].iter().position(|byte| *byte == b'"') {
        let opened = at + next;
        at = opened + 1;
        loop {
            at += match text.get(at) {
                None => return Some((opened, "a string has no end")),
                Some(b'"') => break,
                Some(0..=0x1f) => return Some((at, "a control character stands in a string as it is")),
                Some(b'\\') => match text.get(at + 1) {
                    Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
                    Some(b'u') if code_unit(text, at).is_some() => 6,
                    None => return Some((opened, "a string has no end")),
                    _ => return Some((at, "this escape is none of JSON's")),
                },
                Some(_) => 1,
            };
        }
        at += 1;
    }
    None
}

/// The UTF-16 code unit of the `\uXXXX` that stands at a place.
fn code_unit(text: &[u8], at: usize) -> Option<u16> {
    let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | (*digit as char).to_digit(16)? as u16))
}
