//! The slots of a table's attributes, for all of a lane's buffers of that table.
//!
//! Owns: finding the column of an attribute, without hashing while events repeat one order of names; the column types
//! known so far; what the current row has of each attribute.

use std::collections::HashMap;

use ahash::RandomState;

use super::catalog::{COLUMNS_MAX, Catalog, Known};
use super::names::column_name;
use super::schema::ColumnType;
use crate::event::names::{hasher, is_same};
use crate::event::tree::{NodeId, Tree};

/// The columns of a table's attributes.
#[derive(Debug)]
pub(super) struct Directory {
    table: Box<str>,
    slots: Vec<Slot>,
    by_attribute: HashMap<Box<str>, SlotId, RandomState>,
    by_column: HashMap<Box<str>, SlotId>,
    /// Per track, the first slot of the previous event.
    first: [Option<SlotId>; TRACKS],
    /// The current row; rises with each.
    row: u64,
    /// The current event; rises with each.
    event: u64,
    /// Number of further columns that the event may fill.
    columns_left: usize,
}

/// A place in a [`Directory`], and in every buffer of its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct SlotId(pub(super) u32);

/// One attribute's column.
#[derive(Debug)]
pub(super) struct Slot {
    /// The name of the first attribute that has this column; empty for a column that was only ever a companion.
    pub(super) attribute: Box<str>,
    pub(super) column: Box<str>,
    known: Option<Known>,
    next: [Option<SlotId>; TRACKS],
    companions: [Option<SlotId>; COMPANIONS.len()],
    /// The column this one is a companion of, and which.
    owner: Option<(SlotId, Companion)>,
    /// The event that last had a value in the column.
    event: u64,
    /// The row that last had this attribute, and its value there.
    seen: (u64, Seen),
    /// The row that last had a formatted value for this attribute, and that value.
    formatted: (u64, NodeId),
}

/// The current row's value of an attribute.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// The value.
    pub(super) node: NodeId,
    /// The attribute's column holds the value.
    pub(super) placed: bool,
    /// The value is a lookup.
    pub(super) lookup: bool,
}

/// The lists of names that events repeat in one order.
#[derive(Clone, Copy, Debug)]
pub(super) enum Track {
    Target,
    Image,
    FormattedValues,
}

const TRACKS: usize = 3;

/// A column that belongs to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Companion {
    /// The table a lookup points into.
    EntityType,
    /// The formatted value.
    Name,
}

const COMPANIONS: [&str; 2] = ["_entitytype", "name"];

/// Upper bound on the slots of a table, unless the lake has more columns. It exceeds the bound on columns, since
/// attributes without a column take slots too.
const SLOTS_MAX: usize = 2 * COLUMNS_MAX;

const _: () = assert!(SLOTS_MAX <= u32::MAX as usize, "a slot's id has 32 bits");

/// Length in bytes of the longest name that a new column gets; Dataverse allows 50 characters. A name is kept several
/// times.
const NAME_MAX: usize = 256;

impl Directory {
    pub(super) fn new(table: &str) -> Self {
        Self {
            table: table.into(),
            slots: Vec::new(),
            by_attribute: HashMap::with_hasher(hasher()),
            by_column: HashMap::new(),
            first: [None; TRACKS],
            row: 0,
            event: 0,
            columns_left: 0,
        }
    }

    /// Begins an event whose values may fill at most `columns_max` columns.
    pub(super) fn begin_event(&mut self, columns_max: usize) {
        self.event += 1;
        self.columns_left = columns_max;
    }

    /// True if the event may fill this column.
    pub(super) fn admits(&mut self, id: SlotId) -> bool {
        let slot = &mut self.slots[id.0 as usize];
        if slot.event == self.event {
            return true;
        }
        let Some(left) = self.columns_left.checked_sub(1) else { return false };
        self.columns_left = left;
        slot.event = self.event;
        true
    }

    /// Begins a row.
    pub(super) fn begin_row(&mut self) {
        self.row += 1;
    }

    pub(super) fn slot(&self, id: SlotId) -> &Slot {
        &self.slots[id.0 as usize]
    }

    pub(super) fn slot_mut(&mut self, id: SlotId) -> &mut Slot {
        &mut self.slots[id.0 as usize]
    }

    /// The slot of an attribute's name that follows `previous` in its list; `None` if it can't have a column.
    pub(super) fn find(
        &mut self,
        catalog: &Catalog,
        track: Track,
        previous: Option<SlotId>,
        tree: Tree<'_>,
        name: NodeId,
    ) -> Option<SlotId> {
        let track = track as usize;
        let predicted = match previous {
            Some(previous) => self.slot(previous).next[track],
            None => self.first[track],
        };
        if let Some(id) = predicted
            && is_same(self.slot(id).attribute.as_bytes(), tree.bytes(name))
        {
            return Some(id);
        }
        let attribute = tree.text(name);
        let id = match self.by_attribute.get(attribute) {
            Some(id) => *id,
            None => self.add_attribute(catalog, attribute)?,
        };
        match previous {
            Some(previous) => self.slot_mut(previous).next[track] = Some(id),
            None => self.first[track] = Some(id),
        }
        Some(id)
    }

    /// The slot of the attribute of exactly this name; `previous` is the slot of the name before it in the row.
    pub(super) fn slot_of(&self, previous: Option<SlotId>, attribute: &[u8]) -> Option<SlotId> {
        let track = Track::Target as usize;
        let is_it = |id: &SlotId| !attribute.is_empty() && self.slot(*id).attribute.as_bytes() == attribute;
        let predicted = previous.map_or(self.first[track], |previous| self.slot(previous).next[track]);
        let known = || self.by_attribute.get(str::from_utf8(attribute).ok()?).copied();
        predicted.filter(is_it).or_else(|| known().filter(is_it))
    }

    /// The type of a slot's column, if the catalog was asked for it.
    pub(super) fn known_type(&self, id: SlotId) -> Option<Known> {
        self.slot(id).known
    }

    /// The type of a slot's column. For a column that is not known, `evidence` is proposed.
    pub(super) fn column_type(
        &mut self,
        catalog: &Catalog,
        id: SlotId,
        evidence: Option<ColumnType>,
    ) -> Option<ColumnType> {
        let slot = &mut self.slots[id.0 as usize];
        if slot.known.is_none() {
            slot.known = catalog.resolve(&self.table, &slot.column, evidence);
        }
        slot.known?.column_type()
    }

    /// The current row's value of an attribute.
    pub(super) fn seen(&self, id: SlotId) -> Option<Seen> {
        let (row, seen) = self.slot(id).seen;
        (row == self.row).then_some(seen)
    }

    pub(super) fn note_seen(&mut self, id: SlotId, seen: Seen) {
        self.slot_mut(id).seen = (self.row, seen);
    }

    /// The current row's formatted value of an attribute.
    pub(super) fn formatted_value(&self, id: SlotId) -> Option<NodeId> {
        let (row, value) = self.slot(id).formatted;
        (row == self.row).then_some(value)
    }

    pub(super) fn note_formatted_value(&mut self, id: SlotId, value: NodeId) {
        self.slot_mut(id).formatted = (self.row, value);
    }

    /// A companion column, if the current row may write it: it must be text, and the row must have no attribute of that
    /// name.
    pub(super) fn companion(&mut self, catalog: &Catalog, owner: SlotId, which: Companion) -> Option<SlotId> {
        let id = match self.slot(owner).companions[which as usize] {
            Some(id) => id,
            None => self.add_companion(catalog, owner, which)?,
        };
        let text = self.column_type(catalog, id, Some(ColumnType::Text)) == Some(ColumnType::Text);
        (text && self.seen(id).is_none()).then_some(id)
    }

    /// Sort key of attribute columns: companions follow their column.
    pub(super) fn order(&self, id: SlotId) -> (&str, Option<Companion>) {
        let slot = self.slot(id);
        match slot.owner {
            Some((owner, which)) => (&self.slot(owner).column, Some(which)),
            None => (&slot.column, None),
        }
    }

    fn add_attribute(&mut self, catalog: &Catalog, attribute: &str) -> Option<SlotId> {
        let column = column_name(attribute);
        let id = match self.by_column.get(&*column) {
            Some(id) => *id,
            None => self.add(catalog, &column)?,
        };
        let slot = self.slot_mut(id);
        if slot.attribute.is_empty() {
            slot.attribute = attribute.into();
        }
        self.by_attribute.insert(attribute.into(), id);
        Some(id)
    }

    fn add_companion(&mut self, catalog: &Catalog, owner: SlotId, which: Companion) -> Option<SlotId> {
        let column = format!("{}{}", self.slot(owner).column, COMPANIONS[which as usize]);
        let id = match self.by_column.get(&*column) {
            Some(id) => *id,
            None => self.add(catalog, &column)?,
        };
        self.slot_mut(id).owner.get_or_insert((owner, which));
        self.slot_mut(owner).companions[which as usize] = Some(id);
        Some(id)
    }

    /// Adds a column; `None` past the limits of number and name length, unless the lake has the column.
    fn add(&mut self, catalog: &Catalog, column: &str) -> Option<SlotId> {
        let has_room = self.slots.len() < SLOTS_MAX && column.len() <= NAME_MAX;
        if !has_room && catalog.resolve(&self.table, column, None).is_none() {
            return None;
        }
        let id = SlotId(self.slots.len() as u32);
        let nowhere = NodeId::new(0);
        self.slots.push(Slot {
            attribute: Box::default(),
            column: column.into(),
            known: None,
            next: [None; TRACKS],
            companions: [None; COMPANIONS.len()],
            owner: None,
            event: 0,
            seen: (0, Seen { node: nowhere, placed: false, lookup: false }),
            formatted: (0, nowhere),
        });
        self.by_column.insert(column.into(), id);
        Some(id)
    }
}
