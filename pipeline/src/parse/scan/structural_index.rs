//! Structural index of a text: the positions of quotes, backslashes and control characters.
//!
//! Owns: one bit for each byte of a text, and the search for the next one: the byte that ends a string, starts an
//! escape or is not allowed in a string. Does not own: how the bits of 64 bytes are found (`blocks`), what the bytes
//! mean (`strings`).

use super::blocks::{self, BLOCK};

/// Index of one text, text after text in the same memory.
#[derive(Debug, Default)]
pub(super) struct StructuralIndex {
    /// The lowest bit of the first word is the text's first byte. A zero word follows the last one.
    words: Vec<u64>,
}

impl StructuralIndex {
    /// Builds the index of a text.
    pub(super) fn build(&mut self, text: &[u8]) {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            #[expect(unsafe_code, reason = "a function for processors that have AVX2")]
            // SAFETY: the condition checks that this processor has AVX2.
            return unsafe { self.build_avx2(text) };
        }
        #[cfg(target_arch = "aarch64")]
        return self.build_with(text, blocks::neon);
        #[cfg(not(target_arch = "aarch64"))]
        self.build_with(text, blocks::portable);
    }

    /// The same without vector instructions.
    #[cfg(test)]
    pub(super) fn build_portably(&mut self, text: &[u8]) {
        self.build_with(text, blocks::portable);
    }

    /// The first indexed position at or after `at`; a position beyond the text if there is none left.
    #[inline]
    pub(super) fn next(&self, at: usize) -> usize {
        let (word, bit) = (at / BLOCK, at % BLOCK);
        let Some([low, high]) = self.words.get(word..).and_then(|words| words.first_chunk()) else {
            return usize::MAX;
        };
        // Most strings end within the 64 bits from their start.
        let window = low >> bit | (high << 1) << (BLOCK - 1 - bit);
        if window == 0 { self.next_far(word + 1) } else { at + window.trailing_zeros() as usize }
    }

    #[cold]
    fn next_far(&self, word: usize) -> usize {
        let far = self.words[word..].iter().position(|bits| *bits != 0);
        far.map_or(usize::MAX, |far| (word + far) * BLOCK + self.words[word + far].trailing_zeros() as usize)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn build_avx2(&mut self, text: &[u8]) {
        self.build_with(text, |block| blocks::avx2(block));
    }

    #[inline]
    fn build_with(&mut self, text: &[u8], bits: impl Fn(&[u8; BLOCK]) -> u64) {
        let (blocks, rest) = text.as_chunks::<BLOCK>();
        let mut last = [b' '; BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        self.words.clear();
        self.words.resize(blocks.len() + 2, 0);
        // Assigns to existing words: around the branch of a push, the compiler builds each mask bit by bit.
        for (word, block) in self.words.iter_mut().zip(blocks.iter().chain([&last])) {
            *word = bits(block);
        }
    }
}
