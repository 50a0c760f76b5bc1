//! Character and entity references: `&lt;`, `&#xD;`.
//!
//! Owns: the references that are accepted. XML 1.0 forbids references to control characters, U+FFFE and surrogates.
//! Dataverse's serializer writes them, so they are read as the code point they name.

use super::fault;
use crate::event::{Reason, Reject};

/// Meaning of a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    Character(char),
    /// A surrogate, half of a pair.
    Unit(u16),
}

/// Reads the text between `&` and `;`; `at` is the offset of the reference.
pub(super) fn read(name: &str, at: usize) -> Result<Reference, Reject> {
    let character = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "apos" => '\'',
        "quot" => '"',
        _ => match name.strip_prefix('#') {
            Some(number) => return numeric(number).ok_or_else(|| fault::not_xml(NOT_A_CHARACTER, at)),
            None => return Err(Reject::at(Reason::Entity, at)),
        },
    };
    Ok(Reference::Character(character))
}

const NOT_A_CHARACTER: &str = "a reference to a code that is not a character";

/// Checks the value of an attribute for `<` and for malformed or unknown references; `at` is the offset of its tag.
pub(super) fn check(value: &str, at: usize) -> Result<(), Reject> {
    if value.contains('<') {
        return Err(fault::not_xml(fault::MALFORMED_ATTRIBUTE, at));
    }
    for reference in value.split('&').skip(1) {
        match reference.split_once(';') {
            Some((name, _)) => read(name, at)?,
            None => return Err(fault::not_xml(fault::UNTERMINATED_REFERENCE, at)),
        };
    }
    Ok(())
}

fn numeric(number: &str) -> Option<Reference> {
    let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |digits| (digits, 16));
    // `from_str_radix` would accept a sign.
    let code = digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(digits)?;
    let code = u32::from_str_radix(code, radix).ok()?;
    match char::from_u32(code) {
        Some(character) => Some(Reference::Character(character)),
        None => u16::try_from(code).ok().map(Reference::Unit),
    }
}
