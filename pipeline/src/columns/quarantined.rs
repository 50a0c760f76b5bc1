//! Rows of `_quarantine`, read back as events.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{ArrowPrimitiveType, Int32Type, Int64Type, TimestampMicrosecondType};

use super::fixed::{Fixed, quarantine_column as column};
use super::values::MICROS_PER_MILLI;
use crate::clock::UnixMillis;
use crate::event::{RawEvent, Reason, Undecodable};
use crate::position::{PartitionId, SequenceNumber};

/// The columns that [`QuarantinedRows`] reads from a file.
pub const QUARANTINED_COLUMNS: [&str; 10] = [
    name(column::REASON),
    name(column::BYTE_OFFSET),
    name(column::BODY),
    name(column::CONTENT_TYPE),
    name(column::PROPERTIES),
    name(column::HUB),
    name(column::PARTITION),
    name(column::SEQUENCE_NUMBER),
    name(column::OFFSET),
    name(column::ENQUEUED_TIME),
];

/// A batch of `_quarantine`. A column of the contract may be absent if all its values are null.
#[derive(Debug)]
pub struct QuarantinedRows<'a> {
    batch: &'a RecordBatch,
}

/// An event whose body was rejected.
#[derive(Clone, Copy, Debug)]
pub struct QuarantinedEvent<'a> {
    /// The hub's name, as configured in the run that wrote the row.
    pub hub: &'a str,
    /// The partition it came from.
    pub partition: PartitionId,
    /// Its application properties as a JSON object; empty without properties.
    pub properties: &'a str,
    /// The event without its properties, so [`RawEvent::size_exceeded`] is not set. It is undecodable if its message
    /// was.
    pub raw: RawEvent<'a>,
}

impl<'a> QuarantinedRows<'a> {
    /// The rows of a batch.
    pub fn new(batch: &'a RecordBatch) -> Self {
        Self { batch }
    }

    /// The events, in order.
    ///
    /// # Errors
    /// The name of a column that lacks a required value or has another type.
    pub fn events(&self) -> impl Iterator<Item = Result<QuarantinedEvent<'a>, &'static str>> {
        let batch = self.batch;
        (0..batch.num_rows()).map(move |row| event(batch, row))
    }
}

fn event(batch: &RecordBatch, row: usize) -> Result<QuarantinedEvent<'_>, &'static str> {
    let body = match value_in(batch, column::BODY, row) {
        Some(array) => {
            array.as_binary_opt::<i32>().map(|bodies| bodies.value(row)).ok_or_else(|| name(column::BODY))?
        }
        None => &[],
    };
    let undecodable =
        match text(batch, column::REASON, row)?.and_then(|why| why.strip_prefix(Reason::UNDECODABLE)) {
            Some(reason) => Some(Undecodable { reason, byte_offset: byte_offset(batch, row)? }),
            None => None,
        };
    Ok(QuarantinedEvent {
        hub: text(batch, column::HUB, row)?.ok_or_else(|| name(column::HUB))?,
        partition: PartitionId::new(number::<Int32Type, _>(batch, column::PARTITION, row)? as u32),
        properties: text(batch, column::PROPERTIES, row)?.unwrap_or_default(),
        raw: RawEvent {
            body,
            sequence_number: SequenceNumber::new(number::<Int64Type, _>(
                batch,
                column::SEQUENCE_NUMBER,
                row,
            )?),
            offset: text(batch, column::OFFSET, row)?.unwrap_or_default(),
            enqueued_time: UnixMillis::new(
                number::<TimestampMicrosecondType, _>(batch, column::ENQUEUED_TIME, row)? / MICROS_PER_MILLI,
            ),
            content_type: text(batch, column::CONTENT_TYPE, row)?.unwrap_or_default(),
            encoded_properties: &[],
            size_exceeded: false,
            undecodable,
        },
    })
}

fn byte_offset(batch: &RecordBatch, row: usize) -> Result<Option<usize>, &'static str> {
    match value_in(batch, column::BYTE_OFFSET, row) {
        Some(_) => {
            number::<Int64Type, _>(batch, column::BYTE_OFFSET, row).map(|offset| usize::try_from(offset).ok())
        }
        None => Ok(None),
    }
}

/// A column with a value in a row.
fn value_in<K>(batch: &RecordBatch, column: Fixed<K>, row: usize) -> Option<&dyn Array> {
    batch.column_by_name(name(column)).filter(|array| array.is_valid(row)).map(AsRef::as_ref)
}

fn text<K>(batch: &RecordBatch, column: Fixed<K>, row: usize) -> Result<Option<&str>, &'static str> {
    let Some(array) = value_in(batch, column, row) else { return Ok(None) };
    array.as_string_opt::<i32>().map(|strings| Some(strings.value(row))).ok_or_else(|| name(column))
}

fn number<T: ArrowPrimitiveType, K>(
    batch: &RecordBatch,
    column: Fixed<K>,
    row: usize,
) -> Result<T::Native, &'static str> {
    let array = value_in(batch, column, row).and_then(|array| array.as_primitive_opt::<T>());
    array.map(|numbers| numbers.value(row)).ok_or_else(|| name(column))
}

const fn name<K>(column: Fixed<K>) -> &'static str {
    column::ALL[column.at()].0
}
