//! Formatted values: the strings that Dataverse shows to people instead of a value.
//!
//! Owns: the companion columns of lookups and choices, and `_labels`, which holds all other formatted values.

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

/// Writes all formatted values. All attributes must be known, since an attribute of a companion's name takes its
/// column.
pub(super) fn write_formatted_values(row: &mut Row<'_, '_>) {
    // A hostile body has as many disputed attributes as formatted values: they are searched by halves.
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

/// Writes the formatted values of a record.
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

/// Writes the tables that lookups point into.
fn write_entity_types(row: &mut Row<'_, '_>) {
    for at in 0..row.scratch.lookups.len() {
        let lookup = row.scratch.lookups[at];
        if let Some(node) = lookup.entity_type {
            write_companion(row, lookup.slot, Companion::EntityType, node);
        }
    }
}

/// Writes the names in lookups, for those without a formatted value.
fn write_lookup_names(row: &mut Row<'_, '_>) {
    for at in 0..row.scratch.lookups.len() {
        let lookup = row.scratch.lookups[at];
        if let Some(name) = lookup.name {
            write_value(row, lookup.slot, lookup.attribute, name);
        }
    }
}

/// Writes a formatted value of an attribute. Only the first is written; a different one stays for `_rest`.
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

/// True if the formatted value belongs into a companion column: the row holds the attribute as a lookup or choice.
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
