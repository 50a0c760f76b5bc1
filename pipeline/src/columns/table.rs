//! The rows of one destination, as columns.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;

use super::Context;
use crate::event::{ChangeEvent, RawEvent, Reject};
use crate::position::PartitionId;

/// The rows of one destination's current row group, as plain column buffers.
#[derive(Debug)]
pub struct TableBuffer {
    rows: usize,
}

impl TableBuffer {
    /// An empty buffer for a table; `_quarantine` is one.
    pub fn open(context: &mut Context, table: &str) -> Self {
        let _ = (context, table);
        Self { rows: 0 }
    }

    /// Appends an event as a row.
    pub fn push(
        &mut self,
        context: &mut Context,
        event: &ChangeEvent<'_>,
        raw: &RawEvent<'_>,
        partition: PartitionId,
    ) {
        let _ = (context, event, raw, partition);
        self.rows += 1;
    }

    /// Appends a body that can't be understood; only for `_quarantine`.
    pub fn push_reject(
        &mut self,
        context: &mut Context,
        reject: &Reject,
        raw: &RawEvent<'_>,
        partition: PartitionId,
    ) {
        let _ = (context, reject, raw, partition);
        self.rows += 1;
    }

    /// How many rows it holds.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The bytes its buffers take, capacities counted.
    pub fn bytes(&self) -> usize {
        0
    }

    /// All rows so far, columns in the contract's order, those that are null throughout left out.
    pub fn take(&mut self, context: &mut Context) -> RecordBatch {
        let _ = context;
        self.rows = 0;
        RecordBatch::new_empty(Arc::new(Schema::empty()))
    }
}
