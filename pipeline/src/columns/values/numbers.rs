//! Numbers of a fixed size: integers, decimals, doubles, and the dates and instants that are stored as integers.

use std::sync::Arc;

use arrow::array::{ArrayRef, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    ArrowNativeType, ArrowPrimitiveType, Date32Type, Decimal128Type, Float64Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};

use super::buffer::{FIRST_ROWS, ValueBuffer};
use super::cell::Cell;
use crate::columns::schema::ColumnType;

/// Numbers of one native type.
#[derive(Debug, Default)]
pub(in crate::columns) struct Numbers<N>(Vec<N>);

impl<N> Numbers<N> {
    #[inline]
    pub(in crate::columns) fn push(&mut self, number: N) {
        self.0.push(number);
    }
}

/// A native type of numbers: its cell, and the arrays of the column types that have it.
pub(in crate::columns) trait Native: ArrowNativeType {
    fn cell(self) -> Cell<'static>;

    fn array(numbers: Vec<Self>, column_type: ColumnType, nulls: Option<NullBuffer>) -> ArrayRef;
}

impl Native for i32 {
    fn cell(self) -> Cell<'static> {
        Cell::Int32(self)
    }

    fn array(numbers: Vec<Self>, column_type: ColumnType, nulls: Option<NullBuffer>) -> ArrayRef {
        match column_type {
            ColumnType::Date => array::<Date32Type>(numbers, column_type, nulls),
            _ => array::<Int32Type>(numbers, column_type, nulls),
        }
    }
}

impl Native for i64 {
    fn cell(self) -> Cell<'static> {
        Cell::Int64(self)
    }

    fn array(numbers: Vec<Self>, column_type: ColumnType, nulls: Option<NullBuffer>) -> ArrayRef {
        match column_type {
            ColumnType::Datetime | ColumnType::Instant => {
                array::<TimestampMicrosecondType>(numbers, column_type, nulls)
            }
            _ => array::<Int64Type>(numbers, column_type, nulls),
        }
    }
}

impl Native for i128 {
    fn cell(self) -> Cell<'static> {
        Cell::Decimal(self)
    }

    fn array(numbers: Vec<Self>, column_type: ColumnType, nulls: Option<NullBuffer>) -> ArrayRef {
        array::<Decimal128Type>(numbers, column_type, nulls)
    }
}

impl Native for f64 {
    fn cell(self) -> Cell<'static> {
        Cell::Double(self)
    }

    fn array(numbers: Vec<Self>, column_type: ColumnType, nulls: Option<NullBuffer>) -> ArrayRef {
        array::<Float64Type>(numbers, column_type, nulls)
    }
}

fn array<T: ArrowPrimitiveType>(
    numbers: Vec<T::Native>,
    column_type: ColumnType,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    let array = PrimitiveArray::<T>::new(numbers.into(), nulls);
    Arc::new(array.with_data_type(column_type.data_type()))
}

impl<N: Native + std::fmt::Debug> ValueBuffer for Numbers<N> {
    const ROW_BYTES: usize = size_of::<N>();

    fn with_room() -> Self {
        Self(Vec::with_capacity(FIRST_ROWS))
    }

    fn push_nulls(&mut self, count: usize) {
        self.0.resize(self.0.len() + count, N::default());
    }

    fn truncate(&mut self, rows: usize) {
        self.0.truncate(rows);
    }

    fn clear(&mut self) -> bool {
        self.0.clear();
        true
    }

    fn cell(&self, row: usize) -> Option<Cell<'_>> {
        self.0.get(row).map(|number| number.cell())
    }

    fn byte_size(&self) -> usize {
        size_of::<N>() * self.0.capacity()
    }

    fn finish(self, column_type: ColumnType, nulls: Option<NullBuffer>) -> ArrayRef {
        N::array(self.0, column_type, nulls)
    }
}
