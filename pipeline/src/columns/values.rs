//! The values of one column, laid out as Arrow has them.
//!
//! Owns: one buffer per kind of value, and wrapping the buffers as an Arrow array without copying. Does not own: which
//! rows have a value (`column`).

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, FixedSizeBinaryArray, ListArray, PrimitiveArray, StringArray,
};
use arrow::buffer::{Buffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Float64Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};

use super::bits::{Bits, Offsets, Run, Validity};
use super::column::Parties;
use super::schema::{ColumnType, DECIMAL, item};
use crate::event::scalars::{Guid, ZERO_GUID};

/// One value on its way into a column.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cell<'a> {
    Boolean(bool),
    Int32(i32),
    Int64(i64),
    /// In units of 10⁻¹².
    Decimal(i128),
    Double(f64),
    Uuid(Guid),
    /// UTF-8.
    Text(&'a [u8]),
    Bytes(&'a [u8]),
    Choices(&'a [i32]),
}

impl Cell<'_> {
    /// An instant of so many milliseconds since 1970.
    pub(super) fn instant(ms: i64) -> Self {
        Self::Int64(ms * MICROS_PER_MILLI)
    }
}

/// Files count instants in microseconds, which every reader and table format knows; Dataverse says milliseconds.
pub(super) const MICROS_PER_MILLI: i64 = 1000;

/// Values that a new buffer has room for: twice the rows that a table's buffer encodes before it has columns.
const FIRST_VALUES: usize = 32;

/// The values of a column, nulls as zeros and empty ones.
#[derive(Debug, Default)]
pub(super) enum Values {
    #[default]
    None,
    Boolean(Bits),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Decimal(Vec<i128>),
    Double(Vec<f64>),
    Uuid(Vec<u8>),
    Bytes(Run),
    Choices {
        offsets: Offsets,
        items: Vec<i32>,
    },
    Texts {
        offsets: Offsets,
        items: Box<Run>,
    },
    Parties {
        offsets: Offsets,
        parties: Box<Parties>,
    },
}

impl Values {
    /// No values yet of a type, and room for some: the first rows of a buffer come into it at once.
    pub(super) fn of(column_type: ColumnType) -> Self {
        match column_type {
            ColumnType::Boolean => Self::Boolean(Bits::default()),
            ColumnType::Choice | ColumnType::Int32 | ColumnType::Date => {
                Self::Int32(Vec::with_capacity(FIRST_VALUES))
            }
            ColumnType::Datetime | ColumnType::Instant | ColumnType::Int64 => {
                Self::Int64(Vec::with_capacity(FIRST_VALUES))
            }
            ColumnType::Number | ColumnType::Decimal => Self::Decimal(Vec::with_capacity(FIRST_VALUES)),
            ColumnType::Double => Self::Double(Vec::with_capacity(FIRST_VALUES)),
            ColumnType::Uuid => Self::Uuid(Vec::with_capacity(FIRST_VALUES * ZERO_GUID.len())),
            ColumnType::Text | ColumnType::Json | ColumnType::Binary => {
                let offsets = Offsets::with_capacity(FIRST_VALUES);
                Self::Bytes(Run { offsets, ..Run::default() })
            }
            ColumnType::Choices => Self::Choices { offsets: Offsets::default(), items: Vec::new() },
            ColumnType::TextList => Self::Texts { offsets: Offsets::default(), items: Box::default() },
            ColumnType::PartyList => Self::Parties { offsets: Offsets::default(), parties: Box::default() },
        }
    }

    /// What a row takes in a column of this type, in bytes: of a text or a list its end.
    pub(super) fn row_bytes_of(column_type: ColumnType) -> usize {
        match column_type {
            ColumnType::Boolean => 1,
            ColumnType::Datetime | ColumnType::Instant | ColumnType::Int64 => size_of::<i64>(),
            ColumnType::Double => size_of::<f64>(),
            ColumnType::Number | ColumnType::Decimal => size_of::<i128>(),
            ColumnType::Uuid => ZERO_GUID.len(),
            // Days, choices, and the ends of texts and lists.
            _ => size_of::<i32>(),
        }
    }

    /// What a row without a value takes now, in bytes.
    pub(super) fn row_bytes(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Boolean(_) => 1,
            Self::Int64(_) => size_of::<i64>(),
            Self::Double(_) => size_of::<f64>(),
            Self::Decimal(_) => size_of::<i128>(),
            Self::Uuid(_) => ZERO_GUID.len(),
            Self::Int32(_)
            | Self::Bytes(_)
            | Self::Choices { .. }
            | Self::Texts { .. }
            | Self::Parties { .. } => size_of::<i32>(),
        }
    }

    /// Forgets the values from `rows` on.
    pub(super) fn truncate(&mut self, rows: usize) {
        match self {
            Self::None => {}
            Self::Boolean(bits) => bits.truncate(rows),
            Self::Int32(values) => values.truncate(rows),
            Self::Int64(values) => values.truncate(rows),
            Self::Decimal(values) => values.truncate(rows),
            Self::Double(values) => values.truncate(rows),
            Self::Uuid(values) => values.truncate(rows * ZERO_GUID.len()),
            Self::Bytes(run) => run.truncate(rows),
            Self::Choices { offsets, items } => items.truncate(offsets.truncate(rows)),
            Self::Texts { offsets, items } => items.truncate(offsets.truncate(rows)),
            Self::Parties { offsets, parties } => parties.truncate(offsets.truncate(rows)),
        }
    }

    /// Whether columns of this type take such a cell.
    #[inline]
    pub(super) fn take(column_type: ColumnType, cell: Cell<'_>) -> bool {
        matches!(
            (column_type, cell),
            (ColumnType::Boolean, Cell::Boolean(_))
                | (ColumnType::Choice | ColumnType::Int32 | ColumnType::Date, Cell::Int32(_))
                | (ColumnType::Datetime | ColumnType::Instant | ColumnType::Int64, Cell::Int64(_))
                | (ColumnType::Number | ColumnType::Decimal, Cell::Decimal(_))
                | (ColumnType::Double, Cell::Double(_))
                | (ColumnType::Uuid, Cell::Uuid(_))
                | (ColumnType::Text | ColumnType::Json, Cell::Text(_))
                | (ColumnType::Binary, Cell::Bytes(_))
                | (ColumnType::Choices, Cell::Choices(_))
        )
    }

    /// Appends a cell that [`take`](Self::take) allows; false as long as there is no buffer for it.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "callers know the kind of cell, which leaves one comparison; measured"
    )]
    pub(super) fn push(&mut self, cell: Cell<'_>) -> bool {
        match (cell, self) {
            (Cell::Text(text), Self::Bytes(run)) => run.push(text),
            (Cell::Uuid(guid), Self::Uuid(values)) => values.extend_from_slice(&guid),
            (Cell::Boolean(bit), Self::Boolean(bits)) => bits.push(bit),
            (Cell::Int32(value), Self::Int32(values)) => values.push(value),
            (Cell::Int64(value), Self::Int64(values)) => values.push(value),
            (Cell::Double(value), Self::Double(values)) => values.push(value),
            (Cell::Bytes(bytes), Self::Bytes(run)) => run.push(bytes),
            (Cell::Decimal(value), Self::Decimal(values)) => values.push(value),
            (Cell::Choices(choices), Self::Choices { offsets, items }) => {
                items.extend_from_slice(choices);
                offsets.push(items.len());
            }
            _ => return false,
        }
        true
    }

    /// The value in a row that has one; `None` of lists of texts or parties.
    pub(super) fn cell(&self, row: usize) -> Option<Cell<'_>> {
        Some(match self {
            Self::Boolean(bits) => Cell::Boolean(bits.get(row)),
            Self::Int32(values) => Cell::Int32(*values.get(row)?),
            Self::Int64(values) => Cell::Int64(*values.get(row)?),
            Self::Decimal(values) => Cell::Decimal(*values.get(row)?),
            Self::Double(values) => Cell::Double(*values.get(row)?),
            Self::Uuid(values) => Cell::Uuid(*values.as_chunks().0.get(row)?),
            Self::Bytes(run) => Cell::Bytes(run.get(row)),
            Self::Choices { offsets, items } => Cell::Choices(&items[offsets.range(row)]),
            Self::None | Self::Texts { .. } | Self::Parties { .. } => return None,
        })
    }

    /// Forgets all values. Keeps a buffer that is small.
    pub(super) fn clear(&mut self) {
        match self {
            Self::Boolean(bits) => bits.clear(),
            Self::Int32(values) => values.clear(),
            Self::Int64(values) => values.clear(),
            Self::Decimal(values) => values.clear(),
            Self::Double(values) => values.clear(),
            Self::Uuid(values) => values.clear(),
            Self::Bytes(run) if run.is_small() => run.clear(),
            Self::Texts { offsets, items } if items.is_small() => {
                offsets.clear();
                items.clear();
            }
            _ => *self = Self::None,
        }
    }

    /// True if a column of this type begins with such a buffer.
    pub(super) fn begins(&self, column_type: ColumnType) -> bool {
        use ColumnType as Type;
        match self {
            Self::None => false,
            Self::Boolean(_) => column_type == Type::Boolean,
            Self::Int32(_) => matches!(column_type, Type::Choice | Type::Int32 | Type::Date),
            Self::Int64(_) => matches!(column_type, Type::Datetime | Type::Instant | Type::Int64),
            Self::Decimal(_) => matches!(column_type, Type::Number | Type::Decimal),
            Self::Double(_) => column_type == Type::Double,
            Self::Uuid(_) => column_type == Type::Uuid,
            Self::Bytes(_) => matches!(column_type, Type::Text | Type::Json | Type::Binary),
            Self::Choices { .. } => column_type == Type::Choices,
            Self::Texts { .. } => column_type == Type::TextList,
            Self::Parties { .. } => column_type == Type::PartyList,
        }
    }

    pub(super) fn push_nulls(&mut self, count: usize) {
        match self {
            Self::None => {}
            Self::Boolean(bits) => bits.extend(false, count),
            Self::Int32(values) => values.resize(values.len() + count, 0),
            Self::Int64(values) => values.resize(values.len() + count, 0),
            Self::Decimal(values) => values.resize(values.len() + count, 0),
            Self::Double(values) => values.resize(values.len() + count, 0.0),
            Self::Uuid(values) => values.resize(values.len() + count * ZERO_GUID.len(), 0),
            Self::Bytes(run) => run.push_empty(count),
            Self::Choices { offsets, .. } | Self::Texts { offsets, .. } | Self::Parties { offsets, .. } => {
                offsets.push_empty(count);
            }
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Boolean(bits) => bits.bytes(),
            Self::Int32(values) => size_of::<i32>() * values.capacity(),
            Self::Int64(values) => size_of::<i64>() * values.capacity(),
            Self::Decimal(values) => size_of::<i128>() * values.capacity(),
            Self::Double(values) => size_of::<f64>() * values.capacity(),
            Self::Uuid(values) => values.capacity(),
            Self::Bytes(run) => run.bytes(),
            Self::Choices { offsets, items } => offsets.bytes() + size_of::<i32>() * items.capacity(),
            Self::Texts { offsets, items } => offsets.bytes() + size_of::<Run>() + items.bytes(),
            Self::Parties { offsets, parties } => offsets.bytes() + parties.bytes(),
        }
    }

    pub(super) fn finish(self, column_type: ColumnType, validity: Validity, rows: usize) -> ArrayRef {
        let nulls = validity.finish();
        match self {
            Self::None => arrow::array::new_null_array(&column_type.data_type(), rows),
            Self::Boolean(bits) => Arc::new(BooleanArray::new(bits.finish(), nulls)),
            Self::Int32(values) => match column_type {
                ColumnType::Date => primitive::<Date32Type>(values.into(), nulls, None),
                _ => primitive::<Int32Type>(values.into(), nulls, None),
            },
            Self::Int64(values) => match column_type {
                ColumnType::Datetime | ColumnType::Instant => {
                    primitive::<TimestampMicrosecondType>(values.into(), nulls, Some(column_type.data_type()))
                }
                _ => primitive::<Int64Type>(values.into(), nulls, None),
            },
            Self::Decimal(values) => primitive::<Decimal128Type>(values.into(), nulls, Some(DECIMAL)),
            Self::Double(values) => primitive::<Float64Type>(values.into(), nulls, None),
            Self::Uuid(values) => {
                let width = ZERO_GUID.len() as i32;
                Arc::new(FixedSizeBinaryArray::new(width, Buffer::from_vec(values), nulls))
            }
            Self::Bytes(run) => {
                let (offsets, data) = (run.offsets.finish(), Buffer::from_vec(run.data));
                if column_type == ColumnType::Binary {
                    Arc::new(BinaryArray::new(offsets, data, nulls))
                } else {
                    Arc::new(StringArray::new(offsets, data, nulls))
                }
            }
            Self::Choices { offsets, items } => {
                list(offsets, Arc::new(PrimitiveArray::<Int32Type>::new(items.into(), None)), nulls)
            }
            Self::Texts { offsets, items } => {
                let (ends, data) = (items.offsets.finish(), Buffer::from_vec(items.data));
                list(offsets, Arc::new(StringArray::new(ends, data, None)), nulls)
            }
            Self::Parties { offsets, parties } => list(offsets, Arc::new(parties.finish()), nulls),
        }
    }
}

type Nulls = Option<NullBuffer>;

fn primitive<T: ArrowPrimitiveType>(
    values: ScalarBuffer<T::Native>,
    nulls: Nulls,
    data_type: Option<DataType>,
) -> ArrayRef {
    let array = PrimitiveArray::<T>::new(values, nulls);
    Arc::new(match data_type {
        Some(data_type) => array.with_data_type(data_type),
        None => array,
    })
}

fn list(offsets: Offsets, items: ArrayRef, nulls: Nulls) -> ArrayRef {
    Arc::new(ListArray::new(item(items.data_type().clone()), offsets.finish(), items, nulls))
}
