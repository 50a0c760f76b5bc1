//! The rows of one destination, as columns.
//!
//! Owns: a destination's buffers, their size, and the batch they become. Does not own: when that happens (`run`).

use std::cell::Cell;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StructArray};
use arrow::datatypes::{FieldRef, Schema};

use super::column::Column;
use super::context::Context;
use super::directory::{Directory, SlotId};
use super::quarantine;
use super::row::{Cells, Row};
use super::schema::{ColumnType, FixedColumn, layout};
use super::targets::{Item, Targets};
use crate::event::{ChangeEvent, RawEvent, Reject};
use crate::position::PartitionId;

/// The rows of one destination's current row group, as plain column buffers.
///
/// It belongs to the [`Context`] it was opened with: every call takes that one.
#[derive(Debug)]
pub struct TableBuffer {
    table: Box<str>,
    layout: &'static [FixedColumn],
    /// How many of the fixed columns stand before the attributes.
    leading: usize,
    directory: usize,
    fixed: Vec<Column>,
    attributes: Vec<Column>,
    rows: usize,
    /// What its buffers take; `None` since they changed.
    bytes: Cell<Option<usize>>,
}

impl TableBuffer {
    /// An empty buffer for a table; `_quarantine` is one.
    pub fn open(context: &mut Context, table: &str) -> Self {
        let (layout, leading) = layout(table);
        let mut fixed = Vec::new();
        fixed.resize_with(layout.len(), Column::default);
        let directory = context.directory(table);
        Self {
            table: table.into(),
            layout,
            leading,
            directory,
            fixed,
            attributes: Vec::new(),
            rows: 0,
            bytes: Cell::new(None),
        }
    }

    /// Appends an event: a row, or one for each of its targets.
    pub fn push(
        &mut self,
        context: &mut Context,
        event: &ChangeEvent<'_>,
        raw: &RawEvent<'_>,
        partition: PartitionId,
    ) {
        context.scratch.marks.begin(event.tree);
        let Some(targets) = Targets::of(event) else {
            return self.push_row(context, event, None, raw, partition);
        };
        targets.hide(event, &mut context.scratch.marks);
        for item in targets.items(event) {
            self.push_row(context, event, Some((targets, item)), raw, partition);
        }
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
        let cells = Cells { fixed: &mut self.fixed, attributes: &mut self.attributes, row: self.rows };
        self.bytes.set(None);
        Row::begin(event, several, cells, self.directory, context).write(raw, &hub, partition);
        self.rows += 1;
    }

    /// Appends a body that can't be understood, with its application properties as JSON; only for `_quarantine`.
    pub fn push_reject(
        &mut self,
        context: &mut Context,
        reject: &Reject,
        raw: &RawEvent<'_>,
        properties: &str,
        partition: PartitionId,
    ) {
        let what = (reject, raw, properties);
        quarantine::write(&mut self.fixed, self.rows, what, &context.hub, partition);
        self.bytes.set(None);
        self.rows += 1;
    }

    /// How many rows it holds.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The bytes its buffers take, capacities counted. They are counted once after they changed, not with every value.
    pub fn bytes(&self) -> usize {
        self.bytes.get().unwrap_or_else(|| {
            let columns = (self.fixed.len() + self.attributes.capacity()) * size_of::<Column>();
            let bytes = columns + self.fixed.iter().chain(&self.attributes).map(Column::bytes).sum::<usize>();
            self.bytes.set(Some(bytes));
            bytes
        })
    }

    /// All rows so far, columns in the contract's order, those that are null throughout left out.
    ///
    /// The buffers become the batch without a copy; this one is empty then, and begins again.
    pub fn take(&mut self, context: &mut Context) -> RecordBatch {
        let rows = std::mem::take(&mut self.rows);
        let mut columns = Vec::new();
        let mut add = |column: &mut Column, name: &str, column_type: ColumnType| {
            if let Some(array) = column.finish(column_type, rows) {
                let field = column_type.field(name, array.data_type().clone());
                columns.push((Arc::new(field), array));
            }
        };
        for (column, (name, column_type)) in self.fixed.iter_mut().zip(self.layout).take(self.leading) {
            add(column, name, *column_type);
        }
        let directory = &mut context.directories[self.directory];
        for slot in used(directory, &self.attributes) {
            let column = &mut self.attributes[slot.0 as usize];
            if let Some(column_type) = directory.column_type(&context.catalog, slot, None) {
                if column_type == ColumnType::Number {
                    keep_width(directory, slot, column);
                }
                add(column, &directory.slot(slot).column, column_type);
            }
        }
        for (column, (name, column_type)) in self.fixed.iter_mut().zip(self.layout).skip(self.leading) {
            add(column, name, *column_type);
        }
        // What the lake says may have changed in the meantime, and no row holds us to what it said before.
        let directory = context.directory(&self.table);
        if directory != self.directory {
            self.directory = directory;
            self.attributes.clear();
        }
        self.bytes.set(None);
        batch(columns)
    }
}

/// The slots with values, in the contract's order.
fn used(directory: &Directory, columns: &[Column]) -> Vec<SlotId> {
    let slots = (0..columns.len()).filter(|at| columns[*at].len() > 0);
    let mut slots: Vec<SlotId> = slots.map(|at| SlotId(at as u32)).collect();
    slots.sort_by_key(|slot| directory.order(*slot));
    slots
}

/// Makes numbers as wide as they ever were in this lane: row groups of one file need one width, and one that
/// comes and goes would split files for ever.
fn keep_width(directory: &mut Directory, slot: SlotId, column: &mut Column) {
    let slot = directory.slot_mut(slot);
    slot.width = column.widen(slot.width);
}

fn batch(columns: Vec<(FieldRef, ArrayRef)>) -> RecordBatch {
    if columns.is_empty() {
        return RecordBatch::new_empty(Arc::new(Schema::empty()));
    }
    RecordBatch::from(StructArray::from(columns))
}
