//! Comparing and hashing names of members and tables: a few bytes each, a hundred comparisons an event.

use std::hash::BuildHasher as _;

use ahash::RandomState;

/// True for equal names. Compares eight bytes at a time, inlined: for most names the call of `memcmp` would take
/// longer.
#[inline]
pub(crate) fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let (Some(end), Some(other_end)) = (one.last_chunk::<8>(), other.last_chunk::<8>()) else {
        return one.iter().zip(other).all(|(one, other)| one == other);
    };
    // The last eight bytes may overlap the eight before them.
    let (chunks, other_chunks) = (one.as_chunks::<8>().0, other.as_chunks::<8>().0);
    let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
    word(end) == word(other_end)
        && chunks.iter().zip(other_chunks).all(|(one, other)| word(one) == word(other))
}

/// A member's name with its punctuation in JSON, padded so that one comparison without branches is enough.
#[derive(Debug)]
pub(crate) struct JsonName {
    bytes: [u8; Self::WIDTH],
    /// All ones for each byte of the name, zeros for the padding.
    mask: [u8; Self::WIDTH],
    len: usize,
}

impl JsonName {
    /// Longer than any known name with its punctuation; checked by the compiler, as `new` is const.
    const WIDTH: usize = 48;

    /// A name with its punctuation.
    pub(crate) const fn new(text: &str) -> Self {
        let (mut bytes, mut mask) = ([0; Self::WIDTH], [0; Self::WIDTH]);
        let mut at = 0;
        while at < text.len() {
            (bytes[at], mask[at]) = (text.as_bytes()[at], u8::MAX);
            at += 1;
        }
        Self { bytes, mask, len: text.len() }
    }

    /// Length in bytes, without padding.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// True if a text begins with this name. A text shorter than the padded name never does.
    #[inline]
    pub(crate) fn is_prefix_of(&self, text: &[u8]) -> bool {
        text.first_chunk::<{ Self::WIDTH }>().is_some_and(|text| {
            let differs = |at: usize| (text[at] ^ self.bytes[at]) & self.mask[at];
            (0..Self::WIDTH).fold(0, |difference, at| difference | differs(at)) == 0
        })
    }
}

/// A hasher for names, faster than the standard library's. Its seed is secret, so that a sender cannot choose names
/// that collide.
pub(crate) fn hasher() -> RandomState {
    RandomState::with_seed(std::hash::RandomState::new().hash_one(0) as usize)
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn names_that_differ_in_any_one_byte_are_not_the_same() {
        for len in 0..40 {
            let one: Vec<u8> = (0..len).collect();
            assert!(is_same(&one, &one.clone()));
            assert!(!is_same(&one, &[one.as_slice(), b"x"].concat()));
            for at in 0..one.len() {
                let mut other = one.clone();
                other[at] ^= 0x80;
                assert!(!is_same(&one, &other), "{len} {at}");
            }
        }
    }
}
