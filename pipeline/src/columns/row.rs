//! Working state of one row.
//!
//! Owns: what the writers of an event's parts share. Does not own: the order of the parts (`write`), the parts.

use super::catalog::Catalog;
use super::cells::Cells;
use super::context::{Context, DirectoryId, Scratch};
use super::directory::Directory;
use super::fixed::{Fixed, Json};
use super::targets::{self, Item, Target, Targets, guid_at};
use crate::event::names::is_same;
use crate::event::scalars::{Guid, ZERO_GUID, guid};
use crate::event::tree::{Kind, NodeId, Tree};
use crate::event::value::Parts;
use crate::event::{ChangeEvent, Table};

/// Working state while one event, or one of its targets, is written into one row.
#[derive(Debug)]
pub(super) struct Row<'r, 'a> {
    pub(super) event: &'r ChangeEvent<'a>,
    pub(super) tree: Tree<'a>,
    pub(super) target: Target,
    /// The parts of the target.
    pub(super) parts: Parts,
    /// The target that the row is about, if the event has several.
    pub(super) several: Option<(Targets, Item)>,
    /// The record the row is about.
    pub(super) id: Option<Guid>,
    pub(super) cells: Cells<'r>,
    pub(super) directory: &'r mut Directory,
    pub(super) catalog: &'r Catalog,
    pub(super) scratch: &'r mut Scratch,
}

impl<'r, 'a> Row<'r, 'a> {
    /// Begins the row of an event, or of one of its several targets.
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

    /// Marks a node and all below it as placed.
    pub(super) fn cover(&mut self, node: NodeId) {
        self.scratch.marks.cover(node);
    }

    /// Writes the parts of a node that are not placed into a JSON column, and marks them.
    pub(super) fn json(&mut self, column: Fixed<Json>, node: NodeId) {
        if let Some(json) = self.scratch.normal.unplaced(self.tree, node, &self.scratch.marks) {
            self.cells.put(column, json);
        }
        self.cover(node);
    }

    /// A member of an object and its text, if it is a string.
    pub(super) fn member_text(&self, object: NodeId, name: &str) -> Option<(NodeId, &'a [u8])> {
        let value = self.tree.member(object, name)?;
        (self.tree.kind(value) == Kind::Text).then(|| (value, self.tree.bytes(value)))
    }

    /// True if a node is this string.
    pub(super) fn is_text(&self, node: NodeId, text: &str) -> bool {
        self.tree.kind(node) == Kind::Text && is_same(self.tree.bytes(node), text.as_bytes())
    }

    /// True if a string is the id of the row's record.
    pub(super) fn is_id(&self, text: &[u8]) -> bool {
        self.id.is_some() && guid(text) == self.id
    }

    /// True if an attribute is the key of the row's table.
    pub(super) fn is_key(&self, attribute: &[u8]) -> bool {
        targets::is_key(self.event.table, attribute)
    }

    /// Covers `Id` and `LogicalName` if they are those of the row's record.
    pub(super) fn cover_identity(&mut self, Parts { id, logical_name, .. }: Parts) {
        // Zero means "no id".
        if let Some(node) = id
            && let Some(guid) = guid_at(self.tree, node)
            && (Some(guid) == self.id || guid == ZERO_GUID)
        {
            self.cover(node);
        }
        if let Some(node) = logical_name
            && matches!(self.event.table, Table::Entity(table) if self.is_text(node, table))
        {
            self.cover(node);
        }
    }
}
