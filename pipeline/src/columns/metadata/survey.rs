//! Table metadata from bodies: what each attribute's values were, and the type that holds them all.
//!
//! The bodies become rows as in a run, which are thrown away; what is noted is each value that counts, with the
//! evidence a run would take from it. Does not own: what is evidence (`attributes`).

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;

use super::super::attributes::{fits, is_integer};
use super::super::schema::ColumnType;
use super::super::{Catalog, Context, Full, TableBuffer};
use super::kinds::attribute_type;
use crate::event::tree::{NodeId, Tree};
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
    /// Attributes whose values fit no one type.
    pub mixed: Vec<Mixed>,
    /// How many attributes are integers by all their values so far. A double or a decimal may look like that.
    pub integers: usize,
}

/// An attribute whose values fit no one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mixed {
    /// The table's logical name.
    pub table: String,
    /// The attribute's logical name.
    pub attribute: String,
    /// The types its values would have.
    pub types: Vec<&'static str>,
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

    /// The types that hold all values.
    pub fn finish(self) -> Inferred {
        let mut inferred = Inferred::default();
        let notes = self.context.scratch.survey.unwrap_or_default();
        // An attribute without a name is a row's, but no metadata can speak of it.
        for ((table, attribute), evidence) in
            notes.attributes.into_iter().filter(|((_, name), _)| !name.is_empty())
        {
            let column_type = evidence.column_type().unwrap_or(ColumnType::Text);
            inferred.integers += usize::from(matches!(column_type, ColumnType::Int32 | ColumnType::Int64));
            if evidence.column_type().is_none() {
                let types = evidence.pointed.iter().map(|column_type| column_type.name()).collect();
                inferred.mixed.push(Mixed { table: table.clone(), attribute: attribute.clone(), types });
            }
            let only_money = evidence.pointed == [ColumnType::Decimal];
            let stated = attribute_type(column_type, only_money, evidence.lookup);
            inferred.tables.entry(table).or_default().insert(attribute, stated);
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
                    "{comma}\n  {{\"LogicalName\":{},\"AttributeType\":\"{code}\",\"AttributeTypeName\":{{\"Value\":\"{name}\"}}}}",
                    text(attribute)
                )?;
            }
            out.write_str("]}")?;
        }
        out.write_str("\n]}")
    }
}

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
        tree: Tree<'_>,
        node: NodeId,
        value: Value<'_>,
        evidence: Option<ColumnType>,
    ) {
        let holds = |column_type: &ColumnType| {
            let whole = matches!(column_type, ColumnType::Int32 | ColumnType::Int64);
            // `1.0` is written as a decimal.
            fits(tree, *column_type, node, value) && (!whole || is_integer(tree, node))
        };
        // Beside what a run takes for evidence: a number that only a double holds is one.
        let double = Some(ColumnType::Double).filter(|double| value == Value::LongNumber && holds(double));
        let Some(evidence) = evidence.or(double) else { return };
        let known = self
            .attributes
            .entry((table.to_owned(), attribute.to_owned()))
            .or_insert_with(|| Evidence { pointed: Vec::new(), held: STATED.to_vec(), lookup: false });
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
    /// The narrowest type that values point to and that holds them all.
    fn column_type(&self) -> Option<ColumnType> {
        self.held.iter().copied().find(|held| {
            self.pointed.contains(held)
                || self.pointed.contains(&ColumnType::Number) && NUMBERS.contains(held)
        })
    }
}

/// The types that values can be said to have, the narrower first.
const STATED: [ColumnType; 12] = [
    ColumnType::Boolean,
    ColumnType::Int32,
    ColumnType::Int64,
    ColumnType::Decimal,
    ColumnType::Double,
    ColumnType::Choice,
    ColumnType::Choices,
    ColumnType::Uuid,
    ColumnType::Datetime,
    ColumnType::PartyList,
    ColumnType::Binary,
    ColumnType::Text,
];

/// What a plain number may be.
const NUMBERS: [ColumnType; 4] =
    [ColumnType::Int32, ColumnType::Int64, ColumnType::Decimal, ColumnType::Double];
