//! Lists of choices and lists of strings.

use std::sync::Arc;

use arrow::array::{ArrayRef, ListArray, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::Int32Type;

use super::bits::Offsets;
use super::buffer::ValueBuffer;
use super::cell::Cell;
use super::strings::Strings;
use crate::columns::schema::{ColumnType, item};

/// Lists of choices.
#[derive(Debug, Default)]
pub(in crate::columns) struct ChoiceLists {
    offsets: Offsets,
    choices: Vec<i32>,
}

impl ChoiceLists {
    #[inline]
    pub(in crate::columns) fn push(&mut self, choices: &[i32]) {
        self.choices.extend_from_slice(choices);
        self.offsets.push(self.choices.len());
    }
}

impl ValueBuffer for ChoiceLists {
    const ROW_BYTES: usize = Offsets::BYTES_EACH;

    fn with_room() -> Self {
        Self::default()
    }

    fn push_nulls(&mut self, count: usize) {
        self.offsets.push_empty(count);
    }

    fn truncate(&mut self, rows: usize) {
        self.choices.truncate(self.offsets.truncate(rows));
    }

    fn clear(&mut self) -> bool {
        false
    }

    fn cell(&self, row: usize) -> Option<Cell<'_>> {
        Some(Cell::Choices(&self.choices[self.offsets.range(row)]))
    }

    fn byte_size(&self) -> usize {
        self.offsets.byte_size() + size_of::<i32>() * self.choices.capacity()
    }

    fn finish(self, _: ColumnType, nulls: Option<NullBuffer>) -> ArrayRef {
        let choices = PrimitiveArray::<Int32Type>::new(self.choices.into(), None);
        list(self.offsets, Arc::new(choices), nulls)
    }
}

/// Lists of strings.
#[derive(Debug, Default)]
pub(in crate::columns) struct StringLists {
    offsets: Offsets,
    strings: Box<Strings>,
}

impl StringLists {
    pub(in crate::columns) fn push<'a>(&mut self, strings: impl Iterator<Item = &'a [u8]>) {
        for string in strings {
            self.strings.push(string);
        }
        self.offsets.push(self.strings.len());
    }

    /// The strings of all lists, one after the other.
    pub(in crate::columns) fn strings(&self) -> &Strings {
        &self.strings
    }
}

impl ValueBuffer for StringLists {
    const ROW_BYTES: usize = Offsets::BYTES_EACH;

    fn with_room() -> Self {
        Self::default()
    }

    fn push_nulls(&mut self, count: usize) {
        self.offsets.push_empty(count);
    }

    fn truncate(&mut self, rows: usize) {
        self.strings.truncate(self.offsets.truncate(rows));
    }

    fn clear(&mut self) -> bool {
        let is_kept = self.strings.clear();
        if is_kept {
            self.offsets.clear();
        }
        is_kept
    }

    fn cell(&self, _: usize) -> Option<Cell<'_>> {
        None
    }

    fn byte_size(&self) -> usize {
        self.offsets.byte_size() + size_of::<Strings>() + self.strings.byte_size()
    }

    fn finish(self, _: ColumnType, nulls: Option<NullBuffer>) -> ArrayRef {
        list(self.offsets, self.strings.finish(ColumnType::Text, None), nulls)
    }
}

pub(super) fn list(offsets: Offsets, items: ArrayRef, nulls: Option<NullBuffer>) -> ArrayRef {
    Arc::new(ListArray::new(item(items.data_type().clone()), offsets.finish(), items, nulls))
}
