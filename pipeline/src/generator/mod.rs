//! Seeded events as Dataverse posts them: for `send`, `demo`, tests and benches.
//!
//! Owns: made-up tables, records with a history, and bodies in exactly the wire form of the platform's serializers:
//! JSON (compact, members in order, `\/`, `\u000a`, `__type` only where the declared type is `object`) or XML
//! (namespaces where they are first needed, `i:type` likewise). One seed makes the same events in both.
//! Does not own: sending (`eventhubs`), how fast (`cli`).

mod body;
mod catalogue;
mod definitions;
mod files;
mod json;
mod record;
mod rng;
mod value;
mod wire;
mod xml;

pub use definitions::definitions;
pub use files::{Error as FilesError, Files, Sample};
pub use wire::Format;

use body::{Facts, Plan, Scratch};
use catalogue::TABLES;
use json::Json;
use record::{Message, Records};
use rng::Rng;
use xml::Xml;

/// An endless stream of events that its seed decides.
#[derive(Debug)]
pub struct Generator {
    rng: Rng,
    size: Size,
    format: Format,
    base_ms: i64,
    events: i64,
    records: Records,
    scratch: Scratch,
}

/// How large bodies are on average.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// About 1.6 KB: the envelope and a few attributes, no `ParentContext`.
    Small,
    /// About 3 KB: most with `ParentContext`, the others with images.
    Typical,
    /// About 20 KB: all columns, long text, images before and after, `ParentContext`.
    Large,
    /// 70 % small, 27 % typical, 3 % large.
    Mixed,
}

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    /// The logical name of its table.
    pub table: &'static str,
    /// `Create`, `Update` or `Delete`.
    pub message: &'static str,
    /// The record.
    pub id: u128,
}

impl Generator {
    /// Begins a stream at [`BASE_TIME_MS`].
    pub fn new(seed: u64, size: Size) -> Self {
        Self::starting_at(seed, size, BASE_TIME_MS)
    }

    /// Begins a stream at a time in unix milliseconds.
    pub fn starting_at(seed: u64, size: Size, base_ms: i64) -> Self {
        let rng = Rng::at(seed, size as u64);
        let (format, records, scratch) = (Format::Json, Records::new(), Scratch::default());
        Self { rng, size, format, base_ms, events: 0, records, scratch }
    }

    /// The same stream in another format; JSON unless told.
    #[must_use]
    pub fn in_format(self, format: Format) -> Self {
        Self { format, ..self }
    }

    /// Appends one body to `out`.
    pub fn next(&mut self, out: &mut Vec<u8>) -> Made {
        let now_ms = self.base_ms + self.events * STEP_MS;
        self.events += 1;
        let size = self.size_of_next();
        let (table_index, message) = self.records.draw(&mut self.rng);
        let record = match message {
            Message::Create => self.records.create(table_index, &mut self.rng, now_ms),
            Message::Update | Message::Delete => self.records.pick(table_index, &mut self.rng),
        };
        let table = TABLES[table_index];
        let plan = Plan::draw(size, &mut self.rng);
        let facts = Facts::draw(table, message, now_ms, self.base_ms, &mut self.rng);
        let record_now = self.records.get_mut(table_index, record);
        let write = match self.format {
            Format::Json => body::write::<Json>,
            Format::Xml => body::write::<Xml>,
        };
        write(out, &facts, &plan, record_now, &mut self.scratch, &mut self.rng);
        let made = Made { table: table.name, message: message.name(), id: record_now.id };
        if message == Message::Delete {
            self.records.delete(table_index, record);
        }
        made
    }

    fn size_of_next(&mut self) -> Size {
        match self.size {
            Size::Mixed => match self.rng.below(100) {
                0..70 => Size::Small,
                70..97 => Size::Typical,
                _ => Size::Large,
            },
            size => size,
        }
    }
}

/// When a stream begins unless told otherwise: 2026-01-05T08:00:00Z.
pub const BASE_TIME_MS: i64 = 1_767_600_000_000;
/// Between two events: 25 a second, a busy organisation.
const STEP_MS: i64 = 40;

#[cfg(test)]
mod tests;
