//! Simple values that JSON writes in another form than XML.
//!
//! Owns: dates, characters and digits. Does not own: writing them to the tree, or Base64 (`walk`).

use std::fmt::Write;

use crate::event::scalars::{DATES, iso_date};

/// Writes an XML date in the serializer's JSON form, `/Date(ms)/`. Returns false if that form cannot hold it: it is
/// finer than a millisecond, or not a date.
///
/// # Source
/// Schema reference, section 2.4: milliseconds count from 1970 in UTC. A date that is not marked as UTC gets an offset,
/// which does not change the milliseconds.
pub(super) fn json_date(text: &str, out: &mut String) -> bool {
    let Some(date) = iso_date(text).filter(|date| date.exact) else { return false };
    let offset = date.offset.unwrap_or(0);
    let ms = date.ms - i64::from(offset) * 60_000;
    if !DATES.contains(&ms) {
        return false;
    }
    out.clear();
    // Writing to a string does not fail.
    if text.ends_with('Z') {
        write!(out, "/Date({ms})/").unwrap_or_default();
    } else {
        let (sign, minutes) = (if offset < 0 { '-' } else { '+' }, offset.unsigned_abs());
        write!(out, "/Date({ms}{sign}{:02}{:02})/", minutes / 60, minutes % 60).unwrap_or_default();
    }
    true
}

/// Writes a number's decimal digits.
pub(super) fn digits(number: usize, out: &mut String) {
    out.clear();
    write!(out, "{number}").unwrap_or_default();
}

/// The character of a UTF-16 code unit, U+FFFD for a lone surrogate; `None` if the text is not such a number.
pub(super) fn character(text: &str) -> Option<char> {
    let unit = text.parse::<u16>().ok()?;
    Some(char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER))
}
