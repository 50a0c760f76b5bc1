//! The facts of an event in its fixed columns: user, time, position in the hub, parameters beside the record.

use super::fixed::{CellKind, Fixed, event_column};
use super::members::{BOOLEANS, GUIDS, INTEGERS, STRINGS};
use super::row::Row;
use super::targets::{Target, guid_at, key_of, lacks_targets, parameter, parameter_id};
use crate::clock::UnixMillis;
use crate::event::messages::{Effect, Message, RecordIn, message};
use crate::event::scalars::{Date, Number, ZERO_GUID, date, guid, iso_date, number};
use crate::event::tree::{Kind, NodeId};
use crate::event::value::{Parts, is_empty};
use crate::event::{Member, RawEvent, Table};
use crate::position::PartitionId;

/// The table of the steps that make Dataverse post events.
const STEP_TABLE: &str = "sdkmessageprocessingstep";

/// The name that Dataverse writes for "no table".
const NO_TABLE: &str = "none";

/// Writes the event's position in its hub.
pub(super) fn write_position(row: &mut Row<'_, '_>, raw: &RawEvent<'_>, hub: &str, partition: PartitionId) {
    let index = row.several.map_or(0, |(_, item)| item.index);
    let cells = &mut row.cells;
    cells.put(event_column::SINK_MODIFIED_ON, raw.enqueued_time);
    cells.put(event_column::HUB, hub.as_bytes());
    cells.put(event_column::PARTITION, partition.get() as i32);
    cells.put(event_column::SEQUENCE_NUMBER, raw.sequence_number.get());
    cells.put(event_column::OFFSET, raw.offset.as_bytes());
    cells.put(event_column::ENQUEUED_TIME, raw.enqueued_time);
    cells.put(event_column::ROW_INDEX, index as i32);
}

/// Writes the facts that are one column each.
pub(super) fn write_envelope<'a>(row: &mut Row<'_, 'a>, size_exceeded: bool) {
    write_identity(row);
    for (member, column) in GUIDS {
        write_member(row, member, column, Kind::Text, guid);
    }
    for (member, column) in INTEGERS {
        let int32 = |text| number(text).and_then(Number::int32);
        write_member(row, member, column, Kind::Number, int32);
    }
    for (member, column) in BOOLEANS {
        write_member(row, member, column, Kind::False, |_| Some(false));
        write_member(row, member, column, Kind::True, |_| Some(true));
    }
    if row.several.is_none_or(|(targets, item)| item.index == 0 || targets.repeats_strings) {
        for (member, column) in STRINGS {
            write_member(row, member, column, Kind::Text, Some);
        }
    }
    // An empty name means that the event names no message.
    let named = |text: &'a [u8]| (!text.is_empty()).then_some(text);
    write_member(row, Member::MessageName, event_column::MESSAGE, Kind::Text, named);
    write_created_on(row);
    cover_primary_table(row);
    write_step(row);
    let message = message(row.event.message);
    if message.is_some_and(|message| message.effect == Effect::Deletes) {
        row.cells.put(event_column::IS_DELETE, true);
    }
    if size_exceeded || message.is_some_and(|message| lacks_target(row, message)) {
        row.cells.put(event_column::TRUNCATED, true);
    }
}

/// Writes the record's id: the event's primary id; if that is absent or zero, the id in Target or a parameter.
fn write_identity(row: &mut Row<'_, '_>) {
    let guid_at = |node: NodeId| guid_at(row.tree, node).map(|guid| (node, guid));
    let primary = row.event.member(Member::PrimaryEntityId).and_then(guid_at);
    let stated = primary.filter(|(_, guid)| *guid != ZERO_GUID).map(|(_, guid)| guid);
    row.id = match (row.several, row.target) {
        (Some((_, item)), _) => item.id,
        (None, Target::Record(node) | Target::Reference(node)) => {
            let target = || row.parts.id.and_then(guid_at).map(|(_, guid)| guid);
            let found = stated.or_else(|| target().filter(|guid| *guid != ZERO_GUID));
            let found = found.or_else(|| key_of(row.event, node));
            found.or_else(target).or_else(|| primary.map(|(_, guid)| guid))
        }
        (None, Target::None | Target::Other(_)) => {
            let found = stated.or_else(|| parameter_id(row.event));
            found.or_else(|| primary.map(|(_, guid)| guid))
        }
    };
    if let Some(guid) = row.id {
        row.cells.put(event_column::ID, guid);
    }
    // Zero means that the event has no primary id: nothing is lost.
    if let Some((node, _)) = primary.filter(|_| stated.is_none() || stated == row.id) {
        row.cover(node);
    }
}

/// Writes the parameters and the pre-images as JSON.
pub(super) fn write_parameters(row: &mut Row<'_, '_>) {
    write_inputs(row);
    write_outputs(row);
    for (member, column) in
        [(Member::SharedVariables, event_column::SHARED), (Member::PreEntityImages, event_column::BEFORE)]
    {
        if let Some(node) = row.event.member(member).filter(|node| is_container(row, *node)) {
            row.json(column, node);
        }
    }
}

/// True if the event lacks the record it is about, which Dataverse leaves out of large events.
fn lacks_target(row: &Row<'_, '_>, message: &Message) -> bool {
    match (message.record, message.effect) {
        (RecordIn::Targets, _) => row.several.is_none() && lacks_targets(row.event),
        (RecordIn::Target, Effect::Creates | Effect::Updates | Effect::Upserts) => row.target == Target::None,
        (RecordIn::Parameter(name), Effect::Creates | Effect::Updates | Effect::Upserts) => {
            parameter(row.event, name).is_none()
        }
        // The event names the record itself.
        (_, Effect::Deletes | Effect::Restores | Effect::Keeps) => false,
    }
}

/// Writes a member into its column, if it is of this kind and has a value that the column holds.
#[inline]
fn write_member<'a, K: CellKind>(
    row: &mut Row<'_, 'a>,
    member: Member,
    column: Fixed<K>,
    kind: Kind,
    read: impl FnOnce(&'a [u8]) -> Option<K::Value<'a>>,
) {
    if let Some(node) = row.event.member(member)
        && row.tree.kind(node) == kind
        && let Some(value) = read(row.tree.bytes(node))
        && row.cells.put(column, value)
    {
        row.cover(node);
    }
}

fn write_created_on(row: &mut Row<'_, '_>) {
    if let Some(node) = row.event.member(Member::OperationCreatedOn)
        && matches!(row.tree.kind(node), Kind::Text | Kind::IsoDate)
        && let Some(date) = created_on(row.tree.bytes(node))
        && row.cells.put(event_column::OPERATION_CREATED_ON, UnixMillis::new(date.ms))
        // Digits finer than a millisecond stay in `_rest`.
        && date.exact
    {
        row.cover(node);
    }
}

fn cover_primary_table(row: &mut Row<'_, '_>) {
    let Some(node) = row.event.member(Member::PrimaryEntityName) else { return };
    let expected = match row.event.table {
        Table::Entity(table) => table,
        Table::Messages => NO_TABLE,
    };
    if row.is_text(node, expected) {
        row.cover(node);
    }
}

/// Writes the id of the step that posted the event, and covers the name of the steps' table.
fn write_step(row: &mut Row<'_, '_>) {
    let Some(owner) = row.event.member(Member::OwningExtension) else { return };
    let Parts { id, logical_name, .. } = Parts::of(row.tree, owner);
    if let Some(node) = id
        && let Some(id) = guid_at(row.tree, node)
        && row.cells.put(event_column::STEP_ID, id)
    {
        row.cover(node);
    }
    if let Some(node) = logical_name.filter(|node| row.is_text(*node, STEP_TABLE)) {
        row.cover(node);
    }
}

fn write_inputs(row: &mut Row<'_, '_>) {
    let Some(inputs) = row.event.member(Member::InputParameters).filter(|node| is_container(row, *node))
    else {
        return;
    };
    if let Some(record) = row_record(row) {
        // The parts of the record without a column belong into `_rest`, so the record is hidden here.
        let covered = row.scratch.marks.covers(record);
        row.cover(record);
        row.json(event_column::INPUTS, inputs);
        row.scratch.marks.cover_around(row.tree, inputs, record);
        row.scratch.marks.set(record, covered);
        return;
    }
    if let Target::Reference(target) = row.target {
        if row.scratch.marks.has_unplaced(row.tree, target) {
            for (_, value) in row.tree.members(target) {
                row.scratch.marks.set(value, false);
            }
        } else {
            row.cover(target);
        }
    }
    row.json(event_column::INPUTS, inputs);
}

/// The record that the row is about, if the event has its parts: the target, or one of several targets.
fn row_record(row: &Row<'_, '_>) -> Option<NodeId> {
    match (row.several, row.target) {
        (Some((_, item)), _) => Some(item.node),
        (None, Target::Record(target)) => Some(target),
        (None, _) => None,
    }
}

fn write_outputs(row: &mut Row<'_, '_>) {
    let Some(outputs) = row.event.member(Member::OutputParameters).filter(|node| is_container(row, *node))
    else {
        return;
    };
    if row.event.message == "Create"
        && let Some((node, text)) = row.member_text(outputs, "id")
        && row.is_id(text)
    {
        row.cover(node);
    }
    if let Some((targets, _)) = row.several
        && let Some(ids) = targets.returned_ids(row.event)
    {
        row.cover(ids);
    }
    row.json(event_column::OUTPUTS, outputs);
}

/// True if a node can become a JSON column. A bare string or number is not a list of parameters.
fn is_container(row: &Row<'_, '_>, node: NodeId) -> bool {
    matches!(row.tree.kind(node), Kind::Pairs | Kind::Object | Kind::List) && !is_empty(row.tree, node)
}

/// The instant of `OperationCreatedOn`: the wall clock that it shows, read as UTC without its offset.
///
/// # Source
/// Schema reference, section 2.4: asynchronous bodies shift it by the server's zone a second time.
fn created_on(text: &[u8]) -> Option<Date> {
    let Some(date) = date(text) else { return iso_date(text) };
    Some(Date { ms: date.ms + i64::from(date.offset.unwrap_or(0)) * 60_000, ..date })
}
