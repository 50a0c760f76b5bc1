//! One column of a row group, as plain buffers.
//!
//! Owns: how values of each type are laid out while rows come in, backfilling, widening of numbers, and wrapping
//! the buffers as an Arrow array without copying. Does not own: which value goes where.
//!
//! # Shape
//! A column takes no memory until its first value; the rows before are made null then, the rows behind its last
//! value when it is finished. So a column costs nothing in a row that does not touch it.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, FixedSizeBinaryArray, ListArray, PrimitiveArray, StringArray,
    StructArray,
};
use arrow::buffer::{Buffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Decimal128Type, Int32Type, Int64Type, TimestampMillisecondType,
};

use super::bits::{Bits, Offsets, Validity};
use super::schema::{ColumnType, DECIMAL, PARTY, PartyPart, item, party_fields};
use crate::event::scalars::{Guid, Number, ZERO_GUID};

/// A column's values so far.
#[derive(Debug, Default)]
pub(super) struct Column {
    validity: Validity,
    values: Values,
}

/// One value on its way into a column.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cell<'a> {
    Boolean(bool),
    Int32(i32),
    Int64(i64),
    Number(Number),
    Uuid(Guid),
    Text(&'a str),
    Bytes(&'a [u8]),
    Choices(&'a [i32]),
}

impl Column {
    /// How many rows it reaches to.
    pub(super) fn len(&self) -> usize {
        self.validity.len()
    }

    /// Sets the value of a row; false if the row has one already or the column is of another type.
    pub(super) fn push(&mut self, column_type: ColumnType, row: usize, cell: Cell<'_>) -> bool {
        if !Values::take(column_type, cell) || !self.reach(column_type, row) {
            return false;
        }
        self.values.push(cell);
        self.validity.push_valid();
        true
    }

    /// Sets a row of a list of texts.
    pub(super) fn push_texts<'a>(&mut self, row: usize, texts: impl Iterator<Item = &'a str>) -> bool {
        if !self.reach(ColumnType::TextList, row) {
            return false;
        }
        let Values::Texts { offsets, items } = &mut self.values else { return false };
        for text in texts {
            items.push(text.as_bytes());
        }
        offsets.push(items.len);
        self.validity.push_valid();
        true
    }

    /// Sets a row of a party list, one party per call of what `write` is given.
    pub(super) fn push_parties(&mut self, row: usize, write: impl FnOnce(&mut Parties)) -> bool {
        if !self.reach(ColumnType::PartyList, row) {
            return false;
        }
        let Values::Parties { offsets, parties } = &mut self.values else { return false };
        write(parties);
        offsets.push(parties.len);
        self.validity.push_valid();
        true
    }

    /// The bytes its buffers take.
    pub(super) fn bytes(&self) -> usize {
        self.validity.bytes() + self.values.bytes()
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
    fn reach(&mut self, column_type: ColumnType, row: usize) -> bool {
        if self.len() > row {
            return false;
        }
        if matches!(self.values, Values::None) {
            self.values = Values::of(column_type);
        }
        self.pad(row);
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

/// The parties of a party-list column, of all rows one behind the other.
#[derive(Debug, Default)]
pub(super) struct Parties {
    columns: [Column; PARTY.len()],
    len: usize,
}

impl Parties {
    /// Sets a part of the party that is being written.
    pub(super) fn set(&mut self, part: PartyPart, cell: Cell<'_>) -> bool {
        let part = part as usize;
        self.columns[part].push(PARTY[part].1, self.len, cell)
    }

    /// Ends a party.
    pub(super) fn close(&mut self) {
        self.len += 1;
    }

    fn finish(mut self) -> StructArray {
        let parts = PARTY.iter().zip(&mut self.columns).map(|((_, column_type), column)| {
            column
                .finish(*column_type, self.len)
                .unwrap_or_else(|| arrow::array::new_null_array(&column_type.data_type(), self.len))
        });
        StructArray::new(party_fields(), parts.collect(), None)
    }
}

#[derive(Debug, Default)]
enum Values {
    #[default]
    None,
    Boolean(Bits),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Decimal(Vec<i128>),
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
    fn of(column_type: ColumnType) -> Self {
        match column_type {
            ColumnType::Boolean => Self::Boolean(Bits::default()),
            ColumnType::Number | ColumnType::Choice | ColumnType::Int32 => Self::Int32(Vec::new()),
            ColumnType::Datetime | ColumnType::Instant | ColumnType::Int64 => Self::Int64(Vec::new()),
            ColumnType::Decimal => Self::Decimal(Vec::new()),
            ColumnType::Uuid => Self::Uuid(Vec::new()),
            ColumnType::Text | ColumnType::Json | ColumnType::Binary => Self::Bytes(Run::default()),
            ColumnType::Choices => Self::Choices { offsets: Offsets::default(), items: Vec::new() },
            ColumnType::TextList => Self::Texts { offsets: Offsets::default(), items: Box::default() },
            ColumnType::PartyList => Self::Parties { offsets: Offsets::default(), parties: Box::default() },
        }
    }

    /// Whether columns of this type take such a cell.
    fn take(column_type: ColumnType, cell: Cell<'_>) -> bool {
        matches!(
            (column_type, cell),
            (ColumnType::Boolean, Cell::Boolean(_))
                | (ColumnType::Choice | ColumnType::Int32, Cell::Int32(_))
                | (ColumnType::Datetime | ColumnType::Instant | ColumnType::Int64, Cell::Int64(_))
                | (ColumnType::Number | ColumnType::Decimal, Cell::Number(_))
                | (ColumnType::Uuid, Cell::Uuid(_))
                | (ColumnType::Text | ColumnType::Json, Cell::Text(_))
                | (ColumnType::Binary, Cell::Bytes(_))
                | (ColumnType::Choices, Cell::Choices(_))
        )
    }

    /// Appends a cell that [`take`](Self::take) allows.
    fn push(&mut self, cell: Cell<'_>) {
        if let Cell::Number(number) = cell {
            self.widen(number);
        }
        match (self, cell) {
            (Self::Boolean(bits), Cell::Boolean(bit)) => bits.push(bit),
            (Self::Int32(values), Cell::Int32(value)) => values.push(value),
            (Self::Int32(values), Cell::Number(Number::Integer(value))) => values.push(value as i32),
            (Self::Int64(values), Cell::Int64(value) | Cell::Number(Number::Integer(value))) => {
                values.push(value);
            }
            (Self::Decimal(values), Cell::Number(number)) => values.push(number.scaled()),
            (Self::Uuid(values), Cell::Uuid(guid)) => values.extend_from_slice(&guid),
            (Self::Bytes(run), Cell::Text(text)) => run.push(text.as_bytes()),
            (Self::Bytes(run), Cell::Bytes(bytes)) => run.push(bytes),
            (Self::Choices { offsets, items }, Cell::Choices(choices)) => {
                items.extend_from_slice(choices);
                offsets.push(items.len());
            }
            (values, cell) => debug_assert!(false, "{cell:?} does not go into {values:?}"),
        }
    }

    /// Makes room for a number: Int32 → Int64 → Decimal.
    fn widen(&mut self, number: Number) {
        let exact = |value: i64| Number::Integer(value).scaled();
        match (&*self, number) {
            (Self::Int32(values), Number::Integer(value)) if i32::try_from(value).is_err() => {
                *self = Self::Int64(values.iter().copied().map(i64::from).collect());
            }
            (Self::Int32(values), Number::Scaled(_)) => {
                *self = Self::Decimal(values.iter().map(|value| exact(i64::from(*value))).collect());
            }
            (Self::Int64(values), Number::Scaled(_)) => {
                *self = Self::Decimal(values.iter().map(|value| exact(*value)).collect());
            }
            _ => {}
        }
    }

    fn push_nulls(&mut self, count: usize) {
        match self {
            Self::None => {}
            Self::Boolean(bits) => bits.extend(false, count),
            Self::Int32(values) => values.resize(values.len() + count, 0),
            Self::Int64(values) => values.resize(values.len() + count, 0),
            Self::Decimal(values) => values.resize(values.len() + count, 0),
            Self::Uuid(values) => values.resize(values.len() + count * ZERO_GUID.len(), 0),
            Self::Bytes(run) => run.push_empty(count),
            Self::Choices { offsets, .. } | Self::Texts { offsets, .. } | Self::Parties { offsets, .. } => {
                offsets.push_empty(count);
            }
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Boolean(bits) => bits.bytes(),
            Self::Int32(values) => size_of::<i32>() * values.capacity(),
            Self::Int64(values) => size_of::<i64>() * values.capacity(),
            Self::Decimal(values) => size_of::<i128>() * values.capacity(),
            Self::Uuid(values) => values.capacity(),
            Self::Bytes(run) => run.bytes(),
            Self::Choices { offsets, items } => offsets.bytes() + size_of::<i32>() * items.capacity(),
            Self::Texts { offsets, items } => offsets.bytes() + size_of::<Run>() + items.bytes(),
            Self::Parties { offsets, parties } => {
                let parts: usize = parties.columns.iter().map(Column::bytes).sum();
                offsets.bytes() + size_of::<Parties>() + parts
            }
        }
    }

    fn finish(self, column_type: ColumnType, validity: Validity, rows: usize) -> ArrayRef {
        let nulls = validity.finish();
        match self {
            Self::None => arrow::array::new_null_array(&column_type.data_type(), rows),
            Self::Boolean(bits) => Arc::new(BooleanArray::new(bits.finish(), nulls)),
            Self::Int32(values) => Arc::new(PrimitiveArray::<Int32Type>::new(values.into(), nulls)),
            Self::Int64(values) => match column_type {
                ColumnType::Datetime => primitive::<TimestampMillisecondType>(values.into(), nulls, None),
                ColumnType::Instant => {
                    primitive::<TimestampMillisecondType>(values.into(), nulls, Some(column_type.data_type()))
                }
                _ => primitive::<Int64Type>(values.into(), nulls, None),
            },
            Self::Decimal(values) => primitive::<Decimal128Type>(values.into(), nulls, Some(DECIMAL)),
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

/// Byte strings, one behind the other.
#[derive(Debug, Default)]
struct Run {
    offsets: Offsets,
    data: Vec<u8>,
    len: usize,
}

impl Run {
    fn push(&mut self, bytes: &[u8]) {
        self.data.extend_from_slice(bytes);
        self.offsets.push(self.data.len());
        self.len += 1;
    }

    fn push_empty(&mut self, count: usize) {
        self.offsets.push_empty(count);
        self.len += count;
    }

    fn bytes(&self) -> usize {
        self.offsets.bytes() + self.data.capacity()
    }
}

type Nulls = Option<arrow::buffer::NullBuffer>;

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
