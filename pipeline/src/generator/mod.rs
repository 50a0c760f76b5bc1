//! Seeded events as Dataverse posts them: for `send`, `demo`, tests and benches.
//!
//! Owns: fictional tables, records with a history, and bodies in the exact wire form of the platform's serializers:
//! JSON (compact, members in order, `\/`, `\u000a`, `__type` only where the declared type is `object`) or XML
//! (namespaces declared where they are first needed, `i:type` likewise). A seed determines the same events in both
//! formats. Does not own: sending (`eventhubs`), or the rate (`cli`).

mod body; // the members of a body
mod catalogue; // the tables and their columns
mod definitions; // the metadata of the tables
mod event; // an event before it is written
mod files; // bodies read from files
mod json; // JSON syntax
mod plan; // the size of a body and its parts
mod record; // records and their history
mod rng; // seeded random numbers
mod value; // the values of columns
mod writer; // the shapes that both formats share
mod xml; // XML syntax

pub use definitions::definitions;
pub use files::{Error as FilesError, Files, Sample};
pub use plan::Size;
pub use writer::Format;

use catalogue::TABLES;
use event::{Event, Times};
use json::Json;
use record::{Message, Records};
use rng::Rng;
use xml::Xml;

/// Endless stream of events, determined by its seed.
#[derive(Debug)]
pub struct Generator {
    rng: Rng,
    size: Size,
    format: Format,
    base_ms: i64,
    events: i64,
    records: Records,
    scratch: body::Scratch,
}

/// Table, message and record of a generated event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeneratedEvent {
    /// Logical name of the table.
    pub table: &'static str,
    /// `Create`, `Update` or `Delete`.
    pub message: &'static str,
    /// Id of the record.
    pub id: u128,
}

impl Generator {
    /// Starts a stream at [`BASE_TIME_MS`].
    pub fn new(seed: u64, size: Size) -> Self {
        Self::starting_at(seed, size, BASE_TIME_MS)
    }

    /// Starts a stream at a time in unix milliseconds.
    pub fn starting_at(seed: u64, size: Size, base_ms: i64) -> Self {
        let rng = Rng::at(seed, size as u64);
        let (format, records, scratch) = (Format::Json, Records::new(), body::Scratch::default());
        Self { rng, size, format, base_ms, events: 0, records, scratch }
    }

    /// Returns the same stream in another format; the default is JSON.
    #[must_use]
    pub fn in_format(self, format: Format) -> Self {
        Self { format, ..self }
    }

    /// Appends one body to `out`.
    pub fn next(&mut self, out: &mut Vec<u8>) -> GeneratedEvent {
        let times = Times { now_ms: self.base_ms + self.events * EVENT_INTERVAL_MS, base_ms: self.base_ms };
        self.events += 1;
        let size = self.size.draw(&mut self.rng);
        let (table_index, message) = self.records.draw(&mut self.rng);
        let record_index = match message {
            Message::Create => self.records.create(table_index, &mut self.rng, times.now_ms),
            Message::Update | Message::Delete => self.records.pick(table_index, &mut self.rng),
        };
        let event = Event::draw(TABLES[table_index], message, size, times, &mut self.rng);
        let record = self.records.get_mut(table_index, record_index);
        let write = match self.format {
            Format::Json => body::write::<Json>,
            Format::Xml => body::write::<Xml>,
        };
        write(out, &event, record, &mut self.scratch, &mut self.rng);
        let generated = GeneratedEvent { table: event.table.name, message: message.name(), id: record.id };
        if message == Message::Delete {
            self.records.delete(table_index, record_index);
        }
        generated
    }
}

/// Default start of a stream: 2026-01-05T08:00:00Z.
pub const BASE_TIME_MS: i64 = 1_767_600_000_000;
/// Interval between events: 25 per second, as in a busy organization.
const EVENT_INTERVAL_MS: i64 = 40;

#[cfg(test)]
mod tests;
