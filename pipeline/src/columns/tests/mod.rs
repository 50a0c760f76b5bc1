//! Shared by the tests of columns: short forms of bodies, and rows as strings.

mod buffers;
mod events;
mod images;
mod leaves;
mod many;
mod messages;
mod paired_fixtures;
mod several;
mod values;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
};

use super::{Catalog, ColumnType, ColumnTypes, Context, Full, TableBuffer};
use crate::clock::UnixMillis;
use crate::event::{RawEvent, Table};
use crate::parse::{ParentContext, Parser};
use crate::position::{PartitionId, SequenceNumber};

/// The record that most bodies are about.
const ID: &str = "00000064-0000-4000-8000-000000000064";
/// Another record.
const OTHER: &str = "00000065-0000-4000-8000-000000000065";

/// A lane of its own, and the buffer of one table.
struct Rows {
    catalog: Arc<Catalog>,
    context: Context,
    buffer: Option<TableBuffer>,
    next: i64,
    parents: ParentContext,
}

impl Rows {
    fn new() -> Self {
        let catalog = Catalog::new();
        let context = Context::new("hub".into(), Arc::clone(&catalog));
        Self { catalog, context, buffer: None, next: 1000, parents: ParentContext::Drop }
    }

    /// Adopts the lake's types of `account`.
    fn adopt(&self, columns: &[(&str, &str)]) {
        let columns =
            columns.iter().map(|(name, stated)| ((*name).to_owned(), ColumnType::from_name(stated)));
        self.catalog.adopt("account", columns);
    }

    fn push(&mut self, body: &str) {
        self.push_raw(body, false);
    }

    fn push_raw(&mut self, body: &str, size_exceeded: bool) {
        self.try_push_raw(body, size_exceeded).unwrap();
    }

    fn try_push(&mut self, body: &str) -> Result<(), Full> {
        self.try_push_raw(body, false)
    }

    fn try_push_raw(&mut self, body: &str, size_exceeded: bool) -> Result<(), Full> {
        let mut parser = Parser::new(self.parents);
        let event = parser.parse(body.as_bytes()).unwrap_or_else(|reject| panic!("{reject:?}: {body}"));
        let raw = RawEvent {
            body: body.as_bytes(),
            sequence_number: SequenceNumber::new(self.next),
            offset: "4711",
            enqueued_time: UnixMillis::new(1_700_000_000_123),
            content_type: "application/json",
            encoded_properties: &[],
            size_exceeded,
            undecodable: None,
        };
        self.next += 1;
        let table = event.table.name();
        let buffer = self.buffer.get_or_insert_with(|| TableBuffer::open(&mut self.context, table));
        buffer.push(&mut self.context, &event, &raw, PartitionId::new(7))
    }

    fn take(&mut self) -> RecordBatch {
        self.take_typed().0
    }

    /// All rows, and the types of their columns.
    fn take_typed(&mut self) -> (RecordBatch, ColumnTypes) {
        let rows = self.buffer.as_mut().unwrap().take(&mut self.context);
        (rows.batch, rows.types)
    }
}

/// The row of one body in a new lane.
fn row_of(body: &str) -> BTreeMap<String, String> {
    let mut rows = Rows::new();
    rows.push(body);
    row(&rows.take(), 0)
}

/// The values of a row that are not null, as strings.
fn row(batch: &RecordBatch, at: usize) -> BTreeMap<String, String> {
    let columns = batch.schema_ref().fields().iter().zip(batch.columns());
    let there = columns.filter(|(_, column)| column.is_valid(at));
    there.map(|(field, column)| (field.name().clone(), text(column, at))).collect()
}

/// Columns that every row has, which the tests leave out.
const EVERYWHERE: [&str; 9] = [
    "Id",
    "SinkModifiedOn",
    "_message",
    "_hub",
    "_partition",
    "_sequence_number",
    "_offset",
    "_enqueued_time",
    "_row_index",
];

/// Compares a row without the columns that every row has.
fn check(body: &Body, expected: &[(&str, &str)]) {
    let body = body.json();
    let mut row = row_of(&body);
    row.retain(|name, _| !EVERYWHERE.contains(&name.as_str()));
    let expected: BTreeMap<_, _> =
        expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    assert_eq!(row, expected, "\n{body}");
}

/// Builder of an event.
#[derive(Clone)]
struct Body {
    message: &'static str,
    table: &'static str,
    /// The members of the event, besides its images and parameters.
    members: String,
    target: String,
    inputs: Vec<(&'static str, String)>,
    before: Vec<(&'static str, String)>,
    after: Vec<(&'static str, String)>,
}

/// An update of an account.
fn update(attributes: &[(&str, &str)]) -> Body {
    formatted(attributes, &[])
}

/// An update of an account, with formatted values.
fn formatted(attributes: &[(&str, &str)], values: &[(&str, &str)]) -> Body {
    Body {
        message: "Update",
        table: "account",
        members: format!(r#""PrimaryEntityId":"{ID}""#),
        target: format!(r#"{{"__type":"Entity",{}"#, &record("account", ID, attributes, values)[1..]),
        inputs: Vec::new(),
        before: Vec::new(),
        after: Vec::new(),
    }
}

impl Body {
    fn message(self, message: &'static str) -> Self {
        Self { message, ..self }
    }

    fn table(self, table: &'static str) -> Self {
        Self { table, ..self }
    }

    fn target(self, target: impl Into<String>) -> Self {
        Self { target: target.into(), ..self }
    }

    fn member(mut self, name: &str, value: &str) -> Self {
        write!(self.members, r#","{name}":{value}"#).unwrap();
        self
    }

    fn input(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.inputs.push((name, value.into()));
        self
    }

    fn before(mut self, alias: &'static str, image: String) -> Self {
        self.before.push((alias, image));
        self
    }

    fn after(mut self, alias: &'static str, attributes: &[(&str, &str)], values: &[(&str, &str)]) -> Self {
        self.after.push((alias, record("account", ID, attributes, values)));
        self
    }

    fn json(&self) -> String {
        let Self { message, table, members, .. } = self;
        let mut inputs = self.inputs.clone();
        if !self.target.is_empty() {
            inputs.insert(0, ("Target", self.target.clone()));
        }
        let (inputs, before, after) =
            (owned_pairs(&inputs), owned_pairs(&self.before), owned_pairs(&self.after));
        format!(
            r#"{{{members},"MessageName":"{message}","PrimaryEntityName":"{table}","InputParameters":{inputs},"PreEntityImages":{before},"PostEntityImages":{after}}}"#
        )
    }
}

/// A record as images hold it.
fn record(table: &str, id: &str, attributes: &[(&str, &str)], values: &[(&str, &str)]) -> String {
    let values: Vec<(&str, String)> =
        values.iter().map(|(name, value)| (*name, format!("\"{value}\""))).collect();
    format!(
        r#"{{"Attributes":{},"EntityState":null,"FormattedValues":{},"Id":"{id}","KeyAttributes":[],"LogicalName":"{table}","RelatedEntities":[],"RowVersion":null}}"#,
        pairs(attributes),
        owned_pairs(&values)
    )
}

fn pairs(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    owned_pairs(&pairs)
}

fn owned_pairs(pairs: &[(&str, String)]) -> String {
    let pairs: Vec<_> =
        pairs.iter().map(|(name, value)| format!(r#"{{"key":"{name}","value":{value}}}"#)).collect();
    format!("[{}]", pairs.join(","))
}

fn choice(value: &str) -> String {
    format!(r#"{{"__type":"OptionSetValue:http:\/\/schemas","Value":{value}}}"#)
}

fn money(value: &str) -> String {
    format!(r#"{{"__type":"Money:http:\/\/schemas","Value":{value}}}"#)
}

/// A lookup; `name` is JSON.
fn lookup(table: &str, id: &str, name: &str) -> String {
    format!(
        r#"{{"__type":"EntityReference:http:\/\/schemas","Id":"{id}","KeyAttributes":[],"LogicalName":"{table}","Name":{name},"RowVersion":null}}"#
    )
}

/// One value as a string.
fn text(column: &ArrayRef, at: usize) -> String {
    if column.is_null(at) {
        return "null".to_owned();
    }
    match column.data_type() {
        DataType::Boolean => column.as_boolean().value(at).to_string(),
        DataType::Int32 => column.as_primitive::<Int32Type>().value(at).to_string(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(at).to_string(),
        DataType::Float64 => column.as_primitive::<Float64Type>().value(at).to_string(),
        DataType::Date32 => format!("day {}", column.as_primitive::<Date32Type>().value(at)),
        DataType::Decimal128(38, 12) => decimal(column.as_primitive::<Decimal128Type>().value(at)),
        DataType::Utf8 => column.as_string::<i32>().value(at).to_owned(),
        DataType::Binary => format!("{:?}", column.as_binary::<i32>().value(at)),
        DataType::FixedSizeBinary(16) => {
            uuid::Uuid::from_slice(column.as_fixed_size_binary().value(at)).unwrap().to_string()
        }
        DataType::Timestamp(_, zone) => {
            let us = column.as_primitive::<TimestampMicrosecondType>().value(at);
            assert_eq!(us % 1000, 0, "values stay at the millisecond");
            format!("{}{}", us / 1000, zone.as_deref().unwrap_or_default())
        }
        DataType::List(_) => {
            let items = column.as_list::<i32>().value(at);
            let items: Vec<_> = (0..items.len()).map(|at| text(&items, at)).collect();
            format!("[{}]", items.join(","))
        }
        DataType::Struct(fields) => {
            let parts = fields.iter().zip(column.as_struct().columns()).filter(|(_, part)| part.is_valid(at));
            let parts: Vec<_> =
                parts.map(|(field, part)| format!("{}={}", field.name(), text(part, at))).collect();
            format!("({})", parts.join(" "))
        }
        other => panic!("no column is {other}"),
    }
}

fn decimal(scaled: i128) -> String {
    let sign = if scaled < 0 { "-" } else { "" };
    let digits = format!("{:013}", scaled.unsigned_abs());
    let (integer, fraction) = digits.split_at(digits.len() - 12);
    format!("{sign}{integer}.{}", fraction.trim_end_matches('0')).trim_end_matches('.').to_owned()
}

#[test]
fn event_goes_to_the_parser_s_table() {
    let body = update(&[]).json();
    let mut parser = Parser::new(ParentContext::Drop);
    assert_eq!(parser.parse(body.as_bytes()).unwrap().table, Table::Entity("account"));
}
