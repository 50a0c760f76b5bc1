//! One event on its way into one row, or one of its targets into one of several.
//!
//! Owns: the order in which an event's parts are placed, the record they are about, and `_rest`. Does not own:
//! the parts themselves (`envelope`, `attributes`, `images`, `labels`), what the targets are (`targets`).
//!
//! # Several rows
//! The first takes all that an event of one row takes, with every target but the first out of sight. The others
//! take the facts of the event and their own target.

use super::catalog::Catalog;
use super::cells::Cells;
use super::context::{Context, DirectoryId, Scratch};
use super::directory::Directory;
use super::fixed::{Fixed, Json, event_column};
use super::targets::{self, Item, Target, Targets, guid_at};
use crate::event::names::is_same;
use crate::event::scalars::{Guid, ZERO_GUID, guid};
use crate::event::tree::{Kind, NodeId, Tree};
use crate::event::value::Parts;
use crate::event::{ChangeEvent, Member, RawEvent, Table};
use crate::position::PartitionId;

/// What an event's parts are placed with.
#[derive(Debug)]
pub(super) struct Row<'r, 'a> {
    pub(super) event: &'r ChangeEvent<'a>,
    pub(super) tree: Tree<'a>,
    pub(super) target: Target,
    /// The parts of the target, whatever that is.
    pub(super) parts: Parts,
    /// Which target of several the row is about.
    pub(super) several: Option<(Targets, Item)>,
    /// The record the row is about.
    pub(super) id: Option<Guid>,
    pub(super) cells: Cells<'r>,
    pub(super) directory: &'r mut Directory,
    pub(super) catalog: &'r Catalog,
    pub(super) scratch: &'r mut Scratch,
}

impl<'r, 'a> Row<'r, 'a> {
    /// Begins the row of an event, or that of one of its targets.
    pub(super) fn begin(
        event: &'r ChangeEvent<'a>,
        several: Option<(Targets, Item)>,
        cells: Cells<'r>,
        directory: DirectoryId,
        context: &'r mut Context,
    ) -> Self {
        let Context { catalog, directories, scratch, .. } = context;
        let directory = directories.get_mut(directory);
        directory.begin_row();
        scratch.begin_row();
        let (target, parts) = match several {
            None => Target::of(event),
            Some((_, item)) => {
                scratch.marks.set(item.node, false);
                Targets::target(event, item.node)
            }
        };
        Self { event, tree: event.tree, target, parts, several, id: None, cells, directory, catalog, scratch }
    }

    /// Places everything the event says, or what is one target's alone.
    pub(super) fn write(mut self, raw: &RawEvent<'_>, hub: &str, partition: PartitionId) {
        self.position(raw, hub, partition);
        self.envelope(raw.size_exceeded);
        match self.target {
            Target::Record(_) => self.record(),
            Target::Reference(_) => self.cover_identity(self.parts),
            Target::None | Target::Other(_) => {}
        }
        self.images();
        self.labels();
        match self.several {
            Some((targets, item)) if item.index > 0 => self.rest_of_target(targets, item),
            _ => {
                self.parameters();
                self.rest();
            }
        }
    }

    /// Notes that a node and all below it have a place.
    pub(super) fn cover(&mut self, node: NodeId) {
        self.scratch.marks.cover(node);
    }

    /// Writes a part of the body into a JSON column, without what has a place, and notes that it has one.
    pub(super) fn json(&mut self, column: Fixed<Json>, node: NodeId) {
        if let Some(json) = self.scratch.normal.left(self.tree, node, &self.scratch.marks) {
            self.cells.put(column, json);
        }
        self.cover(node);
    }

    /// A member of an object and its text, if it is a string.
    pub(super) fn member_text(&self, object: NodeId, name: &str) -> Option<(NodeId, &'a [u8])> {
        let value = self.tree.member(object, name)?;
        (self.tree.kind(value) == Kind::Text).then(|| (value, self.tree.bytes(value)))
    }

    /// Whether a node is this very text.
    pub(super) fn says(&self, node: NodeId, text: &str) -> bool {
        self.tree.kind(node) == Kind::Text && is_same(self.tree.bytes(node), text.as_bytes())
    }

    /// Whether a text is the id of the row's record.
    pub(super) fn is_id(&self, text: &[u8]) -> bool {
        self.id.is_some() && guid(text) == self.id
    }

    /// Whether an attribute is the key of the row's table.
    pub(super) fn is_key(&self, attribute: &[u8]) -> bool {
        targets::is_key(self.event.table, attribute)
    }

    /// Covers `Id` and `LogicalName` where they say what the row says.
    pub(super) fn cover_identity(&mut self, Parts { id, logical_name, .. }: Parts) {
        // A zero says that there is none.
        if let Some(node) = id
            && let said @ Some(guid) = guid_at(self.tree, node)
            && (said == self.id || guid == ZERO_GUID)
        {
            self.cover(node);
        }
        if let Some(node) = logical_name
            && matches!(self.event.table, Table::Entity(table) if self.says(node, table))
        {
            self.cover(node);
        }
    }

    /// The record's id: the event's primary id, or what Target says when that is absent or zero.
    pub(super) fn identify(&mut self) {
        let guid_at = |node: NodeId| guid_at(self.tree, node).map(|guid| (node, guid));
        let primary = self.event.member(Member::PrimaryEntityId).and_then(guid_at);
        let stated = primary.filter(|(_, guid)| *guid != ZERO_GUID).map(|(_, guid)| guid);
        self.id = match (self.several, self.target) {
            (Some((_, item)), _) => item.id,
            (None, Target::Record(node) | Target::Reference(node)) => {
                let target = || self.parts.id.and_then(guid_at).map(|(_, guid)| guid);
                let said = stated.or_else(|| target().filter(|guid| *guid != ZERO_GUID));
                let said = said.or_else(|| targets::key_of(self.event, node));
                said.or_else(target).or_else(|| primary.map(|(_, guid)| guid))
            }
            (None, Target::None | Target::Other(_)) => {
                let said = stated.or_else(|| targets::parameter_id(self.event));
                said.or_else(|| primary.map(|(_, guid)| guid))
            }
        };
        if let Some(guid) = self.id {
            self.cells.put(event_column::ID, guid);
        }
        // A zero says that there is no primary id, which the row says too.
        if let Some((node, _)) = primary.filter(|_| stated.is_none() || stated == self.id) {
            self.cover(node);
        }
    }

    /// What no column took.
    fn rest(&mut self) {
        let (tree, root) = (self.tree, self.tree.root());
        if self.scratch.marks.left(tree, root)
            && let Some(json) = self.scratch.normal.left(tree, root, &self.scratch.marks)
        {
            self.cells.put(event_column::REST, json);
        }
    }

    /// What no column took of a target behind the first, under the path it has in the body.
    fn rest_of_target(&mut self, targets: Targets, item: Item) {
        let Scratch { normal, marks, .. } = &mut *self.scratch;
        if let Some(json) = normal.left_in_list(self.tree, targets.path, item.node, marks) {
            self.cells.put(event_column::REST, json);
        }
    }
}
