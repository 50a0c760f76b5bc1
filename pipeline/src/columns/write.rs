//! One event, or one of its targets, into one row.
//!
//! Owns: the order in which the parts of an event are placed, and `_rest`. Does not own: the parts (`envelope`,
//! `attributes`, `images`, `formatted_values`), what the targets are (`targets`).
//!
//! # Several rows
//! The first row takes everything that the row of an event with one row takes; the targets after the first are hidden.
//! The other rows take the facts of the event and their own target.

use super::attributes::write_record;
use super::context::Scratch;
use super::envelope::{write_envelope, write_parameters, write_position};
use super::fixed::event_column;
use super::formatted_values::write_formatted_values;
use super::images::write_images;
use super::row::Row;
use super::targets::{Item, Target, Targets};
use crate::event::RawEvent;
use crate::position::PartitionId;

/// Writes everything in an event, or the parts of one of its several targets.
pub(super) fn write_row(row: &mut Row<'_, '_>, raw: &RawEvent<'_>, hub: &str, partition: PartitionId) {
    write_position(row, raw, hub, partition);
    write_envelope(row, raw.size_exceeded);
    match row.target {
        Target::Record(_) => write_record(row),
        Target::Reference(_) => row.cover_identity(row.parts),
        Target::None | Target::Other(_) => {}
    }
    write_images(row);
    write_formatted_values(row);
    match row.several {
        Some((targets, item)) if item.index > 0 => write_rest_of_target(row, targets, item),
        _ => {
            write_parameters(row);
            write_rest(row);
        }
    }
}

/// Writes the parts that no column took.
fn write_rest(row: &mut Row<'_, '_>) {
    let (tree, root) = (row.tree, row.tree.root());
    if row.scratch.marks.has_unplaced(tree, root)
        && let Some(json) = row.scratch.normal.unplaced(tree, root, &row.scratch.marks)
    {
        row.cells.put(event_column::REST, json);
    }
}

/// Writes the parts of a target after the first that no column took, under its path in the body.
fn write_rest_of_target(row: &mut Row<'_, '_>, targets: Targets, item: Item) {
    let Scratch { normal, marks, .. } = &mut *row.scratch;
    if let Some(json) = normal.unplaced_in_list(row.tree, targets.path, item.node, marks) {
        row.cells.put(event_column::REST, json);
    }
}
