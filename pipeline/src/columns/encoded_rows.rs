//! The first rows of a buffer, encoded one after the other.
//!
//! Owns: the encoding, and writing rows back into columns. Does not own: the number of rows that stay encoded
//! (`table`), what a row holds (`row`).
//!
//! # Why
//! A column costs about a hundred bytes beside its values. Hundreds of tables on dozens of partitions with three rows
//! each would take ten times the bytes of their values, and the budget would close nearly empty files.
//!
//! # Encoding
//! A row is its columns that have a value, in rising order, and a zero byte. A column is a varint and the value; the
//! varint has the distance to the previous column in its upper bits and the kind of value in its lower four. A name in
//! a list of strings is encoded as its slot if it is the name of an attribute.

use super::catalog::Known;
use super::column::{Column, Columns, Padding};
use super::directory::{Directory, SlotId};
use super::fixed::{FixedColumn, event_column};
use super::schema::{ColumnType, PARTY};
use super::values::{Cell, Layout, Parties, Strings, Values};
use crate::event::scalars::Number;

/// Rows of one table, encoded.
#[derive(Debug, Default)]
pub(super) struct EncodedRows {
    bytes: Vec<u8>,
}

/// Columns of one row, in which it is written before it is encoded; kept so that no event allocates.
#[derive(Debug)]
pub(super) struct StagedRow {
    pub(super) columns: Columns,
    encoded: Vec<u8>,
}

impl Default for StagedRow {
    fn default() -> Self {
        Self { columns: Columns::new(), encoded: Vec::new() }
    }
}

impl EncodedRows {
    /// True without rows.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Bytes of their memory.
    pub(super) fn byte_size(&self) -> usize {
        self.bytes.capacity()
    }

    /// Appends the staged row, which is empty afterwards.
    pub(super) fn push(&mut self, staged: &mut StagedRow, directory: &Directory) {
        let StagedRow { columns: Columns { fixed, attributes, padding }, encoded } = staged;
        *padding = Padding::default();
        let mut before = 0;
        for (at, column) in (1..).zip(fixed.iter_mut().chain(attributes.iter_mut())) {
            if column.len() > 0 {
                encode(at - before, column, directory, encoded);
                before = at;
                column.clear();
            }
        }
        encoded.push(END);
        // Exactly: many buffers stay with one row, and few get ten.
        self.bytes.reserve_exact(encoded.len());
        self.bytes.extend_from_slice(encoded);
        encoded.clear();
        encoded.shrink_to(KEPT_BYTES);
        attributes.truncate(KEPT_COLUMNS);
    }

    /// Moves all rows into columns that are empty and have no memory limit.
    pub(super) fn move_into(&mut self, columns: &mut Columns, layout: &[FixedColumn], directory: &Directory) {
        let bytes = std::mem::take(&mut self.bytes);
        let (mut reader, mut choices) = (Reader(&bytes), Vec::new());
        let Columns { fixed, attributes, padding } = columns;
        let mut row = 0;
        while !reader.0.is_empty() {
            let mut next = 0;
            while let Some((distance, kind)) = reader.head() {
                next += distance;
                let at = next - 1;
                let (column, column_type) = match at.checked_sub(event_column::ALL.len()) {
                    None => (&mut fixed[at], layout[at].1),
                    Some(at) => {
                        let known = directory.known_type(SlotId(at as u32));
                        let column_type = known.and_then(Known::column_type);
                        let column = Columns::attribute(attributes, at);
                        (column, column_type.unwrap_or(ColumnType::Text))
                    }
                };
                match kind {
                    kind::STRINGS => {
                        let (count, mut previous) = (reader.varint(), None);
                        let names = (0..count).map(|_| reader.name(&mut previous, directory));
                        let pushed = column.push_strings(row, names, padding);
                        debug_assert!(pushed, "strings that were refused are unread bytes");
                    }
                    kind::PARTIES => {
                        let write = |parties: &mut Parties| {
                            for _ in 0..reader.varint() {
                                let mut next = 0;
                                while let Some((distance, kind)) = reader.head() {
                                    next += distance;
                                    let (part, _, column_type) = PARTY[next - 1];
                                    parties.set_cell(part, reader.cell(kind, column_type, &mut choices));
                                }
                                parties.end_party();
                            }
                        };
                        let pushed = column.push_parties(row, write, padding);
                        debug_assert!(pushed, "parties that were refused are unread bytes");
                    }
                    _ => {
                        let cell = reader.cell(kind, column_type, &mut choices);
                        let pushed = column.push(column_type, row, cell, padding);
                        debug_assert!(pushed, "a value was refused");
                    }
                }
            }
            row += 1;
        }
    }
}

/// End of a row or party. No column has this distance to the previous one.
const END: u8 = 0;

/// Memory that is kept for the next row, so that an outsized body does not keep its own.
const KEPT_BYTES: usize = 64 << 10;
const KEPT_COLUMNS: usize = 1024;

/// Kinds of values.
mod kind {
    pub(super) const FALSE: usize = 0;
    pub(super) const TRUE: usize = 1;
    pub(super) const INTEGER: usize = 2;
    pub(super) const DECIMAL: usize = 3;
    pub(super) const DOUBLE: usize = 4;
    pub(super) const GUID: usize = 5;
    pub(super) const BYTES: usize = 6;
    pub(super) const CHOICES: usize = 7;
    pub(super) const STRINGS: usize = 8;
    pub(super) const PARTIES: usize = 9;
    pub(super) const BITS: u32 = 4;

    const _: () = assert!(PARTIES < 1 << BITS, "a kind fits its bits");
}

/// Encodes the only row of a column.
fn encode(distance: usize, column: &Column, directory: &Directory, out: &mut Vec<u8>) {
    match column.values() {
        Values::Strings(lists) => {
            put_head(distance, kind::STRINGS, out);
            put_names(lists.strings(), directory, out);
        }
        Values::Parties(lists) => {
            let parties = lists.parties();
            put_head(distance, kind::PARTIES, out);
            put_varint(parties.len() as u64, out);
            for party in 0..parties.len() {
                let mut before = 0;
                for (at, part) in (1..).zip(PARTY.map(|(part, ..)| part)) {
                    if let Some(cell) = parties.cell(party, part) {
                        put_cell(at - before, cell, out);
                        before = at;
                    }
                }
                out.push(END);
            }
        }
        _ => {
            if let Some(cell) = column.cell(0) {
                put_cell(distance, cell, out);
            }
        }
    }
}

fn put_names(names: &Strings, directory: &Directory, out: &mut Vec<u8>) {
    put_varint(names.len() as u64, out);
    let mut previous: Option<SlotId> = None;
    for at in 0..names.len() {
        let name = names.get(at);
        if let Some(slot) = directory.slot_of(previous, name) {
            let distance = i64::from(slot.0) - previous.map_or(0, |previous| i64::from(previous.0));
            put_varint(zigzag(distance) << 1 | 1, out);
            previous = Some(slot);
        } else {
            put_varint((name.len() as u64) << 1, out);
            out.extend_from_slice(name);
        }
    }
}

fn put_cell(distance: usize, cell: Cell<'_>, out: &mut Vec<u8>) {
    let mut put = |kind, bytes: &[u8]| {
        put_head(distance, kind, out);
        out.extend_from_slice(bytes);
    };
    let integer = match cell {
        Cell::Boolean(false) => return put(kind::FALSE, &[]),
        Cell::Boolean(true) => return put(kind::TRUE, &[]),
        Cell::Decimal(value) => match integer_of(value) {
            Some(integer) => integer,
            None => return put(kind::DECIMAL, &value.to_le_bytes()),
        },
        Cell::Double(value) => return put(kind::DOUBLE, &value.to_le_bytes()),
        Cell::Guid(guid) => return put(kind::GUID, &guid),
        Cell::Bytes(bytes) => {
            put_head(distance, kind::BYTES, out);
            put_varint(bytes.len() as u64, out);
            return out.extend_from_slice(bytes);
        }
        Cell::Choices(choices) => {
            put_head(distance, kind::CHOICES, out);
            put_varint(choices.len() as u64, out);
            return choices.iter().for_each(|choice| put_varint(zigzag((*choice).into()), out));
        }
        Cell::Int32(value) => value.into(),
        Cell::Int64(value) => value,
    };
    put_head(distance, kind::INTEGER, out);
    put_varint(zigzag(integer), out);
}

/// The integer that a decimal equals. Most decimals are small integers, which take two bytes instead of sixteen.
fn integer_of(scaled: i128) -> Option<i64> {
    let unit = Number::Integer(1).scaled();
    (scaled % unit == 0).then(|| i64::try_from(scaled / unit).ok()).flatten()
}

fn put_head(distance: usize, kind: usize, out: &mut Vec<u8>) {
    put_varint((distance << kind::BITS | kind) as u64, out);
}

/// Appends a LEB128 varint: seven bits a byte, the lowest first; the top bit is set if more bytes follow.
fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// The unread bytes of encoded rows.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The distance to the next column and the kind of its value; `None` at the end of the row.
    fn head(&mut self) -> Option<(usize, usize)> {
        let head = self.varint() as usize;
        let (distance, kind) = (head >> kind::BITS, head & ((1 << kind::BITS) - 1));
        (distance > 0).then_some((distance, kind))
    }

    /// The next value as a cell of a column of this type. `choices` holds the choices that the cell borrows.
    fn cell<'c>(&mut self, kind: usize, column_type: ColumnType, choices: &'c mut Vec<i32>) -> Cell<'c>
    where
        'a: 'c,
    {
        match kind {
            kind::FALSE | kind::TRUE => Cell::Boolean(kind == kind::TRUE),
            kind::DECIMAL => Cell::Decimal(i128::from_le_bytes(self.array())),
            kind::DOUBLE => Cell::Double(f64::from_le_bytes(self.array())),
            kind::GUID => Cell::Guid(self.array()),
            kind::BYTES => {
                let length = self.varint() as usize;
                Cell::Bytes(self.bytes(length))
            }
            kind::CHOICES => {
                choices.clear();
                choices.extend((0..self.varint()).map(|_| unzigzag(self.varint()) as i32));
                Cell::Choices(choices)
            }
            _ => {
                let integer = unzigzag(self.varint());
                match Layout::of(column_type) {
                    Layout::Decimal => Cell::Decimal(Number::Integer(integer).scaled()),
                    Layout::Int64 => Cell::Int64(integer),
                    _ => Cell::Int32(integer as i32),
                }
            }
        }
    }

    fn name(&mut self, previous: &mut Option<SlotId>, directory: &'a Directory) -> &'a [u8] {
        let head = self.varint();
        if head & 1 == 0 {
            return self.bytes((head >> 1) as usize);
        }
        let before = previous.map_or(0, |previous| i64::from(previous.0));
        let slot = SlotId((before + unzigzag(head >> 1)) as u32);
        *previous = Some(slot);
        directory.slot(slot).attribute.as_bytes()
    }

    fn varint(&mut self) -> u64 {
        let (mut value, mut shift) = (0, 0);
        while let Some((byte, rest)) = self.0.split_first() {
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
            shift += 7;
        }
        value
    }

    fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        bytes
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let (array, rest) = self.0.split_first_chunk().unwrap_or((&[0; N], &[]));
        self.0 = rest;
        *array
    }
}
