//! GUIDs, sixteen bytes each.

use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeBinaryArray};
use arrow::buffer::{Buffer, NullBuffer};

use super::buffer::{FIRST_ROWS, ValueBuffer};
use super::cell::Cell;
use crate::columns::schema::ColumnType;
use crate::event::scalars::{Guid, ZERO_GUID};

/// GUIDs, one after the other.
#[derive(Debug, Default)]
pub(in crate::columns) struct Guids(Vec<u8>);

impl Guids {
    #[inline]
    pub(in crate::columns) fn push(&mut self, guid: Guid) {
        self.0.extend_from_slice(&guid);
    }

    pub(super) fn get(&self, row: usize) -> Option<Guid> {
        self.0.as_chunks().0.get(row).copied()
    }
}

impl ValueBuffer for Guids {
    const ROW_BYTES: usize = ZERO_GUID.len();

    fn with_room() -> Self {
        Self(Vec::with_capacity(FIRST_ROWS * Self::ROW_BYTES))
    }

    fn push_nulls(&mut self, count: usize) {
        self.0.resize(self.0.len() + count * Self::ROW_BYTES, 0);
    }

    fn truncate(&mut self, rows: usize) {
        self.0.truncate(rows * Self::ROW_BYTES);
    }

    fn clear(&mut self) -> bool {
        self.0.clear();
        true
    }

    fn cell(&self, row: usize) -> Option<Cell<'_>> {
        self.get(row).map(Cell::Guid)
    }

    fn byte_size(&self) -> usize {
        self.0.capacity()
    }

    fn finish(self, _: ColumnType, nulls: Option<NullBuffer>) -> ArrayRef {
        let width = Self::ROW_BYTES as i32;
        Arc::new(FixedSizeBinaryArray::new(width, Buffer::from_vec(self.0), nulls))
    }
}
