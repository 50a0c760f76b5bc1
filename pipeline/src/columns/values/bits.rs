//! Bits, validity and offsets as Arrow lays them out.

use std::ops::Range;

use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};

/// A row of bits, the lowest bit of each byte first.
#[derive(Debug, Default)]
pub(in crate::columns) struct Bits {
    bytes: Vec<u8>,
    len: usize,
}

impl Bits {
    #[inline]
    pub(in crate::columns) fn push(&mut self, bit: bool) {
        if self.len.is_multiple_of(8) {
            self.bytes.push(0);
        }
        if bit {
            self.bytes[self.len / 8] |= 1 << (self.len % 8);
        }
        self.len += 1;
    }

    pub(in crate::columns) fn get(&self, at: usize) -> bool {
        at < self.len && self.bytes[at / 8] & 1 << (at % 8) != 0
    }

    /// Removes all bits and keeps the memory.
    pub(in crate::columns) fn clear(&mut self) {
        self.bytes.clear();
        self.len = 0;
    }

    /// Removes the bits from `len` on.
    pub(in crate::columns) fn truncate(&mut self, len: usize) {
        if len < self.len {
            self.bytes.truncate(len.div_ceil(8));
            self.len = len;
            if let Some(last) = self.bytes.get_mut(len / 8) {
                *last &= !(u8::MAX << (len % 8));
            }
        }
    }

    pub(in crate::columns) fn extend(&mut self, bit: bool, count: usize) {
        const ALL: u8 = u8::MAX;
        let (begin, end) = (self.len, self.len + count);
        self.len = end;
        self.bytes.resize(end.div_ceil(8), if bit { ALL } else { 0 });
        if bit && count > 0 {
            // The byte that earlier bits began. A byte that begins here has all bits set already.
            self.bytes[begin / 8] |= ALL << (begin % 8);
            // Bits after the last are zero.
            if let Some(last) = self.bytes.get_mut(end / 8) {
                *last &= !(ALL << (end % 8));
            }
        }
    }

    /// Bytes of its memory.
    pub(in crate::columns) fn byte_size(&self) -> usize {
        self.bytes.capacity()
    }

    pub(in crate::columns) fn finish(self) -> BooleanBuffer {
        BooleanBuffer::new(Buffer::from_vec(self.bytes), 0, self.len)
    }
}

/// Validity of rows. Takes no memory until the first null.
#[derive(Debug, Default)]
pub(in crate::columns) struct Validity {
    /// Bits up to the last null; all rows after it are valid.
    bits: Bits,
    len: usize,
}

impl Validity {
    /// Number of rows.
    pub(in crate::columns) fn len(&self) -> usize {
        self.len
    }

    /// True if a row has a value.
    pub(in crate::columns) fn is_valid(&self, at: usize) -> bool {
        at < self.len && (at >= self.bits.len || self.bits.get(at))
    }

    /// Removes the rows from `len` on.
    pub(in crate::columns) fn truncate(&mut self, len: usize) {
        self.bits.truncate(len);
        self.len = self.len.min(len);
    }

    #[inline]
    pub(in crate::columns) fn push_valid(&mut self) {
        self.len += 1;
    }

    pub(in crate::columns) fn push_nulls(&mut self, count: usize) {
        if count > 0 {
            self.bits.extend(true, self.len - self.bits.len);
            self.bits.extend(false, count);
            self.len += count;
        }
    }

    /// Bytes of its memory.
    pub(in crate::columns) fn byte_size(&self) -> usize {
        self.bits.byte_size()
    }

    pub(in crate::columns) fn finish(mut self) -> Option<NullBuffer> {
        if self.bits.len == 0 {
            return None;
        }
        self.bits.extend(true, self.len - self.bits.len);
        Some(NullBuffer::new(self.bits.finish()))
    }
}

/// Ends of the parts of a buffer. The zero before the first part is stored with the first end.
#[derive(Debug, Default)]
pub(in crate::columns) struct Offsets(Vec<i32>);

impl Offsets {
    /// Bytes of one offset.
    pub(in crate::columns) const BYTES_EACH: usize = size_of::<i32>();

    /// No parts yet, and room for some.
    pub(in crate::columns) fn with_capacity(parts: usize) -> Self {
        Self(Vec::with_capacity(parts + 1))
    }

    /// Ends a part.
    #[inline]
    pub(in crate::columns) fn push(&mut self, end: usize) {
        // Row groups are encoded far below this, also inside an event.
        assert!(i32::try_from(end).is_ok(), "a column of a row group holds more than 2 GiB");
        if self.0.is_empty() {
            self.0.push(0);
        }
        self.0.push(end as i32);
    }

    /// Range of a part in the buffer.
    pub(in crate::columns) fn range(&self, at: usize) -> Range<usize> {
        match self.0.get(at..at + 2) {
            Some([start, end]) => *start as usize..*end as usize,
            _ => 0..0,
        }
    }

    /// Removes all parts and keeps the memory.
    pub(in crate::columns) fn clear(&mut self) {
        self.0.clear();
    }

    /// Removes the parts from `parts` on. Returns the end of the last that is left.
    pub(in crate::columns) fn truncate(&mut self, parts: usize) -> usize {
        self.0.truncate(parts + 1);
        self.0.last().map_or(0, |end| *end as usize)
    }

    /// Ends empty parts.
    pub(in crate::columns) fn push_empty(&mut self, count: usize) {
        let end = self.0.last().copied().unwrap_or(0);
        self.0.resize(self.0.len().max(1) + count, end);
    }

    /// Bytes of its memory.
    pub(in crate::columns) fn byte_size(&self) -> usize {
        self.0.capacity() * Self::BYTES_EACH
    }

    pub(in crate::columns) fn finish(mut self) -> OffsetBuffer<i32> {
        if self.0.is_empty() {
            self.0.push(0);
        }
        OffsetBuffer::new(ScalarBuffer::from(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares bits that were pushed one by one, then in stretches of these lengths, with the expected ones.
    fn check(begin: usize, stretches: [usize; 3]) {
        let (mut bits, mut expected) = (Bits::default(), vec![]);
        for at in 0..begin {
            bits.push(at % 3 == 0);
            expected.push(at % 3 == 0);
        }
        let mut validity = Validity::default();
        for (at, count) in stretches.into_iter().enumerate() {
            bits.extend(at % 2 == 0, count);
            expected.extend(vec![at % 2 == 0; count]);
            if at % 2 == 0 {
                (0..count).for_each(|_| validity.push_valid());
            } else {
                validity.push_nulls(count);
            }
        }
        bits.push(true);
        expected.push(true);
        assert_eq!(bits.finish().iter().collect::<Vec<_>>(), expected, "{begin} {stretches:?}");
        let valid = validity.finish().map(|nulls| nulls.iter().collect::<Vec<_>>());
        let expected = (stretches[1] > 0).then(|| expected[begin..expected.len() - 1].to_vec());
        assert_eq!(valid, expected, "{stretches:?}");
    }

    #[test]
    fn bit_runs_cross_byte_boundaries() {
        for begin in 0..10 {
            for stretch in 0..20usize.pow(3) {
                check(begin, [stretch % 20, stretch / 20 % 20, stretch / 400]);
            }
        }
    }
}
