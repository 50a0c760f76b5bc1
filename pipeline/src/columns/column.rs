//! One column of a row group, as plain buffers.
//!
//! Owns: which row a value belongs to, backfilling, parties. Does not own: the layout of values (`values`), which
//! value goes where.
//!
//! # Shape
//! A column takes no memory until its first value; the rows before are made null then, the rows behind its last
//! value when it is finished. So a column costs nothing in a row that does not touch it.

use arrow::array::{ArrayRef, StructArray};

use super::bits::Validity;
use super::schema::{ColumnType, EVENT, PARTY, PartyPart, party_fields};
use super::values::{Cell, Values, Width};

/// All columns of a row group: those that every row has, and those of the attributes by slot.
#[derive(Debug, Default)]
pub(super) struct Columns {
    pub(super) fixed: Vec<Column>,
    pub(super) attributes: Vec<Column>,
}

/// A column's values so far.
#[derive(Debug, Default)]
pub(super) struct Column {
    validity: Validity,
    values: Values,
}

impl Column {
    /// How many rows it reaches to.
    pub(super) fn len(&self) -> usize {
        self.validity.len()
    }

    /// Sets the value of a row, which must be one for the column's type; false if the row has one already.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "callers know the kind of cell, which decides all else; measured"
    )]
    pub(super) fn push(&mut self, column_type: ColumnType, row: usize, cell: Cell<'_>) -> bool {
        debug_assert!(Values::take(column_type, cell), "{cell:?} in a column of {column_type:?}");
        if self.len() == row && self.values.push(cell) {
            self.validity.push_valid();
            return true;
        }
        self.push_after_all(column_type, row, cell)
    }

    /// The same for a column's first value, one behind rows without any, and one that is not the row's first.
    #[inline(never)]
    fn push_after_all(&mut self, column_type: ColumnType, row: usize, cell: Cell<'_>) -> bool {
        if !self.reach(column_type, row) {
            return false;
        }
        let pushed = self.values.push(cell);
        debug_assert!(pushed, "{cell:?} does not go into {:?}", self.values);
        self.validity.push_valid();
        true
    }

    /// Sets a row of a list of texts.
    pub(super) fn push_texts<'a>(&mut self, row: usize, texts: impl Iterator<Item = &'a [u8]>) -> bool {
        if !self.reach(ColumnType::TextList, row) {
            return false;
        }
        let Values::Texts { offsets, items } = &mut self.values else { return false };
        for text in texts {
            items.push(text);
        }
        offsets.push(items.len);
        self.validity.push_valid();
        true
    }

    /// Sets a row of a party list, one party per call of what `write` is given.
    pub(super) fn push_parties(&mut self, row: usize, write: impl FnOnce(&mut Parties)) -> bool {
        if !self.reach(ColumnType::PartyList, row) {
            return false;
        }
        let Values::Parties { offsets, parties } = &mut self.values else { return false };
        write(parties);
        offsets.push(parties.len());
        self.validity.push_valid();
        true
    }

    /// The bytes its buffers take.
    pub(super) fn bytes(&self) -> usize {
        self.validity.bytes() + self.values.bytes()
    }

    /// The value of a row, but for lists of texts or parties.
    pub(super) fn cell(&self, row: usize) -> Option<Cell<'_>> {
        if self.validity.is_valid(row) { self.values.cell(row) } else { None }
    }

    /// The buffer of its values.
    pub(super) fn values(&self) -> &Values {
        &self.values
    }

    /// Forgets all rows and keeps the memory, for a column of any type.
    pub(super) fn clear(&mut self) {
        self.validity = Validity::default();
        self.values.clear();
    }

    /// The column as an array of so many rows; `None` if it has no value. It is empty afterwards.
    pub(super) fn finish(&mut self, column_type: ColumnType, rows: usize) -> Option<ArrayRef> {
        if matches!(self.values, Values::None) {
            return None;
        }
        self.pad(rows);
        let Self { validity, values } = std::mem::take(self);
        Some(values.finish(column_type, validity, rows))
    }

    /// Makes numbers at least so wide; how wide they are now.
    pub(super) fn widen(&mut self, to: Width) -> Width {
        self.values.widen(to);
        self.values.width()
    }

    /// Makes `row` the next to be set; false if it can't be.
    fn reach(&mut self, column_type: ColumnType, row: usize) -> bool {
        if self.len() > row {
            return false;
        }
        if self.len() == 0 && !self.values.begins(column_type) {
            self.values = Values::of(column_type);
        }
        if self.len() < row {
            self.pad(row);
        }
        true
    }

    fn pad(&mut self, rows: usize) {
        let missing = rows - self.len();
        if missing > 0 {
            self.values.push_nulls(missing);
            self.validity.push_nulls(missing);
        }
    }
}

impl Columns {
    /// As many fixed columns as any table has, and no attribute's.
    pub(super) fn new() -> Self {
        let mut fixed = Vec::new();
        fixed.resize_with(EVENT.len(), Column::default);
        Self { fixed, attributes: Vec::new() }
    }

    /// An attribute's column.
    pub(super) fn attribute(attributes: &mut Vec<Column>, at: usize) -> &mut Column {
        if attributes.len() <= at {
            attributes.resize_with(at + 1, Column::default);
        }
        &mut attributes[at]
    }

    /// The bytes they take.
    pub(super) fn bytes(&self) -> usize {
        let columns = (self.fixed.capacity() + self.attributes.capacity()) * size_of::<Column>();
        columns + self.fixed.iter().chain(&self.attributes).map(Column::bytes).sum::<usize>()
    }
}

/// The parties of a party-list column, of all rows one behind the other.
#[derive(Debug, Default)]
pub(super) struct Parties {
    columns: [Column; PARTY.len()],
    len: usize,
}

impl Parties {
    /// Sets a part of the party that is being written.
    pub(super) fn set(&mut self, part: PartyPart, cell: Cell<'_>) -> bool {
        self.set_at(part as usize, cell)
    }

    /// Ends a party.
    pub(super) fn close(&mut self) {
        self.len += 1;
    }

    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// A part of one of them.
    pub(super) fn cell(&self, party: usize, part: usize) -> Option<Cell<'_>> {
        self.columns.get(part)?.cell(party)
    }

    /// Sets a part, by its place among them, of the party that is being written.
    pub(super) fn set_at(&mut self, part: usize, cell: Cell<'_>) -> bool {
        self.columns[part].push(PARTY[part].1, self.len, cell)
    }

    /// The bytes they take.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.columns.iter().map(Column::bytes).sum::<usize>()
    }

    pub(super) fn finish(mut self) -> StructArray {
        let parts = PARTY.iter().zip(&mut self.columns).map(|((_, column_type), column)| {
            column
                .finish(*column_type, self.len)
                .unwrap_or_else(|| arrow::array::new_null_array(&column_type.data_type(), self.len))
        });
        StructArray::new(party_fields(), parts.collect(), None)
    }
}
