//! What a lane holds of one partition: its open files, and how far it has read.
//!
//! Owns: finding the file of a (table, date), and what to tell of the partition.
//! Does not own: the rules by which files are closed (`lane`).

use std::collections::HashMap;
use std::sync::Arc;

use ahash::RandomState;
use catchwater_sinks::lake::paths::{Date, Destination, Ordinal, SourceId};
use catchwater_sinks::parquet;

use super::file::{OpenFile, RunFacts, StartId};
use super::lane::LaneOutput;
use super::ledger::Before;
use crate::budget::Share;
use crate::columns::{self, TableBuffer};
use crate::event::RawEvent;
use crate::event::names::hasher;
use crate::position::{Offset, Position, SequenceNumber};

/// See the module.
#[derive(Debug)]
pub(super) struct Partition {
    start: StartId,
    source: SourceId,
    /// By table; a table has few dates open, the newest last.
    index: HashMap<Arc<str>, Vec<(Date, usize)>, RandomState>,
    files: Vec<OpenFile>,
    /// Destinations whose files are known but which have no row yet in this start.
    covered: HashMap<(Arc<str>, Date), Ordinal>,
    processed: Option<Position>,
    last_enqueued: Option<SequenceNumber>,
    last_arrival_ms: i64,
}

/// What it takes to open a file.
pub(super) struct Opening<'a> {
    pub(super) context: &'a mut columns::Context,
    pub(super) share: &'a Arc<Share>,
}

impl Partition {
    pub(super) fn new(
        start: StartId,
        source: SourceId,
        covered: Vec<(Destination, Ordinal)>,
        now_ms: i64,
    ) -> Self {
        let covered = covered.into_iter().map(|(to, last)| ((to.table, to.date), last)).collect();
        Self {
            start,
            source,
            index: HashMap::with_hasher(hasher()),
            files: Vec::new(),
            covered,
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

    /// The buffer that takes the event's rows; `None` if the lake holds them already.
    pub(super) fn rows_of(
        &mut self,
        table: &str,
        date: Date,
        raw: &RawEvent<'_>,
        previous: Option<&RawEvent<'_>>,
        now_ms: i64,
        opening: &mut Opening<'_>,
    ) -> Option<&mut TableBuffer> {
        let file = match self.find(table, date) {
            Some(file) => file,
            None => self.open(table, date, opening),
        };
        let (file, processed) = (&mut self.files[file], &self.processed);
        if file.covers(raw.sequence_number) {
            return None;
        }
        let before = || Before::from(previous.map(position_of).or_else(|| processed.clone()));
        Some(file.rows_of(raw.sequence_number, before, now_ms))
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

    /// Closes every file with rows that `wanted` names; whether there was one.
    pub(super) fn close_if(
        &mut self,
        context: &mut columns::Context,
        facts: &RunFacts,
        out: &mut Vec<LaneOutput>,
        wanted: impl Fn(&OpenFile) -> bool,
    ) -> Result<bool, parquet::Error> {
        let before = out.len();
        for file in self.files.iter_mut().filter(|file| !file.is_empty() && wanted(file)) {
            let closed = file.close(context, facts)?;
            out.extend(closed.into_iter().map(|file| LaneOutput::Closed(Box::new(file))));
        }
        Ok(out.len() > before)
    }

    /// Events in open files.
    pub(super) fn open_events(&self) -> u64 {
        self.files.iter().map(OpenFile::events).sum()
    }

    /// Bytes in files with rows: what closing them would give back.
    pub(super) fn open_bytes(&self) -> usize {
        self.files.iter().filter(|file| !file.is_empty()).map(OpenFile::bytes).sum()
    }

    /// Bytes in the largest open file.
    pub(super) fn largest_bytes(&self) -> usize {
        self.files.iter().filter(|file| !file.is_empty()).map(OpenFile::bytes).max().unwrap_or(0)
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

    /// Forgets files without rows that are of days gone by: a service would gather them for ever.
    pub(super) fn retire(&mut self) {
        let Some(newest) = self.files.iter().map(|file| file.destination().date).max() else { return };
        let is_old = |file: &OpenFile| file.is_empty() && file.destination().date.0 + 1 < newest.0;
        if !self.files.iter().any(is_old) {
            return;
        }
        let (old, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.files).into_iter().partition(is_old);
        for file in old {
            let Destination { table, date, .. } = file.destination();
            self.covered.extend(file.chain_last().map(|last| ((Arc::clone(table), *date), last)));
        }
        // One that is forgotten here costs one lost name, should the hub's clock ever go back so far.
        self.covered.retain(|(_, date), _| date.0 + DAYS_KEPT >= newest.0);
        self.index.clear();
        for (at, file) in kept.iter().enumerate() {
            let Destination { table, date, .. } = file.destination();
            self.index.entry(Arc::clone(table)).or_default().push((*date, at));
        }
        self.files = kept;
    }

    fn find(&self, table: &str, date: Date) -> Option<usize> {
        let dates = self.index.get(table)?;
        dates.iter().rev().find(|(open, _)| *open == date).map(|(_, file)| *file)
    }

    fn open(&mut self, table: &str, date: Date, opening: &mut Opening<'_>) -> usize {
        let table: Arc<str> = Arc::from(table);
        let last = self.covered.remove(&(Arc::clone(&table), date));
        let destination = Destination { table: Arc::clone(&table), date, source: self.source.clone() };
        let buffer = TableBuffer::open(opening.context, &table);
        self.files.push(OpenFile::new(self.start, destination, last, buffer, opening.share.charge(0)));
        let file = self.files.len() - 1;
        self.index.entry(table).or_default().push((date, file));
        file
    }
}

/// How long a destination without rows is remembered.
const DAYS_KEPT: i32 = 7;

fn position_of(raw: &RawEvent<'_>) -> Position {
    Position {
        sequence_number: raw.sequence_number,
        offset: Offset(Arc::from(raw.offset)),
        enqueued_time_ms: raw.enqueued_time_ms,
    }
}
