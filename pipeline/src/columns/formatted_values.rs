//! Labels: what people see instead of a value.
//!
//! Owns: the companions of lookups and choices, and `_labels`, where every other value stands.

use super::attributes::leave_for_rest;
use super::directory::{Companion, SlotId, Track};
use super::fixed::event_column;
use super::images::{cover_automatic_image, members_of};
use super::row::Row;
use super::schema::ColumnType;
use super::targets::Target;
use super::values::Cell;
use crate::event::names::is_same;
use crate::event::tree::{Kind, NodeId};
use crate::event::value::is_empty;

/// All values, once all attributes are known: an attribute of a companion's name wins.
pub(super) fn write_formatted_values(row: &mut Row<'_, '_>) {
    // As many as there are values, in a hostile body.
    row.scratch.disputed.sort_unstable();
    write_entity_types(row);
    if let Target::Record(target) = row.target {
        write_record_values(row, target, row.parts.formatted_values);
    }
    for at in 0..row.scratch.images.len() {
        let (image, parts) = row.scratch.images[at];
        write_record_values(row, image, parts.formatted_values);
    }
    write_lookup_names(row);
    let automatic = cover_automatic_image(row);
    row.scratch.formatted_values.extend(automatic);
    let values = row.scratch.formatted_values.iter().copied();
    if let Some(json) = row.scratch.normal.object(row.tree, values, &row.scratch.marks) {
        row.cells.put(event_column::LABELS, json);
    }
    if let Some((_, image)) = automatic {
        row.cover(image);
    }
}

/// The formatted values of a record.
fn write_record_values(row: &mut Row<'_, '_>, record: NodeId, values: Option<NodeId>) {
    let mut previous = None;
    for (attribute, value) in members_of(row.tree, values) {
        let found = row.directory.find(row.catalog, Track::FormattedValues, previous, row.tree, attribute);
        let Some(slot) = found else {
            leave_for_rest(row, value);
            continue;
        };
        previous = Some(slot);
        if row.scratch.disputed.binary_search(&(record, slot)).is_err() {
            write_value(row, slot, attribute, value);
        }
    }
}

/// The tables that lookups point into.
fn write_entity_types(row: &mut Row<'_, '_>) {
    for at in 0..row.scratch.lookups.len() {
        let lookup = row.scratch.lookups[at];
        if let Some(node) = lookup.entity_type {
            write_companion(row, lookup.slot, Companion::EntityType, node);
        }
    }
}

/// The names that lookups carry themselves; a formatted value comes first.
fn write_lookup_names(row: &mut Row<'_, '_>) {
    for at in 0..row.scratch.lookups.len() {
        let lookup = row.scratch.lookups[at];
        if let Some(name) = lookup.name {
            write_value(row, lookup.slot, lookup.attribute, name);
        }
    }
}

/// A value of an attribute. The first counts; one that says something else stays for `_rest`.
fn write_value(row: &mut Row<'_, '_>, slot: SlotId, attribute: NodeId, value: NodeId) {
    if is_empty(row.tree, value) {
        row.cover(value);
    }
    if row.tree.kind(value) != Kind::Text {
        return;
    }
    if let Some(first) = row.directory.formatted_value(slot) {
        if is_same(row.tree.bytes(first), row.tree.bytes(value)) {
            row.cover(value);
        }
        return;
    }
    row.directory.note_formatted_value(slot, value);
    if !(has_companion(row, slot) && write_companion(row, slot, Companion::Name, value)) {
        row.scratch.formatted_values.push((attribute, value));
        row.cover(value);
    }
}

/// Whether an attribute's value is a companion: that of a lookup or choice which the row holds.
fn has_companion(row: &mut Row<'_, '_>, slot: SlotId) -> bool {
    let Some(seen) = row.directory.seen(slot).filter(|seen| seen.placed) else { return false };
    let column_type = row.directory.column_type(row.catalog, slot, None);
    seen.lookup || matches!(column_type, Some(ColumnType::Choice | ColumnType::Choices))
}

fn write_companion(row: &mut Row<'_, '_>, slot: SlotId, which: Companion, node: NodeId) -> bool {
    let Some(companion) = row.directory.companion(row.catalog, slot, which) else { return false };
    let text = Cell::Bytes(row.tree.bytes(node));
    let put = row.cells.put_attribute(companion, ColumnType::Text, text);
    if put {
        row.cover(node);
    }
    put
}
