//! One column of a row group, as plain buffers.
//!
//! Owns: which row a value belongs to, backfilling, how much that may take, parties. Does not own: the layout of values
//! (`values`), which value goes where.
//!
//! # Shape
//! A column takes no memory until its first value; the rows before are made null then, the rows behind its last
//! value when it is finished. So a column costs nothing in a row that does not touch it.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeBinaryArray, StringArray, StringBuilder, StructArray, new_null_array,
};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use super::bits::Validity;
use super::schema::{ColumnType, EVENT, PARTY, PartyPart, party_fields};
use super::values::{Cell, Values};

/// All columns of a row group: those that every row has, and those of the attributes by slot.
#[derive(Debug, Default)]
pub(super) struct Columns {
    pub(super) fixed: Vec<Column>,
    pub(super) attributes: Vec<Column>,
    pub(super) padding: Padding,
}

/// Memory of a buffer's rows with every column padded to the row count, and its limit.
///
/// A column with a single value needs space in every row of its row group. Without a limit a body with many attributes
/// multiplies the rows before it, and a body with many targets its own rows.
#[derive(Debug)]
pub(super) struct Padding {
    /// Bytes of one padded row: the fixed size of every column with a value, without the content of texts and lists.
    row_bytes: usize,
    max_bytes: usize,
    /// Bytes that may be added to the existing rows.
    more_bytes: usize,
    /// A column was refused because of the limit.
    exceeded: bool,
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
    pub(super) fn push(
        &mut self,
        column_type: ColumnType,
        row: usize,
        cell: Cell<'_>,
        padding: &mut Padding,
    ) -> bool {
        debug_assert!(Values::take(column_type, cell), "{cell:?} in a column of {column_type:?}");
        if self.len() == row && self.values.push(cell) {
            self.validity.push_valid();
            return true;
        }
        self.push_after_all(column_type, row, cell, padding)
    }

    /// The same for a column's first value, one behind rows without any, and one that is not the row's first.
    #[inline(never)]
    fn push_after_all(
        &mut self,
        column_type: ColumnType,
        row: usize,
        cell: Cell<'_>,
        padding: &mut Padding,
    ) -> bool {
        if !self.reach(column_type, row, padding) {
            return false;
        }
        let pushed = self.values.push(cell);
        debug_assert!(pushed, "{cell:?} does not go into {:?}", self.values);
        self.validity.push_valid();
        true
    }

    /// Sets a row of a list of texts.
    pub(super) fn push_texts<'a>(
        &mut self,
        row: usize,
        texts: impl Iterator<Item = &'a [u8]>,
        padding: &mut Padding,
    ) -> bool {
        if !self.reach(ColumnType::TextList, row, padding) {
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
    pub(super) fn push_parties(
        &mut self,
        row: usize,
        write: impl FnOnce(&mut Parties),
        padding: &mut Padding,
    ) -> bool {
        if !self.reach(ColumnType::PartyList, row, padding) {
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

    /// The bytes its buffers will take once it is padded to so many rows.
    fn padded_bytes(&self, rows: usize) -> usize {
        let missing = rows.saturating_sub(self.len());
        self.bytes() + if self.len() > 0 { missing * self.values.row_bytes() } else { 0 }
    }

    /// Forgets all rows from `rows` on.
    fn truncate(&mut self, rows: usize) {
        if rows < self.len() {
            self.validity.truncate(rows);
            self.values.truncate(rows);
            if !(0..rows).any(|row| self.validity.is_valid(row)) {
                *self = Self::default();
            }
        }
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

    /// Makes `row` the next to be set; false if it can't be.
    fn reach(&mut self, column_type: ColumnType, row: usize, padding: &mut Padding) -> bool {
        if self.len() > row {
            return false;
        }
        if self.len() == 0 {
            if !padding.add_column(column_type, row) {
                return false;
            }
            if !self.values.begins(column_type) {
                self.values = Values::of(column_type);
            }
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
        let mut columns = Self::default();
        columns.begin();
        columns
    }

    /// Lets rows come: there are as many fixed columns as any table has.
    pub(super) fn begin(&mut self) {
        self.fixed.resize_with(EVENT.len(), Column::default);
    }

    /// An attribute's column.
    pub(super) fn attribute(attributes: &mut Vec<Column>, at: usize) -> &mut Column {
        if attributes.len() <= at {
            attributes.resize_with(at + 1, Column::default);
        }
        &mut attributes[at]
    }

    /// The bytes they take once all are padded to so many rows.
    pub(super) fn bytes(&self, rows: usize) -> usize {
        let columns = (self.fixed.capacity() + self.attributes.capacity()) * size_of::<Column>();
        let all = self.fixed.iter().chain(&self.attributes);
        columns + all.map(|column| column.padded_bytes(rows)).sum::<usize>()
    }

    /// Forgets all rows from `rows` on.
    pub(super) fn truncate(&mut self, rows: usize) {
        for column in self.fixed.iter_mut().chain(&mut self.attributes) {
            column.truncate(rows);
        }
    }
}

impl Default for Padding {
    /// Without a limit.
    fn default() -> Self {
        Self { row_bytes: 0, max_bytes: usize::MAX, more_bytes: usize::MAX, exceeded: false }
    }
}

impl Padding {
    /// Limits growth to `more_bytes` beyond the existing `rows`.
    pub(super) fn allow(&mut self, rows: usize, more_bytes: usize) {
        self.more_bytes = more_bytes;
        self.limit_from(rows);
        self.exceeded = false;
    }

    /// Removes the limit.
    pub(super) fn remove_limit(&mut self) {
        self.max_bytes = usize::MAX;
    }

    /// Applies the limit on growth again, beyond these `rows`.
    pub(super) fn limit_from(&mut self, rows: usize) {
        self.max_bytes = (rows * self.row_bytes).saturating_add(self.more_bytes);
    }

    /// True if a column or a row exceeded the limit. Then the event's rows are incomplete.
    pub(super) fn is_exceeded(&mut self, rows: usize) -> bool {
        self.exceeded |= rows * self.row_bytes > self.max_bytes;
        self.exceeded
    }

    /// Adds a column whose first value is in `row`; false if that exceeds the limit.
    fn add_column(&mut self, column_type: ColumnType, row: usize) -> bool {
        let row_bytes = self.row_bytes + Values::row_bytes_of(column_type);
        if (row + 1) * row_bytes > self.max_bytes {
            self.exceeded = true;
            return false;
        }
        self.row_bytes = row_bytes;
        true
    }
}

/// The parties of a party-list column, of all rows one behind the other.
#[derive(Debug, Default)]
pub(super) struct Parties {
    columns: [Column; PARTY.len()],
    len: usize,
    padding: Padding,
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
        self.columns[part].push(PARTY[part].1, self.len, cell, &mut self.padding)
    }

    /// Forgets all from `len` on.
    pub(super) fn truncate(&mut self, len: usize) {
        for column in &mut self.columns {
            column.truncate(len);
        }
        self.len = self.len.min(len);
    }

    /// The bytes they take.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.columns.iter().map(Column::bytes).sum::<usize>()
    }

    pub(super) fn finish(mut self) -> StructArray {
        let fields = party_fields();
        let parts = PARTY.iter().zip(&mut self.columns).zip(&fields);
        let parts = parts.map(|(((_, column_type), column), field)| {
            let part = column.finish(*column_type, self.len);
            match part.as_ref().and_then(|part| part.as_fixed_size_binary_opt()) {
                Some(ids) => Arc::new(texts(ids)),
                None => part.unwrap_or_else(|| new_null_array(field.data_type(), self.len)),
            }
        });
        let parts = parts.collect();
        StructArray::new(fields, parts, None)
    }
}

/// Ids as the texts that files hold: a party list is written as it is here.
fn texts(ids: &FixedSizeBinaryArray) -> StringArray {
    let mut texts = StringBuilder::with_capacity(ids.len(), 0);
    for id in ids {
        let mut text = [0; Hyphenated::LENGTH];
        let id = id.and_then(|id| Uuid::from_slice(id).ok());
        texts.append_option(id.map(|id| &*id.hyphenated().encode_lower(&mut text)));
    }
    texts.finish()
}
