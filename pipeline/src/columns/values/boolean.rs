//! Booleans as bits.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::buffer::NullBuffer;

use super::bits::Bits;
use super::buffer::ValueBuffer;
use super::cell::Cell;
use crate::columns::schema::ColumnType;

/// Booleans, a bit each.
#[derive(Debug, Default)]
pub(in crate::columns) struct Booleans(Bits);

impl Booleans {
    #[inline]
    pub(in crate::columns) fn push(&mut self, bit: bool) {
        self.0.push(bit);
    }
}

impl ValueBuffer for Booleans {
    // A bit, counted as a byte.
    const ROW_BYTES: usize = 1;

    fn with_room() -> Self {
        Self::default()
    }

    fn push_nulls(&mut self, count: usize) {
        self.0.extend(false, count);
    }

    fn truncate(&mut self, rows: usize) {
        self.0.truncate(rows);
    }

    fn clear(&mut self) -> bool {
        self.0.clear();
        true
    }

    fn cell(&self, row: usize) -> Option<Cell<'_>> {
        Some(Cell::Boolean(self.0.get(row)))
    }

    fn byte_size(&self) -> usize {
        self.0.byte_size()
    }

    fn finish(self, _: ColumnType, nulls: Option<NullBuffer>) -> ArrayRef {
        Arc::new(BooleanArray::new(self.0.finish(), nulls))
    }
}
