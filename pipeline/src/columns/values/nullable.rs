//! A buffer whose rows may lack a value.

use arrow::array::ArrayRef;

use super::bits::Validity;
use super::buffer::ValueBuffer;
use super::cell::Cell;
use crate::columns::schema::ColumnType;

/// A buffer, and which of its rows have a value. Takes no memory until the first value; rows after the last value are
/// added when it is finished.
#[derive(Debug, Default)]
pub(super) struct Nullable<B> {
    validity: Validity,
    values: B,
}

impl<B: ValueBuffer> Nullable<B> {
    /// Sets the value of a row with what `push` appends; false if the row has one already.
    pub(super) fn set(&mut self, row: usize, push: impl FnOnce(&mut B)) -> bool {
        if self.validity.len() > row {
            return false;
        }
        if self.validity.len() == 0 {
            self.values = B::with_room();
        }
        self.pad(row);
        push(&mut self.values);
        self.validity.push_valid();
        true
    }

    pub(super) fn cell(&self, row: usize) -> Option<Cell<'_>> {
        if self.validity.is_valid(row) { self.values.cell(row) } else { None }
    }

    /// Removes all rows from `rows` on.
    pub(super) fn truncate(&mut self, rows: usize) {
        if rows < self.validity.len() {
            self.validity.truncate(rows);
            self.values.truncate(rows);
            if !(0..rows).any(|row| self.validity.is_valid(row)) {
                *self = Self::default();
            }
        }
    }

    pub(super) fn byte_size(&self) -> usize {
        self.validity.byte_size() + self.values.byte_size()
    }

    /// Takes the values and their validity, padded to a number of rows; `None` if no row has a value.
    pub(super) fn take_padded(&mut self, rows: usize) -> Option<(B, Validity)> {
        if self.validity.len() == 0 {
            return None;
        }
        self.pad(rows);
        let Self { validity, values } = std::mem::take(self);
        Some((values, validity))
    }

    /// Takes the rows as an array; `None` if no row has a value.
    pub(super) fn finish(&mut self, column_type: ColumnType, rows: usize) -> Option<ArrayRef> {
        let (values, validity) = self.take_padded(rows)?;
        Some(values.finish(column_type, validity.finish()))
    }

    fn pad(&mut self, rows: usize) {
        let missing = rows - self.validity.len();
        self.values.push_nulls(missing);
        self.validity.push_nulls(missing);
    }
}
