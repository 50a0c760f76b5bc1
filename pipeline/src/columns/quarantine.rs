//! Bodies that can't be understood, as rows of `_quarantine`.

use super::column::Columns;
use super::schema::{QUARANTINE, Quarantined};
use super::values::Cell;
use crate::event::{RawEvent, Reject};
use crate::position::PartitionId;

/// Writes a body with everything that is known of it.
pub(super) fn write(
    Columns { fixed, padding, .. }: &mut Columns,
    row: usize,
    (reject, raw, properties): (&Reject, &RawEvent<'_>, &str),
    hub: &str,
    partition: PartitionId,
) {
    let reason = reject.reason.to_string();
    let stated = |text| (!str::is_empty(text)).then_some(Cell::Bytes(text.as_bytes()));
    for (column, cell) in [
        (Quarantined::SinkModifiedOn, Some(Cell::instant(raw.enqueued_time_ms))),
        (Quarantined::Reason, Some(Cell::Bytes(reason.as_bytes()))),
        (Quarantined::ByteOffset, reject.byte_offset.map(|offset| Cell::Int64(offset as i64))),
        (Quarantined::Body, Some(Cell::Bytes(raw.body))),
        (Quarantined::ContentType, stated(raw.content_type)),
        (Quarantined::Properties, stated(properties)),
        (Quarantined::Hub, Some(Cell::Bytes(hub.as_bytes()))),
        (Quarantined::Partition, Some(Cell::Int32(partition.0 as i32))),
        (Quarantined::SequenceNumber, Some(Cell::Int64(raw.sequence_number.0))),
        (Quarantined::Offset, stated(raw.offset)),
        (Quarantined::EnqueuedTime, Some(Cell::instant(raw.enqueued_time_ms))),
        (Quarantined::RowIndex, Some(Cell::Int32(0))),
    ] {
        if let Some(cell) = cell {
            let at = column as usize;
            fixed[at].push(QUARANTINE[at].1, row, cell, padding);
        }
    }
}
