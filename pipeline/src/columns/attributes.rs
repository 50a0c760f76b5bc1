//! The attributes of the record, each value into its column.
//!
//! Owns: the type that a value gives a new column, and marking what was placed. Does not own: which values fit a column
//! type (`fit`), parties (`parties`).

use super::context::Lookup;
use super::directory::{Seen, SlotId, Track};
use super::fit::{Fit, attribute_date};
use super::fixed::event_column;
use super::parties::write_party_list;
use super::row::Row;
use super::schema::ColumnType;
use super::values::Cell;
use crate::event::scalars::{Guid, date};
use crate::event::tree::{Kind, NodeId, Tree};
use crate::event::value::{Reference, Value, bytes, choices, is_empty};

/// Writes the record that the event is about.
pub(super) fn write_record(row: &mut Row<'_, '_>) {
    row.cover_identity(row.parts);
    let tree = row.tree;
    let attributes =
        row.parts.attributes.filter(|node| matches!(tree.kind(*node), Kind::Pairs | Kind::Object));
    let names = attributes.into_iter().flat_map(|node| tree.members(node));
    row.cells.put_strings(event_column::CHANGED, names.map(|(name, _)| tree.bytes(name)));
    let mut previous = None;
    for (name, value) in attributes.into_iter().flat_map(|node| tree.members(node)) {
        match row.directory.find(row.catalog, Track::Target, previous, tree, name) {
            Some(slot) => {
                previous = Some(slot);
                write_attribute(row, slot, name, value);
            }
            None => leave_for_rest(row, value),
        }
    }
}

/// Writes the value that the row has for an attribute.
pub(super) fn write_attribute(row: &mut Row<'_, '_>, slot: SlotId, name: NodeId, node: NodeId) {
    let mut seen = Seen { node, placed: false, lookup: false };
    if is_empty(row.tree, node) {
        row.cover(node);
    } else if let Some(value) = Value::read(row.tree, node) {
        if row.scratch.survey.is_some() {
            note_value(row, name, value);
        }
        if let Some(column_type) = attribute_type(row, slot, name, value) {
            seen.placed = place(row, slot, name, node, column_type, value);
            seen.lookup = seen.placed && matches!(value, Value::Reference(_));
        }
    }
    row.directory.note_seen(slot, seen);
}

/// Leaves a value whose attribute can't have a column to `_rest`.
pub(super) fn leave_for_rest(row: &mut Row<'_, '_>, node: NodeId) {
    if is_empty(row.tree, node) {
        row.cover(node);
    }
}

/// The type of an attribute's column. A new column is proposed with the type that this value gives it.
fn attribute_type(row: &mut Row<'_, '_>, slot: SlotId, name: NodeId, value: Value<'_>) -> Option<ColumnType> {
    if !row.directory.admits(slot) {
        return None;
    }
    if let Some(known) = row.directory.known_type(slot) {
        return known.column_type();
    }
    let evidence = type_of_value(row, row.tree.bytes(name), value);
    row.directory.column_type(row.catalog, slot, evidence)
}

/// Notes a value for a survey.
#[cold]
fn note_value(row: &mut Row<'_, '_>, name: NodeId, value: Value<'_>) {
    let attribute = row.tree.text(name);
    let evidence = type_of_value(row, attribute.as_bytes(), value);
    if let Some(notes) = &mut row.scratch.survey {
        notes.note((row.event.table.name(), attribute), value, evidence);
    }
}

/// The type that a value gives a new column; `None` if only metadata states it.
fn type_of_value(row: &Row<'_, '_>, attribute: &[u8], value: Value<'_>) -> Option<ColumnType> {
    Some(match value {
        Value::Boolean(_) => ColumnType::Boolean,
        // Doubles need metadata: a double column would refuse the decimals of later events.
        Value::Number(number) => number.exact().map(|_| ColumnType::Number)?,
        Value::Money(_) => ColumnType::Decimal,
        Value::Choice(_) => ColumnType::Choice,
        Value::Choices => ColumnType::Choices,
        Value::Reference(_) => ColumnType::Uuid,
        Value::Parties => ColumnType::PartyList,
        Value::Bytes => ColumnType::Binary,
        Value::Text(text) => match date(text) {
            Some(date) => date.unambiguous().map(|_| ColumnType::Datetime)?,
            None if row.is_key(attribute) && row.is_id(text) => ColumnType::Uuid,
            None => ColumnType::Text,
        },
        Value::IsoDate(text) => attribute_date(text).map(|_| ColumnType::Datetime)?,
    })
}

/// Puts a value into its column and covers what the column holds; false if it does not fit.
fn place(
    row: &mut Row<'_, '_>,
    slot: SlotId,
    name: NodeId,
    node: NodeId,
    column_type: ColumnType,
    value: Value<'_>,
) -> bool {
    match Fit::of(column_type, value) {
        None => false,
        Some(Fit::Whole(cell)) => {
            let put = row.cells.put_attribute(slot, column_type, cell);
            if put {
                row.cover(all_of_scalar(row.tree, node));
            }
            put
        }
        Some(Fit::Cut(cell)) => row.cells.put_attribute(slot, column_type, cell),
        Some(Fit::Lookup(node, id, reference)) => write_lookup(row, slot, name, (node, id), reference),
        Some(Fit::Parties) => write_party_list(row, slot, name, node),
        Some(Fit::Choices) => write_choices(row, slot, node),
        Some(Fit::Bytes) => write_binary(row, slot, node),
    }
}

fn write_lookup(
    row: &mut Row<'_, '_>,
    slot: SlotId,
    attribute: NodeId,
    (node, id): (NodeId, Guid),
    reference: Reference,
) -> bool {
    let put = row.cells.put_attribute(slot, ColumnType::Uuid, Cell::Guid(id));
    if put {
        row.cover(node);
        let Reference { logical_name, name, .. } = reference;
        row.scratch.lookups.push(Lookup { slot, attribute, entity_type: logical_name, name });
    }
    put
}

fn write_choices(row: &mut Row<'_, '_>, slot: SlotId, node: NodeId) -> bool {
    row.scratch.choices.clear();
    row.scratch.choices.extend(choices(row.tree, node).flatten());
    let put = row.cells.put_attribute(slot, ColumnType::Choices, Cell::Choices(&row.scratch.choices));
    if put {
        row.cover(node);
    }
    put
}

fn write_binary(row: &mut Row<'_, '_>, slot: SlotId, node: NodeId) -> bool {
    row.scratch.bytes.clear();
    row.scratch.bytes.extend(bytes(row.tree, node).flatten());
    let put = row.cells.put_attribute(slot, ColumnType::Binary, Cell::Bytes(&row.scratch.bytes));
    if put {
        row.cover(node);
    }
    put
}

/// The node to cover for a scalar: the object around it if that has no other member, since one mark is found faster
/// than several.
fn all_of_scalar(tree: Tree<'_>, node: NodeId) -> NodeId {
    // The object, the name of its only member, the value.
    if tree.end(node).index() == node.index() + 3 { node } else { scalar(tree, node) }
}

/// A scalar, or the member of the object around it that the column holds.
fn scalar(tree: Tree<'_>, node: NodeId) -> NodeId {
    match tree.kind(node) {
        Kind::Object => tree.member(node, "Value").unwrap_or(node),
        _ => node,
    }
}
