//! Names of members and tables: a handful of bytes, compared a hundred times an event.

use std::hash::BuildHasher as _;

use ahash::RandomState;

/// Whether two names are the same. Eight bytes at a time and in place: a call of `memcmp` takes longer to begin than most
/// names are.
#[inline]
pub(crate) fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let (Some(end), Some(other_end)) = (one.last_chunk::<8>(), other.last_chunk::<8>()) else {
        return one.iter().zip(other).all(|(one, other)| one == other);
    };
    // The last eight may overlap the eight before them.
    let (chunks, other_chunks) = (one.as_chunks::<8>().0, other.as_chunks::<8>().0);
    let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
    word(end) == word(other_end)
        && chunks.iter().zip(other_chunks).all(|(one, other)| word(one) == word(other))
}

/// A member's name as JSON has it, compared in one go: no branch for each eight bytes of it.
#[derive(Debug)]
pub(crate) struct JsonName {
    bytes: [u8; Self::WIDTH],
    /// Ones where the bytes count.
    mask: [u8; Self::WIDTH],
    len: usize,
}

impl JsonName {
    /// More than any name has with its marks.
    const WIDTH: usize = 48;

    pub(crate) const fn of(text: &str) -> Self {
        let (mut bytes, mut mask) = ([0; Self::WIDTH], [0; Self::WIDTH]);
        let mut at = 0;
        while at < text.len() {
            (bytes[at], mask[at]) = (text.as_bytes()[at], u8::MAX);
            at += 1;
        }
        Self { bytes, mask, len: text.len() }
    }

    /// How many bytes there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether a text begins like this; none does that is shorter than the widest name.
    #[inline]
    pub(crate) fn begins(&self, text: &[u8]) -> bool {
        text.first_chunk::<{ Self::WIDTH }>().is_some_and(|text| {
            let differs = |at: usize| (text[at] ^ self.bytes[at]) & self.mask[at];
            (0..Self::WIDTH).fold(0, |difference, at| difference | differs(at)) == 0
        })
    }
}

/// Hashes names quicker than the standard library does. They come from outside; a seed nobody knows keeps them from
/// colliding on purpose.
pub(crate) fn hasher() -> RandomState {
    RandomState::with_seed(std::hash::RandomState::new().hash_one(0) as usize)
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn one_byte_makes_a_difference_wherever_it_stands() {
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
