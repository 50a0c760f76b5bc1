//! The live records of all tables, and the version of each of their columns.

use super::catalogue::{Column, Kind, MAX_COLUMNS, TABLES, Table};
use super::rng::Rng;
use super::value::{Lengths, Value};

/// One record of a table in its current state.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) id: u128,
    seed: u64,
    /// Number of times each column was set; 0 means never.
    versions: [u8; MAX_COLUMNS],
    lengths: Lengths,
    pub(super) created_on_ms: i64,
}

impl Record {
    fn new(rng: &mut Rng, created_on_ms: i64) -> Self {
        let lengths = Lengths { memo_words: 0, image_bytes: 0 };
        Self { id: rng.guid(), seed: rng.next(), versions: [0; MAX_COLUMNS], lengths, created_on_ms }
    }

    /// Gives a column its next value; `lengths` applies to long columns.
    pub(super) fn set(&mut self, table: &Table, column: usize, lengths: Lengths) {
        match table.columns[column].kind {
            Kind::Memo => self.lengths.memo_words = lengths.memo_words,
            Kind::Image => self.lengths.image_bytes = lengths.image_bytes,
            _ => {}
        }
        let version = &mut self.versions[column];
        *version = version.checked_add(1).unwrap_or(1);
    }

    /// Returns the current value of a column.
    pub(super) fn value(&self, table: &Table, column: usize, base_ms: i64) -> Value {
        let version = self.versions[column];
        if version == 0 {
            return Value::Null;
        }
        let place = (column as u64) << 8 | u64::from(version);
        let column: &Column = &table.columns[column];
        Value::draw(column, Rng::at(self.seed, place), self.lengths, base_ms)
    }
}

/// The change that an event makes to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    Create,
    Update,
    Delete,
}

impl Message {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Create => "Create",
            Self::Update => "Update",
            Self::Delete => "Delete",
        }
    }
}

/// The records of all tables.
#[derive(Clone, Debug)]
pub(super) struct Records {
    live: [Vec<Record>; TABLES.len()],
}

impl Records {
    pub(super) fn new() -> Self {
        Self { live: [const { Vec::new() }; TABLES.len()] }
    }

    /// Draws table and message of the next event.
    pub(super) fn draw(&self, rng: &mut Rng) -> (usize, Message) {
        let mut draw = rng.below(100);
        let mut table = 0;
        while draw >= TABLES[table].weight {
            draw -= TABLES[table].weight;
            table += 1;
        }
        let live = self.live[table].len();
        let message = match rng.below(100) {
            _ if live == 0 => Message::Create,
            0..CREATE_PERCENT if live < MAX_RECORDS => Message::Create,
            DELETE_FROM.. => Message::Delete,
            _ => Message::Update,
        };
        (table, message)
    }

    /// Adds a record and returns its index.
    pub(super) fn create(&mut self, table: usize, rng: &mut Rng, now_ms: i64) -> usize {
        self.live[table].push(Record::new(rng, now_ms));
        self.live[table].len() - 1
    }

    pub(super) fn pick(&self, table: usize, rng: &mut Rng) -> usize {
        rng.below(self.live[table].len())
    }

    pub(super) fn get_mut(&mut self, table: usize, index: usize) -> &mut Record {
        &mut self.live[table][index]
    }

    pub(super) fn delete(&mut self, table: usize, index: usize) {
        self.live[table].swap_remove(index);
    }
}

/// Percentage of events that create a record while the table has fewer than [`MAX_RECORDS`].
const CREATE_PERCENT: usize = 20;
/// Draws from 0..100 that are at least this number delete a record.
const DELETE_FROM: usize = 94;
/// Upper bound on the live records of a table: low enough that each record is updated repeatedly.
const MAX_RECORDS: usize = 1_000;
const _: () = assert!(CREATE_PERCENT < DELETE_FROM && DELETE_FROM < 100);
