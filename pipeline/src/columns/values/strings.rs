//! Byte strings of any length: text, JSON and binary values.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, StringArray};
use arrow::buffer::{Buffer, NullBuffer};

use super::bits::Offsets;
use super::buffer::{FIRST_ROWS, ValueBuffer};
use super::cell::Cell;
use crate::columns::schema::ColumnType;

/// Byte strings, one after the other.
#[derive(Debug, Default)]
pub(in crate::columns) struct Strings {
    offsets: Offsets,
    data: Vec<u8>,
    len: usize,
}

impl Strings {
    #[inline]
    pub(in crate::columns) fn push(&mut self, bytes: &[u8]) {
        self.data.extend_from_slice(bytes);
        self.offsets.push(self.data.len());
        self.len += 1;
    }

    /// Number of strings.
    pub(in crate::columns) fn len(&self) -> usize {
        self.len
    }

    /// The string at an index.
    pub(in crate::columns) fn get(&self, at: usize) -> &[u8] {
        &self.data[self.offsets.range(at)]
    }
}

impl ValueBuffer for Strings {
    const ROW_BYTES: usize = Offsets::BYTES_EACH;

    fn with_room() -> Self {
        Self { offsets: Offsets::with_capacity(FIRST_ROWS), ..Self::default() }
    }

    fn push_nulls(&mut self, count: usize) {
        self.offsets.push_empty(count);
        self.len += count;
    }

    fn truncate(&mut self, rows: usize) {
        self.data.truncate(self.offsets.truncate(rows));
        self.len = self.len.min(rows);
    }

    fn clear(&mut self) -> bool {
        /// Memory that is kept for other values, in bytes.
        const KEPT_BYTES_MAX: usize = 4096;
        let is_small = self.byte_size() <= KEPT_BYTES_MAX;
        if is_small {
            self.offsets.clear();
            self.data.clear();
            self.len = 0;
        }
        is_small
    }

    fn cell(&self, row: usize) -> Option<Cell<'_>> {
        Some(Cell::Bytes(self.get(row)))
    }

    fn byte_size(&self) -> usize {
        self.offsets.byte_size() + self.data.capacity()
    }

    fn finish(self, column_type: ColumnType, nulls: Option<NullBuffer>) -> ArrayRef {
        let (offsets, data) = (self.offsets.finish(), Buffer::from_vec(self.data));
        if column_type == ColumnType::Binary {
            Arc::new(BinaryArray::new(offsets, data, nulls))
        } else {
            Arc::new(StringArray::new(offsets, data, nulls))
        }
    }
}
