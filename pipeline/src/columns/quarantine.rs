//! Rejected bodies as rows of `_quarantine`.

use super::cells::Cells;
use super::column::Columns;
use super::fixed::{CellKind, Fixed, quarantine_column};
use crate::event::{RawEvent, Reject};
use crate::position::PartitionId;

/// Writes a body, and its event's position and properties.
pub(super) fn write(
    Columns { fixed, attributes, padding }: &mut Columns,
    row: usize,
    (reject, raw, properties): (&Reject, &RawEvent<'_>, &str),
    hub: &str,
    partition: PartitionId,
) {
    let mut cells = Cells { fixed, attributes, padding, row };
    cells.put(quarantine_column::SINK_MODIFIED_ON, raw.enqueued_time);
    cells.put(quarantine_column::REASON, reject.reason.to_string().as_bytes());
    if let Some(offset) = reject.byte_offset {
        cells.put(quarantine_column::BYTE_OFFSET, offset as i64);
    }
    cells.put(quarantine_column::BODY, raw.body);
    put_stated(&mut cells, quarantine_column::CONTENT_TYPE, raw.content_type);
    put_stated(&mut cells, quarantine_column::PROPERTIES, properties);
    cells.put(quarantine_column::HUB, hub.as_bytes());
    cells.put(quarantine_column::PARTITION, partition.get() as i32);
    cells.put(quarantine_column::SEQUENCE_NUMBER, raw.sequence_number.get());
    put_stated(&mut cells, quarantine_column::OFFSET, raw.offset);
    cells.put(quarantine_column::ENQUEUED_TIME, raw.enqueued_time);
    cells.put(quarantine_column::ROW_INDEX, 0);
}

/// Sets a column unless the string is empty.
fn put_stated<K>(cells: &mut Cells<'_>, column: Fixed<K>, string: &str)
where
    K: for<'a> CellKind<Value<'a> = &'a [u8]>,
{
    if !string.is_empty() {
        cells.put(column, string.as_bytes());
    }
}
