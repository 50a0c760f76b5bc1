//! Post-images: what the record was after the event, laid under what the event set.
//!
//! Does not own: pre-images, which are one JSON column (`envelope`). Those of an event with several rows are no row's.

use super::context::Lookup;
use super::directory::{Seen, SlotId, Track};
use super::row::Row;
use crate::event::names::is_same;
use crate::event::scalars::guid;
use crate::event::tree::{Kind, NodeId, Tree};
use crate::event::value::{Parts, Value, is_silent, same};
use crate::event::{Member, Table};

/// The image that Dataverse adds to asynchronous events by itself: the record's primary name and id.
const AUTOMATIC: &[u8] = b"AsynchronousStepPrimaryName";

impl<'a> Row<'_, 'a> {
    /// Registered post-images: an attribute that Target lacks is taken from them.
    pub(super) fn images(&mut self) {
        for image in self.registered_images() {
            let parts = Parts::of(self.tree, image);
            if !self.shows_the_record(image, parts) {
                continue;
            }
            self.scratch.images.push((image, parts));
            self.cover_identity(parts);
            let mut previous = None;
            for (name, node) in members_of(self.tree, parts.attributes) {
                let found = self.directory.find(self.catalog, Track::Image, previous, self.tree, name);
                let Some(slot) = found else {
                    self.without_column(node);
                    continue;
                };
                previous = Some(slot);
                match self.directory.seen(slot) {
                    None => self.attribute(slot, name, node),
                    Some(seen) if self.agrees(slot, name, node, seen) => {}
                    Some(_) => self.scratch.disputed.push((image, slot)),
                }
            }
        }
    }

    /// The labels of registered post-images; none for a value that the row does not hold.
    pub(super) fn image_labels(&mut self) {
        for at in 0..self.scratch.images.len() {
            let (image, parts) = self.scratch.images[at];
            self.record_labels(image, parts.labels);
        }
    }

    /// The automatic image, as (its name, image): what the row does not say too stands in `_labels`.
    pub(super) fn automatic_image(&mut self) -> Option<(NodeId, NodeId)> {
        let tree = self.tree;
        let images = self.post_images()?;
        let (alias, image) =
            tree.members(images).find(|(alias, _)| is_same(tree.bytes(*alias), AUTOMATIC))?;
        let parts = Parts::of(tree, image);
        self.cover_identity(parts);
        let mut previous = None;
        for (name, node) in members_of(tree, parts.attributes) {
            let found = self.directory.find(self.catalog, Track::Image, previous, tree, name);
            previous = found.or(previous);
            let seen = found.and_then(|slot| self.directory.seen(slot));
            let said = seen.is_some_and(|seen| same(tree, seen.node, node));
            let key = self.is_key(tree.bytes(name)) && self.is_id(tree.bytes(node));
            if said || key || is_silent(tree, node) {
                self.cover(node);
            }
        }
        self.scratch.marks.left(tree, image).then_some((alias, image))
    }

    /// The post-images, if the row is about one record.
    fn post_images(&self) -> Option<NodeId> {
        self.event.member(Member::PostEntityImages).filter(|_| self.several.is_none())
    }

    fn registered_images(&self) -> impl Iterator<Item = NodeId> + use<'a> {
        let tree = self.tree;
        let images = self.post_images();
        let images = images.into_iter().flat_map(move |images| tree.members(images));
        images.filter(move |(alias, _)| !is_same(tree.bytes(*alias), AUTOMATIC)).map(|(_, image)| image)
    }

    /// Whether an image is of the row's record, and not of another that the event concerns.
    fn shows_the_record(&self, image: NodeId, Parts { id, logical_name, .. }: Parts) -> bool {
        let said = |part: Option<NodeId>| {
            part.filter(|node| !is_silent(self.tree, *node)).map(|node| self.tree.bytes(node))
        };
        self.tree.kind(image) == Kind::Object
            && matches!(self.event.table, Table::Entity(table)
                if said(logical_name).is_none_or(|name| is_same(name, table.as_bytes())))
            && said(id).is_none_or(|id| guid(id) == self.id)
    }

    /// Covers what an image says again of an attribute that the row has; false if it says something else.
    fn agrees(&mut self, slot: SlotId, attribute: NodeId, node: NodeId, seen: Seen) -> bool {
        let tree = self.tree;
        let lookups = (Value::read(tree, seen.node), Value::read(tree, node));
        let (Some(Value::Reference(there)), Some(Value::Reference(here))) = lookups else {
            let agrees = is_silent(tree, node) || same(tree, seen.node, node);
            if agrees {
                self.cover(node);
            }
            return agrees;
        };
        let text = |node: Option<NodeId>| node.map(|node| tree.bytes(node));
        let (Some((_, record)), Some((id, same_record))) = (there.id, here.id) else { return false };
        if record != same_record || !seen.placed {
            return false;
        }
        self.cover(id);
        let entity_type_is_new = there.logical_name.is_none();
        if let Some(node) = here.logical_name
            && text(there.logical_name) == Some(tree.bytes(node))
        {
            self.cover(node);
        }
        // Images name their lookups where Target does not.
        let entity_type = here.logical_name.filter(|_| entity_type_is_new);
        self.scratch.lookups.push(Lookup { slot, attribute, entity_type, name: here.name });
        true
    }
}

/// The members of a list of pairs that a record has, or has not.
pub(super) fn members_of(
    tree: Tree<'_>,
    list: Option<NodeId>,
) -> impl Iterator<Item = (NodeId, NodeId)> + use<'_> {
    list.into_iter().flat_map(move |list| tree.members(list))
}
