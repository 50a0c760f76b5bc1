//! One value on its way into a column.

use crate::clock::UnixMillis;
use crate::event::scalars::Guid;

/// A value as the buffer of its column takes it.
#[derive(Clone, Copy, Debug)]
pub(in crate::columns) enum Cell<'a> {
    Boolean(bool),
    Int32(i32),
    Int64(i64),
    /// In units of 10⁻¹².
    Decimal(i128),
    Double(f64),
    Guid(Guid),
    /// UTF-8, unless the column is binary.
    Bytes(&'a [u8]),
    Choices(&'a [i32]),
}

/// Files count instants in microseconds, which every reader and table format knows; Dataverse counts milliseconds.
pub(in crate::columns) const MICROS_PER_MILLI: i64 = 1000;

impl Cell<'_> {
    /// A point in time.
    pub(in crate::columns) fn instant(time: UnixMillis) -> Self {
        Self::Int64(time.get() * MICROS_PER_MILLI)
    }
}
