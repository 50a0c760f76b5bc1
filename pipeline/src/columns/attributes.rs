//! The attributes of the record: each value into its column, by its form and its column's type.

use super::context::Lookup;
use super::directory::{Seen, SlotId, Track};
use super::fit::{Fit, attribute_date};
use super::fixed::event_column;
use super::row::Row;
use super::schema::ColumnType;
use super::values::Cell;
use crate::event::scalars::{Guid, date};
use crate::event::tree::{Kind, NodeId, Tree};
use crate::event::value::{Reference, Value, bytes, choices, is_silent};

impl Row<'_, '_> {
    /// The record that the event is about.
    pub(super) fn record(&mut self) {
        self.cover_identity(self.parts);
        let tree = self.tree;
        let attributes =
            self.parts.attributes.filter(|node| matches!(tree.kind(*node), Kind::Pairs | Kind::Object));
        let names = attributes.into_iter().flat_map(|node| tree.members(node));
        self.cells.put_strings(event_column::CHANGED, names.map(|(name, _)| tree.bytes(name)));
        let mut previous = None;
        for (name, value) in attributes.into_iter().flat_map(|node| tree.members(node)) {
            match self.directory.find(self.catalog, Track::Target, previous, tree, name) {
                Some(slot) => {
                    previous = Some(slot);
                    self.attribute(slot, name, value);
                }
                None => self.without_column(value),
            }
        }
    }

    /// A value that counts for the row.
    pub(super) fn attribute(&mut self, slot: SlotId, name: NodeId, node: NodeId) {
        let mut seen = Seen { node, placed: false, lookup: false };
        if is_silent(self.tree, node) {
            self.cover(node);
        } else if let Some(value) = Value::read(self.tree, node) {
            if self.scratch.survey.is_some() {
                self.note(name, value);
            }
            if let Some(column_type) = self.attribute_type(slot, name, value) {
                seen.placed = self.place(slot, name, node, column_type, value);
                seen.lookup = seen.placed && matches!(value, Value::Reference(_));
            }
        }
        self.directory.note_seen(slot, seen);
    }

    /// A value whose attribute can't have a column: it stays for `_rest`.
    pub(super) fn without_column(&mut self, node: NodeId) {
        if is_silent(self.tree, node) {
            self.cover(node);
        }
    }

    /// The type of an attribute's column; if it has none yet, the one this value would give it is proposed.
    fn attribute_type(&mut self, slot: SlotId, name: NodeId, value: Value<'_>) -> Option<ColumnType> {
        if !self.directory.admits(slot) {
            return None;
        }
        if let Some(known) = self.directory.known_type(slot) {
            return known.column_type();
        }
        let evidence = self.evidence(self.tree.bytes(name), value);
        self.directory.column_type(self.catalog, slot, evidence)
    }

    /// Notes a value for the metadata that is made of them.
    #[cold]
    fn note(&mut self, name: NodeId, value: Value<'_>) {
        let attribute = self.tree.text(name);
        let evidence = self.evidence(attribute.as_bytes(), value);
        if let Some(notes) = &mut self.scratch.survey {
            notes.note((self.event.table.name(), attribute), value, evidence);
        }
    }

    /// The type a value would give its column.
    fn evidence(&self, attribute: &[u8], value: Value<'_>) -> Option<ColumnType> {
        Some(match value {
            Value::Boolean(_) => ColumnType::Boolean,
            // Doubles need metadata: as evidence they would shut out the decimals behind them.
            Value::Number(number) => number.exact().map(|_| ColumnType::Number)?,
            Value::Money(_) => ColumnType::Decimal,
            Value::Choice(_) => ColumnType::Choice,
            Value::Choices => ColumnType::Choices,
            Value::Reference(_) => ColumnType::Uuid,
            Value::Parties => ColumnType::PartyList,
            Value::Bytes => ColumnType::Binary,
            Value::Text(text) => match date(text) {
                Some(date) => date.unambiguous().map(|_| ColumnType::Datetime)?,
                None if self.is_key(attribute) && self.is_id(text) => ColumnType::Uuid,
                None => ColumnType::Text,
            },
            Value::IsoDate(text) => attribute_date(text).map(|_| ColumnType::Datetime)?,
        })
    }

    /// Puts a value into its column and covers what went in; false if the column does not take it.
    fn place(
        &mut self,
        slot: SlotId,
        name: NodeId,
        node: NodeId,
        column_type: ColumnType,
        value: Value<'_>,
    ) -> bool {
        match Fit::of(column_type, value) {
            None => false,
            Some(Fit::Whole(cell)) => {
                let put = self.cells.put_attribute(slot, column_type, cell);
                if put {
                    self.cover(all_of_scalar(self.tree, node));
                }
                put
            }
            Some(Fit::Cut(cell)) => self.cells.put_attribute(slot, column_type, cell),
            Some(Fit::Lookup(node, id, reference)) => self.lookup(slot, name, (node, id), reference),
            Some(Fit::Parties) => self.party_list(slot, name, node),
            Some(Fit::Choices) => self.choices(slot, node),
            Some(Fit::Bytes) => self.binary(slot, node),
        }
    }

    fn lookup(
        &mut self,
        slot: SlotId,
        attribute: NodeId,
        (node, id): (NodeId, Guid),
        reference: Reference,
    ) -> bool {
        let put = self.cells.put_attribute(slot, ColumnType::Uuid, Cell::Guid(id));
        if put {
            self.cover(node);
            let Reference { logical_name, name, .. } = reference;
            self.scratch.lookups.push(Lookup { slot, attribute, entity_type: logical_name, name });
        }
        put
    }

    fn choices(&mut self, slot: SlotId, node: NodeId) -> bool {
        self.scratch.choices.clear();
        self.scratch.choices.extend(choices(self.tree, node).flatten());
        let put = self.cells.put_attribute(slot, ColumnType::Choices, Cell::Choices(&self.scratch.choices));
        if put {
            self.cover(node);
        }
        put
    }

    fn binary(&mut self, slot: SlotId, node: NodeId) -> bool {
        self.scratch.bytes.clear();
        self.scratch.bytes.extend(bytes(self.tree, node).flatten());
        let put = self.cells.put_attribute(slot, ColumnType::Binary, Cell::Bytes(&self.scratch.bytes));
        if put {
            self.cover(node);
        }
        put
    }
}

/// A scalar, or the object around it where that says nothing else: what is covered as a whole is passed quickly.
fn all_of_scalar(tree: Tree<'_>, node: NodeId) -> NodeId {
    // The object, the name of its only member, the value.
    if tree.end(node).0 == node.0 + 3 { node } else { scalar(tree, node) }
}

/// A scalar, or the one member of the object around it that goes into the column.
fn scalar(tree: Tree<'_>, node: NodeId) -> NodeId {
    match tree.kind(node) {
        Kind::Object => tree.member(node, "Value").unwrap_or(node),
        _ => node,
    }
}
