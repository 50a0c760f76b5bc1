//! The values that fit a column of each type.
//!
//! Owns: the only table of (column type, value). Does not own: the type that a new column gets (`attributes`), how a
//! column stores its values (`values`).

use super::schema::ColumnType as Type;
use super::values::Cell;
use crate::clock::UnixMillis;
use crate::event::scalars::{Date, Guid, date, guid, iso_date};
use crate::event::tree::NodeId;
use crate::event::value::{Reference, Value};

/// A value in the form that its column takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fit<'a> {
    /// All of a scalar.
    Whole(Cell<'a>),
    /// A scalar without what the column type can't hold.
    Cut(Cell<'a>),
    /// The id of a lookup and its node. The lookup's other parts have columns of their own.
    Lookup(NodeId, Guid, Reference),
    /// A list of choices, which is read from the tree.
    Choices,
    /// A list of bytes, which is read from the tree.
    Bytes,
    /// A list of parties, which is read from the tree.
    Parties,
}

impl<'a> Fit<'a> {
    /// The value in the form that a column of this type takes; `None` if it does not fit.
    pub(super) fn of(column_type: Type, value: Value<'a>) -> Option<Self> {
        Some(Self::Whole(match (column_type, value) {
            (Type::Boolean, Value::Boolean(value)) => Cell::Boolean(value),
            // Money and plain numbers share their columns: both are exact decimals, and DuckDB unites them.
            (Type::Number | Type::Decimal, Value::Money(number)) => Cell::Decimal(number.scaled()),
            (Type::Number | Type::Decimal, Value::Number(number)) => Cell::Decimal(number.exact()?.scaled()),
            (Type::Int32, Value::Number(number)) => Cell::Int32(number.exact()?.int32()?),
            (Type::Int64, Value::Number(number)) => Cell::Int64(number.exact()?.int64()?),
            (Type::Double, Value::Number(number)) => Cell::Double(number.double()?),
            (Type::Choice, Value::Choice(choice)) => Cell::Int32(choice),
            (Type::Text, Value::Text(text) | Value::IsoDate(text)) => Cell::Bytes(text),
            (Type::Uuid, Value::Text(text)) => Cell::Guid(guid(text)?),
            (Type::Date, Value::Text(text) | Value::IsoDate(text)) => Cell::Int32(attribute_day(text)?),
            (Type::Datetime, Value::Text(text) | Value::IsoDate(text)) => {
                let date = attribute_date(text)?;
                let cell = Cell::instant(UnixMillis::new(date.ms));
                return Some(if date.exact { Self::Whole(cell) } else { Self::Cut(cell) });
            }
            (Type::Uuid, Value::Reference(reference)) => {
                let (node, id) = reference.id?;
                return Some(Self::Lookup(node, id, reference));
            }
            (Type::Choices, Value::Choices) => return Some(Self::Choices),
            (Type::Binary, Value::Bytes) => return Some(Self::Bytes),
            (Type::PartyList, Value::Parties) => return Some(Self::Parties),
            _ => return None,
        }))
    }
}

/// The days since 1970 of an attribute's date; `None` if it has a time.
fn attribute_day(text: &[u8]) -> Option<i32> {
    const DAY_MS: i64 = 24 * 60 * 60 * 1000;
    let date = attribute_date(text).filter(|date| date.exact && date.ms % DAY_MS == 0)?;
    i32::try_from(date.ms / DAY_MS).ok()
}

/// An attribute's date; `None` if its offset leaves open which instant it means.
///
/// # Source
/// Schema reference, section 2.4: no sample decides between the two readings of an offset.
pub(super) fn attribute_date(text: &[u8]) -> Option<Date> {
    date(text).or_else(|| iso_date(text)).filter(|date| date.unambiguous().is_some())
}
