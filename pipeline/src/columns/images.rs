//! Post-images: the record after the event. They fill the attributes that the event's target lacks.
//!
//! Does not own: pre-images, which are one JSON column (`envelope`), and the images of an event with several rows,
//! which stay in `_rest`.

use super::attributes::{leave_for_rest, write_attribute};
use super::context::Lookup;
use super::directory::{Seen, SlotId, Track};
use super::row::Row;
use crate::event::names::is_same;
use crate::event::scalars::guid;
use crate::event::tree::{Kind, NodeId, Tree};
use crate::event::value::{Parts, Value, is_empty, same};
use crate::event::{Member, Table};

/// The image that Dataverse adds to each asynchronous event: the record's primary name and id.
const AUTOMATIC: &[u8] = b"AsynchronousStepPrimaryName";

/// Writes the attributes of registered post-images that the target lacks.
pub(super) fn write_images(row: &mut Row<'_, '_>) {
    for image in registered_images(row) {
        let parts = Parts::of(row.tree, image);
        if !shows_record(row, image, parts) {
            continue;
        }
        row.scratch.images.push((image, parts));
        row.cover_identity(parts);
        let mut previous = None;
        for (name, node) in members_of(row.tree, parts.attributes) {
            let found = row.directory.find(row.catalog, Track::Image, previous, row.tree, name);
            let Some(slot) = found else {
                leave_for_rest(row, node);
                continue;
            };
            previous = Some(slot);
            match row.directory.seen(slot) {
                None => write_attribute(row, slot, name, node),
                Some(seen) if cover_if_same(row, slot, name, node, seen) => {}
                Some(_) => row.scratch.disputed.push((image, slot)),
            }
        }
    }
}

/// Covers the parts of the automatic image that the row has too. Returns its (name, image) if parts are left, which
/// belong into `_labels`.
pub(super) fn cover_automatic_image(row: &mut Row<'_, '_>) -> Option<(NodeId, NodeId)> {
    let tree = row.tree;
    let images = post_images(row)?;
    let (alias, image) = tree.members(images).find(|(alias, _)| is_same(tree.bytes(*alias), AUTOMATIC))?;
    let parts = Parts::of(tree, image);
    row.cover_identity(parts);
    let mut previous = None;
    for (name, node) in members_of(tree, parts.attributes) {
        let found = row.directory.find(row.catalog, Track::Image, previous, tree, name);
        previous = found.or(previous);
        let seen = found.and_then(|slot| row.directory.seen(slot));
        let is_repeated = seen.is_some_and(|seen| same(tree, seen.node, node));
        let is_key = row.is_key(tree.bytes(name)) && row.is_id(tree.bytes(node));
        if is_repeated || is_key || is_empty(tree, node) {
            row.cover(node);
        }
    }
    row.scratch.marks.has_unplaced(tree, image).then_some((alias, image))
}

/// The post-images, if the row is about one record.
fn post_images(row: &Row<'_, '_>) -> Option<NodeId> {
    row.event.member(Member::PostEntityImages).filter(|_| row.several.is_none())
}

fn registered_images<'a>(row: &Row<'_, 'a>) -> impl Iterator<Item = NodeId> + use<'a> {
    let tree = row.tree;
    let images = post_images(row);
    let images = images.into_iter().flat_map(move |images| tree.members(images));
    images.filter(move |(alias, _)| !is_same(tree.bytes(*alias), AUTOMATIC)).map(|(_, image)| image)
}

/// True if an image is of the row's record. An event may have images of other records.
fn shows_record(row: &Row<'_, '_>, image: NodeId, Parts { id, logical_name, .. }: Parts) -> bool {
    let stated = |part: Option<NodeId>| {
        part.filter(|node| !is_empty(row.tree, *node)).map(|node| row.tree.bytes(node))
    };
    row.tree.kind(image) == Kind::Object
        && matches!(row.event.table, Table::Entity(table)
            if stated(logical_name).is_none_or(|name| is_same(name, table.as_bytes())))
        && stated(id).is_none_or(|id| guid(id) == row.id)
}

/// Covers an image's value of an attribute that the row has; false if it is another value.
fn cover_if_same(row: &mut Row<'_, '_>, slot: SlotId, attribute: NodeId, node: NodeId, seen: Seen) -> bool {
    let tree = row.tree;
    let lookups = (Value::read(tree, seen.node), Value::read(tree, node));
    let (Some(Value::Reference(there)), Some(Value::Reference(here))) = lookups else {
        let agrees = is_empty(tree, node) || same(tree, seen.node, node);
        if agrees {
            row.cover(node);
        }
        return agrees;
    };
    let text = |node: Option<NodeId>| node.map(|node| tree.bytes(node));
    let (Some((_, record)), Some((id, same_record))) = (there.id, here.id) else { return false };
    if record != same_record || !seen.placed {
        return false;
    }
    row.cover(id);
    let entity_type_is_new = there.logical_name.is_none();
    if let Some(node) = here.logical_name
        && text(there.logical_name) == Some(tree.bytes(node))
    {
        row.cover(node);
    }
    // Images have the names of lookups that the target lacks.
    let entity_type = here.logical_name.filter(|_| entity_type_is_new);
    row.scratch.lookups.push(Lookup { slot, attribute, entity_type, name: here.name });
    true
}

/// The members of a list of pairs; none without a list.
pub(super) fn members_of(
    tree: Tree<'_>,
    list: Option<NodeId>,
) -> impl Iterator<Item = (NodeId, NodeId)> + use<'_> {
    list.into_iter().flat_map(move |list| tree.members(list))
}
