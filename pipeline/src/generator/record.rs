//! The records that events are about: which are there, and how often each column was set.

use super::catalogue::{Column, Kind, MAX_COLUMNS, TABLES, Table};
use super::rng::Rng;
use super::value::{Lengths, Value};

/// One record of a table, as the platform has it now.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) id: u128,
    seed: u64,
    /// How often each column was set; 0 is never.
    versions: [u8; MAX_COLUMNS],
    lengths: Lengths,
    pub(super) created_on_ms: i64,
}

impl Record {
    fn new(rng: &mut Rng, created_on_ms: i64) -> Self {
        let lengths = Lengths { memo: 0, image: 0 };
        Self { id: rng.guid(), seed: rng.next(), versions: [0; MAX_COLUMNS], lengths, created_on_ms }
    }

    /// Sets a column anew. A column that is long takes its length from `lengths`.
    pub(super) fn set(&mut self, table: &Table, column: usize, lengths: Lengths) {
        match table.columns[column].kind {
            Kind::Memo => self.lengths.memo = lengths.memo,
            Kind::Image => self.lengths.image = lengths.image,
            _ => {}
        }
        let version = &mut self.versions[column];
        *version = version.checked_add(1).unwrap_or(1);
    }

    /// The value of a column now.
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

/// What happens to a record.
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

    /// Decides what happens next, to which table.
    pub(super) fn draw(&self, rng: &mut Rng) -> (usize, Message) {
        let mut at = rng.below(100);
        let mut table = 0;
        while at >= TABLES[table].weight {
            at -= TABLES[table].weight;
            table += 1;
        }
        let live = self.live[table].len();
        let message = match rng.below(100) {
            _ if live == 0 => Message::Create,
            0..CREATES if live < MOST_RECORDS => Message::Create,
            DELETES_FROM.. => Message::Delete,
            _ => Message::Update,
        };
        (table, message)
    }

    /// Adds a record and gives its index.
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

/// So many of a hundred events are creations, as long as there is room.
const CREATES: usize = 20;
/// The rest of a hundred above this are deletions.
const DELETES_FROM: usize = 94;
/// A table has no more records than this at a time, so that updates hit each of them again and again.
const MOST_RECORDS: usize = 1_000;
