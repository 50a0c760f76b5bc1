//! Table metadata from bodies: the type of each attribute whose values leave no doubt.
//!
//! A type is for ever, so what bodies can't tell is left out: values look the same for an integer, a decimal and a double.
//! The bodies become rows as in a run, which are thrown away; what is noted is each value that counts, with the
//! evidence a run would take from it. Does not own: what is evidence (`attributes`).

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;

use super::super::fit::Fit;
use super::super::schema::ColumnType;
use super::super::{Catalog, Context, Full, TableBuffer};
use super::kinds::attribute_type;
use crate::event::value::Value;
use crate::event::{ChangeEvent, RawEvent};
use crate::position::{PartitionId, SequenceNumber};

/// Takes bodies in and says which metadata fits them.
#[derive(Debug)]
pub struct Survey {
    context: Context,
}

/// What bodies say of their tables' attributes; its text is the JSON that `--schema` reads.
#[derive(Clone, Debug, Default)]
pub struct Inferred {
    tables: BTreeMap<String, BTreeMap<String, (&'static str, String)>>,
    /// Attributes that are left out.
    pub unknown: Vec<Unknown>,
}

/// An attribute whose type its values can't tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// The table's logical name.
    pub table: String,
    /// The attribute's logical name.
    pub attribute: String,
    /// The reason.
    pub doubt: Doubt,
}

/// The reason why values can't tell a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    /// Numbers: an integer, a decimal or a double.
    Number,
    /// Midnights: days, or instants that happen to be midnights.
    Midnight,
    /// Texts that are GUIDs: an id, or a text.
    Guid,
    /// Values of several types.
    Mixed,
}

impl Default for Survey {
    fn default() -> Self {
        let mut context = Context::new("".into(), Catalog::new());
        context.scratch.survey = Some(Box::default());
        Self { context }
    }
}

impl Survey {
    /// Takes an event in.
    pub fn push(&mut self, event: &ChangeEvent<'_>) {
        let nowhere = RawEvent {
            body: b"",
            sequence_number: SequenceNumber(0),
            offset: "",
            enqueued_time_ms: 0,
            content_type: "",
            encoded_properties: &[],
            size_exceeded: false,
            undecodable: None,
        };
        let mut buffer = TableBuffer::open(&mut self.context, event.table.name());
        let Err(Full) = buffer.push(&mut self.context, event, &nowhere, PartitionId(0)) else { return };
        let Ok(()) = buffer
            .push_in_parts(&mut self.context, event, &nowhere, PartitionId(0), |_| Ok::<(), Infallible>(()));
    }

    /// The types that all values have without a doubt.
    pub fn finish(self) -> Inferred {
        let mut inferred = Inferred::default();
        let notes = self.context.scratch.survey.unwrap_or_default();
        // An attribute without a name is a row's, but no metadata can speak of it.
        for ((table, attribute), evidence) in
            notes.attributes.into_iter().filter(|((_, name), _)| !name.is_empty())
        {
            match evidence.column_type() {
                Ok(column_type) => {
                    let stated = attribute_type(column_type, evidence.lookup);
                    inferred.tables.entry(table).or_default().insert(attribute, stated);
                }
                Err(doubt) => inferred.unknown.push(Unknown { table, attribute, doubt }),
            }
        }
        inferred
    }
}

/// Writes an answer of `EntityDefinitions`, an attribute a line.
impl fmt::Display for Inferred {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |text: &str| serde_json::Value::from(text).to_string();
        out.write_str("{\"@odata.context\":\"$metadata#EntityDefinitions\",\"value\":[")?;
        for (at, (table, attributes)) in self.tables.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(out, "{comma}\n {{\"LogicalName\":{},\"Attributes\":[", text(table))?;
            for (at, (attribute, (code, name))) in attributes.iter().enumerate() {
                let comma = if at > 0 { "," } else { "" };
                write!(
                    out,
                    "{comma}\n  {{\"LogicalName\":{},\"AttributeType\":\"{code}\",\"AttributeTypeName\":{{\"Value\":\"{name}\"}}{}}}",
                    text(attribute),
                    if *code == "DateTime" { BEHAVIOR } else { "" }
                )?;
            }
            out.write_str("]}")?;
        }
        out.write_str("\n]}")
    }
}

/// Dates that had a time in some body.
const BEHAVIOR: &str = r#","DateTimeBehavior":{"Value":"UserLocal"}"#;

/// What is noted of attributes, by (table, attribute).
#[derive(Debug, Default)]
pub(in crate::columns) struct Notes {
    attributes: BTreeMap<(String, String), Evidence>,
}

impl Notes {
    /// Notes a value, and the type that it would give its column in a run.
    pub(in crate::columns) fn note(
        &mut self,
        (table, attribute): (&str, &str),
        value: Value<'_>,
        evidence: Option<ColumnType>,
    ) {
        let holds = |column_type: &ColumnType| Fit::of(*column_type, value).is_some();
        // Beside what a run takes for evidence: a number that only a double holds is one.
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

/// What all values of an attribute say.
#[derive(Debug)]
struct Evidence {
    /// The types that values would have given it.
    pointed: Vec<ColumnType>,
    /// The types that hold all of them.
    held: Vec<ColumnType>,
    /// A value was a lookup.
    lookup: bool,
}

impl Evidence {
    /// The type that values point to and that holds them all, where no other type is as likely.
    fn column_type(&self) -> Result<ColumnType, Doubt> {
        let holds = |column_type: &ColumnType| self.held.contains(column_type);
        match self.pointed[..] {
            [ColumnType::Double] if holds(&ColumnType::Double) => Ok(ColumnType::Double),
            // A number that only a double holds tells that all of them are.
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

/// The types that are tried on all values.
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
