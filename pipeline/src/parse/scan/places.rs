//! Where in a text the bytes stand that end or bend a string: quotes, backslashes, control characters.
//!
//! Owns: one bit for each byte of a text, and the way from a string's first byte to the byte that ends or bends it. Does not
//! own: how the bits of 64 bytes are found (`blocks`), what the bytes mean (`strings`).

/// The places of one text, text after text in the same memory.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// The lowest bit is the text's first; a word of none behind the last.
    words: Vec<u64>,
}

impl Places {
    /// Finds the places of a text.
    pub(super) fn find(&mut self, text: &[u8]) {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            #[expect(unsafe_code, reason = "a function for processors that have AVX2")]
            // SAFETY: this processor has what the function asks for, as was just seen.
            return unsafe { self.find_avx2(text) };
        }
        #[cfg(target_arch = "aarch64")]
        return self.find_with(text, super::blocks::neon);
        #[cfg(not(target_arch = "aarch64"))]
        self.find_with(text, super::blocks::portable);
    }

    /// The same with eight bytes at a time, whatever the processor has.
    #[cfg(test)]
    pub(super) fn find_portably(&mut self, text: &[u8]) {
        self.find_with(text, super::blocks::portable);
    }

    /// The first place that is not before `at`; far behind the text if there is none.
    #[inline]
    pub(super) fn next(&self, at: usize) -> usize {
        let (word, bit) = (at / BLOCK, at % BLOCK);
        let Some([low, high]) = self.words.get(word..).and_then(|words| words.first_chunk()) else {
            return usize::MAX;
        };
        // Most strings end within the 64 bits behind their beginning.
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
    fn find_avx2(&mut self, text: &[u8]) {
        self.find_with(text, |block| super::blocks::avx2(block));
    }

    #[inline]
    fn find_with(&mut self, text: &[u8], bits: impl Fn(&[u8; BLOCK]) -> u64) {
        let (blocks, rest) = text.as_chunks::<BLOCK>();
        let mut last = [b' '; BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        self.words.clear();
        self.words.resize(blocks.len() + 2, 0);
        // Into words that are there: a push may grow, and around that branch the compiler takes masks apart, bit by bit.
        for (word, block) in self.words.iter_mut().zip(blocks.iter().chain([&last])) {
            *word = bits(block);
        }
    }
}

/// The bytes that are looked at together.
pub(super) const BLOCK: usize = 64;
