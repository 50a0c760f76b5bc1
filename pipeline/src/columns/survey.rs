//! Table metadata from bodies: the type of each attribute whose values leave no doubt.
//!
//! A column keeps its type, so an attribute is left out if its values fit several types: an integer, a decimal and a
//! double look alike. The bodies become rows as in a run, which are dropped; noted is each value that a row holds, with
//! the type that it gives a new column. Does not own: that type (`attributes`), the conclusion (`evidence`).

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;

use super::catalog::Catalog;
use super::context::Context;
use super::evidence::Doubt;
use super::metadata::attribute_type;
use super::table::{Full, TableBuffer};
use crate::clock::UnixMillis;
use crate::event::{ChangeEvent, RawEvent};
use crate::position::{PartitionId, SequenceNumber};

/// Collects bodies and infers the metadata that fits them.
#[derive(Debug)]
pub struct Survey {
    context: Context,
}

/// Table metadata inferred from bodies. Displayed as the JSON that `--schema` reads.
#[derive(Clone, Debug, Default)]
pub struct Inferred {
    tables: BTreeMap<String, BTreeMap<String, (&'static str, String)>>,
    /// Attributes that are left out.
    pub unknown: Vec<Unknown>,
}

/// An attribute whose values leave its type open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// The table's logical name.
    pub table: String,
    /// The attribute's logical name.
    pub attribute: String,
    /// The reason.
    pub doubt: Doubt,
}

impl Default for Survey {
    fn default() -> Self {
        let mut context = Context::new("".into(), Catalog::new());
        context.scratch.survey = Some(Box::default());
        Self { context }
    }
}

impl Survey {
    /// Notes the values of an event.
    pub fn push(&mut self, event: &ChangeEvent<'_>) {
        let nowhere = RawEvent {
            body: b"",
            sequence_number: SequenceNumber::new(0),
            offset: "",
            enqueued_time: UnixMillis::EPOCH,
            content_type: "",
            encoded_properties: &[],
            size_exceeded: false,
            undecodable: None,
        };
        let mut buffer = TableBuffer::open(&mut self.context, event.table.name());
        let Err(Full) = buffer.push(&mut self.context, event, &nowhere, PartitionId::new(0)) else { return };
        let Ok(()) = buffer.push_in_parts(&mut self.context, event, &nowhere, PartitionId::new(0), |_| {
            Ok::<(), Infallible>(())
        });
    }

    /// The types of the attributes whose values leave no doubt.
    pub fn finish(self) -> Inferred {
        let mut inferred = Inferred::default();
        let notes = self.context.scratch.survey.unwrap_or_default();
        // Metadata can't state an attribute with an empty name.
        for ((table, attribute), evidence) in
            notes.into_attributes().filter(|((_, name), _)| !name.is_empty())
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

/// Writes a response of `EntityDefinitions`, an attribute a line.
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
