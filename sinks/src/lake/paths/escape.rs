//! Names in the alphabet of keys: escaped, and shortened where they are too long.
//!
//! Does not own which names stand where (`paths`).

use sha2::{Digest, Sha256};

use super::MAX_NAME_BYTES;

/// Percent-encodes every byte that is not plain, in upper-case hex: the letters stay out of the way of the
/// names themselves, which have none.
pub(super) fn escape(text: &str, is_plain: fn(u8) -> bool) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_plain(byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    out
}

/// True if [`escape`] or [`bounded`] could have written it.
pub(super) fn is_escaped(text: &str, is_plain: fn(u8) -> bool) -> bool {
    let mut parts = text.split('%');
    let plain = |part: &[u8]| part.iter().all(|byte| is_plain(*byte) || *byte == SHORTENED);
    let is_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'A'..=b'F');
    let escaped = |part: &[u8]| {
        part.split_at_checked(2).is_some_and(|(hex, rest)| hex.iter().all(is_hex) && plain(rest))
    };
    parts.next().is_some_and(|part| plain(part.as_bytes())) && parts.all(|part| escaped(part.as_bytes()))
}

/// `mark` and the escaped name; of a name that is too long, its beginning, `$` and its hash.
pub(super) fn bounded(mark: &str, name: &str, is_plain: fn(u8) -> bool) -> String {
    /// Of SHA-256's 64 digits: 128 bits are beyond any accident.
    const HASH_DIGITS: usize = 32;
    let escaped = escape(name, is_plain);
    if mark.len() + escaped.len() <= MAX_NAME_BYTES {
        return format!("{mark}{escaped}");
    }
    let hash = Sha256::digest(name).iter().fold(String::new(), |hash, byte| format!("{hash}{byte:02x}"));
    let keep = &escaped[..MAX_NAME_BYTES - mark.len() - 1 - HASH_DIGITS];
    // An escape is kept whole or not at all.
    let keep = keep.rfind('%').filter(|at| at + 3 > keep.len()).map_or(keep, |at| &keep[..at]);
    format!("{mark}{keep}{}{}", char::from(SHORTENED), &hash[..HASH_DIGITS])
}

/// Stands before the hash of a shortened name. No escaped name has it, so that a shortened one equals none.
const SHORTENED: u8 = b'$';

pub(super) fn is_plain_in_table(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')
}

pub(super) fn is_plain_in_log(byte: u8) -> bool {
    is_plain_in_table(byte) || matches!(byte, b'.' | b'-')
}
