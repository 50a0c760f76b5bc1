//! Lists of the parties of activities.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringBuilder, StructArray, new_null_array};
use arrow::buffer::NullBuffer;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use super::bits::{Offsets, Validity};
use super::buffer::ValueBuffer;
use super::cell::Cell;
use super::guid::Guids;
use super::lists::list;
use super::nullable::Nullable;
use super::numbers::Numbers;
use super::strings::Strings;
use crate::columns::schema::{ColumnType, PARTY, PartyPart, party_fields};
use crate::event::scalars::Guid;

/// Lists of parties.
#[derive(Debug, Default)]
pub(in crate::columns) struct PartyLists {
    offsets: Offsets,
    parties: Box<Parties>,
}

impl PartyLists {
    /// Appends a list of the parties that `write` appends.
    pub(in crate::columns) fn push(&mut self, write: impl FnOnce(&mut Parties)) {
        write(&mut self.parties);
        self.offsets.push(self.parties.len());
    }

    /// The parties of all lists, one after the other.
    pub(in crate::columns) fn parties(&self) -> &Parties {
        &self.parties
    }
}

impl ValueBuffer for PartyLists {
    const ROW_BYTES: usize = Offsets::BYTES_EACH;

    fn with_room() -> Self {
        Self::default()
    }

    fn push_nulls(&mut self, count: usize) {
        self.offsets.push_empty(count);
    }

    fn truncate(&mut self, rows: usize) {
        self.parties.truncate(self.offsets.truncate(rows));
    }

    fn clear(&mut self) -> bool {
        false
    }

    fn cell(&self, _: usize) -> Option<Cell<'_>> {
        None
    }

    fn byte_size(&self) -> usize {
        self.offsets.byte_size() + self.parties.byte_size()
    }

    fn finish(self, _: ColumnType, nulls: Option<NullBuffer>) -> ArrayRef {
        list(self.offsets, Arc::new(self.parties.finish()), nulls)
    }
}

/// Parties, one after the other: a buffer for each part of a party.
#[derive(Debug, Default)]
pub(in crate::columns) struct Parties {
    len: usize,
    id: Nullable<Guids>,
    entity_type: Nullable<Strings>,
    name: Nullable<Strings>,
    mask: Nullable<Numbers<i32>>,
    address: Nullable<Strings>,
    rest: Nullable<Strings>,
}

/// A part of a party that is a string.
#[derive(Clone, Copy, Debug)]
pub(in crate::columns) enum PartyString {
    EntityType,
    Name,
    Address,
    Rest,
}

impl Parties {
    /// Number of whole parties.
    pub(in crate::columns) fn len(&self) -> usize {
        self.len
    }

    /// Sets the id of the party that is being written; false if it has one.
    pub(in crate::columns) fn set_id(&mut self, id: Guid) -> bool {
        self.id.set(self.len, |guids| guids.push(id))
    }

    /// Sets the participation type of the party that is being written; false if it has one.
    pub(in crate::columns) fn set_mask(&mut self, mask: i32) -> bool {
        self.mask.set(self.len, |numbers| numbers.push(mask))
    }

    /// Sets a string of the party that is being written; false if it has that one.
    pub(in crate::columns) fn set_string(&mut self, part: PartyString, string: &[u8]) -> bool {
        let strings = match part {
            PartyString::EntityType => &mut self.entity_type,
            PartyString::Name => &mut self.name,
            PartyString::Address => &mut self.address,
            PartyString::Rest => &mut self.rest,
        };
        strings.set(self.len, |strings| strings.push(string))
    }

    /// Ends a party.
    pub(in crate::columns) fn end_party(&mut self) {
        self.len += 1;
    }

    /// A part of a party, in the order of [`PARTY`].
    pub(in crate::columns) fn cell(&self, party: usize, part: PartyPart) -> Option<Cell<'_>> {
        match part {
            PartyPart::Id => self.id.cell(party),
            PartyPart::EntityType => self.entity_type.cell(party),
            PartyPart::Name => self.name.cell(party),
            PartyPart::Mask => self.mask.cell(party),
            PartyPart::Address => self.address.cell(party),
            PartyPart::Rest => self.rest.cell(party),
        }
    }

    /// Sets a part of the party that is being written, as [`cell`](Self::cell) gives it; false if it has that one.
    pub(in crate::columns) fn set_cell(&mut self, part: PartyPart, cell: Cell<'_>) -> bool {
        let string = match (part, cell) {
            (PartyPart::Id, Cell::Guid(id)) => return self.set_id(id),
            (PartyPart::Mask, Cell::Int32(mask)) => return self.set_mask(mask),
            (PartyPart::EntityType, _) => PartyString::EntityType,
            (PartyPart::Name, _) => PartyString::Name,
            (PartyPart::Address, _) => PartyString::Address,
            (PartyPart::Rest, _) => PartyString::Rest,
            (PartyPart::Id | PartyPart::Mask, _) => return false,
        };
        matches!(cell, Cell::Bytes(bytes) if self.set_string(string, bytes))
    }

    fn truncate(&mut self, len: usize) {
        self.id.truncate(len);
        self.mask.truncate(len);
        for strings in [&mut self.entity_type, &mut self.name, &mut self.address, &mut self.rest] {
            strings.truncate(len);
        }
        self.len = self.len.min(len);
    }

    fn byte_size(&self) -> usize {
        let strings = [&self.entity_type, &self.name, &self.address, &self.rest];
        let strings: usize = strings.into_iter().map(Nullable::byte_size).sum();
        size_of::<Self>() + self.id.byte_size() + self.mask.byte_size() + strings
    }

    fn finish(self) -> StructArray {
        let (fields, len) = (party_fields(), self.len);
        let Self { mut id, mut entity_type, mut name, mut mask, mut address, mut rest, .. } = self;
        let parts = PARTY.iter().zip(&fields).map(|((part, _, column_type), field)| {
            let array = match part {
                PartyPart::Id => id.take_padded(len).map(|(guids, validity)| id_strings(&guids, &validity)),
                PartyPart::EntityType => entity_type.finish(*column_type, len),
                PartyPart::Name => name.finish(*column_type, len),
                PartyPart::Mask => mask.finish(*column_type, len),
                PartyPart::Address => address.finish(*column_type, len),
                PartyPart::Rest => rest.finish(*column_type, len),
            };
            array.unwrap_or_else(|| new_null_array(field.data_type(), len))
        });
        let parts = parts.collect();
        StructArray::new(fields, parts, None)
    }
}

/// GUIDs as the strings that files hold: the members of a party are written as they are here.
fn id_strings(guids: &Guids, validity: &Validity) -> ArrayRef {
    let mut strings = StringBuilder::with_capacity(validity.len(), 0);
    for row in 0..validity.len() {
        let mut text = [0; Hyphenated::LENGTH];
        let id = guids.get(row).filter(|_| validity.is_valid(row)).map(Uuid::from_bytes);
        strings.append_option(id.map(|id| &*id.hyphenated().encode_lower(&mut text)));
    }
    Arc::new(strings.finish())
}
