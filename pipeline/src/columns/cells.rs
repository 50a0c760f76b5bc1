//! The columns of a buffer at the row that is being written.

use super::column::{Column, Columns, Padding};
use super::directory::SlotId;
use super::fixed::{CellKind, Fixed, TextList};
use super::schema::ColumnType;
use super::values::{Cell, Parties};

/// The columns of a buffer, at the row that is being written.
#[derive(Debug)]
pub(super) struct Cells<'r> {
    pub(super) fixed: &'r mut [Column],
    pub(super) attributes: &'r mut Vec<Column>,
    pub(super) padding: &'r mut Padding,
    pub(super) row: usize,
}

impl Cells<'_> {
    /// Sets a fixed column.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "callers know the kind of cell; measured")]
    pub(super) fn put<K: CellKind>(&mut self, column: Fixed<K>, value: K::Value<'_>) -> bool {
        self.fixed[column.at()].push(K::TYPE, self.row, K::cell(value), self.padding)
    }

    /// Sets a fixed column of lists of strings.
    pub(super) fn put_strings<'t>(
        &mut self,
        column: Fixed<TextList>,
        strings: impl Iterator<Item = &'t [u8]>,
    ) -> bool {
        self.fixed[column.at()].push_strings(self.row, strings, self.padding)
    }

    /// Sets an attribute's column.
    #[inline(never)]
    pub(super) fn put_attribute(&mut self, slot: SlotId, column_type: ColumnType, cell: Cell<'_>) -> bool {
        Columns::attribute(self.attributes, slot.0 as usize).push(column_type, self.row, cell, self.padding)
    }

    /// Sets an attribute's column of parties.
    pub(super) fn put_parties(&mut self, slot: SlotId, write: impl FnOnce(&mut Parties)) -> bool {
        Columns::attribute(self.attributes, slot.0 as usize).push_parties(self.row, write, self.padding)
    }
}
