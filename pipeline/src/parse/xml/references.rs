//! References: `&lt;`, `&#xD;`.
//!
//! Owns: which there are. XML 1.0 forbids references to control characters, U+FFFE and halves of surrogate
//! pairs; Dataverse's serializer writes them all the same, so they mean what they say.

use super::fault;
use crate::event::{Reason, Reject};

/// What a reference means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    Character(char),
    /// Half of a surrogate pair.
    Unit(u16),
}

/// Reads what stands between `&` and `;`.
pub(super) fn read(name: &str, at: usize) -> Result<Reference, Reject> {
    let character = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "apos" => '\'',
        "quot" => '"',
        _ => match name.strip_prefix('#') {
            Some(number) => return numeric(number).ok_or_else(|| fault::not_xml(NO_CHARACTER, at)),
            None => return Err(Reject::at(Reason::Entity, at)),
        },
    };
    Ok(Reference::Character(character))
}

const NO_CHARACTER: &str = "a reference names no character";

/// Refuses what no attribute may hold. `at` is where its tag begins.
pub(super) fn check(value: &str, at: usize) -> Result<(), Reject> {
    if value.contains('<') {
        return Err(fault::not_xml("no attribute is written like this", at));
    }
    for reference in value.split('&').skip(1) {
        match reference.split_once(';') {
            Some((name, _)) => read(name, at)?,
            None => return Err(fault::not_xml("a reference has no end", at)),
        };
    }
    Ok(())
}

fn numeric(number: &str) -> Option<Reference> {
    let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |digits| (digits, 16));
    // A sign is no digit, though it may begin a number elsewhere.
    let code = digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(digits)?;
    let code = u32::from_str_radix(code, radix).ok()?;
    match char::from_u32(code) {
        Some(character) => Some(Reference::Character(character)),
        None => u16::try_from(code).ok().map(Reference::Unit),
    }
}
