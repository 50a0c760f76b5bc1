//! Names in the alphabet of keys: escaped, and shortened if they are too long.

use sha2::{Digest, Sha256};

/// Longest name of a table or a log that a path contains unshortened.
///
/// # Units
/// Bytes. A file name holds 255 on every file system; source, ordinal, number of a redrive, suffix and the
/// local store's staging suffix add up to at most 80.
pub const MAX_NAME_BYTES: usize = 120;

/// Separates a shortened name from its hash. No escaped name contains it, so a shortened name equals none.
const SHORTENED: u8 = b'$';

/// Percent-encodes every byte that is not plain, in upper-case hex: plain names have no upper-case letters.
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

/// True if [`escape`] or [`bounded`] can return this text.
pub(super) fn is_escaped(text: &str, is_plain: fn(u8) -> bool) -> bool {
    let mut parts = text.split('%');
    let plain = |part: &[u8]| part.iter().all(|byte| is_plain(*byte) || *byte == SHORTENED);
    let is_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'A'..=b'F');
    let escaped = |part: &[u8]| {
        part.split_at_checked(2).is_some_and(|(hex, rest)| hex.iter().all(is_hex) && plain(rest))
    };
    parts.next().is_some_and(|part| plain(part.as_bytes())) && parts.all(|part| escaped(part.as_bytes()))
}

/// `prefix` and the escaped name; of a name that is too long its beginning, `$` and its hash.
pub(super) fn bounded(prefix: &str, name: &str, is_plain: fn(u8) -> bool) -> String {
    /// 128 bits of SHA-256's 64 digits: no accidental collision.
    const HASH_DIGITS: usize = 32;
    let escaped = escape(name, is_plain);
    if prefix.len() + escaped.len() <= MAX_NAME_BYTES {
        return format!("{prefix}{escaped}");
    }
    let hash = Sha256::digest(name).iter().fold(String::new(), |hash, byte| format!("{hash}{byte:02x}"));
    let keep = &escaped[..MAX_NAME_BYTES - prefix.len() - 1 - HASH_DIGITS];
    // Never cut within an escape.
    let keep = keep.rfind('%').filter(|at| at + 3 > keep.len()).map_or(keep, |at| &keep[..at]);
    format!("{prefix}{keep}{}{}", char::from(SHORTENED), &hash[..HASH_DIGITS])
}

pub(super) fn is_plain_in_table(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')
}

pub(super) fn is_plain_in_log(byte: u8) -> bool {
    is_plain_in_table(byte) || matches!(byte, b'.' | b'-')
}
