//! One event on its way into one row.
//!
//! Owns: the order in which an event's parts are placed, the record they are about, and `_rest`. Does not own:
//! the parts themselves (`envelope`, `attributes`, `images`, `labels`).

use super::catalog::Catalog;
use super::column::Column;
use super::context::{Context, Scratch};
use super::directory::{Directory, SlotId};
use super::schema::{ColumnType, EVENT, Fixed};
use super::values::Cell;
use crate::event::scalars::{Guid, ZERO_GUID, guid};
use crate::event::tree::{Kind, NodeId, Tree};
use crate::event::value::{is_record, is_reference};
use crate::event::{ChangeEvent, Member, RawEvent, Table};
use crate::position::PartitionId;

/// What an event's parts are placed with.
#[derive(Debug)]
pub(super) struct Row<'r, 'a> {
    pub(super) event: &'r ChangeEvent<'a>,
    pub(super) tree: Tree<'a>,
    pub(super) target: Target,
    /// The record the row is about.
    pub(super) id: Option<Guid>,
    pub(super) cells: Cells<'r>,
    pub(super) directory: &'r mut Directory,
    pub(super) catalog: &'r Catalog,
    pub(super) scratch: &'r mut Scratch,
}

/// What the input parameter `Target` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// There is none, or it is null.
    None,
    /// The record the row is about: its attributes are the row's.
    Record(NodeId),
    /// A reference to a record.
    Reference(NodeId),
    /// Anything else: a record of another table, a parameter of a custom API.
    Other(NodeId),
}

/// The columns of a buffer, at the row that is being written.
#[derive(Debug)]
pub(super) struct Cells<'r> {
    pub(super) fixed: &'r mut [Column],
    pub(super) attributes: &'r mut Vec<Column>,
    pub(super) row: usize,
    /// The bytes of all columns, kept up to date.
    pub(super) bytes: &'r mut usize,
}

impl<'r, 'a> Row<'r, 'a> {
    /// Begins the row of an event.
    pub(super) fn begin(
        event: &'r ChangeEvent<'a>,
        cells: Cells<'r>,
        directory: usize,
        context: &'r mut Context,
    ) -> Self {
        let Context { catalog, directories, scratch, .. } = context;
        let directory = &mut directories[directory];
        directory.begin_event();
        scratch.begin(event.tree);
        let target = Target::of(event);
        Self { event, tree: event.tree, target, id: None, cells, directory, catalog, scratch }
    }

    /// Places everything the event says.
    pub(super) fn write(mut self, raw: &RawEvent<'_>, hub: &str, partition: PartitionId) {
        self.position(raw, hub, partition);
        self.envelope(raw.size_exceeded);
        if let Target::Record(target) = self.target {
            self.record(target);
        }
        self.images();
        self.labels();
        self.parameters();
        self.rest();
    }

    /// Notes that a node and all below it have a place.
    pub(super) fn cover(&mut self, node: NodeId) {
        self.scratch.marks.cover(node);
    }

    /// Writes a part of the body into a JSON column, without what has a place, and notes that it has one.
    pub(super) fn json(&mut self, column: Fixed, node: NodeId) {
        if let Some(json) = self.scratch.normal.left(self.tree, node, &self.scratch.marks) {
            self.cells.put(column, Cell::Text(json));
        }
        self.cover(node);
    }

    /// The text of a member of an object, if it is a string.
    pub(super) fn member_text(&self, object: NodeId, name: &str) -> Option<(NodeId, &'a str)> {
        let value = self.tree.member(object, name)?;
        (self.tree.kind(value) == Kind::Text).then(|| (value, self.tree.text(value)))
    }

    /// Whether a text is the id of the row's record.
    pub(super) fn is_id(&self, text: &str) -> bool {
        self.id.is_some() && guid(text) == self.id
    }

    /// Whether an attribute is the key of the row's table.
    pub(super) fn is_key(&self, attribute: &str) -> bool {
        attribute == "activityid" || attribute.strip_suffix("id") == Some(self.event.table.name())
    }

    /// Covers `Id` and `LogicalName` of an object where they say what the row says.
    pub(super) fn cover_identity(&mut self, object: NodeId) {
        if let Some((node, text)) = self.member_text(object, "Id")
            && self.is_id(text)
        {
            self.cover(node);
        }
        if let Some((node, text)) = self.member_text(object, "LogicalName")
            && self.event.table == Table::Entity(text)
        {
            self.cover(node);
        }
    }

    /// The record's id: the event's primary id, or what Target says when that is absent or zero.
    pub(super) fn identify(&mut self) {
        let guid_at = |node: NodeId| guid(self.tree.text(node)).map(|guid| (node, guid));
        let primary = self.event.member(Member::PrimaryEntityId).and_then(guid_at);
        let target = match self.target {
            Target::Record(node) | Target::Reference(node) => self.tree.member(node, "Id").and_then(guid_at),
            Target::None | Target::Other(_) => None,
        };
        let (id, said_by_primary) = match (primary, target) {
            (Some((node, guid)), _) if guid != ZERO_GUID => (Some(guid), Some(node)),
            (primary, Some((_, guid))) => (Some(guid), primary.map(|(node, _)| node)),
            (primary, None) => (primary.map(|(_, guid)| guid), primary.map(|(node, _)| node)),
        };
        self.id = id;
        if let Some(guid) = id {
            self.cells.put(Fixed::Id, Cell::Uuid(guid));
        }
        // A zero says that there is no primary id, which the row says too.
        if let Some(node) = said_by_primary {
            self.cover(node);
        }
    }

    /// What no column took.
    fn rest(&mut self) {
        let (tree, root) = (self.tree, self.tree.root());
        if self.scratch.marks.left(tree, root)
            && let Some(json) = self.scratch.normal.left(tree, root, &self.scratch.marks)
        {
            self.cells.put(Fixed::Rest, Cell::Text(json));
        }
    }
}

impl Target {
    fn of(event: &ChangeEvent<'_>) -> Self {
        let tree = event.tree;
        let Some(node) = event.target.filter(|node| tree.kind(*node) != Kind::Null) else {
            return Self::None;
        };
        let stated = tree.member(node, "LogicalName").filter(|name| tree.kind(*name) == Kind::Text);
        let of_table = |table| stated.is_none_or(|name| tree.text(name) == table);
        match event.table {
            Table::Entity(table) if is_record(tree, node) && of_table(table) => Self::Record(node),
            _ if is_reference(tree, node) => Self::Reference(node),
            _ => Self::Other(node),
        }
    }
}

impl Cells<'_> {
    /// Sets a fixed column.
    pub(super) fn put(&mut self, column: Fixed, cell: Cell<'_>) -> bool {
        let row = self.row;
        self.fixed(column, |column, column_type| column.push(column_type, row, cell))
    }

    /// Sets the fixed column of texts.
    pub(super) fn put_texts<'t>(&mut self, column: Fixed, texts: impl Iterator<Item = &'t str>) -> bool {
        let row = self.row;
        self.fixed(column, |column, _| column.push_texts(row, texts))
    }

    /// Sets an attribute's column.
    pub(super) fn put_attribute(&mut self, slot: SlotId, column_type: ColumnType, cell: Cell<'_>) -> bool {
        let row = self.row;
        self.attribute(slot, |column| column.push(column_type, row, cell))
    }

    /// Writes into an attribute's column.
    pub(super) fn attribute<T>(&mut self, slot: SlotId, write: impl FnOnce(&mut Column) -> T) -> T {
        let at = slot.0 as usize;
        if self.attributes.len() <= at {
            let before = self.attributes.capacity();
            self.attributes.resize_with(at + 1, Column::default);
            *self.bytes += (self.attributes.capacity() - before) * size_of::<Column>();
        }
        write_counted(&mut self.attributes[at], self.bytes, write)
    }

    fn fixed<T>(&mut self, column: Fixed, write: impl FnOnce(&mut Column, ColumnType) -> T) -> T {
        let at = column as usize;
        write_counted(&mut self.fixed[at], self.bytes, |column| write(column, EVENT[at].1))
    }
}

/// Writes into a column and counts what it grew by.
pub(super) fn write_counted<T>(
    column: &mut Column,
    bytes: &mut usize,
    write: impl FnOnce(&mut Column) -> T,
) -> T {
    let before = column.bytes();
    let written = write(column);
    // Widening may leave the buffer with less room than it had.
    *bytes = bytes.saturating_add(column.bytes()).saturating_sub(before);
    written
}
