//! A lane's view of one partition: its open files, and how far it is read.
//!
//! Owns: finding the file of a (table, date), and the progress that the lane reports. Does not own: the rules by which
//! files are closed (`lane`).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ahash::RandomState;
use catchwater_sinks::lake::chain;
use catchwater_sinks::ordinals::Ordinal;
use catchwater_sinks::parquet;
use catchwater_sinks::paths::{Date, Destination, SourceId};

use super::open_file::{Files, OpenFile, Writing};
use crate::amqp::map::AmqpMap;
use crate::clock::UnixMillis;
use crate::event::names::hasher;
use crate::event::{ChangeEvent, QUARANTINE, RawEvent, Reject};
use crate::position::{Offset, Position, SequenceNumber};
use crate::run::ledger::Before;
use crate::run::messages::{LaneOutput, StartId};

/// The open files of a partition since its last start.
#[derive(Debug)]
pub(super) struct Partition {
    start: StartId,
    source: SourceId,
    /// Indices into `files`, by table; a table has few open dates, the newest last.
    index: HashMap<Arc<str>, Vec<(Date, usize)>, RandomState>,
    /// Files with rows. A closed file is removed; `covered` keeps its last row.
    files: Vec<OpenFile>,
    /// The last rows of known destinations without an open file, by table.
    covered: HashMap<Arc<str>, Vec<(Date, Ordinal)>, RandomState>,
    /// The latest date for which a file was opened.
    newest: Date,
    processed: Option<Position>,
    last_enqueued: Option<SequenceNumber>,
    last_arrival: UnixMillis,
}

/// Outcome of writing one event.
pub(super) enum Written {
    /// The lake holds it already.
    Skipped,
    /// It became one row.
    Row,
    /// It became several rows. The file has charged for them; its buffer now holds `buffer_bytes` in plain encoding.
    Rows { buffer_bytes: usize },
}

impl Partition {
    pub(super) fn new(
        start: StartId,
        source: SourceId,
        known: Vec<(Destination, Ordinal)>,
        now: UnixMillis,
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
            last_arrival: now,
        }
    }

    pub(super) fn start(&self) -> StartId {
        self.start
    }

    /// The last event read.
    pub(super) fn processed(&self) -> Option<SequenceNumber> {
        self.processed.as_ref().map(|position| position.sequence_number)
    }

    /// Notes that a batch arrived.
    pub(super) fn on_batch(&mut self, last_enqueued: Option<SequenceNumber>, now: UnixMillis) {
        self.last_enqueued = last_enqueued.max(self.last_enqueued);
        self.last_arrival = now;
    }

    /// True if the event was read before in this start: rows enter a file in strictly rising order.
    pub(super) fn is_past(&self, previous: Option<&RawEvent<'_>>, raw: &RawEvent<'_>) -> bool {
        let read = previous.map(|previous| previous.sequence_number).or_else(|| self.processed());
        read >= Some(raw.sequence_number)
    }

    /// Moves the position to the last event that was written or skipped.
    pub(super) fn advance(&mut self, last: Option<&RawEvent<'_>>) {
        if let Some(last) = last {
            self.processed = Some(position_of(last));
        }
    }

    /// Appends the rows of an event to the file of its table and date.
    pub(super) fn append(
        &mut self,
        event: &ChangeEvent<'_>,
        raw: &RawEvent<'_>,
        previous: Option<&RawEvent<'_>>,
        to: &mut Writing<'_>,
    ) -> Result<Written, parquet::Error> {
        let Some(at) = self.file_for(event.table.name(), raw, to) else { return Ok(Written::Skipped) };
        let (file, processed) = (&mut self.files[at], self.processed.as_ref());
        let rows = file.rows();
        file.append(event, raw, || place_before(previous, processed), &mut to.files)?;
        if file.rows() == rows + 1 {
            return Ok(Written::Row);
        }
        file.update_charge();
        Ok(Written::Rows { buffer_bytes: file.buffer_bytes() })
    }

    /// Appends a rejected body to the quarantine file of its date.
    pub(super) fn quarantine(
        &mut self,
        reject: &Reject,
        raw: &RawEvent<'_>,
        previous: Option<&RawEvent<'_>>,
        to: &mut Writing<'_>,
    ) -> Written {
        let Some(at) = self.file_for(QUARANTINE, raw, to) else { return Written::Skipped };
        let mut properties = String::new();
        AmqpMap::new(raw.encoded_properties).write_json(&mut properties);
        let (file, processed) = (&mut self.files[at], self.processed.as_ref());
        let before = || place_before(previous, processed);
        file.append_reject(reject, raw, &properties, before, to.files.context);
        Written::Row
    }

    /// Encodes the buffered rows of every file that `wanted` selects, and updates the charges of all files.
    pub(super) fn push_row_groups_if(
        &mut self,
        files: &mut Files<'_>,
        wanted: impl Fn(&OpenFile) -> bool,
    ) -> Result<(), parquet::Error> {
        for file in &mut self.files {
            if wanted(file) {
                file.push_row_group(files)?;
            }
            file.update_charge();
        }
        Ok(())
    }

    /// Closes every file that `wanted` selects. Returns true if there was one.
    pub(super) fn close_if(
        &mut self,
        files: &mut Files<'_>,
        wanted: impl Fn(&OpenFile) -> bool,
    ) -> Result<bool, parquet::Error> {
        let before = files.out.len();
        let mut at = 0;
        while let Some(file) = self.files.get(at) {
            if wanted(file) {
                self.close_at(at, files)?;
            } else {
                at += 1;
            }
        }
        Ok(files.out.len() > before)
    }

    /// Closes the largest file.
    pub(super) fn close_largest(&mut self, files: &mut Files<'_>) -> Result<(), parquet::Error> {
        let largest = (0..self.files.len()).max_by_key(|at| self.files[*at].bytes());
        largest.map_or(Ok(()), |at| self.close_at(at, files))
    }

    /// Number of events in open files.
    pub(super) fn open_events(&self) -> u64 {
        self.files.iter().map(OpenFile::events).sum()
    }

    /// Bytes in open files, which closing them would release.
    pub(super) fn open_bytes(&self) -> usize {
        self.files.iter().map(OpenFile::bytes).sum()
    }

    /// Bytes in the largest open file.
    pub(super) fn largest_bytes(&self) -> usize {
        self.files.iter().map(OpenFile::bytes).max().unwrap_or(0)
    }

    /// True if nothing arrived for `idle_time` and the hub has nothing left to read.
    pub(super) fn is_idle(&self, now: UnixMillis, idle_time: Duration) -> bool {
        now.since(self.last_arrival) >= idle_time && self.processed() >= self.last_enqueued
    }

    /// Reports how far the partition is processed.
    pub(super) fn report_progress(&self, out: &mut Vec<LaneOutput>) {
        let Some(processed) = self.processed.clone() else { return };
        let oldest = self.files.iter().filter_map(OpenFile::oldest).min_by_key(|(first, _)| *first);
        let oldest_open = oldest.map(|(_, before)| before.clone());
        out.push(LaneOutput::Advanced { start: self.start, processed, oldest_open });
    }

    fn find(&self, table: &str, date: Date) -> Option<usize> {
        let dates = self.index.get(table)?;
        dates.iter().rev().find(|(open, _)| *open == date).map(|(_, file)| *file)
    }

    /// The file for an event, opened if necessary; `None` if the destination's files hold the event already.
    fn file_for(&mut self, table: &str, raw: &RawEvent<'_>, to: &mut Writing<'_>) -> Option<usize> {
        let (date, number) = (Date::from_unix_ms(raw.enqueued_time.get()), raw.sequence_number);
        let at = self.find(table, date).or_else(|| self.open(table, date, number, to))?;
        (!self.files[at].covers(number)).then_some(at)
    }

    fn open(
        &mut self,
        table: &str,
        date: Date,
        event: SequenceNumber,
        to: &mut Writing<'_>,
    ) -> Option<usize> {
        let last = self.last_row(table, date);
        if chain::covers(last, Ordinal::new(event.get())) {
            return None;
        }
        self.forget_days_before(date);
        let table =
            self.covered.get_key_value(table).map_or_else(|| Arc::from(table), |(name, _)| Arc::clone(name));
        let destination = Destination { table: Arc::clone(&table), date, source: self.source.clone() };
        self.files.push(OpenFile::new(self.start, destination, last, to));
        let file = self.files.len() - 1;
        self.index.entry(table).or_default().push((date, file));
        Some(file)
    }

    /// Closes a file; the last file takes its index.
    fn close_at(&mut self, at: usize, files: &mut Files<'_>) -> Result<(), parquet::Error> {
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
            dates.filter(|(open, _)| open == date).for_each(|(_, index)| *index = at);
        }
        file.close(files)?;
        let Destination { table, date, .. } = file.destination();
        if let Some(last) = file.chain_last() {
            let dates = self.covered.entry(Arc::clone(table)).or_default();
            dates.retain(|(known, _)| known != date);
            dates.push((*date, last));
        }
        Ok(())
    }

    /// The last row of a destination's closed files, if any are known.
    fn last_row(&self, table: &str, date: Date) -> Option<Ordinal> {
        let dates = self.covered.get(table)?;
        dates.iter().find(|(known, _)| *known == date).map(|(_, last)| *last)
    }

    /// Forgets destinations of past days when a new day begins, so that a long run does not accumulate them. A late
    /// event for a forgotten destination costs one conflict.
    fn forget_days_before(&mut self, date: Date) {
        if date <= self.newest {
            return;
        }
        self.newest = date;
        self.covered.retain(|_, dates| {
            // Events without a usable time keep coming for this date.
            dates.retain(|(known, _)| {
                *known == Date::UNKNOWN || known.unix_days() + DAYS_KEPT >= date.unix_days()
            });
            !dates.is_empty()
        });
    }
}

/// Days for which a destination without an open file is remembered.
const DAYS_KEPT: i32 = 7;

/// Before all dates.
const NO_DATE: Date = Date::from_unix_days(i32::MIN);

/// The place just before a row, which is the position of the event read before it.
fn place_before(previous: Option<&RawEvent<'_>>, processed: Option<&Position>) -> Before {
    Before::from(previous.map(position_of).or_else(|| processed.cloned()))
}

fn position_of(raw: &RawEvent<'_>) -> Position {
    Position {
        sequence_number: raw.sequence_number,
        offset: Offset::new(raw.offset),
        enqueued_time: raw.enqueued_time,
    }
}
