//! Labels: what people see instead of a value.
//!
//! Owns: the companions of lookups and choices, and `_labels`, where every other label stands.

use super::directory::{Companion, SlotId, Track};
use super::fixed::event_column;
use super::images::members_of;
use super::row::Row;
use super::schema::ColumnType;
use super::targets::Target;
use super::values::Cell;
use crate::event::names::is_same;
use crate::event::tree::{Kind, NodeId};
use crate::event::value::is_silent;

impl Row<'_, '_> {
    /// All labels, once all attributes are known: an attribute of a companion's name wins.
    pub(super) fn labels(&mut self) {
        // As many as there are labels, in a hostile body.
        self.scratch.disputed.sort_unstable();
        self.entity_types();
        if let Target::Record(target) = self.target {
            self.record_labels(target, self.parts.labels);
        }
        self.image_labels();
        self.lookup_names();
        let automatic = self.automatic_image();
        self.scratch.labels.extend(automatic);
        let labels = self.scratch.labels.iter().copied();
        if let Some(json) = self.scratch.normal.object(self.tree, labels, &self.scratch.marks) {
            self.cells.put(event_column::LABELS, json);
        }
        if let Some((_, image)) = automatic {
            self.cover(image);
        }
    }

    /// The formatted values of a record.
    pub(super) fn record_labels(&mut self, record: NodeId, labels: Option<NodeId>) {
        let mut previous = None;
        for (attribute, label) in members_of(self.tree, labels) {
            let found = self.directory.find(self.catalog, Track::Labels, previous, self.tree, attribute);
            let Some(slot) = found else {
                self.without_column(label);
                continue;
            };
            previous = Some(slot);
            if self.scratch.disputed.binary_search(&(record, slot)).is_err() {
                self.label(slot, attribute, label);
            }
        }
    }

    /// The tables that lookups point into.
    fn entity_types(&mut self) {
        for at in 0..self.scratch.lookups.len() {
            let lookup = self.scratch.lookups[at];
            if let Some(node) = lookup.entity_type {
                self.companion(lookup.slot, Companion::EntityType, node);
            }
        }
    }

    /// The names that lookups carry themselves; a formatted value comes first.
    fn lookup_names(&mut self) {
        for at in 0..self.scratch.lookups.len() {
            let lookup = self.scratch.lookups[at];
            if let Some(name) = lookup.name {
                self.label(lookup.slot, lookup.attribute, name);
            }
        }
    }

    /// A label of an attribute. The first counts; one that says something else stays for `_rest`.
    fn label(&mut self, slot: SlotId, attribute: NodeId, label: NodeId) {
        if is_silent(self.tree, label) {
            self.cover(label);
        }
        if self.tree.kind(label) != Kind::Text {
            return;
        }
        if let Some(first) = self.directory.label(slot) {
            if is_same(self.tree.bytes(first), self.tree.bytes(label)) {
                self.cover(label);
            }
            return;
        }
        self.directory.note_label(slot, label);
        if !(self.has_companion(slot) && self.companion(slot, Companion::Name, label)) {
            self.scratch.labels.push((attribute, label));
            self.cover(label);
        }
    }

    /// Whether an attribute's label is a companion: that of a lookup or choice which the row holds.
    fn has_companion(&mut self, slot: SlotId) -> bool {
        let Some(seen) = self.directory.seen(slot).filter(|seen| seen.placed) else { return false };
        let column_type = self.directory.column_type(self.catalog, slot, None);
        seen.lookup || matches!(column_type, Some(ColumnType::Choice | ColumnType::Choices))
    }

    fn companion(&mut self, slot: SlotId, which: Companion, node: NodeId) -> bool {
        let Some(companion) = self.directory.companion(self.catalog, slot, which) else { return false };
        let text = Cell::Bytes(self.tree.bytes(node));
        let put = self.cells.put_attribute(companion, ColumnType::Text, text);
        if put {
            self.cover(node);
        }
        put
    }
}
