//! One column of a row group, as plain buffers.
//!
//! Owns: which row a value belongs to, backfilling, how much that may take. Does not own: the layout of values
//! (`values`), which value goes into which column.
//!
//! # Shape
//! A column takes no memory until its first value. The rows before that become null then, the rows after its last
//! value when it is finished. So a column costs nothing in a row that has no value for it.

use arrow::array::ArrayRef;

use super::fixed::event_column;
use super::schema::ColumnType;
use super::values::{Cell, Layout, Parties, Validity, Values};

/// All columns of a row group: the fixed ones, and those of the attributes by slot.
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
    /// Bytes of one padded row: the fixed size of every column with a value, without the content of strings and lists.
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
    /// Number of rows up to its last value.
    pub(super) fn len(&self) -> usize {
        self.validity.len()
    }

    /// Sets the value of a row; false if the row has one, or the memory limit is exceeded.
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
        if self.len() == row && self.values.push(cell) {
            self.validity.push_valid();
            return true;
        }
        self.push_with_padding(column_type, row, cell, padding)
    }

    /// Sets a column's first value, or one after rows without a value. Refuses a second value of a row.
    #[inline(never)]
    fn push_with_padding(
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
        debug_assert!(pushed, "{cell:?} in a column of {column_type:?}");
        if pushed {
            self.validity.push_valid();
        }
        pushed
    }

    /// Sets a row of a list of strings.
    pub(super) fn push_strings<'a>(
        &mut self,
        row: usize,
        strings: impl Iterator<Item = &'a [u8]>,
        padding: &mut Padding,
    ) -> bool {
        if !self.reach(ColumnType::TextList, row, padding) {
            return false;
        }
        let Values::Strings(lists) = &mut self.values else { return false };
        lists.push(strings);
        self.validity.push_valid();
        true
    }

    /// Sets a row of a list of parties, which `write` appends.
    pub(super) fn push_parties(
        &mut self,
        row: usize,
        write: impl FnOnce(&mut Parties),
        padding: &mut Padding,
    ) -> bool {
        if !self.reach(ColumnType::PartyList, row, padding) {
            return false;
        }
        let Values::Parties(lists) = &mut self.values else { return false };
        lists.push(write);
        self.validity.push_valid();
        true
    }

    /// Bytes of its memory.
    pub(super) fn byte_size(&self) -> usize {
        self.validity.byte_size() + self.values.byte_size()
    }

    /// Bytes of its memory once it is padded to a number of rows.
    fn padded_bytes(&self, rows: usize) -> usize {
        let missing = rows.saturating_sub(self.len());
        self.byte_size() + if self.len() > 0 { missing * self.values.row_bytes() } else { 0 }
    }

    /// Removes the rows from `rows` on.
    fn truncate(&mut self, rows: usize) {
        if rows < self.len() {
            self.validity.truncate(rows);
            self.values.truncate(rows);
            if !(0..rows).any(|row| self.validity.is_valid(row)) {
                *self = Self::default();
            }
        }
    }

    /// The value of a row; `None` for lists of strings or parties.
    pub(super) fn cell(&self, row: usize) -> Option<Cell<'_>> {
        if self.validity.is_valid(row) { self.values.cell(row) } else { None }
    }

    /// The buffer of its values.
    pub(super) fn values(&self) -> &Values {
        &self.values
    }

    /// Removes all rows and keeps the memory, for a column of any type.
    pub(super) fn clear(&mut self) {
        self.validity = Validity::default();
        self.values.clear();
    }

    /// Takes the column as an array of a number of rows; `None` if it has no value.
    pub(super) fn finish(&mut self, column_type: ColumnType, rows: usize) -> Option<ArrayRef> {
        if matches!(self.values, Values::None) {
            return None;
        }
        self.pad(rows);
        let column = std::mem::take(self);
        column.values.finish(column_type, column.validity)
    }

    /// Pads the column to `row`; false if that row has a value, or the memory limit is exceeded.
    fn reach(&mut self, column_type: ColumnType, row: usize, padding: &mut Padding) -> bool {
        if self.len() > row {
            return false;
        }
        if self.len() == 0 {
            if !padding.add_column(column_type, row) {
                return false;
            }
            let layout = Layout::of(column_type);
            if !self.values.has(layout) {
                self.values = Values::new(layout);
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
    /// Columns that are ready for rows.
    pub(super) fn new() -> Self {
        let mut columns = Self::default();
        columns.begin();
        columns
    }

    /// Makes room for the fixed columns of any table.
    pub(super) fn begin(&mut self) {
        self.fixed.resize_with(event_column::ALL.len(), Column::default);
    }

    /// An attribute's column.
    pub(super) fn attribute(attributes: &mut Vec<Column>, at: usize) -> &mut Column {
        if attributes.len() <= at {
            attributes.resize_with(at + 1, Column::default);
        }
        &mut attributes[at]
    }

    /// Bytes of their memory once all are padded to a number of rows.
    pub(super) fn byte_size(&self, rows: usize) -> usize {
        let columns = (self.fixed.capacity() + self.attributes.capacity()) * size_of::<Column>();
        let all = self.fixed.iter().chain(&self.attributes);
        columns + all.map(|column| column.padded_bytes(rows)).sum::<usize>()
    }

    /// Removes the rows from `rows` on.
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
        let row_bytes = self.row_bytes + Layout::of(column_type).row_bytes();
        if (row + 1) * row_bytes > self.max_bytes {
            self.exceeded = true;
            return false;
        }
        self.row_bytes = row_bytes;
        true
    }
}
