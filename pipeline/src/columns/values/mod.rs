//! Values of one column, laid out as Arrow has them.
//!
//! Owns: the buffer of each physical layout, one file each, the list of them, and which layout a column type has. Does
//! not own: which values fit a column type (`fit`), which rows have a value (`column`).
//!
//! `docs/VALUE_TYPES.md` has the steps to add a value type.

mod bits; // bits, validity and offsets
mod cell; // one value on its way into a column
mod buffer; // what every buffer of values can do
mod boolean; // bits
mod numbers; // integers, decimals, doubles, dates and instants
mod guid; // GUIDs
mod strings; // text, JSON and bytes
mod lists; // lists of choices, lists of strings
mod nullable; // a buffer whose rows may lack a value
mod parties; // lists of parties

use arrow::array::ArrayRef;

use super::schema::ColumnType;

pub(super) use bits::Validity;
pub(super) use buffer::ValueBuffer;
pub(super) use cell::{Cell, MICROS_PER_MILLI};
pub(super) use parties::{Parties, PartyString};
pub(super) use strings::Strings;

use boolean::Booleans;
use guid::Guids;
use lists::{ChoiceLists, StringLists};
use numbers::Numbers;
use parties::PartyLists;

/// Defines the buffer of a column as one of several layouts, and passes each call on to it.
macro_rules! layouts {
    ($($layout:ident($buffer:ty)),* $(,)?) => {
        /// Physical layout of a column's values.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Layout { $($layout),* }

        /// Values of a column. Those in rows without a value are unspecified.
        #[derive(Debug, Default)]
        pub(super) enum Values {
            #[default]
            None,
            $($layout($buffer)),*
        }

        impl Layout {
            /// Bytes that a row without a value takes.
            pub(super) fn row_bytes(self) -> usize {
                match self { $(Self::$layout => <$buffer>::ROW_BYTES),* }
            }
        }

        impl Values {
            /// An empty buffer with room for the first rows, which come at once.
            pub(super) fn new(layout: Layout) -> Self {
                match layout { $(Layout::$layout => Self::$layout(<$buffer>::with_room())),* }
            }

            /// Bytes that a row without a value takes.
            pub(super) fn row_bytes(&self) -> usize {
                self.layout().map_or(0, Layout::row_bytes)
            }

            fn layout(&self) -> Option<Layout> {
                match self {
                    Self::None => None,
                    $(Self::$layout(_) => Some(Layout::$layout)),*
                }
            }

            /// Appends rows without a value.
            pub(super) fn push_nulls(&mut self, count: usize) {
                match self {
                    Self::None => {}
                    $(Self::$layout(buffer) => buffer.push_nulls(count)),*
                }
            }

            /// Removes the values from row `rows` on.
            pub(super) fn truncate(&mut self, rows: usize) {
                match self {
                    Self::None => {}
                    $(Self::$layout(buffer) => buffer.truncate(rows)),*
                }
            }

            /// Removes all values. Keeps the memory if it is small.
            pub(super) fn clear(&mut self) {
                let is_kept = match self {
                    Self::None => true,
                    $(Self::$layout(buffer) => buffer.clear()),*
                };
                if !is_kept {
                    *self = Self::None;
                }
            }

            /// The value of a row that has one; `None` for lists of strings or parties.
            pub(super) fn cell(&self, row: usize) -> Option<Cell<'_>> {
                match self {
                    Self::None => None,
                    $(Self::$layout(buffer) => buffer.cell(row)),*
                }
            }

            /// Bytes of the buffer's memory.
            pub(super) fn byte_size(&self) -> usize {
                match self {
                    Self::None => 0,
                    $(Self::$layout(buffer) => buffer.byte_size()),*
                }
            }

            /// The values as an array of a column type, without copying; `None` without a buffer.
            pub(super) fn finish(self, column_type: ColumnType, validity: Validity) -> Option<ArrayRef> {
                match self {
                    Self::None => None,
                    $(Self::$layout(buffer) => Some(buffer.finish(column_type, validity.finish()))),*
                }
            }
        }
    };
}

layouts! {
    Boolean(Booleans),
    Int32(Numbers<i32>),
    Int64(Numbers<i64>),
    Decimal(Numbers<i128>),
    Double(Numbers<f64>),
    Guid(Guids),
    Bytes(Strings),
    Choices(ChoiceLists),
    Strings(StringLists),
    Parties(PartyLists),
}

impl Layout {
    /// The layout of a column type's values.
    pub(super) fn of(column_type: ColumnType) -> Self {
        match column_type {
            ColumnType::Boolean => Self::Boolean,
            ColumnType::Choice | ColumnType::Int32 | ColumnType::Date => Self::Int32,
            ColumnType::Datetime | ColumnType::Instant | ColumnType::Int64 => Self::Int64,
            ColumnType::Number | ColumnType::Decimal => Self::Decimal,
            ColumnType::Double => Self::Double,
            ColumnType::Uuid => Self::Guid,
            ColumnType::Text | ColumnType::Json | ColumnType::Binary => Self::Bytes,
            ColumnType::Choices => Self::Choices,
            ColumnType::TextList => Self::Strings,
            ColumnType::PartyList => Self::Parties,
        }
    }
}

impl Values {
    /// True if the buffer has this layout.
    pub(super) fn has(&self, layout: Layout) -> bool {
        self.layout() == Some(layout)
    }

    /// Appends a value; false without a buffer, or with one of another layout.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "callers know the kind of cell, which leaves one comparison; measured"
    )]
    pub(super) fn push(&mut self, cell: Cell<'_>) -> bool {
        match (cell, self) {
            (Cell::Bytes(bytes), Self::Bytes(strings)) => strings.push(bytes),
            (Cell::Guid(guid), Self::Guid(guids)) => guids.push(guid),
            (Cell::Boolean(bit), Self::Boolean(booleans)) => booleans.push(bit),
            (Cell::Int32(value), Self::Int32(numbers)) => numbers.push(value),
            (Cell::Int64(value), Self::Int64(numbers)) => numbers.push(value),
            (Cell::Double(value), Self::Double(numbers)) => numbers.push(value),
            (Cell::Decimal(value), Self::Decimal(numbers)) => numbers.push(value),
            (Cell::Choices(choices), Self::Choices(lists)) => lists.push(choices),
            _ => return false,
        }
        true
    }
}
