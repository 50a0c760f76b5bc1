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
use super::fixed::{Fixed, Json};
use super::targets::{self, Item, Target, Targets, guid_at};
use crate::event::names::is_same;
use crate::event::scalars::{Guid, ZERO_GUID, guid};
use crate::event::tree::{Kind, NodeId, Tree};
use crate::event::value::Parts;
use crate::event::{ChangeEvent, Table};

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

    /// Notes that a node and all below it have a place.
    pub(super) fn cover(&mut self, node: NodeId) {
        self.scratch.marks.cover(node);
    }

    /// Writes a part of the body into a JSON column, without what has a place, and notes that it has one.
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

    /// Whether a node is this very text.
    pub(super) fn is_text(&self, node: NodeId, text: &str) -> bool {
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
            && matches!(self.event.table, Table::Entity(table) if self.is_text(node, table))
        {
            self.cover(node);
        }
    }
}
