//! The rows of one destination, as columns.
//!
//! Owns: a destination's buffers, their size, the batch they become, the limit of what an event may add, and the
//! batches that the rows of one large event are cut into. Does not own: when a batch is taken (`run`).

use std::cell::Cell;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StructArray};
use arrow::datatypes::{FieldRef, Schema};

use super::cells::Cells;
use super::column::{Column, Columns};
use super::context::{Context, DirectoryId};
use super::directory::{Directory, SlotId};
use super::encoded_rows::EncodedRows;
use super::fixed::{FixedColumn, layout};
use super::quarantine;
use super::row::Row;
use super::schema::{ColumnType, ColumnTypes};
use super::targets::{Item, Targets};
use super::write::write_row;
use crate::event::{ChangeEvent, RawEvent, Reject};
use crate::position::PartitionId;

/// The rows of one destination's current row group: the first ones encoded one after the other, later ones in column
/// buffers. Without rows it takes no memory but its own.
///
/// It belongs to the [`Context`] it was opened with. Every call takes that one and panics with another.
#[derive(Debug)]
pub struct TableBuffer {
    table: Box<str>,
    layout: &'static [FixedColumn],
    /// Number of fixed columns before the attributes.
    leading: usize,
    directory: DirectoryId,
    /// All rows, up to [`ENCODED_ROWS_MAX`].
    encoded: EncodedRows,
    /// All rows, once there are more.
    columns: Columns,
    rows: usize,
    /// Bytes of the buffers; `None` after a change.
    bytes: Cell<Option<usize>>,
}

/// Rows that were taken out of a buffer.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The rows as columns.
    pub batch: RecordBatch,
    /// The lake type of each of the batch's columns.
    pub types: ColumnTypes,
}

impl TableBuffer {
    /// An empty buffer for a table, which may be `_quarantine`.
    pub fn open(context: &mut Context, table: &str) -> Self {
        let (layout, leading) = layout(table);
        let directory = context.directory_id(table);
        Self {
            table: table.into(),
            layout,
            leading,
            directory,
            encoded: EncodedRows::default(),
            columns: Columns::default(),
            rows: 0,
            bytes: Cell::new(None),
        }
    }

    /// Appends an event: a row, or one for each of its targets.
    ///
    /// # Errors
    /// The event would take too much memory here and is not in the buffer. Once the rows of other events are taken it
    /// fits, unless it has several rows: use [`push_in_parts`](Self::push_in_parts) for those.
    pub fn push(
        &mut self,
        context: &mut Context,
        event: &ChangeEvent<'_>,
        raw: &RawEvent<'_>,
        partition: PartitionId,
    ) -> Result<(), Full> {
        let targets = self.begin_event(context, event, raw);
        let before = self.rows;
        self.columns.padding.allow(before, padding_max(raw));
        let Some(targets) = targets else {
            self.push_row(context, event, None, raw, partition);
            return self.check_padding(before);
        };
        if targets.count > PART_ROWS {
            return Err(Full);
        }
        for item in targets.items(event) {
            self.push_row(context, event, Some((targets, item)), raw, partition);
            self.check_padding(before)?;
        }
        Ok(())
    }

    /// Appends the rows of one event, and passes them on in parts.
    ///
    /// The buffer is empty before and afterwards.
    pub fn push_in_parts<E>(
        &mut self,
        context: &mut Context,
        event: &ChangeEvent<'_>,
        raw: &RawEvent<'_>,
        partition: PartitionId,
        mut part: impl FnMut(Rows) -> Result<(), E>,
    ) -> Result<(), E> {
        debug_assert_eq!(self.rows, 0, "rows of other events would be in the first part");
        if let Some(targets) = self.begin_event(context, event, raw) {
            self.columns.padding.allow(0, padding_max(raw));
            for item in targets.items(event) {
                let before = self.rows;
                self.push_row(context, event, Some((targets, item)), raw, partition);
                if self.check_padding(before).is_err() {
                    part(self.take_rows(context))?;
                    self.columns.padding.allow(0, padding_max(raw));
                    self.push_row(context, event, Some((targets, item)), raw, partition);
                }
                if self.rows == PART_ROWS {
                    part(self.take_rows(context))?;
                    self.columns.padding.allow(0, padding_max(raw));
                }
            }
        } else {
            self.push_row(context, event, None, raw, partition);
        }
        if self.rows > 0 {
            part(self.take_rows(context))?;
        }
        self.renew_directory(context);
        Ok(())
    }

    /// Begins an event. Returns its targets, if it has several.
    fn begin_event(
        &self,
        context: &mut Context,
        event: &ChangeEvent<'_>,
        raw: &RawEvent<'_>,
    ) -> Option<Targets> {
        let Context { directories, scratch, .. } = context;
        let targets = Targets::of(event);
        let rows = targets.map_or(1, |targets| targets.count);
        directories.get_mut(self.directory).begin_event(attributes_max(rows, raw));
        scratch.marks.begin(event.tree);
        targets.inspect(|targets| targets.hide(event, &mut scratch.marks))
    }

    /// Removes the rows after the first `before` if the padding limit is exceeded.
    #[inline]
    fn check_padding(&mut self, before: usize) -> Result<(), Full> {
        if self.columns.padding.is_exceeded(self.rows) { self.roll_back(before) } else { Ok(()) }
    }

    #[inline(never)]
    fn roll_back(&mut self, before: usize) -> Result<(), Full> {
        if before > 0 {
            self.columns.truncate(before);
        } else {
            self.columns = Columns::default();
        }
        self.rows = before;
        self.bytes.set(None);
        Err(Full)
    }

    fn push_row(
        &mut self,
        context: &mut Context,
        event: &ChangeEvent<'_>,
        several: Option<(Targets, Item)>,
        raw: &RawEvent<'_>,
        partition: PartitionId,
    ) {
        let hub = Arc::clone(&context.hub);
        self.append(context, |context, directory, Columns { fixed, attributes, padding }, row| {
            let cells = Cells { fixed, attributes, padding, row };
            let mut row = Row::begin(event, several, cells, directory, context);
            write_row(&mut row, raw, &hub, partition);
        });
    }

    /// Appends the row that `write` writes.
    #[inline]
    fn append(
        &mut self,
        context: &mut Context,
        write: impl FnOnce(&mut Context, DirectoryId, &mut Columns, usize),
    ) {
        self.bytes.set(None);
        if self.rows == ENCODED_ROWS_MAX {
            self.move_into_columns(context);
        }
        if self.rows < ENCODED_ROWS_MAX {
            let mut staged = std::mem::take(&mut context.staged);
            write(context, self.directory, &mut staged.columns, 0);
            self.encoded.push(&mut staged, context.directories.get(self.directory));
            context.staged = staged;
        } else {
            write(context, self.directory, &mut self.columns, self.rows);
        }
        self.rows += 1;
    }

    /// Moves the encoded rows into columns.
    #[inline(never)]
    fn move_into_columns(&mut self, context: &Context) {
        self.columns.begin();
        // The limit applies to the rows after these, which were accepted.
        self.columns.padding.remove_limit();
        self.encoded.move_into(&mut self.columns, self.layout, context.directories.get(self.directory));
        self.columns.padding.limit_from(self.rows);
    }

    /// Appends a rejected body, with its application properties as JSON; only for `_quarantine`.
    pub fn push_reject(
        &mut self,
        context: &mut Context,
        reject: &Reject,
        raw: &RawEvent<'_>,
        properties: &str,
        partition: PartitionId,
    ) {
        let rejected = (reject, raw, properties);
        self.append(context, |context, _, columns, row| {
            quarantine::write(columns, row, rejected, &context.hub, partition);
        });
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of its memory, with every column padded to all rows; 0 without rows. They are counted on demand, once
    /// after each change.
    pub fn byte_size(&self) -> usize {
        self.bytes.get().unwrap_or_else(|| {
            let bytes = self.encoded.byte_size() + self.columns.byte_size(self.rows);
            self.bytes.set(Some(bytes));
            bytes
        })
    }

    /// Takes all rows, columns in the contract's order without those whose values are all null.
    ///
    /// The buffers become the batch without a copy.
    pub fn take(&mut self, context: &mut Context) -> Rows {
        let rows = self.take_rows(context);
        self.renew_directory(context);
        rows
    }

    /// Adopts the lake's current types of the table, which an empty buffer may.
    fn renew_directory(&mut self, context: &mut Context) {
        self.directory = context.directory_id(&self.table);
    }

    fn take_rows(&mut self, context: &mut Context) -> Rows {
        if !self.encoded.is_empty() {
            self.move_into_columns(context);
        }
        let Columns { mut fixed, mut attributes, .. } = std::mem::take(&mut self.columns);
        let rows = std::mem::take(&mut self.rows);
        let (mut columns, mut types) = (Vec::new(), ColumnTypes::new());
        let mut add = |column: &mut Column, name: &str, column_type: ColumnType| {
            if let Some(array) = column.finish(column_type, rows) {
                columns.push((Arc::new(column_type.field(name)), array));
                types.insert(name.to_owned(), column_type);
            }
        };
        for (column, (name, column_type)) in fixed.iter_mut().zip(self.layout).take(self.leading) {
            add(column, name, *column_type);
        }
        let directory = context.directories.get_mut(self.directory);
        for slot in used(directory, &attributes) {
            let column = &mut attributes[slot.0 as usize];
            if let Some(column_type) = directory.column_type(&context.catalog, slot, None) {
                add(column, &directory.slot(slot).column, column_type);
            }
        }
        for (column, (name, column_type)) in fixed.iter_mut().zip(self.layout).skip(self.leading) {
            add(column, name, *column_type);
        }
        self.bytes.set(None);
        Rows { batch: batch(columns), types }
    }
}

/// Rows that a buffer encodes before it makes columns. Sixteen values of a column take about the bytes of an empty
/// column.
const ENCODED_ROWS_MAX: usize = 16;

/// The event would take too much memory in the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Upper bound on the bytes that an event may add to a buffer beside the values it states.
///
/// A value has at least twenty bytes in its body and takes up to 27 in its row. So an event whose records have a fifth
/// of their columns each is always within the bound, and one that spreads its values over many columns is not. Buffers
/// grow by doubling and are encoded while they are there: they take up to four times as much.
fn padding_max(raw: &RawEvent<'_>) -> usize {
    const BASE_BYTES: usize = 3 << 20;
    const FACTOR: usize = 6;
    BASE_BYTES + FACTOR * raw.body.len()
}

/// Upper bound on the attributes of an event that have columns; values of others stay in `_rest`.
///
/// A table of Dataverse has up to 1,024 columns. An attribute has at least 24 bytes in its body: events with up to 256
/// are within the bound, and events whose records have an eighth of all that are named, on average.
fn attributes_max(rows: usize, raw: &RawEvent<'_>) -> usize {
    const MAX: usize = 1024;
    const BASE: usize = 256;
    const BYTES_PER_ATTRIBUTE: usize = 3;
    MAX.min(BASE + raw.body.len() / (BYTES_PER_ATTRIBUTE * rows))
}

/// Rows of one event in a batch: about 3 MiB with all facts of the event, even if a target of two bytes becomes a row.
/// With more rows, columns with a single value take more memory; with fewer, the metadata of row groups does.
const PART_ROWS: usize = 8192;

/// The slots with values, in the contract's order.
fn used(directory: &Directory, columns: &[Column]) -> Vec<SlotId> {
    let slots = (0..columns.len()).filter(|at| columns[*at].len() > 0);
    let mut slots: Vec<SlotId> = slots.map(|at| SlotId(at as u32)).collect();
    slots.sort_by_key(|slot| directory.order(*slot));
    slots
}

fn batch(columns: Vec<(FieldRef, ArrayRef)>) -> RecordBatch {
    if columns.is_empty() {
        return RecordBatch::new_empty(Arc::new(Schema::empty()));
    }
    RecordBatch::from(StructArray::from(columns))
}
