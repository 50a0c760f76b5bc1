//! The operations that every buffer of values has.

use arrow::array::ArrayRef;
use arrow::buffer::NullBuffer;

use super::cell::Cell;
use crate::columns::schema::ColumnType;

/// Values of one physical layout, a value a row. Appending is each buffer's own `push`, since its argument differs.
pub(in crate::columns) trait ValueBuffer: Default {
    /// Bytes that a row without a value takes: of a string or list its end.
    const ROW_BYTES: usize;

    /// An empty buffer with room for [`FIRST_ROWS`].
    fn with_room() -> Self;

    /// Appends rows without a value.
    fn push_nulls(&mut self, count: usize);

    /// Removes the values from row `rows` on.
    fn truncate(&mut self, rows: usize);

    /// Removes all values and keeps the memory; false if it is too large to keep.
    fn clear(&mut self) -> bool;

    /// The value of a row that has one; `None` for lists of strings or parties.
    fn cell(&self, row: usize) -> Option<Cell<'_>>;

    /// Bytes of its memory.
    fn byte_size(&self) -> usize;

    /// The values as an array of a column type, without copying.
    fn finish(self, column_type: ColumnType, nulls: Option<NullBuffer>) -> ArrayRef;
}

/// Rows that a new buffer has room for: twice the rows that a table's buffer encodes before it has columns.
pub(super) const FIRST_ROWS: usize = 32;
