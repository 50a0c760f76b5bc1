//! Bits and offsets as Arrow lays them out.

use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};

/// A row of bits, the lowest bit of each byte first.
#[derive(Debug, Default)]
pub(super) struct Bits {
    bytes: Vec<u8>,
    len: usize,
}

impl Bits {
    #[inline]
    pub(super) fn push(&mut self, bit: bool) {
        if self.len.is_multiple_of(8) {
            self.bytes.push(0);
        }
        if bit {
            self.bytes[self.len / 8] |= 1 << (self.len % 8);
        }
        self.len += 1;
    }

    pub(super) fn extend(&mut self, bit: bool, count: usize) {
        let end = self.len + count;
        // Bits behind the last are zero.
        if !bit {
            self.bytes.resize(end.div_ceil(8), 0);
            self.len = end;
            return;
        }
        while self.len < end && !self.len.is_multiple_of(8) {
            self.push(true);
        }
        let whole = (end - self.len) / 8;
        self.bytes.resize(self.bytes.len() + whole, 0xff);
        self.len += whole * 8;
        while self.len < end {
            self.push(true);
        }
    }

    /// The bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.capacity()
    }

    pub(super) fn finish(self) -> BooleanBuffer {
        BooleanBuffer::new(Buffer::from_vec(self.bytes), 0, self.len)
    }
}

/// Which values are there. Takes no memory as long as all are.
#[derive(Debug, Default)]
pub(super) struct Validity {
    bits: Bits,
    len: usize,
}

impl Validity {
    /// How many values it speaks of.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn push_valid(&mut self) {
        if self.bits.len > 0 {
            self.bits.push(true);
        }
        self.len += 1;
    }

    pub(super) fn push_nulls(&mut self, count: usize) {
        if self.bits.len == 0 && count > 0 {
            self.bits.extend(true, self.len);
        }
        self.bits.extend(false, count);
        self.len += count;
    }

    /// The bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        self.bits.bytes()
    }

    pub(super) fn finish(self) -> Option<NullBuffer> {
        (self.bits.len > 0).then(|| NullBuffer::new(self.bits.finish()))
    }
}

/// Where the parts of a longer run end; the zero before the first is not stored until there is one.
#[derive(Debug, Default)]
pub(super) struct Offsets(Vec<i32>);

impl Offsets {
    /// Ends a part. A buffer is closed far below the 2 GiB that fit.
    #[inline]
    pub(super) fn push(&mut self, end: usize) {
        if self.0.is_empty() {
            self.0.push(0);
        }
        self.0.push(end as i32);
    }

    /// Ends empty parts.
    pub(super) fn push_empty(&mut self, count: usize) {
        let end = self.0.last().copied().unwrap_or(0);
        self.0.resize(self.0.len().max(1) + count, end);
    }

    /// The bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<i32>()
    }

    pub(super) fn finish(mut self) -> OffsetBuffer<i32> {
        if self.0.is_empty() {
            self.0.push(0);
        }
        OffsetBuffer::new(ScalarBuffer::from(self.0))
    }
}
