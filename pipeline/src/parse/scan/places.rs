//! Where in a text the bytes stand that end or bend a string: quotes, backslashes, control characters.
//!
//! Owns: finding them, 64 bytes at a time, with what the processor has. Does not own: what they mean (`strings`).
//! A string ends at the next of them if that is a quote, so a reader that takes them in order searches for nothing.

/// The places of one text, text after text in the same memory.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// As long as it ever had to be; the places of the text at hand are the first `count`.
    memory: Vec<u32>,
    count: usize,
}

impl Places {
    /// Finds the places of a text, which is shorter than 4 GiB.
    pub(super) fn find(&mut self, text: &[u8]) {
        self.count = 0;
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2")
            && std::arch::is_x86_feature_detected!("bmi1")
            && std::arch::is_x86_feature_detected!("popcnt")
        {
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
        self.count = 0;
        self.find_with(text, super::blocks::portable);
    }

    /// In order.
    pub(super) fn all(&self) -> &[u32] {
        &self.memory[..self.count]
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,popcnt")]
    fn find_avx2(&mut self, text: &[u8]) {
        self.find_with(text, |block| super::blocks::avx2(block));
    }

    #[inline]
    fn find_with(&mut self, text: &[u8], mask: impl Fn(&[u8; BLOCK]) -> u64) {
        let (blocks, rest) = text.as_chunks::<BLOCK>();
        for (block, start) in blocks.iter().zip((0..).step_by(BLOCK)) {
            self.note(start, mask(block));
        }
        let mut last = [b' '; BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        self.note((blocks.len() * BLOCK) as u32, mask(&last));
    }

    /// Notes the bits of a block that begins at `start`.
    #[inline]
    fn note(&mut self, start: u32, mut mask: u64) {
        let wanted = self.count + BLOCK;
        if self.memory.len() < wanted {
            self.memory.resize(wanted.next_power_of_two().max(1024), 0);
        }
        let found = mask.count_ones() as usize;
        let Some(out) = self.memory[self.count..].first_chunk_mut::<BLOCK>() else { return };
        // Eight at a time whether there are so many or not: what is too much is overwritten, and nothing has to be
        // guessed.
        for eight in out.as_chunks_mut::<8>().0.iter_mut().take(found.div_ceil(8)) {
            for place in eight {
                *place = start + mask.trailing_zeros();
                mask &= mask.wrapping_sub(1);
            }
        }
        self.count += found;
    }
}

/// The bytes that are looked at together.
pub(super) const BLOCK: usize = 64;
