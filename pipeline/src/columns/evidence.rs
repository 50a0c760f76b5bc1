//! Column types that the values of attributes point to and that hold them all.
//!
//! Owns: what a survey notes of values, and what it concludes. Does not own: which values fit a column type (`fit`),
//! the type that a value gives a new column (`attributes`).

use std::collections::BTreeMap;

use super::fit::Fit;
use super::schema::ColumnType;
use crate::event::value::Value;

/// Reason why values leave the type of an attribute open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    /// Numbers, which may be integers, decimals or doubles.
    Number,
    /// Midnights, which may be days or instants.
    Midnight,
    /// GUIDs in strings, which may be ids or texts.
    Guid,
    /// Values of several types.
    Mixed,
}

/// Evidence by (table, attribute).
#[derive(Debug, Default)]
pub(super) struct Notes {
    attributes: BTreeMap<(String, String), Evidence>,
}

impl Notes {
    /// The evidence of each attribute, by (table, attribute).
    pub(super) fn into_attributes(self) -> impl Iterator<Item = ((String, String), Evidence)> {
        self.attributes.into_iter()
    }

    /// Notes a value, and the type that it gives a new column in a run.
    pub(super) fn note(
        &mut self,
        (table, attribute): (&str, &str),
        value: Value<'_>,
        evidence: Option<ColumnType>,
    ) {
        let holds = |column_type: &ColumnType| Fit::of(*column_type, value).is_some();
        // A run takes no evidence of doubles, a survey does: a number that only a double holds.
        let is_long = matches!(value, Value::Number(number) if number.exact().is_none());
        let double = Some(ColumnType::Double).filter(|double| is_long && holds(double));
        let Some(evidence) = evidence.or(double) else { return };
        let known = self
            .attributes
            .entry((table.to_owned(), attribute.to_owned()))
            .or_insert_with(|| Evidence { pointed: Vec::new(), held: TRIED.to_vec(), lookup: false });
        if !known.pointed.contains(&evidence) {
            known.pointed.push(evidence);
        }
        known.held.retain(holds);
        known.lookup |= matches!(value, Value::Reference(_));
    }
}

/// Evidence of all values of an attribute.
#[derive(Debug)]
pub(super) struct Evidence {
    /// The types that values give a new column.
    pointed: Vec<ColumnType>,
    /// The types that hold all values.
    held: Vec<ColumnType>,
    /// A value was a lookup.
    pub(super) lookup: bool,
}

impl Evidence {
    /// The type that values point to and that holds them all, if no other type is as likely.
    pub(super) fn column_type(&self) -> Result<ColumnType, Doubt> {
        let holds = |column_type: &ColumnType| self.held.contains(column_type);
        match self.pointed[..] {
            [ColumnType::Double] if holds(&ColumnType::Double) => Ok(ColumnType::Double),
            // One number that only a double holds decides that all are doubles.
            [ColumnType::Number | ColumnType::Double, ref more @ ..]
                if more.iter().all(|other| matches!(other, ColumnType::Number | ColumnType::Double)) =>
            {
                let only_double = self.pointed.contains(&ColumnType::Double) && holds(&ColumnType::Double);
                if only_double { Ok(ColumnType::Double) } else { Err(Doubt::Number) }
            }
            [ColumnType::Datetime] if holds(&ColumnType::Date) => Err(Doubt::Midnight),
            [ColumnType::Text] if holds(&ColumnType::Uuid) => Err(Doubt::Guid),
            _ => self.pointed.iter().find(|pointed| holds(pointed)).copied().ok_or(Doubt::Mixed),
        }
    }
}

/// The types that are tried on each value.
const TRIED: [ColumnType; 11] = [
    ColumnType::Boolean,
    ColumnType::Decimal,
    ColumnType::Double,
    ColumnType::Choice,
    ColumnType::Choices,
    ColumnType::Uuid,
    ColumnType::Datetime,
    ColumnType::Date,
    ColumnType::PartyList,
    ColumnType::Binary,
    ColumnType::Text,
];
