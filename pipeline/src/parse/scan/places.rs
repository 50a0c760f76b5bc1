//! Where in a text the bytes stand that end or bend a string: quotes, backslashes, control characters.
//!
//! Owns: one bit for each byte of a text, and the way from a string's first byte to the byte that ends or bends it. Does not
//! own: how the bits of 64 bytes are found (`blocks`), what the bytes mean (`strings`).

/// The places of one text, text after text in the same memory.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// The lowest bit of each byte is the text's first; a window's worth of none behind the last.
    bits: Vec<u8>,
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
    pub(super) fn from(&self, at: usize) -> usize {
        // Most strings end within what one look shows, wherever in a byte of bits they begin.
        let window = self.window(at / 8) >> (at % 8);
        if window == 0 {
            self.from_far(at / 8 + size_of::<u64>())
        } else {
            at + window.trailing_zeros() as usize
        }
    }

    #[cold]
    fn from_far(&self, mut byte: usize) -> usize {
        while byte < self.bits.len() {
            let window = self.window(byte);
            if window != 0 {
                return byte * 8 + window.trailing_zeros() as usize;
            }
            byte += size_of::<u64>();
        }
        usize::MAX
    }

    #[inline]
    fn window(&self, byte: usize) -> u64 {
        let bits = self.bits.get(byte..).and_then(|bits| bits.first_chunk());
        bits.map_or(0, |bits| u64::from_le_bytes(*bits))
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
        self.bits.clear();
        self.bits.reserve((blocks.len() + 2) * size_of::<u64>());
        for block in blocks {
            self.bits.extend_from_slice(&bits(block).to_le_bytes());
        }
        self.bits.extend_from_slice(&bits(&last).to_le_bytes());
        self.bits.extend_from_slice(&0_u64.to_le_bytes());
    }
}

/// The bytes that are looked at together.
pub(super) const BLOCK: usize = 64;
