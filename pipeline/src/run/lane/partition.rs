//! What a lane holds of one partition: its open files, and how far it has read.
//!
//! Owns: finding the file of a (table, date), and what to tell of the partition.
//! Does not own: the rules by which files are closed (`lane`).

use std::collections::HashMap;
use std::sync::Arc;

use ahash::RandomState;
use catchwater_sinks::lake::chain;
use catchwater_sinks::parquet;
use catchwater_sinks::paths::{Date, Destination, Ordinal, SourceId};

use super::open_file::OpenFile;
use crate::amqp::map::AmqpMap;
use crate::budget::LaneBudget;
use crate::columns::{self, TableBuffer};
use crate::event::names::hasher;
use crate::event::{ChangeEvent, QUARANTINE, RawEvent, Reject};
use crate::position::{Offset, Position, SequenceNumber};
use crate::run::footer::RunFacts;
use crate::run::ledger::Before;
use crate::run::messages::{LaneOutput, StartId};

/// See the module.
#[derive(Debug)]
pub(super) struct Partition {
    start: StartId,
    source: SourceId,
    /// By table; a table has few dates open, the newest last.
    index: HashMap<Arc<str>, Vec<(Date, usize)>, RandomState>,
    /// Files with rows. One that is closed is dropped: what is left of it is in `covered`.
    files: Vec<OpenFile>,
    /// The last rows of destinations whose files are known and of which none is open, by table.
    covered: HashMap<Arc<str>, Vec<(Date, Ordinal)>, RandomState>,
    /// The last day of which a file was opened.
    newest: Date,
    processed: Option<Position>,
    last_enqueued: Option<SequenceNumber>,
    last_arrival_ms: i64,
}

/// Dependencies of writing rows into files.
pub(super) struct Writing<'a> {
    pub(super) context: &'a mut columns::Context,
    pub(super) facts: &'a RunFacts,
    pub(super) budget: &'a LaneBudget,
    pub(super) now_ms: i64,
    pub(super) out: &'a mut Vec<LaneOutput>,
}

/// Outcome of an event.
pub(super) enum Written {
    /// The lake holds it already.
    Skipped,
    /// It is one row.
    Row,
    /// It is several, which the file has charged for; the value is their size in plain encoding, in bytes.
    Rows { buffer_bytes: usize },
}

impl Partition {
    pub(super) fn new(
        start: StartId,
        source: SourceId,
        known: Vec<(Destination, Ordinal)>,
        now_ms: i64,
    ) -> Self {
        let mut covered: HashMap<Arc<str>, Vec<_>, _> = HashMap::with_hasher(hasher());
        for (Destination { table, date, .. }, last) in known {
            covered.entry(table).or_default().push((date, last));
        }
        Self {
            start,
            source,
            index: HashMap::with_hasher(hasher()),
            files: Vec::new(),
            covered,
            newest: NO_DATE,
            processed: None,
            last_enqueued: None,
            last_arrival_ms: now_ms,
        }
    }

    pub(super) fn start(&self) -> StartId {
        self.start
    }

    /// The last event read.
    pub(super) fn processed(&self) -> Option<SequenceNumber> {
        self.processed.as_ref().map(|position| position.sequence_number)
    }

    pub(super) fn arrived(&mut self, last_enqueued: Option<SequenceNumber>, now_ms: i64) {
        self.last_enqueued = last_enqueued.max(self.last_enqueued);
        self.last_arrival_ms = now_ms;
    }

    /// Whether the event was read before in this start: rows enter a file in strictly rising order.
    pub(super) fn is_past(&self, previous: Option<&RawEvent<'_>>, raw: &RawEvent<'_>) -> bool {
        let read = previous.map(|previous| previous.sequence_number).or_else(|| self.processed());
        read >= Some(raw.sequence_number)
    }

    /// Notes the last event of a batch.
    pub(super) fn passed(&mut self, last: Option<&RawEvent<'_>>) {
        if let Some(last) = last {
            self.processed = Some(position_of(last));
        }
    }

    /// Writes the rows of an event, which may be a body that is not understood, into their file.
    pub(super) fn write(
        &mut self,
        event: &Result<ChangeEvent<'_>, Reject>,
        raw: &RawEvent<'_>,
        previous: Option<&RawEvent<'_>>,
        to: &mut Writing<'_>,
    ) -> Result<Written, parquet::Error> {
        let number = raw.sequence_number;
        let table = event.as_ref().map_or(QUARANTINE, |event| event.table.name());
        let date = Date::from_unix_ms(raw.enqueued_time_ms);
        let Some(file) = self.find(table, date).or_else(|| self.open(table, date, number, to)) else {
            return Ok(Written::Skipped);
        };
        let (file, processed) = (&mut self.files[file], &self.processed);
        if file.covers(number) {
            return Ok(Written::Skipped);
        }
        let before = || Before::from(previous.map(position_of).or_else(|| processed.clone()));
        let rows = file.rows();
        match event {
            Ok(event) => {
                let closed = file.push(to.context, event, raw, before, to.facts)?;
                to.out.extend(closed.into_iter().map(|file| LaneOutput::Closed(Box::new(file))));
            }
            Err(reject) => {
                let mut properties = String::new();
                AmqpMap::new(raw.encoded_properties).write_json(&mut properties);
                file.push_reject(to.context, reject, raw, &properties, before);
            }
        }
        if file.rows() == rows + 1 {
            return Ok(Written::Row);
        }
        file.settle();
        Ok(Written::Rows { buffer_bytes: file.buffer_bytes() })
    }

    /// Encodes the rows of every file that `wanted` names, and charges for what all of them hold now.
    pub(super) fn encode_if(
        &mut self,
        context: &mut columns::Context,
        facts: &RunFacts,
        out: &mut Vec<LaneOutput>,
        wanted: impl Fn(&OpenFile) -> bool,
    ) -> Result<(), parquet::Error> {
        for file in &mut self.files {
            if wanted(file) {
                let closed = file.encode(context, facts)?;
                out.extend(closed.map(|file| LaneOutput::Closed(Box::new(file))));
            }
            file.settle();
        }
        Ok(())
    }

    /// Closes every file that `wanted` names; whether there was one.
    pub(super) fn close_if(
        &mut self,
        context: &mut columns::Context,
        facts: &RunFacts,
        out: &mut Vec<LaneOutput>,
        wanted: impl Fn(&OpenFile) -> bool,
    ) -> Result<bool, parquet::Error> {
        let before = out.len();
        let mut at = 0;
        while let Some(file) = self.files.get(at) {
            if wanted(file) {
                self.close(at, context, facts, out)?;
            } else {
                at += 1;
            }
        }
        Ok(out.len() > before)
    }

    /// Closes the largest file.
    pub(super) fn close_largest(
        &mut self,
        context: &mut columns::Context,
        facts: &RunFacts,
        out: &mut Vec<LaneOutput>,
    ) -> Result<(), parquet::Error> {
        let largest = (0..self.files.len()).max_by_key(|at| self.files[*at].bytes());
        largest.map_or(Ok(()), |at| self.close(at, context, facts, out))
    }

    /// Events in open files.
    pub(super) fn open_events(&self) -> u64 {
        self.files.iter().map(OpenFile::events).sum()
    }

    /// Bytes in open files: what closing them would give back.
    pub(super) fn open_bytes(&self) -> usize {
        self.files.iter().map(OpenFile::bytes).sum()
    }

    /// Bytes in the largest open file.
    pub(super) fn largest_bytes(&self) -> usize {
        self.files.iter().map(OpenFile::bytes).max().unwrap_or(0)
    }

    /// Quiet for `idle_ms`, with nothing left to read at the hub.
    pub(super) fn is_idle(&self, now_ms: i64, idle_ms: i64) -> bool {
        now_ms - self.last_arrival_ms >= idle_ms && self.processed() >= self.last_enqueued
    }

    /// Tells how far the partition has come.
    pub(super) fn tell(&self, out: &mut Vec<LaneOutput>) {
        let Some(processed) = self.processed.clone() else { return };
        let oldest = self.files.iter().filter_map(OpenFile::oldest).min_by_key(|(first, _)| *first);
        let oldest_open = oldest.map(|(_, before)| before.clone());
        out.push(LaneOutput::Advanced { start: self.start, processed, oldest_open });
    }

    fn find(&self, table: &str, date: Date) -> Option<usize> {
        let dates = self.index.get(table)?;
        dates.iter().rev().find(|(open, _)| *open == date).map(|(_, file)| *file)
    }

    /// Opens the file of a destination, unless its files hold the event.
    fn open(
        &mut self,
        table: &str,
        date: Date,
        event: SequenceNumber,
        to: &mut Writing<'_>,
    ) -> Option<usize> {
        let last = self.last_row(table, date);
        if chain::covers(last, Ordinal(event.get())) {
            return None;
        }
        self.forget_days_before(date);
        let table =
            self.covered.get_key_value(table).map_or_else(|| Arc::from(table), |(name, _)| Arc::clone(name));
        let destination = Destination { table: Arc::clone(&table), date, source: self.source.clone() };
        let buffer = TableBuffer::open(to.context, &table);
        self.files.push(OpenFile::new(self.start, destination, last, buffer, to.budget, to.now_ms));
        let file = self.files.len() - 1;
        self.index.entry(table).or_default().push((date, file));
        Some(file)
    }

    /// Closes a file; the last one takes its place.
    fn close(
        &mut self,
        at: usize,
        context: &mut columns::Context,
        facts: &RunFacts,
        out: &mut Vec<LaneOutput>,
    ) -> Result<(), parquet::Error> {
        let mut file = self.files.swap_remove(at);
        let Destination { table, date, .. } = file.destination();
        if let Some(dates) = self.index.get_mut(table) {
            dates.retain(|(open, _)| open != date);
            if dates.is_empty() {
                self.index.remove(table);
            }
        }
        if let Some(moved) = self.files.get(at) {
            let Destination { table, date, .. } = moved.destination();
            let dates = self.index.get_mut(table).into_iter().flatten();
            dates.filter(|(open, _)| open == date).for_each(|(_, place)| *place = at);
        }
        let closed = file.close(context, facts)?;
        out.extend(closed.into_iter().map(|file| LaneOutput::Closed(Box::new(file))));
        let Destination { table, date, .. } = file.destination();
        if let Some(last) = file.chain_last() {
            let dates = self.covered.entry(Arc::clone(table)).or_default();
            dates.retain(|(known, _)| known != date);
            dates.push((*date, last));
        }
        Ok(())
    }

    /// The last row of a destination's files, as far as they are known.
    fn last_row(&self, table: &str, date: Date) -> Option<Ordinal> {
        let dates = self.covered.get(table)?;
        dates.iter().find(|(known, _)| *known == date).map(|(_, last)| *last)
    }

    /// When a day begins, forgets destinations that are long over: a service would gather them for ever. One that is
    /// forgotten costs one conflict, should the hub's clock ever go back so far.
    fn forget_days_before(&mut self, date: Date) {
        if date <= self.newest {
            return;
        }
        self.newest = date;
        self.covered.retain(|_, dates| {
            // The day of events without a usable time is never over.
            dates.retain(|(known, _)| *known == Date::UNKNOWN || known.0 + DAYS_KEPT >= date.0);
            !dates.is_empty()
        });
    }
}

/// How long a destination without rows is remembered.
const DAYS_KEPT: i32 = 7;

/// Before all dates.
const NO_DATE: Date = Date(i32::MIN);

fn position_of(raw: &RawEvent<'_>) -> Position {
    Position {
        sequence_number: raw.sequence_number,
        offset: Offset::new(raw.offset),
        enqueued_time_ms: raw.enqueued_time_ms,
    }
}
